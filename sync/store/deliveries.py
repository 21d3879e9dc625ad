"""Deliveries: each event's way to each endpoint, one replica at a time per endpoint.

Per endpoint and subject (a person, a group, else the connection) only the earliest open delivery
has a ``next_at``; those behind it wait with none. So order per subject holds by construction,
whatever fails or is asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.errors import LeaseLost
from sync.model.webhook import OPEN, Delivery, DeliveryState, Due, Endpoint, Health, Settled, Turn
from sync.store import endpoints, outbox, schema
from sync.store.fold import contains
from sync.store.prepared import Prepared
from sync.store.text import chunks
from sync.store.times import from_text, to_text

_DELIVERY, _ENDPOINT, _OUTBOX = schema.delivery, schema.endpoint, schema.outbox
# In the text of the statement: only then do both databases see that the index of open deliveries serves.
_OPEN_STATES: Final[sa.BindParameter[Any]] = sa.bindparam(
    "open_states", [state.value for state in OPEN], expanding=True, literal_execute=True
)
_IS_OPEN: Final = _DELIVERY.c.state.in_(_OPEN_STATES)

_SETTLED: Final = (
    sa.update(_DELIVERY)
    .where(
        _DELIVERY.c.endpoint_id == sa.bindparam("of"),
        _DELIVERY.c.sequence == sa.bindparam("number"),
        _DELIVERY.c.asked == sa.bindparam("as_asked"),
    )
    .values(
        state=sa.bindparam("state"),
        next_at=sa.bindparam("next_at"),
        last_at=sa.bindparam("last_at"),
        last_status=sa.bindparam("last_status"),
        last_error=sa.bindparam("last_error"),
        attempts=_DELIVERY.c.attempts + 1,
        first_at=sa.func.coalesce(_DELIVERY.c.first_at, sa.bindparam("last_at")),
    )
)

_ENABLED: Final = Prepared(sa.select(_ENDPOINT.c.id).where(_ENDPOINT.c.enabled).limit(1))

FAN_OUT: Final = 500
"""Events one transaction makes deliveries for."""

SEQUENCES_END: Final = 2**63


# --- turns ------------------------------------------------------------------------------------------


def claim(conn: Conn, *, owner: str, lease_s: float, now: datetime) -> Turn | None:
    """The right to call the endpoint that waited longest among those with something to deliver."""
    lease_now = _lease_clock(conn, now)
    ready = _is_ready(to_text(now), to_text(lease_now), outbox.last_sequence(conn))
    chosen = sa.select(_ENDPOINT.c.id).where(ready)
    chosen = chosen.order_by(_ENDPOINT.c.turn_at, _ENDPOINT.c.id).limit(1)
    if conn.dialect.name == "postgresql":
        chosen = chosen.with_for_update(skip_locked=True, of=_ENDPOINT)
    taken = sa.update(_ENDPOINT).where(_ENDPOINT.c.id == chosen.scalar_subquery())
    values = {"lease_owner": owner, "lease_until": _after(lease_now, lease_s), "turn_at": to_text(now)}
    row = conn.execute(taken.values(**values, fence=_ENDPOINT.c.fence + 1).returning(_ENDPOINT)).first()
    if row is None:
        return None
    return Turn(endpoint=endpoints.endpoint_of(row), owner=owner, fence=row.fence)


def is_anything_ready(conn: Conn, now: datetime) -> bool:
    """Whether a claim would find an endpoint; asks without a lock, for those who ask all the time."""
    if _ENABLED.first(conn) is None:
        return False
    ready = _is_ready(to_text(now), to_text(_lease_clock(conn, now)), outbox.last_sequence(conn))
    return conn.execute(sa.select(_ENDPOINT.c.id).where(ready).limit(1)).first() is not None


def _is_ready(now: str, lease_now: str, newest: int) -> sa.ColumnElement[bool]:
    due = sa.exists().where(_DELIVERY.c.endpoint_id == _ENDPOINT.c.id, _DELIVERY.c.next_at <= now)
    return (
        _ENDPOINT.c.enabled
        & (_ENDPOINT.c.next_at.is_(None) | (_ENDPOINT.c.next_at <= now))
        & (_ENDPOINT.c.lease_until.is_(None) | (_ENDPOINT.c.lease_until <= lease_now))
        & ((_ENDPOINT.c.position < newest) | due)
    )


def renew(conn: Conn, turn: Turn, *, lease_s: float, now: datetime) -> Endpoint:
    """Keep the right for ``lease_s`` more; the endpoint as it is now. Raises LeaseLost.

    Until this transaction ends nobody else claims or changes the endpoint.
    """
    mine = (_ENDPOINT.c.id == turn.endpoint.id) & (_ENDPOINT.c.fence == turn.fence)
    until = _after(_lease_clock(conn, now), lease_s)
    row = conn.execute(
        sa.update(_ENDPOINT).where(mine).values(lease_until=until).returning(_ENDPOINT)
    ).first()
    if row is None:
        raise LeaseLost(f"webhook {turn.endpoint.id} was taken over or removed")
    return endpoints.endpoint_of(row)


def release(conn: Conn, turn: Turn) -> None:
    """Give the right back; without effect when somebody else has it."""
    mine = (_ENDPOINT.c.id == turn.endpoint.id) & (_ENDPOINT.c.fence == turn.fence)
    conn.execute(sa.update(_ENDPOINT).where(mine).values(lease_owner=None, lease_until=None))


def _lease_clock(conn: Conn, now: datetime) -> datetime:
    """PostgreSQL's own clock, that all replicas share; on SQLite there is one machine and its ``now``."""
    if conn.dialect.name == "postgresql":
        at: datetime = conn.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return at
    return now


