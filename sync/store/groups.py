"""What people and applications read of groups: the list, and one with its members."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy import Connection as Conn

from sync.model.errors import Conflict, NotFound
from sync.model.resources import fold
from sync.store import schema
from sync.store.fold import contains
from sync.store.text import nearest

_GROUP = schema.directory_group
_MEMBER = schema.member
_PERSON = schema.directory_user
_LINK = schema.link
_USERS = schema.users
_CONNECTION = schema.connection
_NEAR_LIMIT: Final = 2000
_BRIEF: Final = 100

_SIZE: Final = (
    select(func.count())
    .select_from(_MEMBER)
    .where(_MEMBER.c.group_id == _GROUP.c.id)
    .correlate(_GROUP)
    .scalar_subquery()
)
_SHOWN: Final = (
    select(
        *(
            _GROUP.c[name]
            for name in ("id", "name", "tag", "connection_id", "external_id", "origin", "version")
        ),
        _CONNECTION.c.name.label("connection"),
        _SIZE.label("members"),
    )
    .join(_CONNECTION, _CONNECTION.c.id == _GROUP.c.connection_id)
    .where(_GROUP.c.deleted_at.is_(None))
)


def groups(
    conn: Conn,
    *,
    search: str | None = None,
    connection_id: str | None = None,
    limit: int = 100,
    after: str | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Live groups in the order they were made, and how many match; ``after`` is the last id seen.

    Keys: id, name, tag, connection, connection_id, external_id, origin, version, members (a number).
    """
    wanted: list[ColumnElement[bool]] = [_GROUP.c.deleted_at.is_(None)]
    if search:
        wanted.append(contains(_GROUP.c.name, search))
    if connection_id is not None:
        wanted.append(_GROUP.c.connection_id == connection_id)
    total = int(conn.execute(select(func.count()).select_from(_GROUP).where(*wanted)).scalar_one())
    if after is not None:
        wanted.append(_GROUP.c.id > after)
    statement = _SHOWN.where(*wanted).order_by(_GROUP.c.id).limit(limit)
    return [row._asdict() for row in conn.execute(statement)], total


def group(conn: Conn, ref: str) -> dict[str, Any]:
    """A live group by id, external id or name (any case), with how many members of which kind it has.

    ``namesakes`` are the live groups of other connections that give the same tag, ``within`` those it is in.
    Raises NotFound naming the nearest names, and Conflict when several fit.
    """
    for wanted in (_GROUP.c.id == ref, _GROUP.c.external_id == ref, _GROUP.c.name_key == fold(ref)):
        rows = conn.execute(_SHOWN.where(wanted).order_by(_GROUP.c.id).limit(4)).all()
        if len(rows) > 1:
            several = ", ".join(f"{row.id} ({row.connection})" for row in rows)
            raise Conflict(f"{ref} fits several groups: {several}; name one by its id")
        if rows:
            found = rows[0]._asdict()
            return found | {
                "kinds": _kinds(conn, found["id"]),
                "namesakes": _brief(conn, _GROUP.c.tag == found["tag"], _GROUP.c.id != found["id"]),
                "within": _brief(conn, _GROUP.c.id.in_(_above(found["id"]))),
            }
    known = list(
        conn.execute(select(_GROUP.c.name).where(_GROUP.c.deleted_at.is_(None)).limit(_NEAR_LIMIT)).scalars()
    )
    raise NotFound(f"there is no group with the id, external id or name {ref}{nearest(ref, known)}")


def _above(group_id: str) -> Select[tuple[str]]:
    return select(_MEMBER.c.group_id).where(_MEMBER.c.value == group_id, _MEMBER.c.kind == "group")


def _brief(conn: Conn, *wanted: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = (
        select(_GROUP.c.id, _GROUP.c.name, _CONNECTION.c.name.label("connection"))
        .join(_CONNECTION, _CONNECTION.c.id == _GROUP.c.connection_id)
        .where(_GROUP.c.deleted_at.is_(None), *wanted)
        .order_by(_GROUP.c.name_key, _GROUP.c.id)
        .limit(_BRIEF)
    )
    return [row._asdict() for row in conn.execute(query)]


def _kinds(conn: Conn, group_id: str) -> dict[str, int]:
    """How many members are people, groups, and ids that nobody has seen yet."""
    query = select(_MEMBER.c.kind, func.count()).where(_MEMBER.c.group_id == group_id)
    found = {kind: int(count) for kind, count in conn.execute(query.group_by(_MEMBER.c.kind))}
    return {"user": 0, "group": 0, "pending": 0} | found


def members(
    conn: Conn,
    group_id: str,
    *,
    search: str | None = None,
    kind: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """A group's members by their ids, which is the order in which people came; ``after`` is the last id.

    Keys: id, kind (user, group, pending), label, email, status, user_id, active, added_at.
    """
    nested = _GROUP.alias("nested")
    label = func.coalesce(
        _PERSON.c.email, _PERSON.c.user_name, nested.c.name, _MEMBER.c.display, _MEMBER.c.value
    )
    statement = (
        select(
            _MEMBER.c.value.label("id"),
            _MEMBER.c.kind,
            label.label("label"),
            _LINK.c.user_id,
            _USERS.c.active,
            _MEMBER.c.added_at,
        )
        .outerjoin(_PERSON, and_(_MEMBER.c.kind == "user", _PERSON.c.id == _MEMBER.c.value))
        .outerjoin(nested, and_(_MEMBER.c.kind == "group", nested.c.id == _MEMBER.c.value))
        .outerjoin(_LINK, and_(_MEMBER.c.kind == "user", _LINK.c.directory_user_id == _MEMBER.c.value))
        .outerjoin(_USERS, _USERS.c.id == _LINK.c.user_id)
        .where(_MEMBER.c.group_id == group_id)
        .order_by(_MEMBER.c.value)
        .limit(limit)
    )
    if search:
        statement = statement.where(contains(label, search))
    if kind is not None:
        statement = statement.where(_MEMBER.c.kind == kind)
    if after is not None:
        statement = statement.where(_MEMBER.c.value > after)
    return [row._asdict() for row in conn.execute(statement)]
