"""What waits for a person, besides held plans: disputes, adoptions to confirm, people without e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.store.ids import new_id
from sync.store.schema import attention, connection
from sync.store.times import to_text


def raise_(
    conn: Conn,
    connection_id: str,
    *,
    kind: str,
    key: str,
    label: str,
    why: str,
    run_id: str | None,
    now: datetime,
) -> None:
    """Put a question on the list; one that is there, open or answered, is left as it is."""
    there = conn.execute(
        sa.select(attention.c.id).where(
            attention.c.connection_id == connection_id, attention.c.kind == kind, attention.c.key == key
        )
    ).first()
    if there is None:
        conn.execute(
            sa.insert(attention).values(
                id=new_id(),
                connection_id=connection_id,
                kind=kind,
                key=key,
                label=label,
                why=why,
                last_seen_run=run_id,
                first_seen_at=to_text(now),
            )
        )


def listed(conn: Conn, *, connection_id: str | None = None, state: str = "open") -> list[Mapping[str, Any]]:
    """Questions with the name of their connection, oldest first."""
    query = (
        sa.select(attention, connection.c.name.label("connection"))
        .join(connection, connection.c.id == attention.c.connection_id)
        .where(attention.c.state == state)
        .order_by(attention.c.id)
    )
    if connection_id is not None:
        query = query.where(attention.c.connection_id == connection_id)
    return [dict(row) for row in conn.execute(query).mappings()]
