"""Okta's JSON as our records: typed decoding of the used fields, and a tolerant second way for odd rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Final

import msgspec

from providers.answers import Answer
from providers.okta_attributes import Wanted
from providers.rows import (
    GroupRow,
    Rows,
    id_of,
    inside,
    picture_of,
    rows_one_by_one,
    text_of,
    tolerant_json,
)
from sync.model.errors import Incomplete
from sync.model.resources import Status, UserRecord
from sync.model.source import SetAside

STATUS: Final[Mapping[str, Status]] = {
    "ACTIVE": Status.ACTIVE,
    "PROVISIONED": Status.ACTIVE,
    "RECOVERY": Status.ACTIVE,
    "PASSWORD_EXPIRED": Status.ACTIVE,
    "LOCKED_OUT": Status.ACTIVE,
    "STAGED": Status.PENDING,
    "SUSPENDED": Status.SUSPENDED,
    "DEPROVISIONED": Status.SUSPENDED,
}
"""Trouble with a password is not a reason to take access away; a word not listed is UNKNOWN."""

BUILT_IN: Final = "BUILT_IN"

_Id = Annotated[str, msgspec.Meta(min_length=1)]


class _Stats(msgspec.Struct, gc=False):
    usersCount: int | None = None  # noqa: N815 - Okta's spelling


class _Embedded(msgspec.Struct, gc=False):
    stats: _Stats | None = None


class _GroupProfile(msgspec.Struct, gc=False):
    name: str


class _Group(msgspec.Struct, gc=False):
    id: _Id
    profile: _GroupProfile
    type: str = ""
    embedded: _Embedded | None = msgspec.field(default=None, name="_embedded")


class _Ref(msgspec.Struct, gc=False):
    id: _Id


_decode_groups = msgspec.json.Decoder(list[_Group]).decode
_decode_refs = msgspec.json.Decoder(list[_Ref]).decode


class UserReader:
    """Reads pages of users; ``picture_attribute`` names the profile attribute holding a picture's URL.

    ``is_assignment`` reads the users of an application, where the account stands under
    ``_embedded.user`` and the status beside the id is only the assignment's.
    """

    def __init__(
        self,
        picture_attribute: str | None = None,
        *,
        is_assignment: bool = False,
        attributes: Collection[tuple[str, ...]] = (),
    ) -> None:
        self._picture = picture_attribute
        self._is_assignment = is_assignment
        self._wanted = Wanted(picture_attribute, attributes)
        user = self._wanted.user_type(_Id)
        row: Any = _assignment_type(user) if is_assignment else user
        self._decode_page = msgspec.json.Decoder(list[row]).decode
        self._decode_one = msgspec.json.Decoder(row).decode

    def page(self, answer: Answer) -> Rows[UserRecord]:
        """All rows of one page; a row that does not fit never takes the others with it."""
        try:
            found = self._decode_page(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._one_by_one(answer)
        if self._is_assignment:
            found = [row.embedded.user for row in found]
        records = [self._record(row) for row in found]
        span = (records[0].external_id, records[-1].external_id) if records else None
        return Rows(records, (), span, raw=[self._wanted.raw(row) for row in found] if self._wanted else ())

    def one(self, answer: Answer) -> tuple[UserRecord, Mapping[str, Any]]:
        """The record of an answer that is one user, and what is wanted raw; raises Incomplete for none."""
        try:
            row = self._decode_one(answer.body)
            row = row.embedded.user if self._is_assignment else row
            return self._record(row), self._wanted.raw(row)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = tolerant_json(answer.body)
        record = self._tolerant(body)
        if isinstance(record, SetAside):
            raise Incomplete(f"One user could not be read: {record.why}")
        return record, self._account(body)

    def _one_by_one(self, answer: Answer) -> Rows[UserRecord]:
        raw: list[Mapping[str, Any]] = []

        def read(row: object) -> UserRecord | SetAside:
            record = self._tolerant(row)
            if self._wanted and isinstance(record, UserRecord):
                raw.append(self._account(row))
            return record

        return rows_one_by_one(tolerant_json(answer.body), "user", read)._replace(raw=raw)

    def _account(self, row: object) -> Mapping[str, Any]:
        """A row's account with all that Okta says of it."""
        found = inside(row, "_embedded", "user") if self._is_assignment else row
        return found if isinstance(found, dict) else {}

    def _record(self, row: Any) -> UserRecord:
        profile = row.profile
        picture = profile.picture
        return UserRecord(
            row.id,
            profile.login or "",
            profile.email,
            profile.firstName,
            profile.lastName,
            picture_of(picture),
            STATUS.get(row.status, Status.UNKNOWN),
            row.status,
            row.id,
        )

    def _tolerant(self, row: object) -> UserRecord | SetAside:
        assigned_id = id_of(row)
        if self._is_assignment:
            row = inside(row, "_embedded", "user")
            if not isinstance(row, dict) and assigned_id:
                why = f"The assignment of user {assigned_id} comes without the user."
                return SetAside(kind="user", external_id=assigned_id, why=why)
        user_id = id_of(row)
        if not isinstance(row, dict) or user_id is None:
            return SetAside(kind="user", external_id=None, why="A row of the user list has no id.")
        profile = row.get("profile")
        if not isinstance(profile, dict):
            return SetAside(kind="user", external_id=user_id, why=f"User {user_id} has no profile.")
        status, picture = text_of(row.get("status")) or "", text_of(profile.get(self._picture or ""))
        return UserRecord(
            user_id,
            text_of(profile.get("login")) or "",
            text_of(profile.get("email")),
            text_of(profile.get("firstName")),
            text_of(profile.get("lastName")),
            picture_of(picture),
            STATUS.get(status, Status.UNKNOWN),
            status,
            user_id,
        )


