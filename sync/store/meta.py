"""Single facts about the whole installation, by name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.store.schema import meta


def get(conn: Conn, key: str) -> str | None:
    """The fact, or None when nobody has stated it yet."""
    return conn.scalar(sa.select(meta.c.value).where(meta.c.key == key))


def put(conn: Conn, key: str, value: str) -> None:
    """State the fact; the last word counts."""
    if conn.execute(sa.update(meta).where(meta.c.key == key).values(value=value)).rowcount == 0:
        conn.execute(sa.insert(meta).values(key=key, value=value))
