"""Single facts about the whole installation, by name."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.store.keys import among
from sync.store.prepared import Prepared
from sync.store.schema import meta

_TRIED: Final = "tried"
_GET = Prepared(sa.select(meta.c.value).where(meta.c.key == sa.bindparam("name")))
_SEVERAL = Prepared(sa.select(meta.c.key, meta.c.value).where(among(meta.c.key, "names")))
_CHANGE = Prepared(
    sa.update(meta).where(meta.c.key == sa.bindparam("name")).values(value=sa.bindparam("said"))
)


def get(conn: Conn, key: str) -> str | None:
    """The fact, or None when nobody has stated it yet."""
    row = _GET.first(conn, name=key)
    return None if row is None else row.value


def several(conn: Conn, keys: Collection[str]) -> dict[str, str]:
    """Those of the facts that somebody has stated, by name."""
    return {row.key: row.value for row in _SEVERAL.all(conn, names=keys)}


def put(conn: Conn, key: str, value: str) -> None:
    """State the fact; the last word counts."""
    if _CHANGE.run(conn, name=key, said=value) == 0:
        conn.execute(sa.insert(meta).values(key=key, value=value))


def drop(conn: Conn, key: str) -> None:
    """Forget the fact."""
    conn.execute(sa.delete(meta).where(meta.c.key == key))


def try_write(conn: Conn) -> datetime | None:
    """Write and take it back; the clock of a database server, None where there is none but ours."""
    put(conn, _TRIED, "")
    drop(conn, _TRIED)
    if conn.dialect.name != "postgresql":
        return None
    told: datetime = conn.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return told