def read_groups(answer: Answer) -> Rows[GroupRow]:
    """One page of groups, of every type."""
    try:
        found = _decode_groups(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return rows_one_by_one(tolerant_json(answer.body), "group", _tolerant_group)
    rows = [_group_row(group) for group in found]
    return Rows(rows, (), (rows[0].id, rows[-1].id) if rows else None)


def read_group(answer: Answer) -> GroupRow:
    """An answer that is one group; raises Incomplete when it is none."""
    found = _tolerant_group(tolerant_json(answer.body))
    if isinstance(found, SetAside):
        raise Incomplete(f"One group could not be read: {found.why}")
    return found


def read_embedded_groups(answer: Answer) -> Rows[GroupRow]:
    """One page of an application's groups, whose own data stands under ``_embedded.group``."""
    return rows_one_by_one(
        tolerant_json(answer.body), "group", lambda row: _tolerant_group(inside(row, "_embedded", "group"))
    )


def read_member_ids(answer: Answer) -> Rows[str]:
    """The ids of one page of members; a row without an id is set aside."""
    try:
        ids = [ref.id for ref in _decode_refs(answer.body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return rows_one_by_one(tolerant_json(answer.body), "member", _tolerant_member)
    return Rows(ids, (), (ids[0], ids[-1]) if ids else None)


def everyone_count(groups: Iterable[GroupRow]) -> int | None:
    """Okta's own count of all people; None when the group Everyone is not visible."""
    return next((g.stated_members for g in groups if g.type == BUILT_IN and g.name == "Everyone"), None)


def _assignment_type(user: Any) -> Any:
    embedded = msgspec.defstruct("OktaAssigned", [("user", user)], gc=False)
    return msgspec.defstruct(
        "OktaAssignment", [("embedded", embedded)], rename={"embedded": "_embedded"}, gc=False
    )


def _group_row(group: _Group) -> GroupRow:
    stats = group.embedded.stats if group.embedded else None
    return GroupRow(group.id, group.profile.name, group.type, stats.usersCount if stats else None)


def _tolerant_group(row: object) -> GroupRow | SetAside:
    group_id = id_of(row)
    if not isinstance(row, dict) or group_id is None:
        return SetAside(kind="group", external_id=None, why="A row of the group list has no id.")
    name = text_of(inside(row, "profile", "name"))
    if name is None:
        return SetAside(kind="group", external_id=group_id, why=f"Group {group_id} has no name.")
    stated = inside(row, "_embedded", "stats", "usersCount")
    count = stated if isinstance(stated, int) and not isinstance(stated, bool) else None
    return GroupRow(group_id, name, text_of(row.get("type")) or "", count)


def _tolerant_member(row: object) -> str | SetAside:
    return id_of(row) or SetAside(kind="member", external_id=None, why="A row of a member list has no id.")
