"""JumpCloud's JSON as our records: the used fields decoded, and a tolerant second way for odd rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from providers.answers import Answer
from providers.flat_attributes import Wanted
from providers.rows import (
    GroupRow,
    Rows,
    id_of,
    inside,
    named,
    picture_of,
    rows_one_by_one,
    text_of,
    tolerant_json,
)
from sync.model.errors import Incomplete
from sync.model.resources import Status, UserRecord
from sync.model.source import SetAside

R = TypeVar("R")

STATUS: Final[Mapping[str, Status]] = {
    "ACTIVATED": Status.ACTIVE,
    "STAGED": Status.PENDING,
    "SUSPENDED": Status.SUSPENDED,
}
"""By `state`; `suspended` beats it, and a word not listed is UNKNOWN. A lock is passing and changes nothing;
`activated` only tells that a password was set once, so neither is read."""

EVERYBODY: Final = "All Users"
_OWN: Final[Mapping[str, Any]] = dict.fromkeys(
    ("username", "email", "firstname", "lastname", "state"), str | None
) | {"suspended": bool | None}
_Id = Annotated[str, msgspec.Meta(min_length=1)]
_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Listed(NamedTuple, Generic[R]):
    """One page of a list: its rows, the places they took, and the places of the whole list, if it says."""

    rows: Rows[R]
    places: int
    total: int | None


class _Group(msgspec.Struct, gc=False):
    id: _Id
    name: _Id


class _End(msgspec.Struct, gc=False):
    id: _Id
    type: str = "user"


class _Edge(msgspec.Struct, gc=False):
    to: _End | None


_decode_groups = msgspec.json.Decoder(list[_Group]).decode
_decode_edges = msgspec.json.Decoder(list[_Edge | None]).decode
_decode_ends = msgspec.json.Decoder(list[_End | None]).decode


class UserReader:
    """Reads system users; ``picture_attribute`` names the custom attribute that holds a picture's URL."""

    def __init__(
        self, picture_attribute: str | None = None, attributes: Collection[tuple[str, ...]] = ()
    ) -> None:
        self._picture = picture_attribute
        own = dict(_OWN) | ({"attributes": Any} if picture_attribute else {})
        self._wanted = Wanted(own, attributes, id_key="_id", id_type=_Id)
        row: Any = self._wanted.struct("JumpCloudUser")
        page: Any = msgspec.defstruct(
            "JumpCloudUsers", [("results", list[row]), ("totalCount", int | None, None)]
        )
        self._decode_page = msgspec.json.Decoder(page).decode
        self._decode_one = msgspec.json.Decoder(row).decode
        self._read = {key: self._wanted.field(key) for key in own}

    @property
    def keys(self) -> list[str]:
        """The fields of a user that are used."""
        return self._wanted.keys

    def page(self, answer: Answer) -> Listed[UserRecord]:
        """One page of the list; a row that does not fit never takes the others with it."""
        try:
            found = self._decode_page(answer.body)
        except _BROKEN:
            return self._one_by_one(answer)
        records = [self._record(row) for row in found.results]
        span = (records[0].external_id, records[-1].external_id) if records else None
        raw = [self._wanted.raw(row) for row in found.results] if self._wanted else ()
        return Listed(Rows(records, (), span, raw=raw), len(records), found.totalCount)

    def one(self, answer: Answer) -> tuple[UserRecord, Mapping[str, Any]]:
        """The record of an answer that is one user, and what is wanted raw; raises Incomplete for none."""
        try:
            row = self._decode_one(answer.body)
            return self._record(row), self._wanted.raw(row)
        except _BROKEN:
            body = tolerant_json(answer.body)
        record = self._tolerant(body)
        if isinstance(record, SetAside):
            raise Incomplete(f"One user could not be read: {record.why}")
        return record, body if isinstance(body, dict) else {}

    def _one_by_one(self, answer: Answer) -> Listed[UserRecord]:
        body, raw = tolerant_json(answer.body), list[Mapping[str, Any]]()
        if not isinstance(body, dict) or "results" not in body:
            raise Incomplete(
                f"The directory answered with {named(body)} where a list of users was due; "
                "nothing was concluded from it."
            )

        def read(row: object) -> UserRecord | SetAside:
            record = self._tolerant(row)
            if self._wanted and isinstance(record, UserRecord) and isinstance(row, dict):
                raw.append(row)
            return record

        rows = rows_one_by_one(body["results"], "user", read)
        found = body["results"]
        ends = (_id(found[0]) or "", _id(found[-1]) or "") if found else None
        total = body.get("totalCount")
        stated = total if isinstance(total, int) and not isinstance(total, bool) else None
        return Listed(rows._replace(raw=raw, span=ends), len(found), stated)

    def _record(self, row: Any) -> UserRecord:
        given = {key: getattr(row, field) for key, field in self._read.items()}
        return self._made(row.id, given)

    def _tolerant(self, row: object) -> UserRecord | SetAside:
        user_id = _id(row)
        if not isinstance(row, dict) or user_id is None:
            return SetAside(kind="user", external_id=None, why="A row of the user list has no id.")
        given: dict[str, Any] = {key: text_of(row.get(key)) for key in _OWN}
        given["suspended"] = row.get("suspended") if isinstance(row.get("suspended"), bool) else None
        return self._made(user_id, given | {"attributes": row.get("attributes")})

    def _made(self, user_id: str, given: Mapping[str, Any]) -> UserRecord:
        status, word = standing(given["state"], given["suspended"])
        return UserRecord(
            user_id,
            given["username"] or "",
            given["email"] or None,
            given["firstname"] or None,
            given["lastname"] or None,
            self._picture_in(given.get("attributes")),
            status,
            word,
            user_id,
        )

    def _picture_in(self, attributes: object) -> str | None:
        return picture_of(_attribute(attributes, self._picture)) if self._picture else None


