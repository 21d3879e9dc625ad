"""Every statement that changes who is in a group, and the group's version with it.

Only ``sync.apply`` may import this module; an import contract holds that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from sync.store.identities import Moved
from sync.store.keys import among, aside
from sync.store.prepared import Prepared
from sync.store.schema import directory_group, directory_user, member
from sync.store.text import chunks, to_json

Row = Mapping[str, Any]


def lock_group(conn: Connection, group_id: str) -> None:
    """Let no other writer change this group's members until commit."""
    if conn.dialect.name == "postgresql":
        _LOCK_GROUP.run(conn, of=group_id)


_LOCK_GROUP = Prepared(
    sa.select(directory_group.c.id).where(directory_group.c.id == sa.bindparam("of")).with_for_update()
)


def lock_groups(conn: Connection, group_ids: Iterable[str]) -> None:
    """Let no other writer change the members of any of these groups until commit."""
    if conn.dialect.name == "postgresql":
        for part in chunks(group_ids):
            _LOCK_GROUPS.run(conn, keys=part)


_LOCK_GROUPS = Prepared(
    sa.select(directory_group.c.id)
    .where(among(directory_group.c.id, "keys"))
    .order_by(directory_group.c.id)
    .with_for_update()
)


def _values(dialect: str) -> str:
    if dialect == "postgresql":
        return "unnest(CAST(:values AS text[])) AS j(value)"
    return "json_each(:values) AS j"


def _resolved(dialect: str) -> str:
    """Named members with whom they mean: IdP's id, our id, or SCIM externalId; users, then groups."""
    joins = [
        ("e", "directory_user", "external_id", ""),
        ("d", "directory_user", "id", "e.id IS NULL AND "),
        ("s", "directory_user", "scim_external_id", "e.id IS NULL AND d.id IS NULL AND "),
        ("g", "directory_group", "external_id", "e.id IS NULL AND d.id IS NULL AND s.id IS NULL AND "),
        (
            "h",
            "directory_group",
            "id",
            "e.id IS NULL AND d.id IS NULL AND s.id IS NULL AND g.id IS NULL AND ",
        ),
    ]
    lines = [
        f"LEFT JOIN {table} {name} ON {unless}{name}.{column} = j.value "
        f"AND {name}.connection_id = :connection AND {name}.deleted_at IS NULL"
        for name, table, column, unless in joins
    ]
    return f"FROM {_values(dialect)} {' '.join(lines)}"


_TARGET = "coalesce(e.id, d.id, s.id, g.id, h.id, j.value)"
_KIND = (
    "CASE WHEN coalesce(e.id, d.id, s.id) IS NOT NULL THEN 'user' "
    "WHEN coalesce(g.id, h.id) IS NOT NULL THEN 'group' ELSE 'pending' END"
)


def _bound(conn: Connection, group_id: str, connection_id: str, values: Sequence[str]) -> dict[str, Any]:
    listed = list(values) if conn.dialect.name == "postgresql" else to_json(list(values))
    return {"group": group_id, "connection": connection_id, "values": listed}


def add_members(
    conn: Connection, group_id: str, connection_id: str, values: Sequence[str], *, run_id: str | None, at: str
) -> list[Moved]:
    """Put everybody named into the group; who is unknown becomes pending. Returns who is new in it.

    Costs least where the IdP's ids name them, as a pull does.
    """
    added, rest = _add_known(conn, group_id, connection_id, values, run_id=run_id, at=at)
    if not rest:
        return added
    return added + add_named_members(conn, group_id, connection_id, rest, run_id=run_id, at=at)


def add_named_members(
    conn: Connection, group_id: str, connection_id: str, values: Sequence[str], *, run_id: str | None, at: str
) -> list[Moved]:
    """The same for members named by whichever of our or their ids, as a push does."""
    bound = _bound(conn, group_id, connection_id, values) | {"run": run_id, "at": at}
    return [(value, kind) for value, kind in _ADD_RESOLVED[conn.dialect.name].all(conn, **bound)]


def _add_known(
    conn: Connection, group_id: str, connection_id: str, values: Sequence[str], *, run_id: str | None, at: str
) -> tuple[list[Moved], list[str]]:
    """Put those into the group whom the IdP's id names, nearly everybody: who is new, and the rest."""
    added: list[Moved] = []
    rest: list[str] = []
    for part in chunks(values):
        new = _ADD_KNOWN[conn.dialect.name].column(
            conn, connection=connection_id, keys=part, group=group_id, run=run_id, at=at
        )
        added += [(value, "user") for value in new]
        if len(new) < len(part):  # some are unknown, or in it already
            known = {row.external_id for row in _KNOWN.all(conn, connection=connection_id, keys=part)}
            rest += [value for value in part if value not in known]
    return added, rest


