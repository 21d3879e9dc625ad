"""Items that a person left out of a plan, kept so that they stay left out until somebody says otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.store import bulk
from sync.store.fold import contains
from sync.store.keys import among
from sync.store.schema import connection, left_out
from sync.store.text import chunks
from sync.store.times import to_text

_COLUMNS = (
    "connection_id", "item_id", "digest", "action", "label", "external_id", "reason", "plan_id", "by", "at"
)  # fmt: skip


def add(conn: Conn, connection_id: str, rows: Sequence[Mapping[str, Any]], *, by: str, now: datetime) -> None:
    """Remember these items; one that was left out before is remembered as it is now."""
    forget(conn, connection_id, [row["item_id"] for row in rows])
    settled = {"connection_id": connection_id, "by": by, "at": to_text(now)}
    whole = [{**row, **settled} for row in rows]
    bulk.insert(conn, left_out, _COLUMNS, [tuple(row[name] for name in _COLUMNS) for row in whole])


def digests(conn: Conn, connection_id: str) -> dict[str, bytes]:
    """What is left out of this connection's plans: digest by item id."""
    query = sa.select(left_out.c.item_id, left_out.c.digest).where(left_out.c.connection_id == connection_id)
    return {row.item_id: bytes(row.digest) for row in conn.execute(query)}


def forget(conn: Conn, connection_id: str, item_ids: Collection[str]) -> None:
    """Forget what does not want the same any more, or was let in again."""
    for part in chunks(item_ids):
        conn.execute(
            sa.delete(left_out).where(left_out.c.connection_id == connection_id, left_out.c.item_id.in_(part))
        )


def forget_people(conn: Conn, connection_id: str, external_ids: Collection[str]) -> None:
    """Forget what was left out about people whom the directory shows just as they are stored."""
    for part in chunks(external_ids):
        mine = left_out.c.connection_id == connection_id
        conn.execute(sa.delete(left_out).where(mine, left_out.c.external_id.in_(part)))


def listed(
    conn: Conn,
    *,
    connection_id: str | None = None,
    search: str | None = None,
    action: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """What is left out with the ``connection``'s name, by connection; ``after`` is the last one's place."""
    query = _ALL if connection_id is None else _ALL.where(left_out.c.connection_id == connection_id)
    if action is not None:
        query = query.where(left_out.c.action == action)
    if search:
        query = query.where(contains(left_out.c.label, search))
    if after is not None:
        query = query.where(sa.tuple_(*_KEY) > tuple(after.partition(".")[::2]))
    query = query.order_by(*_KEY).limit(limit)
    return [dict(row) for row in conn.execute(query).mappings()]


def place(row: Mapping[str, Any]) -> str:
    """Where a row stands in the list, as ``listed`` takes it."""
    return f"{row['connection_id']}.{row['item_id']}"


def about(conn: Conn, item_ids: Collection[str]) -> list[dict[str, Any]]:
    """What is left out under these item ids."""
    return [
        dict(row)
        for part in chunks(item_ids)
        for row in conn.execute(_ALL.where(among(left_out.c.item_id, "keys")), {"keys": part}).mappings()
    ]


_KEY = (left_out.c.connection_id, left_out.c.item_id)
_SHOWN = [left_out.c[name] for name in _COLUMNS if name != "digest"]
_ALL = sa.select(*_SHOWN, connection.c.name.label("connection")).join(
    connection, connection.c.id == left_out.c.connection_id
)