def _after(at: datetime, seconds: float) -> str:
    return to_text(at + timedelta(seconds=seconds))


# --- a turn's work ----------------------------------------------------------------------------------


def fan_out(conn: Conn, endpoint: Endpoint, *, now: datetime, limit: int = FAN_OUT) -> int:
    """Make deliveries of the next events, and move the endpoint's position; how many were looked at."""
    heads = outbox.heads(conn, after=endpoint.position, limit=limit)
    if not heads:
        return 0
    _insert(conn, endpoint, heads, now)
    moved = sa.update(_ENDPOINT).where(_ENDPOINT.c.id == endpoint.id)
    conn.execute(moved.values(position=heads[-1].seq))
    return len(heads)


def due(conn: Conn, endpoint_id: str, *, now: datetime, limit: int) -> list[Due]:
    """What is to be delivered now, each of another subject, the longest waiting first."""
    query = (
        sa.select(_DELIVERY, _OUTBOX.c.id.label("event_id"), _OUTBOX.c.body)
        .join(_OUTBOX, _OUTBOX.c.seq == _DELIVERY.c.sequence, isouter=True)
        .where(_DELIVERY.c.endpoint_id == endpoint_id, _DELIVERY.c.next_at <= to_text(now))
        .order_by(_DELIVERY.c.next_at, _DELIVERY.c.sequence)
        .limit(limit)
    )
    return [
        Due(
            sequence=row.sequence,
            asked=row.asked,
            event_id=row.event_id,
            attempts=row.attempts,
            first_at=from_text(row.first_at),
            body=row.body,
        )
        for row in conn.execute(query)
    ]


def settle(conn: Conn, endpoint_id: str, results: Sequence[Settled], *, now: datetime) -> None:
    """Write down what attempts came to, and let those go that waited behind them.

    A delivery that somebody asked for again while it was on its way stays open.
    """
    if not results:
        return
    at = to_text(now)
    rows = [
        {
            "of": endpoint_id,
            "number": each.sequence,
            "as_asked": each.asked,
            "state": each.state.value,
            "next_at": to_text(each.next_at),
            "last_at": at,
            "last_status": each.status,
            "last_error": each.error,
        }
        for each in results
    ]
    conn.execute(_SETTLED, rows)
    _promote(conn, endpoint_id, _subjects(conn, endpoint_id, [each.sequence for each in results]), now)


def report(conn: Conn, endpoint_id: str, health: Health, *, now: datetime) -> None:
    """Write down how the endpoint does; when it does well again, all that failed goes at once."""
    values: dict[str, Any] = {"failures": health.failures, "failing_since": to_text(health.failing_since)}
    values |= {"next_at": to_text(health.next_at), "last_at": to_text(now)}
    values |= {"last_status": health.status, "last_error": health.error}
    before = _ENDPOINT.c.id == endpoint_id
    was_failing = conn.execute(sa.select(_ENDPOINT.c.failing_since).where(before)).scalar() is not None
    conn.execute(sa.update(_ENDPOINT).where(before).values(values))
    if was_failing and health.failures == 0:
        later = (_DELIVERY.c.endpoint_id == endpoint_id) & (_DELIVERY.c.next_at > to_text(now))
        conn.execute(sa.update(_DELIVERY).where(later).values(next_at=to_text(now)))


def bury(conn: Conn, endpoint_id: str, *, made_before: datetime, error: str, now: datetime) -> int:
    """Give up every open delivery made before then; how many."""
    old = (_DELIVERY.c.endpoint_id == endpoint_id) & _IS_OPEN
    old &= _DELIVERY.c.created_at <= to_text(made_before)
    dead = (
        sa.update(_DELIVERY).where(old).values(state=DeliveryState.DEAD.value, next_at=None, last_error=error)
    )
    buried = conn.execute(dead).rowcount
    if buried:
        _promote(conn, endpoint_id, None, now)
    return buried


