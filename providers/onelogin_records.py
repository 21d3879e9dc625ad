"""OneLogin's JSON as our records: the used fields decoded, and a tolerant second way for odd rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

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

ACTIVE: Final = frozenset({1, 3, 4, 5, 8})
PENDING: Final = frozenset({0, 7})
SUSPENDED: Final = 2
STATUS: Final[Mapping[int, str]] = {
    0: "Unactivated",
    1: "Active",
    2: "Suspended",
    3: "Locked",
    4: "Password expired",
    5: "Awaiting password reset",
    7: "Password pending",
    8: "Security questions required",
}
"""Trouble with a password (3, 4, 5, 8) is cleared by the person; a code not listed is UNKNOWN."""

STATE: Final[Mapping[int, str]] = {0: "Unapproved", 1: "Approved", 2: "Rejected", 3: "Unlicensed"}
_UNAPPROVED, _APPROVED, _REJECTED, _UNLICENSED = STATE

NAMEABLE: Final = frozenset(
    [
        "username",
        "email",
        "firstname",
        "lastname",
        "title",
        "department",
        "company",
        "phone",
        "status",
        "state",
        "group_id",
        "role_ids",
        "custom_attributes",
        "external_id",
        "directory_id",
        "trusted_idp_id",
        "manager_user_id",
        "samaccountname",
        "userprincipalname",
        "distinguished_name",
        "member_of",
        "created_at",
        "updated_at",
        "activated_at",
        "last_login",
        "locked_until",
        "invitation_sent_at",
        "preferred_locale_code",
        "comment",
    ]
)
"""The fields that a list may be asked for; an unknown one would be refused."""

_ATTRIBUTES: Final = "custom_attributes"
_Unsaid = msgspec.UnsetType
_OWN: Final[Mapping[str, Any]] = (
    dict.fromkeys(("username", "email", "firstname", "lastname"), str | None)
    | {"status": int | None, "state": int | None}
    | {"group_id": int | None | _Unsaid, "role_ids": list[int] | None | _Unsaid}
)
_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Sets(NamedTuple):
    """The roles and the group of one person; None where the row does not speak of them."""

    role_ids: Sequence[int] | None
    group_id: int | None
    has_group: bool


class Person(NamedTuple):
    """One user of a list: the record, what is wanted raw, the roles and group the row names.

    ``has_attributes`` is False for a row without the custom attributes that were asked for.
    """

    record: UserRecord
    raw: Mapping[str, Any]
    sets: Sets
    has_attributes: bool


class PersonReader:
    """Reads users; ``picture_attribute`` names the custom attribute that holds a picture's URL."""

    def __init__(
        self,
        picture_attribute: str | None = None,
        attributes: Collection[tuple[str, ...]] = (),
        *,
        unlicensed_is_active: bool = False,
    ) -> None:
        self._picture = picture_attribute
        self._unlicensed_is_active = unlicensed_is_active
        wants = picture_attribute or any(path[0] == _ATTRIBUTES for path in attributes)
        own = dict(_OWN) | ({_ATTRIBUTES: Any} if wants else {})
        unset = ("group_id", "role_ids", _ATTRIBUTES)
        self._wanted = Wanted(own, attributes, id_key="id", id_type=int, unset=unset)
        self._wants_attributes = _ATTRIBUTES in self._wanted.keys
        row: Any = self._wanted.struct("OneLoginUser")
        self._decode_page = msgspec.json.Decoder(list[row]).decode
        self._decode_one = msgspec.json.Decoder(row).decode
        self._own = tuple(own)
        self._read = attrgetter(*(self._wanted.field(key) for key in own))

    @property
    def keys(self) -> list[str]:
        """The fields to ask for."""
        return [key for key in self._wanted.keys if key in NAMEABLE]

    def page(self, answer: Answer) -> Rows[Person]:
        """One page of the list; a row that does not fit never takes the others with it."""
        try:
            found = self._decode_page(answer.body)
        except _BROKEN:
            return rows_one_by_one(tolerant_json(answer.body), "user", self._tolerant)
        people = [self._person(row) for row in found]
        span = (people[0].record.external_id, people[-1].record.external_id) if people else None
        return Rows(people, (), span)

    def one(self, answer: Answer) -> Person:
        """An answer that is one user; raises Incomplete when it is none."""
        try:
            return self._person(self._decode_one(answer.body))
        except _BROKEN:
            found = self._tolerant(tolerant_json(answer.body))
        if isinstance(found, SetAside):
            raise Incomplete(f"One user could not be read: {found.why}")
        return found

    def _person(self, row: Any) -> Person:
        given = dict(zip(self._own, self._read(row), strict=True))
        role_ids, group_id = given["role_ids"], given["group_id"]
        sets = Sets(
            None if role_ids is msgspec.UNSET else role_ids,
            None if group_id is msgspec.UNSET else group_id,
            group_id is not msgspec.UNSET,
        )
        raw = self._wanted.raw(row) if self._wanted else {}
        has_attributes = given.get(_ATTRIBUTES) is not msgspec.UNSET
        return Person(self._record(str(row.id), given), raw, sets, has_attributes)

    def _tolerant(self, row: object) -> Person | SetAside:
        user_id = id_of(row)
        if not isinstance(row, dict) or user_id is None:
            return SetAside(kind="user", external_id=None, why="A row of the user list has no id.")
        given: dict[str, Any] = {
            key: text_of(row.get(key)) for key in ("username", "email", "firstname", "lastname")
        }
        given |= {key: _code(row.get(key)) for key in ("status", "state")}
        given[_ATTRIBUTES] = row.get(_ATTRIBUTES)
        sets = Sets(_numbers(row.get("role_ids")), _code(row.get("group_id")), "group_id" in row)
        has_attributes = not self._wants_attributes or _ATTRIBUTES in row
        return Person(self._record(user_id, given), row if self._wanted else {}, sets, has_attributes)

    def _record(self, user_id: str, given: Mapping[str, Any]) -> UserRecord:
        status, word = standing(
            given["status"], given["state"], unlicensed_is_active=self._unlicensed_is_active
        )
        picture = inside(given.get(_ATTRIBUTES), self._picture) if self._picture else None
        return UserRecord(
            user_id,
            given["username"] or "",
            given["email"] or None,
            given["firstname"],
            given["lastname"],
            picture_of(picture),
            status,
            word,
            user_id,
        )


