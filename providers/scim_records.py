"""A SCIM service's JSON as our records: typed decoding of the usual form, and a tolerant way for the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec

from providers.answers import Answer
from providers.rows import GroupRow, Rows, id_of, named, picture_of, rows_one_by_one, text_of, tolerant_json
from sync.model.errors import Incomplete
from sync.model.resources import Status, UserRecord
from sync.model.source import Members, SetAside

T = TypeVar("T")

_Id = Annotated[str, msgspec.Meta(min_length=1)]
_ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_WORDS: Final = {"true": True, "false": False}


class Listed(NamedTuple, Generic[T]):
    """One page of a list. ``received`` counts all its rows, odd ones too; ``total`` is what it states."""

    rows: Rows[T]
    received: int
    total: int | None
    next_cursor: str | None


class ScimGroup(NamedTuple):
    """A group as it came; ``members`` is None where the answer does not speak of them."""

    row: GroupRow
    members: Members | None


class _Value(msgspec.Struct, gc=False):
    value: str
    type: str | None = None
    primary: bool | None = None


class _Name(msgspec.Struct, gc=False):
    given: str | None = msgspec.field(default=None, name="givenName")
    family: str | None = msgspec.field(default=None, name="familyName")


class _User(msgspec.Struct, gc=False, kw_only=True):
    # what is required here makes an answer in another case of names take the tolerant way
    id: _Id
    user_name: str = msgspec.field(name="userName")
    active: bool
    name: _Name | None
    emails: list[_Value] | None
    photos: list[_Value] | None = None


class _UserPage(msgspec.Struct, gc=False):
    rows: list[_User] = msgspec.field(name="Resources")
    total: int | None = msgspec.field(default=None, name="totalResults")
    next_cursor: str | None = msgspec.field(default=None, name="nextCursor")


class _Member(msgspec.Struct, gc=False):
    value: _Id
    type: str | None = None
    ref: str | None = msgspec.field(default=None, name="$ref")


class _Group(msgspec.Struct, gc=False):
    id: _Id
    name: str = msgspec.field(name="displayName")
    members: list[_Member]


_decode_group = msgspec.json.Decoder(_Group).decode
_decode_page = msgspec.json.Decoder(_UserPage).decode
_decode_user = msgspec.json.Decoder(_User).decode


class UserReader:
    """Reads users; with wanted ``attributes`` each comes with the raw ones they begin with."""

    def __init__(self, attributes: Collection[tuple[str, ...]] = ()) -> None:
        self._wanted = sorted({path[0] for path in attributes})

    def page(self, answer: Answer) -> Listed[UserRecord]:
        """All rows of one page; a row that does not fit never takes the others with it."""
        if not self._wanted:
            try:
                found = _decode_page(answer.body)
            except _ODD:
                return self._tolerant_page(answer)
            records = [_usual(row) for row in found.rows]
            span = (records[0].external_id, records[-1].external_id) if records else None
            return Listed(Rows(records, (), span), len(records), found.total, found.next_cursor or None)
        return self._tolerant_page(answer)

    def one(self, answer: Answer) -> tuple[UserRecord, Mapping[str, Any]]:
        """The record of an answer that is one user, and what is wanted raw; raises Incomplete for none."""
        if not self._wanted:
            try:
                return _usual(_decode_user(answer.body)), {}
            except _ODD:
                pass
        body = tolerant_json(answer.body)
        found = _tolerant_user(body)
        if isinstance(found, SetAside):
            raise Incomplete(f"One user could not be read: {found.why}")
        return found, self._raw(body)

    def _tolerant_page(self, answer: Answer) -> Listed[UserRecord]:
        raw: list[Mapping[str, Any]] = []

        def read(row: object) -> UserRecord | SetAside:
            record = _tolerant_user(row)
            if self._wanted and not isinstance(record, SetAside):
                raw.append(self._raw(row))
            return record

        listed = _listed(answer, "user", read)
        return listed._replace(rows=listed.rows._replace(raw=raw))

    def _raw(self, row: object) -> Mapping[str, Any]:
        found = row if isinstance(row, dict) else {}
        return {name: found[name] for name in self._wanted if name in found}


def read_groups(answer: Answer) -> Listed[ScimGroup]:
    """One page of groups, with their members where they came along."""
    return _listed(answer, "group", _tolerant_group)


def read_group(answer: Answer) -> ScimGroup:
    """An answer that is one group; raises Incomplete when it is none."""
    try:
        group = _decode_group(answer.body)
    except _ODD:
        group = None
    if group is not None and (kinds := _kinds(group.members, answer.body)) is not None:
        return ScimGroup(GroupRow(group.id, group.name, "", None), _sorted_out(group, kinds))
    found = _tolerant_group(tolerant_json(answer.body))
    if isinstance(found, SetAside):
        raise Incomplete(f"One group could not be read: {found.why}")
    return found


def _kinds(members: Sequence[_Member], body: bytes) -> list[str] | None:
    """What each member is; None when a name in another case may say it."""
    kinds = [_kind(each) for each in members]
    if "" not in kinds:
        return kinds
    body = body.lower()
    if b'"type"' in body or b'"$ref"' in body:
        return None
    return ["user"] * len(kinds)


def _kind(member: _Member) -> str:
    if member.type is not None:
        return member.type.lower()
    return _kind_by(member.ref) if member.ref is not None else ""


def _kind_by(ref: str) -> str:
    return "group" if "/groups/" in ref.lower() else "user"


def _sorted_out(group: _Group, kinds: Sequence[str]) -> Members:
    told = list(zip(group.members, kinds, strict=True))
    users = dict.fromkeys(each.value for each, kind in told if kind == "user")
    groups = dict.fromkeys(each.value for each, kind in told if kind == "group")
    return Members(group_id=group.id, user_ids=list(users), group_ids=list(groups))


def _listed(answer: Answer, kind: str, read: Callable[[object], T | SetAside]) -> Listed[T]:
    body = tolerant_json(answer.body)
    if not isinstance(body, dict):
        raise Incomplete(
            f"The directory answered with {named(body)} where a list of {kind}s was due; "
            "nothing was concluded from it."
        )
    told = _folded(body)
    total, resources = _whole(told.get("totalresults")), told.get("resources")
    if resources is None and "resources" not in told and total == 0:
        resources = []
    if not isinstance(resources, list):
        raise Incomplete(
            f"The directory's list of {kind}s comes without its Resources; nothing was concluded from it."
        )
    cursor = text_of(told.get("nextcursor")) or None
    folded = [_folded(row) if isinstance(row, dict) else row for row in resources]
    rows = rows_one_by_one(folded, kind, read)
    return Listed(rows, len(resources), total, cursor)


def _folded(body: Mapping[str, Any]) -> dict[str, Any]:
    """Attribute names are case-insensitive (RFC 7643 section 2.1)."""
    return {key.lower(): value for key, value in body.items()}


def _whole(value: object) -> int | None:
    text = text_of(value)
    return int(text) if text is not None and text.isdecimal() else None


def _usual(row: _User) -> UserRecord:
    is_active = row.active
    return UserRecord(
        row.id,
        row.user_name,
        _first(row.emails, "work") if row.emails else None,
        row.name.given if row.name else None,
        row.name.family if row.name else None,
        picture_of(_first(row.photos, "photo")) if row.photos else None,
        Status.ACTIVE if is_active else Status.SUSPENDED,
        "active" if is_active else "inactive",
        row.id,
    )


def _first(values: Sequence[_Value], kind: str) -> str:
    """The primary value, else the one of this type, else the first that is not empty."""
    best = values[0]
    if len(values) > 1:
        best = min(values, key=lambda each: (not each.value, each.primary is not True, each.type != kind))
    return best.value


def _tolerant_user(row: object) -> UserRecord | SetAside:
    row = _folded(row) if isinstance(row, dict) else row
    user_id = id_of(row)
    if not isinstance(row, dict) or user_id is None:
        return SetAside(kind="user", external_id=None, why="A row of the user list has no id.")
    user_name = text_of(row.get("username"))
    if user_name is None:
        return SetAside(kind="user", external_id=user_id, why=f"User {user_id} has no userName.")
    name = row.get("name")
    names = _folded(name) if isinstance(name, dict) else {}
    emails, photos = _values(row.get("emails")), _values(row.get("photos"))
    status, said = _status(row)
    return UserRecord(
        user_id,
        user_name,
        (_first(emails, "work") or None) if emails else None,
        text_of(names.get("givenname")),
        text_of(names.get("familyname")),
        picture_of(_first(photos, "photo")) if photos else None,
        status,
        said,
        user_id,
    )


def _status(row: Mapping[str, Any]) -> tuple[Status, str]:
    """Missing means active; a text that spells a truth value is one; anything else is unknown."""
    if "active" not in row:
        return Status.ACTIVE, "active"
    value = row["active"]
    is_active = _WORDS.get(value.strip().lower()) if isinstance(value, str) else value
    if is_active is True:
        return Status.ACTIVE, "active"
    if is_active is False:
        return Status.SUSPENDED, "inactive"
    return Status.UNKNOWN, json.dumps(value)[:40]


def _values(found: object) -> list[_Value]:
    """A multi-valued attribute in the forms it comes in: a list of objects or texts, or one of them alone."""
    if found is None:
        return []
    return [each for each in map(_value, found if isinstance(found, list) else [found]) if each is not None]


def _value(entry: object) -> _Value | None:
    if isinstance(entry, str):
        return _Value(entry)
    if not isinstance(entry, dict):
        return None
    told = _folded(entry)
    text = text_of(told.get("value"))
    return _Value(text, text_of(told.get("type")), told.get("primary") is True) if text else None


def _tolerant_group(row: object) -> ScimGroup | SetAside:
    row = _folded(row) if isinstance(row, dict) else row
    group_id = id_of(row)
    if not isinstance(row, dict) or group_id is None:
        return SetAside(kind="group", external_id=None, why="A row of the group list has no id.")
    name = text_of(row.get("displayname"))
    if name is None:
        return SetAside(kind="group", external_id=group_id, why=f"Group {group_id} has no displayName.")
    entries = row.get("members")
    members = _members(group_id, entries) if isinstance(entries, list) else None
    return ScimGroup(GroupRow(group_id, name, "", None), members)


def _members(group_id: str, entries: Iterable[object]) -> Members | None:
    """The people and groups in a group; None when one of them cannot be told."""
    users: dict[str, None] = {}
    groups: dict[str, None] = {}
    for entry in entries:
        told = _folded(entry) if isinstance(entry, dict) else {}
        ref = text_of(told.get("$ref")) or ""
        ident = text_of(told.get("value")) or unquote(urlsplit(ref).path.rstrip("/").rpartition("/")[2])
        if not ident:
            return None
        kind = (text_of(told.get("type")) or _kind_by(ref)).lower()
        if kind == "user":
            users[ident] = None
        elif kind == "group":
            groups[ident] = None
    return Members(group_id=group_id, user_ids=list(users), group_ids=list(groups))
