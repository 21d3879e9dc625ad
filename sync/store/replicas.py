"""Which processes of the daemon are alive: each says so in a row of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.store.times import from_text, to_text
from sync.store.watch_schema import replica


def beat(conn: Conn, id: str, *, version: str, role: str, started_at: datetime, now: datetime) -> None:
    """Say that this one is alive; the first time makes its row."""
    seen = {"seen_at": to_text(now)}
    if conn.execute(sa.update(replica).where(replica.c.id == id).values(seen)).rowcount == 0:
        row = {"id": id, "version": version, "role": role, "started_at": to_text(started_at)}
        conn.execute(sa.insert(replica).values(row | seen))


def leave(conn: Conn, id: str) -> None:
    """It has ended in order."""
    conn.execute(sa.delete(replica).where(replica.c.id == id))


def bury(conn: Conn, before: datetime) -> None:
    """Forget those that were not heard of since."""
    conn.execute(sa.delete(replica).where(replica.c.seen_at < to_text(before)))


def alive(conn: Conn, since: datetime) -> list[dict[str, Any]]:
    """Those heard of since then, oldest first."""
    query = sa.select(replica).where(replica.c.seen_at >= to_text(since)).order_by(replica.c.started_at)
    return [
        {
            "id": row.id,
            "version": row.version,
            "role": row.role,
            "started_at": from_text(row.started_at),
            "seen_at": from_text(row.seen_at),
        }
        for row in conn.execute(query)
    ]
