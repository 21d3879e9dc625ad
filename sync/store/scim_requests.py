"""The log of what identity providers asked the SCIM endpoint: the last requests of each connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.store import bulk
from sync.store.fold import contains
from sync.store.schema import connection
from sync.store.schema import scim_request as table
from sync.store.text import from_json
from sync.store.times import to_text

KEPT_MAX: Final = 10_000
"""Requests of one connection that are kept at most, however short a time they cover."""

COLUMNS: Final = (
    "connection_id", "at", "method", "path", "status", "ms", "detail", "quirks", "client", "request_body",
    "answer_body",
)  # fmt: skip


def settings_of(conn: Conn) -> dict[str, Mapping[str, Any]]:
    """The settings of every connection's endpoint, by the connection's id."""
    rows = conn.execute(sa.select(connection.c.id, connection.c.settings))
    return {row.id: from_json(row.settings).get("scim") or {} for row in rows}


def add(conn: Conn, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note requests, oldest first."""
    bulk.insert(conn, table, COLUMNS, [tuple(row[name] for name in COLUMNS) for row in rows])


def listed(
    conn: Conn,
    connection_id: str,
    *,
    limit: int,
    before: int | None = None,
    failed: bool = False,
    search: str | None = None,
) -> list[dict[str, Any]]:
    """The newest requests first, from before that ``seq``; ``failed`` leaves out what went well.

    ``search`` is part of the method, the path, the client or of what was told.
    """
    query = sa.select(table).where(table.c.connection_id == connection_id)
    if before is not None:
        query = query.where(table.c.seq < before)
    if failed:
        query = query.where(table.c.status >= 400)
    if search:
        said = (table.c.method, table.c.path, table.c.client, table.c.detail)
        query = query.where(sa.or_(*(contains(each, search) for each in said)))
    rows = conn.execute(query.order_by(table.c.seq.desc()).limit(limit)).mappings()
    return [{**row, "quirks": from_json(row["quirks"])} for row in rows]


def forget(conn: Conn, connection_id: str, before: datetime) -> int:
    """Drop what is older, and what is more than is kept; how many went."""
    mine = table.c.connection_id == connection_id
    newest = sa.select(table.c.seq).where(mine).order_by(table.c.seq.desc()).limit(1).offset(KEPT_MAX)
    old = (table.c.at < to_text(before)) | (table.c.seq <= newest.scalar_subquery())
    return conn.execute(sa.delete(table).where(mine, old)).rowcount