# --- asked for by people ----------------------------------------------------------------------------


def redeliver(
    conn: Conn, endpoint_id: str, *, now: datetime, event: str | None = None, sequences: Collection[int] = ()
) -> int:
    """Deliver again what was delivered or given up: one event, these sequences, or all that is dead."""
    _wake(conn, endpoint_id)
    wanted = _DELIVERY.c.endpoint_id == endpoint_id
    if event is not None:
        wanted &= (
            _DELIVERY.c.sequence == sa.select(_OUTBOX.c.seq).where(_OUTBOX.c.id == event).scalar_subquery()
        )
    elif sequences:
        wanted &= _DELIVERY.c.sequence.in_(list(sequences))
    else:
        wanted &= _DELIVERY.c.state == DeliveryState.DEAD.value
    return _again(conn, endpoint_id, wanted, now)


def replay(conn: Conn, endpoint_id: str, *, after: int, until: int | None, now: datetime) -> int:
    """Deliver again every kept event in ``(after, until]`` that passes the filters; how many.

    What lies behind the endpoint's position comes by itself and is not counted.
    """
    _wake(conn, endpoint_id)
    endpoint = endpoints.get(conn, endpoint_id)
    end, count = min(until or endpoint.position, endpoint.position), 0
    while heads := outbox.heads(conn, after=after, limit=FAN_OUT, until=end):
        first, after = after, heads[-1].seq
        between = (_DELIVERY.c.sequence > first) & (_DELIVERY.c.sequence <= after)
        there = sa.select(_DELIVERY.c.sequence).where(_DELIVERY.c.endpoint_id == endpoint_id, between)
        known = set(conn.execute(there).scalars())
        fresh = [head for head in heads if head.seq not in known]
        count += _again(conn, endpoint_id, (_DELIVERY.c.endpoint_id == endpoint_id) & between, now)
        count += _insert(conn, endpoint, fresh, now)
    return count


def _again(conn: Conn, endpoint_id: str, wanted: sa.ColumnElement[bool], now: datetime) -> int:
    rows = conn.execute(sa.select(_DELIVERY.c.sequence).where(wanted)).scalars().all()
    for part in chunks(rows):
        these = (_DELIVERY.c.endpoint_id == endpoint_id) & _DELIVERY.c.sequence.in_(part)
        values: dict[str, Any] = {"state": DeliveryState.PENDING.value, "first_at": None, "next_at": None}
        # Made anew: a delivery is given up by its age.
        again = values | {"created_at": to_text(now), "asked": _DELIVERY.c.asked + 1}
        conn.execute(sa.update(_DELIVERY).where(these).values(again))
        _line_up(conn, endpoint_id, _subjects(conn, endpoint_id, part), now)
    return len(rows)


def _wake(conn: Conn, endpoint_id: str) -> None:
    """Try now, and hold off the replica that calls the endpoint until this transaction ends."""
    conn.execute(sa.update(_ENDPOINT).where(_ENDPOINT.c.id == endpoint_id).values(next_at=None))


# --- the delivery log -------------------------------------------------------------------------------


