"""Graph's JSON as our records: typed decoding of what is used, and a tolerant second way for odd rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from providers.answers import Answer
from providers.rows import GroupRow, Rows, id_of, inside, named, rows_one_by_one, text_of, tolerant_json
from sync.model.errors import Incomplete
from sync.model.resources import Status, UserRecord
from sync.model.source import SetAside, no_picture

R = TypeVar("R")

_Id = Annotated[str, msgspec.Meta(min_length=1)]
_NOT_ONE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

NEEDED: Final = (
    "userPrincipalName",
    "mail",
    "givenName",
    "surname",
    "accountEnabled",
    "userType",
    "otherMails",
)
"""What every read asks of a person beside the id. One that is missing was not said; null is no value."""

GROUP_SELECT: Final = "id,displayName,visibility"
HIDDEN: Final = "HiddenMembership"
_GUEST: Final = "Guest"
_EXTERNAL: Final = "#EXT#"
_USER_TYPE: Final = "#microsoft.graph.user"
_GROUP_TYPE: Final = "#microsoft.graph.group"


class Listed(NamedTuple, Generic[R]):
    """One page: its rows, the address of the next page, and of the next round where this one ends.

    ``unsaid`` are ids of people whose row leaves out properties that were asked for; ``read`` counts the
    rows that came, those out of scope included.
    """

    rows: Rows[R]
    next: str | None = None
    delta: str | None = None
    unsaid: Sequence[str] = ()
    read: int = 0


class MemberIds(NamedTuple):
    """The people and the groups on one page of members; other kinds of member are left out."""

    users: Sequence[str]
    groups: Sequence[str]


class _Group(msgspec.Struct, gc=False):
    id: _Id
    displayName: str  # noqa: N815 - Graph's spelling
    visibility: str | None = None


class _Member(msgspec.Struct, gc=False):
    id: _Id
    type: str = msgspec.field(default=_USER_TYPE, name="@odata.type")


class _Principal(msgspec.Struct, gc=False):
    principalId: _Id  # noqa: N815 - Graph's spelling
    principalType: str  # noqa: N815 - Graph's spelling


def _page_type(row: Any, name: str) -> Any:
    return msgspec.defstruct(
        name,
        [("value", list[row]), ("next", str | None, None)],
        rename={"next": "@odata.nextLink"},
        gc=False,
    )


class _Onward(msgspec.Struct, gc=False):
    next: str | None = msgspec.field(default=None, name="@odata.nextLink")


_decode_onward = msgspec.json.Decoder(_Onward).decode
_decode_groups = msgspec.json.Decoder(_page_type(_Group, "GroupPage")).decode
_decode_members = msgspec.json.Decoder(_page_type(_Member, "MemberPage")).decode
_decode_principals = msgspec.json.Decoder(_page_type(_Principal, "PrincipalPage")).decode


class UserReader:
    """Reads people; ``attributes`` are key paths that a mapping wants raw, each from a top-level property.

    ``picture`` is the address of the picture kept of somebody, which no row tells.
    """

    def __init__(
        self,
        *,
        guests: bool = False,
        attributes: Collection[tuple[str, ...]] = (),
        picture: Callable[[str], str | None] = no_picture,
    ) -> None:
        self.guests, self._picture = guests, picture
        self._wanted = sorted({path[0] for path in attributes})
        more = [name for name in self._wanted if name not in NEEDED and name != "id"]
        self.select = ",".join(["id", *NEEDED, *(["externalUserState"] if guests else []), *more])
        self._more = {name: f"more_{number}" for number, name in enumerate(more)}
        row = self._row_type()
        self._decode_page = msgspec.json.Decoder(_page_type(row, "UserPage")).decode
        self._decode_one = msgspec.json.Decoder(row).decode

    def _row_type(self) -> Any:
        fields: list[Any] = [("id", _Id)]
        fields += [(name, str | None) for name in NEEDED[:4]]
        fields += [
            ("accountEnabled", bool | None),
            ("userType", str | None),
            ("otherMails", list[str] | None),
            ("externalUserState", str | None, None),
        ]
        fields += [(field, Any, None) for field in self._more.values()]
        return msgspec.defstruct(
            "User",
            fields,
            rename={field: name for name, field in self._more.items()},
            gc=bool(self._more),
        )

    def page(self, answer: Answer) -> Listed[UserRecord]:
        """All rows of one page; a row that does not fit never takes the others with it."""
        try:
            page = self._decode_page(answer.body)
        except _NOT_ONE:
            return self._one_by_one(answer)
        found, read = page.value, len(page.value)
        span = (found[0].id, found[-1].id) if found else None
        if not self.guests:
            found = [row for row in found if row.userType != _GUEST]
        records = [self._record(row) for row in found]
        raw = [self._raw(row) for row in found] if self._wanted else ()
        return Listed(Rows(records, (), span, raw=raw), page.next, read=read)

    def one(self, answer: Answer) -> tuple[UserRecord, Mapping[str, Any]] | None:
        """The record of an answer that is one person, None for a guest out of scope; Incomplete for none."""
        try:
            row = self._decode_one(answer.body)
            return None if self.is_out(row.userType) else (self._record(row), self._raw(row))
        except _NOT_ONE:
            body = tolerant_json(answer.body)
        said = self.tolerant(body)
        if isinstance(said, SetAside):
            raise Incomplete(f"One user could not be read: {said.why}")
        missing = unsaid(body)
        if missing:
            raise Incomplete(f"User {said.external_id} comes without {missing[0]}, so nothing is concluded.")
        return None if self.is_out(inside(body, "userType")) else (said, self.raw_of(body))

    def is_out(self, user_type: object) -> bool:
        return user_type == _GUEST and not self.guests

    def _record(self, row: Any) -> UserRecord:
        status, text = _status(row.accountEnabled, row.externalUserState)
        upn = row.userPrincipalName
        return UserRecord(
            row.id,
            upn or "",
            row.mail or email_of(None, upn, row.otherMails if row.userType == _GUEST else None),
            row.givenName,
            row.surname,
            self._picture(row.id),
            status,
            text,
        )

    def _raw(self, row: Any) -> dict[str, Any]:
        return {name: getattr(row, self._more.get(name, name)) for name in self._wanted}

    def raw_of(self, row: object) -> Mapping[str, Any]:
        """The wanted properties of a row that was read tolerantly."""
        return {name: row.get(name) for name in self._wanted} if isinstance(row, dict) else {}

    def _one_by_one(self, answer: Answer) -> Listed[UserRecord]:
        body, left_open, raw = page_of(answer), list[str](), list[Mapping[str, Any]]()

        def read(row: object) -> UserRecord | SetAside | None:
            said = self.tolerant(row)
            if isinstance(said, UserRecord):
                if unsaid(row):
                    left_open.append(said.external_id)
                    return None
                if self.is_out(inside(row, "userType")):
                    return None
                raw.append(self.raw_of(row))
            return said

        rows = rows_one_by_one(body.get("value"), "user", _kept(read))
        kept = [row for row in rows.rows if row is not None]
        people: Rows[UserRecord] = Rows(kept, rows.set_aside, rows.span, raw=raw if self._wanted else ())
        return Listed(people, next_of(body), unsaid=left_open, read=len(body["value"]))

    def tolerant(self, row: object) -> UserRecord | SetAside:
        """One row of whatever shape; without an id nobody can say who it is."""
        user_id = id_of(row)
        if not isinstance(row, dict) or user_id is None:
            return SetAside(kind="user", external_id=None, why="A row of the user list has no id.")
        upn, enabled = text_of(row.get("userPrincipalName")), row.get("accountEnabled")
        status, text = _status(enabled if isinstance(enabled, bool) else None, row.get("externalUserState"))
        mails = row.get("otherMails") if row.get("userType") == _GUEST else None
        return UserRecord(
            user_id,
            upn or "",
            text_of(row.get("mail")) or email_of(None, upn, mails if isinstance(mails, list) else None),
            text_of(row.get("givenName")),
            text_of(row.get("surname")),
            self._picture(user_id),
            status,
            text,
        )


def _kept(read: Callable[[object], UserRecord | SetAside | None]) -> Callable[[object], Any]:
    return read


def unsaid(row: object) -> Sequence[str]:
    """The properties that a row should have and leaves out."""
    return [name for name in NEEDED if isinstance(row, dict) and name not in row]


def _status(enabled: bool | None, invitation: object) -> tuple[Status, str]:
    if enabled is None:
        return Status.UNKNOWN, "accountEnabled is not said"
    if not enabled:
        return Status.SUSPENDED, "disabled"
    if invitation == "PendingAcceptance":
        return Status.PENDING, "invited"
    return Status.ACTIVE, "enabled"


def email_of(mail: str | None, upn: str | None, other_mails: Sequence[object] | None) -> str | None:
    """A person's e-mail: mail, for a guest the address invited, else a userPrincipalName that can be one."""
    if mail:
        return mail
    for other in other_mails or ():
        if isinstance(other, str) and "@" in other:
            return other
    return upn if upn and "@" in upn and _EXTERNAL not in upn else None


