"""Reading the events that were committed with the changes they tell of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Boolean, Row, Select, bindparam, func, literal_column, select
from sqlalchemy import Connection as Conn

from sync.store import schema
from sync.store.text import from_json

_OUTBOX = schema.outbox
_COMMITTED: Final = {
    "sqlite": literal_column("1 = 1", Boolean),
    # Sequence numbers are given before the commit: a row is shown only when no transaction still
    # runs that may have taken a lower one, else a reader by cursor would pass over it for ever.
    # Transactions of other databases on the same server are known by their locks and do not count.
    "postgresql": literal_column(
        "age(outbox.xmin) > (SELECT coalesce(max(age(running.id::xid)), -1) "
        "FROM pg_snapshot_xip(pg_current_snapshot()) AS running(id) "
        "WHERE NOT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
        "WHERE l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock' "
        "AND l.transactionid = running.id::xid AND a.datname <> current_database()))",
        Boolean,
    ),
}


def _settled(*columns: Any) -> dict[str, Select[Any]]:
    """The columns of the events that may be shown behind ``after``, by dialect."""
    behind = select(*columns).where(_OUTBOX.c.seq > bindparam("after"))
    return {dialect: behind.where(committed) for dialect, committed in _COMMITTED.items()}


_SETTLED: Final = {
    dialect: query.order_by(_OUTBOX.c.seq)
    for dialect, query in _settled(_OUTBOX.c.seq, _OUTBOX.c.body).items()
}
_HEADS: Final = {
    dialect: query.order_by(_OUTBOX.c.seq)
    for dialect, query in _settled(
        _OUTBOX.c.seq, _OUTBOX.c.type, _OUTBOX.c.connection_id, _OUTBOX.c.subject_id
    ).items()
}
_NEWEST: Final = {
    dialect: query.order_by(_OUTBOX.c.seq.desc()).limit(1)
    for dialect, query in _settled(_OUTBOX.c.seq).items()
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


def heads(conn: Conn, *, after: int, limit: int, until: int | None = None) -> list[Row[Any]]:
    """Rows (seq, type, connection_id, subject_id) of events behind ``after``, without their bodies."""
    statement = _HEADS[conn.dialect.name]
    if until is not None:
        statement = statement.where(_OUTBOX.c.seq <= until)
    return list(conn.execute(statement.limit(limit), {"after": after}))


def last_sequence(conn: Conn) -> int:
    """The highest sequence the feed shows by now; 0 before the first event."""
    newest = _NEWEST[conn.dialect.name]
    return int(conn.execute(newest, {"after": 0}).scalar() or 0)


def count(conn: Conn) -> int:
    """Events kept."""
    return int(conn.execute(select(func.count()).select_from(_OUTBOX)).scalar_one())
