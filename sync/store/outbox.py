"""Reading the events that were committed with the changes they tell of.

The cursor of a reader is a sequence number, and numbers are given before the commit: on PostgreSQL,
where many write at once, a number may become visible after a higher one. A reader that had gone on
by then would never see it. So the feed ends at a *horizon*, below which nothing can appear any more:

1. Whoever writes takes, before its first number, a shared advisory lock that names the last number
   given by then, and keeps it until its transaction ends. A trigger of the table does this, so that
   no writer forgets it, also none of an older version. All numbers of the transaction are higher
   than the one its lock names.
2. Who reads looks at the last number given, **then** at the lowest number named by a lock, and
   **then**, with a new snapshot, at the rows up to the lower of the two.

Take any number that was given before the reader's first look. Its writer had the lock before that.
Either it has it still at the second look, and the horizon lies below the number; or its transaction
has ended, and since PostgreSQL releases locks after a commit has become visible, the snapshot of the
third step shows the row, or it never comes. A number given later lies above the horizon. So nothing
below the horizon is missing, whatever other programs do in this database or on this server: they
hold no such locks. A horizon may lie below an earlier one, when a writer was slow between looking at
the last number and locking it; then the feed waits and loses nothing.

The three steps need three snapshots, which ``Database.latest()`` and a write transaction have and
``Database.read()`` has not. The sequence must not give numbers in advance (CACHE 1, see the schema).
SQLite has one writer at a time: there numbers become visible in their order.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection as Conn
from sqlalchemy import Row, Select, bindparam, func, select, text

from sync.store import schema
from sync.store.text import from_json

_OUTBOX = schema.outbox
_NO_END: Final = 2**63 - 1
LOOKED_THROUGH: Final = 20_000

_LAST_GIVEN: Final = text(
    "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM outbox_seq_seq"
)
_LOWEST_OPEN: Final = text(
    "SELECT min((classid::bigint & 65535) << 32 | objid::bigint) FROM pg_locks "
    "WHERE locktype = 'advisory' AND granted AND mode = 'ShareLock' AND objsubid = 1 "
    f"AND classid::bigint >> 16 = {schema.OUTBOX_LOCKS} "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def _shown(*columns: Any) -> Select[Any]:
    return select(*columns).where(_OUTBOX.c.seq > bindparam("after"), _OUTBOX.c.seq <= bindparam("until"))


_EVENTS: Final = _shown(_OUTBOX.c.seq, _OUTBOX.c.body).order_by(_OUTBOX.c.seq)
_HEADS: Final = _shown(_OUTBOX.c.seq, _OUTBOX.c.type, _OUTBOX.c.connection_id, _OUTBOX.c.subject_id)
_NEWEST: Final = select(func.max(_OUTBOX.c.seq)).where(_OUTBOX.c.seq <= bindparam("until"))


def horizon(conn: Conn) -> int:
    """The number up to which the feed is settled; rows read by the next statement may be shown up to it."""
    if conn.dialect.name != "postgresql":
        return _NO_END
    if conn.get_execution_options().get("isolation_level") == "REPEATABLE READ":
        raise ValueError("one snapshot for all statements cannot show the feed: use Database.latest()")
    last_given = int(conn.execute(_LAST_GIVEN).scalar_one())
    lowest_open = conn.execute(_LOWEST_OPEN).scalar_one()
    return last_given if lowest_open is None else min(last_given, lowest_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Events in order, and ``next``: the cursor behind which the rest of the feed lies."""

    events: list[dict[str, Any]]
    next: int


def page(conn: Conn, *, after: int = 0, limit: int = 100, types: Collection[str] | None = None) -> Page:
    """Events behind sequence ``after``, at most ``limit``: each is its body with its ``sequence``.

    No event with a lower sequence appears later, so ``next`` is a safe cursor. When ``types`` leave
    events out, it lies behind those too: nobody looks through them twice.
    """
    end = horizon(conn)
    statement = _EVENTS.limit(limit)
    if types is not None:
        statement = statement.where(_OUTBOX.c.type.in_(list(types)))
    rows = conn.execute(statement, {"until": end, "after": after}).all()
    found = [from_json(body) | {"sequence": seq} for seq, body in rows]
    if types is not None and len(found) < limit:
        newest = conn.execute(_NEWEST, {"until": end}).scalar() or 0
        return Page(events=found, next=max(after, newest))
    return Page(events=found, next=found[-1]["sequence"] if found else after)


def newest(
    conn: Conn,
    *,
    before: int | None = None,
    limit: int = 100,
    types: Collection[str] | None = None,
    connection_id: str | None = None,
    subject_id: str | None = None,
) -> tuple[list[dict[str, Any]], int | None]:
    """Events from the newest on, and the ``before`` of the page behind; None when there is none.

    A page looks through ``LOOKED_THROUGH`` numbers at most: one that finds little says where to go on.
    """
    top = _first_behind(conn, before)
    floor = max(0, top - LOOKED_THROUGH)
    statement = select(_OUTBOX.c.seq, _OUTBOX.c.body).where(_OUTBOX.c.seq <= top, _OUTBOX.c.seq > floor)
    if types is not None:
        statement = statement.where(_OUTBOX.c.type.in_(list(types)))
    for column, wanted in ((_OUTBOX.c.connection_id, connection_id), (_OUTBOX.c.subject_id, subject_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    rows = conn.execute(statement.order_by(_OUTBOX.c.seq.desc()).limit(limit)).all()
    found = [from_json(body) | {"sequence": seq} for seq, body in rows]
    reached = found[-1]["sequence"] if len(found) == limit else floor + 1
    return found, reached if reached > 1 else None


def _first_behind(conn: Conn, before: int | None) -> int:
    """The highest number that is there below ``before``: numbers that were pruned are not looked through."""
    end = horizon(conn) if before is None else min(before - 1, horizon(conn))
    return int(conn.execute(_NEWEST, {"until": end}).scalar() or 0)


def heads(conn: Conn, *, after: int, limit: int, until: int | None = None) -> list[Row[Any]]:
    """Rows (seq, type, connection_id, subject_id) of events behind ``after``, without their bodies."""
    end = horizon(conn) if until is None else min(until, horizon(conn))
    return list(conn.execute(_HEADS.order_by(_OUTBOX.c.seq).limit(limit), {"after": after, "until": end}))


def last_sequence(conn: Conn) -> int:
    """The highest sequence the feed shows by now; 0 before the first event."""
    return int(conn.execute(_NEWEST, {"until": horizon(conn)}).scalar() or 0)


def count(conn: Conn) -> int:
    """Events kept."""
    return int(conn.execute(select(func.count()).select_from(_OUTBOX)).scalar_one())
