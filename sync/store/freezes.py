"""Freezes: begun and ended by people, in force for one connection or for all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.errors import Misconfigured
from sync.model.freeze import Freeze
from sync.store.ids import new_id
from sync.store.prepared import Prepared
from sync.store.schema import freeze as table
from sync.store.times import from_text, to_text


def freeze(
    conn: Conn, *, connection_id: str | None, until: datetime | None, by: str, reason: str, now: datetime
) -> Freeze:
    """Hold every removal of the connection (None: of all) from now on; takes the place of an earlier freeze.

    Raises Misconfigured when ``until`` is not in the future.
    """
    if until is not None and until <= now:
        raise Misconfigured("a freeze must end in the future; give --until a later time, or leave it out")
    thaw(conn, connection_id=connection_id, by=by, now=now)
    begun = Freeze(
        id=new_id(), connection_id=connection_id, until=until, by=by, reason=reason.strip(), since=now
    )
    conn.execute(
        sa.insert(table).values(
            id=begun.id,
            connection_id=connection_id,
            until=None if until is None else to_text(until),
            by=by,
            reason=begun.reason,
            since=to_text(now),
        )
    )
    return begun


def thaw(conn: Conn, *, connection_id: str | None, by: str, now: datetime) -> bool:
    """End the freeze of this scope; False when there was none in force."""
    ended = sa.update(table).where(_in_force(now), _of(connection_id))
    return conn.execute(ended.values(ended_at=to_text(now), ended_by=by)).rowcount > 0


def current(conn: Conn, connection_id: str, now: datetime) -> Freeze | None:
    """The freeze this connection is under, its own or everybody's: the one that lasts longest."""
    found = _CURRENT.first(conn, of=connection_id, now=to_text(now))
    return None if found is None else _freeze_of(found)


_CURRENT = Prepared(
    sa.select(table)
    .where(
        table.c.ended_at.is_(None),
        table.c.until.is_(None) | (table.c.until > sa.bindparam("now")),
        table.c.connection_id.is_(None) | (table.c.connection_id == sa.bindparam("of")),
    )
    .order_by(table.c.until.is_not(None), table.c.until.desc())
    .limit(sa.literal_column("1"))
)


def listed(conn: Conn, now: datetime) -> list[Freeze]:
    """Every freeze in force, oldest first."""
    return [
        _freeze_of(row) for row in conn.execute(sa.select(table).where(_in_force(now)).order_by(table.c.id))
    ]


def _in_force(now: datetime) -> sa.ColumnElement[bool]:
    return table.c.ended_at.is_(None) & (table.c.until.is_(None) | (table.c.until > to_text(now)))


def _of(connection_id: str | None) -> sa.ColumnElement[bool]:
    return (
        table.c.connection_id.is_(None) if connection_id is None else table.c.connection_id == connection_id
    )


def _freeze_of(row: Any) -> Freeze:
    return Freeze(
        id=row.id,
        connection_id=row.connection_id,
        until=from_text(row.until),
        by=row.by,
        reason=row.reason,
        since=from_text(row.since),
    )