def read_groups(answer: Answer) -> Listed[GroupRow]:
    """One page of groups, of every type; ``type`` is HIDDEN where the members are not shown to everybody."""
    try:
        page = _decode_groups(answer.body)
    except _NOT_ONE:
        body = page_of(answer)
        return Listed(rows_one_by_one(body.get("value"), "group", tolerant_group), next_of(body))
    rows = [GroupRow(row.id, row.displayName, row.visibility or "", None) for row in page.value]
    return Listed(Rows(rows, (), (rows[0].id, rows[-1].id) if rows else None), page.next)


def read_group(answer: Answer) -> GroupRow:
    """An answer that is one group; raises Incomplete when it is none."""
    found = tolerant_group(tolerant_json(answer.body))
    if isinstance(found, SetAside):
        raise Incomplete(f"One group could not be read: {found.why}")
    return found


def tolerant_group(row: object) -> GroupRow | SetAside:
    group_id = id_of(row)
    if not isinstance(row, dict) or group_id is None:
        return SetAside(kind="group", external_id=None, why="A row of the group list has no id.")
    name = text_of(row.get("displayName"))
    if name is None:
        return SetAside(kind="group", external_id=group_id, why=f"Group {group_id} has no name.")
    return GroupRow(group_id, name, text_of(row.get("visibility")) or "", None)