def listed(
    conn: Conn,
    endpoint_id: str,
    *,
    states: Collection[DeliveryState] = (),
    types: Collection[str] | None = None,
    subject: str | None = None,
    search: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """Deliveries, the newest event first; ``before`` is the last sequence seen.

    ``search`` is an event's id or sequence, or part of what the address answered.
    """
    query = (
        sa.select(_DELIVERY, _OUTBOX.c.id.label("event_id"))
        .join(_OUTBOX, _OUTBOX.c.seq == _DELIVERY.c.sequence, isouter=True)
        .where(_DELIVERY.c.endpoint_id == endpoint_id)
        .order_by(_DELIVERY.c.sequence.desc())
        .limit(limit)
    )
    if states:
        query = query.where(_DELIVERY.c.state.in_([state.value for state in states]))
    if types is not None:
        query = query.where(_DELIVERY.c.type.in_(list(types)))
    if subject is not None:
        query = query.where(_DELIVERY.c.subject == subject)
    if search:
        query = query.where(_is_about(search))
    if before is not None:
        query = query.where(_DELIVERY.c.sequence < before)
    return [_delivery_of(row) for row in conn.execute(query)]


def _is_about(search: str) -> sa.ColumnElement[bool]:
    found = contains(_DELIVERY.c.last_error, search) | (_OUTBOX.c.id == search)
    is_number = search.isascii() and search.isdigit() and int(search) < SEQUENCES_END
    return found | (_DELIVERY.c.sequence == int(search)) if is_number else found


def counts(conn: Conn) -> dict[str, dict[DeliveryState, int]]:
    """How many deliveries are in which state, by endpoint id."""
    query = sa.select(_DELIVERY.c.endpoint_id, _DELIVERY.c.state, sa.func.count())
    found: dict[str, dict[DeliveryState, int]] = {}
    for endpoint_id, state, count in conn.execute(query.group_by(_DELIVERY.c.endpoint_id, _DELIVERY.c.state)):
        found.setdefault(endpoint_id, {})[DeliveryState(state)] = count
    return found


def open_count(conn: Conn) -> int:
    """How many deliveries are still to be made, over all endpoints."""
    return int(conn.scalar(sa.select(sa.func.count()).select_from(_DELIVERY).where(_IS_OPEN)) or 0)


def prune(conn: Conn, *, settled_before: datetime, limit: int = 1000) -> int:
    """Forget deliveries that were made or given up before then, at most ``limit``; how many."""
    keys = (_DELIVERY.c.endpoint_id, _DELIVERY.c.sequence)
    old = sa.select(*keys).where(~_IS_OPEN, _DELIVERY.c.last_at < to_text(settled_before)).limit(limit)
    return conn.execute(sa.delete(_DELIVERY).where(sa.tuple_(*keys).in_(old))).rowcount


def _delivery_of(row: Any) -> Delivery:
    return Delivery(
        endpoint_id=row.endpoint_id,
        sequence=row.sequence,
        event_id=row.event_id,
        type=row.type,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_at=from_text(row.next_at),
        last_at=from_text(row.last_at),
        last_status=row.last_status,
        last_error=row.last_error,
    )


# --- who waits behind whom --------------------------------------------------------------------------


def _insert(conn: Conn, endpoint: Endpoint, heads: Iterable[Any], now: datetime) -> int:
    rows = [
        {
            "endpoint_id": endpoint.id,
            "sequence": head.seq,
            "subject": head.subject_id or head.connection_id or "",
            "type": head.type,
            "state": DeliveryState.PENDING.value,
            "created_at": to_text(now),
        }
        for head in heads
        if endpoint.wants(head.type, head.connection_id)
    ]
    if rows:
        conn.execute(sa.insert(_DELIVERY), rows)
        _line_up(conn, endpoint.id, {row["subject"] for row in rows}, now)
    return len(rows)


def _line_up(conn: Conn, endpoint_id: str, subjects: Collection[str], now: datetime) -> None:
    """Only the earliest open delivery of each subject may go: also when it was put before one that may."""
    for part in chunks(subjects):
        first = _first_open(conn, endpoint_id, part)
        behind = (_DELIVERY.c.endpoint_id == endpoint_id) & _IS_OPEN & _DELIVERY.c.subject.in_(part)
        behind &= _DELIVERY.c.next_at.is_not(None) & _DELIVERY.c.sequence.not_in(first)
        conn.execute(sa.update(_DELIVERY).where(behind).values(next_at=None))
        _let_go(conn, endpoint_id, first, now)


def _promote(conn: Conn, endpoint_id: str, subjects: Collection[str] | None, now: datetime) -> None:
    """Let the earliest open delivery of each subject go, if it waits; None is every subject."""
    for part in [None] if subjects is None else chunks(subjects):
        _let_go(conn, endpoint_id, _first_open(conn, endpoint_id, part), now)


def _first_open(conn: Conn, endpoint_id: str, subjects: Collection[str] | None) -> list[int]:
    """The sequence of the earliest open delivery of each subject.

    Asked for in a statement of its own: in one with the update, PostgreSQL without fresh statistics
    compares all open deliveries with each other.
    """
    query = sa.select(sa.func.min(_DELIVERY.c.sequence)).where(
        _DELIVERY.c.endpoint_id == endpoint_id, _IS_OPEN
    )
    if subjects is not None:
        query = query.where(_DELIVERY.c.subject.in_(subjects))
    return list(conn.execute(query.group_by(_DELIVERY.c.subject)).scalars())


def _let_go(conn: Conn, endpoint_id: str, sequences: Collection[int], now: datetime) -> None:
    for part in chunks(sequences):
        waiting = (_DELIVERY.c.endpoint_id == endpoint_id) & _DELIVERY.c.sequence.in_(part)
        waiting &= _DELIVERY.c.next_at.is_(None)
        conn.execute(sa.update(_DELIVERY).where(waiting).values(next_at=to_text(now)))


def _subjects(conn: Conn, endpoint_id: str, sequences: Collection[int]) -> set[str]:
    query = sa.select(_DELIVERY.c.subject).where(
        _DELIVERY.c.endpoint_id == endpoint_id, _DELIVERY.c.sequence.in_(list(sequences))
    )
    return set(conn.execute(query).scalars())
