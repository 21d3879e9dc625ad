"""Reading the events that were committed with the changes they tell of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Boolean, bindparam, func, literal_column, select
from sqlalchemy import Connection as Conn

from sync.store import schema
from sync.store.text import from_json

_OUTBOX = schema.outbox
_AFTER: Final = (
    select(_OUTBOX.c.seq, _OUTBOX.c.body).where(_OUTBOX.c.seq > bindparam("after")).order_by(_OUTBOX.c.seq)
)
_SETTLED: Final = {
    "sqlite": _AFTER,
    # Sequence numbers are given before the commit: a row is shown only when no transaction still
    # runs that may have taken a lower one, else a reader by cursor would pass over it for ever.
    "postgresql": _AFTER.where(
        literal_column("age(outbox.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)", Boolean)
    ),
}


def events(
    conn: Conn, *, after: int = 0, limit: int = 100, types: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Events behind sequence ``after`` in order: each is its body with its ``sequence``.

    No event with a lower sequence appears later, so the last sequence is a safe cursor.
    """
    statement = _SETTLED[conn.dialect.name].limit(limit)
    if types is not None:
        statement = statement.where(_OUTBOX.c.type.in_(list(types)))
    return [from_json(body) | {"sequence": seq} for seq, body in conn.execute(statement, {"after": after})]


def count(conn: Conn) -> int:
    """Events kept."""
    return int(conn.execute(select(func.count()).select_from(_OUTBOX)).scalar_one())