def read_members(answer: Answer) -> Listed[MemberIds]:
    """One page of a group's members, as one row; a row without an id is set aside."""
    try:
        page = _decode_members(answer.body)
    except _NOT_ONE:
        return _tolerant_members(answer)
    found, onward = page.value, page.next
    span = (found[0].id, found[-1].id) if found else None
    users = [row.id for row in found if row.type == _USER_TYPE]
    groups = [row.id for row in found if row.type == _GROUP_TYPE] if len(users) < len(found) else []
    return Listed(Rows([MemberIds(users, groups)], (), span), onward)


def onward_of(answer: Answer) -> str | None:
    """Where a page goes on, without reading its rows; None too where that cannot be read."""
    try:
        return _decode_onward(answer.body).next
    except _NOT_ONE:
        return None


def _tolerant_members(answer: Answer) -> Listed[MemberIds]:
    body = page_of(answer)

    def read(row: object) -> tuple[str, str] | SetAside:
        why = "A row of a member list has no id."
        member_id = id_of(row)
        if member_id is None:
            return SetAside(kind="member", external_id=None, why=why)
        return text_of(inside(row, "@odata.type")) or _USER_TYPE, member_id

    rows = rows_one_by_one(body.get("value"), "member", read)
    users = [ident for kind, ident in rows.rows if kind == _USER_TYPE]
    groups = [ident for kind, ident in rows.rows if kind == _GROUP_TYPE]
    return Listed(Rows([MemberIds(users, groups)], rows.set_aside, rows.span), next_of(body))


def read_principals(answer: Answer) -> Listed[MemberIds]:
    """One page of who is assigned to an application; what is neither person nor group is left out."""
    try:
        page = _decode_principals(answer.body)
    except _NOT_ONE as error:
        raise Incomplete("A row of the application's assignments has no principal.") from error
    found = page.value
    span = (found[0].principalId, found[-1].principalId) if found else None
    users = [row.principalId for row in found if row.principalType == "User"]
    groups = [row.principalId for row in found if row.principalType == "Group"]
    return Listed(Rows([MemberIds(users, groups)], (), span), page.next)


def page_of(answer: Answer) -> dict[str, Any]:
    """The object that a page is; raises Incomplete for anything else, or when its list is missing."""
    body = tolerant_json(answer.body)
    if not isinstance(body, dict) or not isinstance(body.get("value"), list):
        what = "an object without a list" if isinstance(body, dict) else named(body)
        raise Incomplete(
            f"The directory answered with {what} where a page was due; nothing was concluded from it."
        )
    return body


def next_of(body: Mapping[str, Any]) -> str | None:
    """The address of the next page; raises Incomplete for one that is none."""
    onward = body.get("@odata.nextLink")
    if onward is not None and not isinstance(onward, str):
        raise Incomplete("The address of the next page is no text; nothing was concluded from it.")
    return onward