@lru_cache(maxsize=256)
def standing(
    status: int | None, state: int | None, *, unlicensed_is_active: bool = False
) -> tuple[Status, str]:
    """Where an account stands by its two codes, and in OneLogin's words."""
    words = [STATUS.get(status, f"status {status}") if status is not None else "no status"]
    if state != _APPROVED:
        words.append(STATE.get(state, f"state {state}") if state is not None else "no state")
    return _standing(status, state, unlicensed_is_active), ", ".join(words)


def _standing(status: int | None, state: int | None, unlicensed_is_active: bool) -> Status:
    if status == SUSPENDED or state == _REJECTED:
        return Status.SUSPENDED
    if status not in STATUS or state not in STATE:
        return Status.UNKNOWN
    if status in PENDING or state == _UNAPPROVED:
        return Status.PENDING
    if state == _UNLICENSED and not unlicensed_is_active:
        return Status.SUSPENDED
    return Status.ACTIVE


class _Role(msgspec.Struct, gc=False):
    id: int
    name: str


class _RoleUser(msgspec.Struct, gc=False):
    id: int
    assigned: bool = True


_decode_roles = msgspec.json.Decoder(list[_Role]).decode
_decode_role_users = msgspec.json.Decoder(list[_RoleUser]).decode


def read_roles(answer: Answer) -> Rows[GroupRow]:
    """One page of roles; whether they name users is never looked at."""
    try:
        found = _decode_roles(answer.body)
    except _BROKEN:
        return rows_one_by_one(tolerant_json(answer.body), "role", lambda row: tolerant_set(row, "role"))
    rows = [GroupRow(f"role:{role.id}", role.name, "role", None) for role in found]
    return Rows(rows, (), (rows[0].id, rows[-1].id) if rows else None)


def read_role(answer: Answer) -> GroupRow:
    """An answer that is one role; raises Incomplete when it is none."""
    found = tolerant_set(tolerant_json(answer.body), "role")
    if isinstance(found, SetAside):
        raise Incomplete(f"One role could not be read: {found.why}")
    return found


def read_role_users(answer: Answer) -> Rows[tuple[str, bool]]:
    """One page of a role's users: each id, and whether the role is assigned to them."""
    try:
        found = _decode_role_users(answer.body)
    except _BROKEN:
        return rows_one_by_one(tolerant_json(answer.body), "member", _tolerant_role_user)
    span = (str(found[0].id), str(found[-1].id)) if found else None
    return Rows([(str(row.id), row.assigned) for row in found], (), span)


def read_user_ids(answer: Answer) -> list[str]:
    """The ids of a list of users; a row without one is a fault, since nobody can say who it was."""
    rows = rows_one_by_one(tolerant_json(answer.body), "user", _tolerant_user_id)
    if rows.set_aside:
        raise Incomplete(rows.set_aside[0].why)
    return list(rows.rows)


def read_envelope(answer: Answer) -> tuple[list[Any], str | None]:
    """Rows and next cursor of an answer of API v1; raises Incomplete when it is none."""
    body = tolerant_json(answer.body)
    data = inside(body, "data")
    if not isinstance(data, list):
        raise Incomplete(
            f"The directory answered with {named(body)} where a list in an envelope was due; "
            "nothing was concluded from it."
        )
    after = inside(body, "pagination", "after_cursor")
    return data, after if isinstance(after, str) and after else None


def tolerant_set(row: object, kind: str) -> GroupRow | SetAside:
    """A role or group by any row that has an id and a name."""
    found = id_of(row)
    if not isinstance(row, dict) or found is None:
        return SetAside(kind="group", external_id=None, why=f"A row of the {kind} list has no id.")
    name = text_of(row.get("name"))
    if name is None:
        return SetAside(kind="group", external_id=f"{kind}:{found}", why=f"The {kind} {found} has no name.")
    return GroupRow(f"{kind}:{found}", name, kind, None)


def _tolerant_user_id(row: object) -> str | SetAside:
    return id_of(row) or SetAside(kind="member", external_id=None, why="A row of a member list has no id.")


def _tolerant_role_user(row: object) -> tuple[str, bool] | SetAside:
    found = _tolerant_user_id(row)
    return found if isinstance(found, SetAside) else (found, inside(row, "assigned") is not False)


def _code(value: object) -> int | None:
    text = text_of(value)
    return int(text) if text is not None and text.isdecimal() else None


def _numbers(value: object) -> list[int] | None:
    """Role ids as numbers; None for anything that is not a list of them."""
    if not isinstance(value, list):
        return None
    found = [_code(each) for each in value]
    return None if None in found else [each for each in found if each is not None]