def standing(state: str | None, suspended: bool | None) -> tuple[Status, str]:
    """Where an account stands, and in whose words; old records have no state."""
    if suspended:
        return Status.SUSPENDED, state if state == "SUSPENDED" else "suspended"
    if state is None:
        return (Status.ACTIVE, "not suspended") if suspended is False else (Status.UNKNOWN, "")
    return STATUS.get(state, Status.UNKNOWN), state


def read_groups(answer: Answer) -> Listed[GroupRow]:
    """One page of user groups."""
    try:
        found = _decode_groups(answer.body)
    except _BROKEN:
        body = tolerant_json(answer.body)
        rows = rows_one_by_one(body, "group", _tolerant_group)
        return Listed(rows, len(body) if isinstance(body, list) else 0, _total(answer))
    groups = [GroupRow(group.id, group.name, "user_group", None) for group in found]
    span = (groups[0].id, groups[-1].id) if groups else None
    return Listed(Rows(groups, (), span), len(groups), _total(answer))


def read_group(answer: Answer) -> GroupRow:
    """An answer that is one group; raises Incomplete when it is none."""
    found = _tolerant_group(tolerant_json(answer.body))
    if isinstance(found, SetAside):
        raise Incomplete(f"One group could not be read: {found.why}")
    return found


def read_members(answer: Answer) -> Listed[str]:
    """One page of a group's direct members: the users; whoever was deleted keeps a place without a name."""
    try:
        edges = _decode_edges(answer.body)
    except _BROKEN:
        return _tolerant_ends(answer, "user", "to")
    return _listed([edge.to if edge else None for edge in edges], "user", _total(answer))


def read_bound_users(answer: Answer) -> Listed[str]:
    """One page of a graph list of users: transitive members, or the users of an application."""
    return _read_bound(answer, "user")


def read_bound_groups(answer: Answer) -> Listed[str]:
    """One page of a graph list of groups: those of a user, or of an application."""
    return _read_bound(answer, "user_group")


def _read_bound(answer: Answer, kind: str) -> Listed[str]:
    try:
        return _listed(_decode_ends(answer.body), kind, _total(answer))
    except _BROKEN:
        return _tolerant_ends(answer, kind)


def _listed(ends: Sequence[_End | None], kind: str, total: int | None) -> Listed[str]:
    ids = [end.id for end in ends if end is not None and end.type == kind]
    return Listed(Rows(ids, (), (ids[0], ids[-1]) if ids else None), len(ends), total)


def _tolerant_ends(answer: Answer, kind: str, *keys: str) -> Listed[str]:
    body = tolerant_json(answer.body)

    def read(row: object) -> str | SetAside:
        end = inside(row, *keys) if keys else row
        if end is None:
            return ""
        found = id_of(end)
        if found is None:
            return SetAside(kind="member", external_id=None, why="A row of a member list has no id.")
        return found if isinstance(end, dict) and end.get("type", kind) == kind else ""

    rows = rows_one_by_one(body, "member", read)
    ids = [found for found in rows.rows if found]
    return Listed(Rows(ids, rows.set_aside), len(body) if isinstance(body, list) else 0, _total(answer))


def _total(answer: Answer) -> int | None:
    """The count of the whole list by its header, None when it is not told."""
    told = answer.headers.get("x-total-count", "")
    return int(told) if told.isdecimal() else None


def _tolerant_group(row: object) -> GroupRow | SetAside:
    group_id = id_of(row)
    if not isinstance(row, dict) or group_id is None:
        return SetAside(kind="group", external_id=None, why="A row of the group list has no id.")
    name = text_of(row.get("name"))
    if not name:
        return SetAside(kind="group", external_id=group_id, why=f"Group {group_id} has no name.")
    return GroupRow(group_id, name, "user_group", None)


def _id(row: object) -> str | None:
    """A user's id, which older lists write `_id`."""
    return text_of(inside(row, "_id")) or id_of(row)


def _attribute(attributes: object, name: str) -> object:
    """The value of a custom attribute, from a list of names and values."""
    if not isinstance(attributes, list):
        return None
    return next((inside(each, "value") for each in attributes if inside(each, "name") == name), None)
