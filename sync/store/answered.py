"""Answers to writes that named a key of their own, so that asking again does nothing twice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy.dialects import postgresql, sqlite

from sync.store.schema import answered as table
from sync.store.times import to_text

_CLAIMS = {
    name: insert(table).on_conflict_do_nothing(index_elements=["caller", "key"]).returning(table.c.key)
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


def claim(conn: Conn, *, caller: str, key: str, request: str, now: datetime, kept_since: datetime) -> bool:
    """Take the key for this request; False when somebody did. Older answers go."""
    conn.execute(sa.delete(table).where(table.c.created_at < to_text(kept_since)))
    row = {"caller": caller, "key": key, "request": request, "created_at": to_text(now)}
    return conn.execute(_CLAIMS[conn.dialect.name], row).first() is not None


def find(conn: Conn, caller: str, key: str) -> sa.Row[Any] | None:
    """The row (request, status, sealed); status is None while the first asker waits for its answer."""
    return conn.execute(_mine(sa.select(table), caller, key)).first()


def keep(conn: Conn, caller: str, key: str, *, status: int, sealed: str) -> None:
    """Keep the answer for whoever asks again."""
    conn.execute(_mine(sa.update(table), caller, key).values(status=status, sealed=sealed))


def forget(conn: Conn, caller: str, key: str) -> None:
    """Give the key back: nothing was done under it."""
    conn.execute(_mine(sa.delete(table), caller, key))


def _mine(statement: Any, caller: str, key: str) -> Any:
    return statement.where(table.c.caller == caller, table.c.key == key)
