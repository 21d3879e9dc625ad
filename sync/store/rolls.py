"""Who is in a group as stored, and since when reads miss somebody: what a read compares members with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import and_, bindparam, func, select

from sync.model.resources import Status
from sync.store import schema
from sync.store.database import Conn
from sync.store.keys import among, aside
from sync.store.text import chunks

_PERSON = schema.directory_user
_GROUP = schema.directory_group
_MEMBER = schema.member
_INNER = _GROUP.alias("inner_group")


class Held(NamedTuple):
    """One stored membership. ``group`` and ``member`` are the directory's ids, the others ours.

    ``seq`` and ``status`` are a person's, None for a nested group and for somebody not named yet.
    """

    group: str
    group_id: str
    group_name: str
    member: str
    value: str
    missed_at: str | None
    seq: int | None = None
    status: Status | None = None
    label: str | None = None


_OF_GROUP: Final = (
    _GROUP.c.external_id.label("group"),
    _GROUP.c.id.label("group_id"),
    _GROUP.c.name.label("group_name"),
)
_OF_MEMBER: Final = (_MEMBER.c.value, _MEMBER.c.missed_at)
_OF_PERSON: Final = (
    _PERSON.c.seq,
    _PERSON.c.status,
    func.coalesce(_PERSON.c.email, _PERSON.c.user_name).label("label"),
)
_NOBODY: Final = (sa.null().label("seq"), sa.null().label("status"), sa.null().label("label"))
_THERE: Final = and_(
    # Aside, or SQLite would look through every group for each person instead of at the memberships.
    aside(_GROUP.c.connection_id) == bindparam("connection_id"),
    _GROUP.c.deleted_at.is_(None),
    _GROUP.c.external_id.is_not(None),
)


def _named(table: Any) -> sa.ColumnElement[bool]:
    return and_(
        table.c.connection_id == bindparam("connection_id"),
        table.c.deleted_at.is_(None),
        among(table.c.external_id, "keys"),
    )


_HELD_BY: Final = (
    select(*_OF_GROUP, _PERSON.c.external_id.label("member"), *_OF_MEMBER, *_OF_PERSON)
    .select_from(_PERSON)
    .join(_MEMBER, _MEMBER.c.value == _PERSON.c.id)
    .join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id)
    .where(_named(_PERSON), _THERE),
    select(*_OF_GROUP, _INNER.c.external_id.label("member"), *_OF_MEMBER, *_NOBODY)
    .select_from(_INNER)
    .join(_MEMBER, _MEMBER.c.value == _INNER.c.id)
    .join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id)
    .where(_named(_INNER), _THERE),
    select(*_OF_GROUP, _MEMBER.c.value.label("member"), *_OF_MEMBER, *_NOBODY)
    .join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id)
    # Spelled out, as the partial index has it.
    .where(_MEMBER.c.kind == sa.literal_column("'pending'"), among(_MEMBER.c.value, "keys"), _THERE),
)


def held_by(conn: Conn, connection_id: str, external_ids: Iterable[str]) -> Iterator[Held]:
    """The memberships of these people and groups in the connection's groups, each once."""
    for part in chunks(external_ids):
        for statement in _HELD_BY:
            for row in conn.execute(statement, {"connection_id": connection_id, "keys": part}):
                yield _held(row)


_MEMBERS: Final = (
    select(
        *_OF_GROUP,
        func.coalesce(
            _PERSON.c.external_id,
            _PERSON.c.scim_external_id,
            _INNER.c.external_id,
            _INNER.c.scim_external_id,
            _MEMBER.c.value,
        ).label("member"),
        *_OF_MEMBER,
        *_OF_PERSON,
    )
    .select_from(_MEMBER)
    .join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id)
    .outerjoin(_PERSON, and_(_MEMBER.c.kind == "user", _PERSON.c.id == _MEMBER.c.value))
    .outerjoin(_INNER, and_(_MEMBER.c.kind == "group", _INNER.c.id == _MEMBER.c.value))
    .where(_MEMBER.c.group_id == bindparam("group_id"))
)


def members(conn: Conn, group_id: str) -> list[Held]:
    """The members of one group, by our id of it."""
    return [_held(row) for row in conn.execute(_MEMBERS, {"group_id": group_id})]


_SIZES: Final = (
    select(_GROUP.c.external_id, func.count())
    .join(_MEMBER, _MEMBER.c.group_id == _GROUP.c.id)
    .where(_named(_GROUP))
    .group_by(_GROUP.c.external_id)
)


def sizes(conn: Conn, connection_id: str, external_ids: Iterable[str]) -> dict[str, int]:
    """How many members these groups have; those without any are absent."""
    found: dict[str, int] = {}
    for part in chunks(external_ids):
        rows = conn.execute(_SIZES, {"connection_id": connection_id, "keys": part})
        found.update((external_id, count) for external_id, count in rows)
    return found


def _held(row: Any) -> Held:
    status = None if row.status is None else Status(row.status)
    return Held(
        row.group,
        row.group_id,
        row.group_name,
        row.member,
        row.value,
        row.missed_at,
        row.seq,
        status,
        row.label,
    )
