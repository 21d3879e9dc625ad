"""Single facts about the whole installation, by name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.store.prepared import Prepared
from sync.store.schema import meta

_GET = Prepared(sa.select(meta.c.value).where(meta.c.key == sa.bindparam("name")))
_CHANGE = Prepared(
    sa.update(meta).where(meta.c.key == sa.bindparam("name")).values(value=sa.bindparam("said"))
)


def get(conn: Conn, key: str) -> str | None:
    """The fact, or None when nobody has stated it yet."""
    row = _GET.first(conn, name=key)
    return None if row is None else row.value


def put(conn: Conn, key: str, value: str) -> None:
    """State the fact; the last word counts."""
    if _CHANGE.run(conn, name=key, said=value) == 0:
        conn.execute(sa.insert(meta).values(key=key, value=value))


def drop(conn: Conn, key: str) -> None:
    """Forget the fact."""
    conn.execute(sa.delete(meta).where(meta.c.key == key))
