"""What people and programs did to this installation: by whom, from where, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.access import Actor
from sync.store.fold import contains
from sync.store.schema import audit as table
from sync.store.schema import connection
from sync.store.text import from_json, to_json
from sync.store.times import to_text


def add(
    conn: Conn,
    *,
    actor: Actor,
    by: str,
    action: str,
    kind: str,
    subject_id: str,
    label: str,
    connection_id: str | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    now: datetime,
) -> None:
    """One row, in the transaction of the change."""
    row = {"at": to_text(now), "action": action, "by": by, "via": actor.via.value, "address": actor.address}
    row |= {"kind": kind, "subject_id": subject_id, "label": label}
    row |= {"before": to_json(dict(before)), "after": to_json(dict(after))}
    conn.execute(sa.insert(table).values(**row, connection_id=connection_id))


def listed(
    conn: Conn,
    *,
    search: str | None = None,
    by: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    connection_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Rows, newest first; ``before`` is the ``seq`` of the last one seen.

    ``action`` may be a whole noun: ``plans`` finds ``plans.approve`` and ``plans.reject``.
    """
    wanted: list[sa.ColumnElement[bool]] = []
    if search:
        wanted.append(sa.or_(contains(table.c.label, search), contains(table.c.by, search)))
    if action is not None:
        wanted.append(
            sa.or_(table.c.action == action, table.c.action.startswith(f"{action}.", autoescape=True))
        )
    for column, value in ((table.c.by, by), (table.c.subject_id, subject)):
        if value is not None:
            wanted.append(column == value)
    if connection_id is not None:
        wanted.append(table.c.connection_id == connection_id)
    if since is not None:
        wanted.append(table.c.at >= to_text(since))
    if until is not None:
        wanted.append(table.c.at < to_text(until))
    if before is not None:
        wanted.append(table.c.seq < before)
    query = (
        sa.select(table, connection.c.name.label("connection"))
        .outerjoin(connection, connection.c.id == table.c.connection_id)
        .where(*wanted)
        .order_by(table.c.seq.desc())
        .limit(limit)
    )
    return [_row(row) for row in conn.execute(query)]


def _row(row: sa.Row[Any]) -> dict[str, Any]:
    return row._asdict() | {"before": from_json(row.before), "after": from_json(row.after)}