_NAMED = (
    directory_user.c.connection_id == sa.bindparam("connection"),
    directory_user.c.deleted_at.is_(None),
    among(directory_user.c.external_id, "keys"),
)
_KNOWN = Prepared(sa.select(directory_user.c.external_id).where(*_NAMED))
_ADD_RESOLVED = {
    name: Prepared(
        sa.text(
            "INSERT INTO member (group_id, value, kind, run_id, added_at) "
            f"SELECT DISTINCT :group, {_TARGET}, {_KIND}, CAST(:run AS VARCHAR), :at {_resolved(name)} "
            "WHERE true ON CONFLICT DO NOTHING RETURNING value, kind"
        )
    )
    for name in ("postgresql", "sqlite")
}
_REMOVE = {
    name: Prepared(
        sa.text(
            f"DELETE FROM member WHERE group_id = :group AND value IN (SELECT {_TARGET} {_resolved(name)}) "
            "RETURNING value, kind, display, added_at"
        )
    )
    for name in ("postgresql", "sqlite")
}
_ADD_KNOWN = {
    name: Prepared(
        insert(member)
        .from_select(
            ["group_id", "value", "kind", "run_id", "added_at"],
            sa.select(
                sa.bindparam("group", type_=member.c.group_id.type),
                directory_user.c.id,
                sa.literal_column("'user'"),
                sa.bindparam("run", type_=sa.String),
                sa.bindparam("at", type_=sa.String),
            ).where(*_NAMED),
        )
        .on_conflict_do_nothing()
        .returning(member.c.value)
    )
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


Membership = tuple[str, str, str | None, str]
"""A membership seen from one side: (the other side's id, kind, display, added_at)."""


def remove_members(
    conn: Connection, group_id: str, connection_id: str, values: Sequence[str]
) -> list[Membership]:
    """Take everybody named out of the group; returns those who were in it."""
    return _REMOVE[conn.dialect.name].all(conn, **_bound(conn, group_id, connection_id, values))


def members_of(conn: Connection, group_id: str) -> list[Membership]:
    """The memberships of a group."""
    columns = (member.c.value, member.c.kind, member.c.display, member.c.added_at)
    return [tuple(row) for row in conn.execute(sa.select(*columns).where(member.c.group_id == group_id))]


def memberships_of(conn: Connection, value: str) -> list[Membership]:
    """The memberships that a person or a nested group has."""
    columns = (member.c.group_id, member.c.kind, member.c.display, member.c.added_at)
    return [tuple(row) for row in conn.execute(sa.select(*columns).where(member.c.value == value))]


def put_members(
    conn: Connection, rows: Sequence[tuple[str, str, str, str | None, str]], *, run_id: str | None
) -> None:
    """Put memberships back as (group_id, value, kind, display, added_at)."""
    statement = sa.text(
        "INSERT INTO member (group_id, value, kind, display, run_id, added_at) "
        "VALUES (:group, :value, :kind, :display, :run, :at) ON CONFLICT DO NOTHING"
    )
    names = ("group", "value", "kind", "display", "at")
    bound = [dict(zip(names, row, strict=True)) | {"run": run_id} for row in rows]
    if bound:
        conn.execute(statement, bound)


def note_missed(conn: Connection, group_id: str, missed: Iterable[str], met: Iterable[str], at: str) -> None:
    """Note since when members are missed, by our ids, and take the note back of those who were met.

    A group with a member who is missed has no digest, so that the next read compares it anew.
    """
    is_missed = False
    for part in chunks(missed):
        is_missed |= bool(part)
        _NOTE_MISSED.run(conn, of=group_id, keys=part, at=at)
    for part in chunks(met):
        _NOTE_MET.run(conn, of=group_id, keys=part)
    if is_missed:
        _FORGET_DIGEST.run(conn, of=group_id)


_AMONG_MEMBERS = (member.c.group_id == sa.bindparam("of"), among(member.c.value, "keys"))
_NOTE_MISSED = Prepared(
    sa.update(member)
    .where(*_AMONG_MEMBERS, member.c.missed_at.is_(None))
    .values(missed_at=sa.bindparam("at"))
)
_NOTE_MET = Prepared(sa.update(member).where(*_AMONG_MEMBERS).values(missed_at=sa.null()))
_FORGET_DIGEST = Prepared(
    sa.update(directory_group)
    .where(directory_group.c.id == sa.bindparam("of"))
    .values(member_digest=sa.null())
)


def set_displays(conn: Connection, group_id: str, displays: Mapping[str, str]) -> None:
    """Keep the texts a client sent for members of a group."""
    for value, shown in displays.items():
        _SHOW.run(conn, of=group_id, who=value, shown=shown)


_SHOW = Prepared(
    sa.update(member)
    .where(member.c.group_id == sa.bindparam("of"), member.c.value == sa.bindparam("who"))
    .values(display=sa.bindparam("shown"))
)


def settle_digest(conn: Connection, group_id: str, digest: bytes | None, whole: int) -> None:
    """Remember the digest only when the group now has exactly the members it stands for."""
    _SETTLE_DIGEST.run(conn, of=group_id, digest=digest, whole=whole)


_SIZE = sa.select(sa.func.count()).where(member.c.group_id == sa.bindparam("of")).scalar_subquery()
_SETTLE_DIGEST = Prepared(
    sa.update(directory_group)
    .where(directory_group.c.id == sa.bindparam("of"))
    .values(
        member_digest=sa.case(
            (
                sa.bindparam("whole", type_=sa.Integer) == _SIZE,
                sa.cast(sa.bindparam("digest", type_=sa.LargeBinary), sa.LargeBinary),
            ),
            else_=sa.null(),
        )
    )
)


def touch_group(conn: Connection, group_id: str, at: str) -> Row:
    """A new version of the group, for readers that compare versions; the columns that changed."""
    touched: Row = _TOUCH.all(conn, of=group_id, now=at)[0]._asdict()
    return touched


_TOUCH = Prepared(
    sa.update(directory_group)
    .where(directory_group.c.id == sa.bindparam("of"))
    .values(
        version=directory_group.c.version + sa.literal_column("1"),
        updated_at=sa.bindparam("now"),
        member_digest=sa.null(),
    )
    .returning(directory_group.c.version, directory_group.c.updated_at, directory_group.c.member_digest)
)


def touch_groups(conn: Connection, group_ids: Iterable[str], at: str) -> None:
    """A new version of each of these groups."""
    for part in chunks(group_ids):
        _TOUCH_ALL.run(conn, keys=part, now=at)


_TOUCH_ALL = Prepared(
    sa.update(directory_group)
    .where(among(directory_group.c.id, "keys"))
    .values(
        version=directory_group.c.version + sa.literal_column("1"),
        updated_at=sa.bindparam("now"),
        member_digest=sa.null(),
    )
)


def resolve_pending(
    conn: Connection, connection_id: str, names: Mapping[str, str], kind: str
) -> list[tuple[str, str]]:
    """Turn pending members into known ones; ``names`` maps foreign id to our id.

    Returns (group, our id of who is now known in it).
    """
    known: list[tuple[str, str]] = []
    for part in chunks(names):
        for group_id, value in _PENDING.all(conn, of=connection_id, keys=part):
            known.append((group_id, names[value]))
            _settle(conn, group_id, value, names[value], kind)
    return known


_PENDING = Prepared(
    sa.select(member.c.group_id, member.c.value)
    .join(directory_group, directory_group.c.id == member.c.group_id)
    .where(
        member.c.kind == sa.literal_column("'pending'"),
        among(member.c.value, "keys"),
        # From the few who are pending, never from every group of the connection.
        aside(directory_group.c.connection_id) == sa.bindparam("of"),
    )
)


def _settle(conn: Connection, group_id: str, value: str, known: str, kind: str) -> None:
    where = (member.c.group_id == group_id) & (member.c.value == value)
    there = conn.scalar(
        sa.select(sa.func.count()).where(member.c.group_id == group_id, member.c.value == known)
    )
    if there:
        conn.execute(sa.delete(member).where(where))
    else:
        conn.execute(sa.update(member).where(where).values(value=known, kind=kind))


_GROUPS_WITH = Prepared(sa.select(member.c.group_id).where(member.c.value == sa.bindparam("who")))


def leave_all_groups(conn: Connection, value: str, at: str) -> list[str]:
    """Take a directory user or a nested group out of every group; returns the groups it left."""
    left = [row.group_id for row in _GROUPS_WITH.all(conn, who=value)]
    if left:
        conn.execute(sa.delete(member).where(member.c.value == value))
        for group_id in left:
            touch_group(conn, group_id, at)
    return left


def empty_group(conn: Connection, group_id: str) -> int:
    """Take every member out of a group; returns how many there were."""
    return conn.execute(sa.delete(member).where(member.c.group_id == group_id)).rowcount
