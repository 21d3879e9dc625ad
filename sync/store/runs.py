"""Runs and their leases: one queued and one running per connection, whoever asks and wherever.

A lease is taken in one statement and ends by time; on PostgreSQL the time is the database's, so
that replicas need no common clock. The fence grows with every claim, and each write of a run
names it: a replica that lost its lease cannot write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from sync.model.errors import LeaseLost, NotFound
from sync.model.run import NOBODY, Lease, Phase, Run, RunMode, RunState, Target
from sync.store import schema, targets, waking
from sync.store.ids import new_id
from sync.store.lease_sql import CHECK, CLAIMABLE, CLAIMS, HEARTBEATS, LEASE_MAX_S, MINE
from sync.store.text import from_json, to_json
from sync.store.times import from_text, to_text

_RUN = schema.run
_JSON: Final = frozenset({"reasons", "counts", "trace"})
_WITH_NAME = select(_RUN, schema.connection.c.name.label("connection")).join(
    schema.connection, schema.connection.c.id == _RUN.c.connection_id
)
_BY_ID = _WITH_NAME.where(_RUN.c.id == bindparam("run_id"))
_QUEUED = select(_RUN.c.id).where(
    _RUN.c.connection_id == bindparam("connection_id"), _RUN.c.state == "queued"
)
_REQUESTS = {
    name: insert(_RUN)
    .on_conflict_do_nothing(index_elements=["connection_id"], index_where=sa.text("state = 'queued'"))
    .returning(_RUN.c.id)
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


def request(
    conn: Conn,
    connection_id: str,
    *,
    id: str,
    mode: RunMode,
    trigger: str,
    by: str,
    now: datetime,
    dry_run: bool = False,
    approved_beforehand: bool = False,
    approves: Mapping[str, Any] | None = None,
    target: Target = NOBODY,
) -> tuple[Run, bool]:
    """Queue a run and say True; when one is queued already, return that one and False."""
    row: dict[str, Any] = {
        "id": id,
        "connection_id": connection_id,
        "trigger": trigger,
        "mode": mode.value,
        "state": "queued",
    }
    row |= {"dry_run": dry_run, "approved_beforehand": approved_beforehand}
    row |= {"approves": None if approves is None else to_json(dict(approves))}
    row |= {"target": targets.to_column(target)}
    row |= {"requested_at": to_text(now), "requested_by": by}
    while True:
        if conn.execute(_REQUESTS[conn.dialect.name], row).first() is not None:
            waking.ring(conn)
            return get(conn, id), True
        queued = conn.execute(_QUEUED, {"connection_id": connection_id}).scalar()
        if queued is not None:
            return get(conn, queued), False
        # It was claimed between the two statements: there is room now.


def request_target(
    conn: Conn,
    connection_id: str,
    target: Target,
    *,
    id: str,
    trigger: str,
    by: str,
    now: datetime,
    dry_run: bool = False,
    approved_beforehand: bool = False,
) -> tuple[Run, bool]:
    """Queue a run about the named, or have the queued one take them in (False); none of them is lost.

    A dry run joins only another one about the named; where something else is queued, that comes back.
    """
    while True:
        run, is_new = request(
            conn,
            connection_id,
            id=id,
            mode=RunMode.TARGETED,
            trigger=trigger,
            by=by,
            now=now,
            dry_run=dry_run,
            approved_beforehand=approved_beforehand,
            target=target,
        )
        if is_new:
            return run, True
        if dry_run:
            targets.add(conn, run.id, target)
            return get(conn, run.id), False
        if targets.join(conn, run.id, target, trigger=trigger, by=by):
            return get(conn, run.id), False


def _queue_afterwards(conn: Conn, run_id: str, now: datetime) -> None:
    """The run about the named who were asked for while this one stood in the way."""
    wanted = targets.taken_afterwards(conn, run_id)
    if wanted is not None:
        connection_id, target, asked = wanted
        request_target(conn, connection_id, target, id=new_id(), now=now, **asked)


def claim(
    conn: Conn,
    *,
    owner: str,
    lease_s: float,
    now: datetime | None = None,
    run_id: str | None = None,
    connection_id: str | None = None,
) -> tuple[Lease, Run] | None:
    """Take a queued run whose connection is idle, or one whose lease ended; None when there is none.

    ``run_id`` and ``connection_id`` narrow the choice. ``now`` counts on SQLite only.
    """
    key = (conn.dialect.name, run_id is not None, connection_id is not None)
    values = _clock(conn, lease_s, now) | {"owner": owner}
    values |= {"wanted_run": run_id} if run_id is not None else {}
    values |= {"wanted_connection": connection_id} if connection_id is not None else {}
    row = conn.execute(CLAIMS[key], values).first()
    if row is None:
        return None
    run = get(conn, row.id)
    return Lease(run_id=run.id, connection_id=run.connection_id, owner=owner, fence=row.fence), run


def is_claimable(conn: Conn, now: datetime | None = None) -> bool:
    """Whether a claim would find a run; for read transactions, which cost nobody a turn."""
    values = _clock(conn, 0, now)
    values.pop("until", None)
    values.pop("lease_s", None)
    return CLAIMABLE[conn.dialect.name].first(conn, **values) is not None


def heartbeat(conn: Conn, lease: Lease, lease_s: float, now: datetime | None = None) -> None:
    """Let the lease end ``lease_s`` seconds from now. Raises LeaseLost."""
    values = _clock(conn, lease_s, now) | _of(lease)
    values.pop("now", None)
    values.pop("latest", None)
    if conn.execute(HEARTBEATS[conn.dialect.name], values).rowcount == 0:
        raise _lost(lease)


def hand_back(conn: Conn, lease: Lease, now: datetime | None = None) -> None:
    """End the lease now and leave the run to whoever claims it next. Raises LeaseLost."""
    heartbeat(conn, lease, 0, now)
    waking.ring(conn)


def check(conn: Conn, lease: Lease) -> None:
    """Raise LeaseLost when the run is another's or ended; until this transaction ends nobody can claim it.

    Call it in the transaction of every write of the run, before the write. Not for read transactions.
    """
    if conn.execute(CHECK[conn.dialect.name], _of(lease)).first() is None:
        raise _lost(lease)


def progress(
    conn: Conn,
    lease: Lease,
    *,
    phase: Phase | None = None,
    pages: int | None = None,
    requests: int | None = None,
    throttled_s: float | None = None,
    plan_id: str | None = None,
    complete: bool | None = None,
    reasons: Sequence[str] | None = None,
    cursor: str | None = None,
    counts: Mapping[str, int] | None = None,
    people: int | None = None,
    to_apply: int | None = None,
    applied: int | None = None,
    trace: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Note how far the run is; None leaves a column as it is. Raises LeaseLost."""
    given = {
        "phase": phase,
        "pages": pages,
        "requests": requests,
        "throttled_s": throttled_s,
        "plan_id": plan_id,
        "complete": complete,
        "reasons": reasons,
        "cursor": cursor,
        "counts": counts,
        "people": people,
        "to_apply": to_apply,
        "applied": applied,
        "trace": trace,
    }
    _set(conn, lease, {name: value for name, value in given.items() if value is not None})


def finish(
    conn: Conn,
    lease: Lease,
    *,
    state: RunState,
    now: datetime,
    error: str | None = None,
    error_kind: str | None = None,
    **further: Any,
) -> None:
    """End the run and its lease; ``further`` are the arguments of ``progress``. Raises LeaseLost."""
    if further:
        progress(conn, lease, **further)
    ended = {"state": state.value, "ended_at": to_text(now), "error": error, "error_kind": error_kind}
    _set(conn, lease, ended | {"lease_owner": None, "lease_until": None})
    _queue_afterwards(conn, lease.run_id, now)


def get(conn: Conn, run_id: str) -> Run:
    """The run with this id, else NotFound."""
    return _run(_row(conn, run_id))


def details(conn: Conn, run_id: str) -> dict[str, Any]:
    """The run's columns as stored, JSON ones decoded, with the ``connection``'s name. Raises NotFound."""
    row = _row(conn, run_id)._asdict()
    decoded = {name: from_json(row[name]) for name in (*_JSON, "approves") if row[name] is not None}
    return row | decoded


def listed(
    conn: Conn,
    *,
    connection_id: str | None = None,
    state: RunState | None = None,
    mode: RunMode | None = None,
    trigger: str | None = None,
    limit: int = 50,
    before: str | None = None,
) -> list[Run]:
    """Runs, newest first; ``before`` is the id of the last one seen."""
    statement = _WITH_NAME.order_by(_RUN.c.id.desc()).limit(limit)
    for name, value in (
        ("connection_id", connection_id), ("state", state), ("mode", mode), ("trigger", trigger)
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(_RUN.c[name] == str(value))
    if before is not None:
        statement = statement.where(_RUN.c.id < before)
    return [_run(row) for row in conn.execute(statement)]


def newest(conn: Conn, *wanted: sa.ColumnElement[bool]) -> dict[str, Run]:
    """The newest run of each connection, of those that are ``wanted``, by connection id."""
    each = schema.connection.alias("each")
    # One look into an index for each connection, however many runs there are.
    latest = select(sa.func.max(_RUN.c.id)).where(_RUN.c.connection_id == each.c.id, *wanted).correlate(each)
    rows = conn.execute(_WITH_NAME.where(_RUN.c.id.in_(select(latest.scalar_subquery()).select_from(each))))
    return {row.connection_id: _run(row) for row in rows}


def newest_reads(conn: Conn) -> dict[str, Run]:
    """The newest read of each directory that got something, by connection id.

    Dry runs are left out, and reads that went on where another process left off: a whole one follows.
    """
    ended = _RUN.c.state.in_([each.value for each in (RunState.SUCCEEDED, RunState.HELD, RunState.PARTIAL)])
    read = _RUN.c.mode.in_([RunMode.FULL.value, RunMode.DELTA.value])
    return newest(conn, ended, read, _RUN.c.dry_run.is_(False), _RUN.c.resumed.is_(False))


def counts(conn: Conn) -> dict[str, int]:
    """How many runs there are, by state."""
    query = select(_RUN.c.state, sa.func.count()).group_by(_RUN.c.state)
    return {row[0]: row[1] for row in conn.execute(query)}


def oldest_queued_at(conn: Conn) -> datetime | None:
    """When the run that waits longest was asked for; None when none waits."""
    found: str | None = conn.scalar(select(sa.func.min(_RUN.c.requested_at)).where(_RUN.c.state == "queued"))
    return from_text(found)


def last_complete_start(conn: Conn, connection_id: str) -> str | None:
    """When the last complete full read of the connection began, as the tables keep times."""
    query = (
        sa.select(_RUN.c.started_at)
        .where(
            _RUN.c.connection_id == connection_id,
            _RUN.c.mode == "full",
            _RUN.c.complete.is_(True),
            _RUN.c.dry_run.is_(False),
            _RUN.c.ended_at.is_not(None),
        )
        .order_by(_RUN.c.id.desc())
        .limit(1)
    )
    return conn.scalar(query)


def request_stop(conn: Conn, run_id: str, *, by: str) -> None:
    """Ask a run to end early; its worker hears of it, and so does whoever claims it. Raises NotFound."""
    asked = sa.update(_RUN).where(_RUN.c.id == run_id).values(stop_requested=True, stop_by=by)
    if conn.execute(asked).rowcount == 0:
        raise _unknown(run_id)
    waking.ring(conn)


def stopped_by(conn: Conn, run_id: str) -> str | None:
    """Who asked the run to end early; None when nobody did."""
    return conn.execute(select(_RUN.c.stop_by).where(_RUN.c.id == run_id, _RUN.c.stop_requested)).scalar()


def cancel_queued(conn: Conn, run_id: str, *, now: datetime, error: str) -> bool:
    """End a run that nobody has claimed; False when it is not waiting (any more)."""
    waiting = (_RUN.c.id == run_id) & (_RUN.c.state == "queued")
    ended = {"state": RunState.CANCELLED.value, "ended_at": to_text(now), "error": error}
    is_ended = conn.execute(sa.update(_RUN).where(waiting).values(ended)).rowcount > 0
    if is_ended:
        _queue_afterwards(conn, run_id, now)
    return is_ended


def _clock(conn: Conn, lease_s: float, now: datetime | None) -> dict[str, Any]:
    if conn.dialect.name == "postgresql":
        return {"lease_s": float(lease_s)}
    now = now or datetime.now(UTC)
    ends = {"until": lease_s, "latest": LEASE_MAX_S}
    return {"now": to_text(now)} | {
        name: to_text(now + timedelta(seconds=seconds)) for name, seconds in ends.items()
    }


def _of(lease: Lease) -> dict[str, Any]:
    return {"lease_run": lease.run_id, "lease_fence": lease.fence}


def _set(conn: Conn, lease: Lease, given: Mapping[str, Any]) -> None:
    values = {name: to_json(value) if name in _JSON else value for name, value in given.items()}
    if not values:
        check(conn, lease)
    elif conn.execute(sa.update(_RUN).where(MINE).values(values), _of(lease)).rowcount == 0:
        raise _lost(lease)


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"run {lease.run_id} is no longer held by {lease.owner}; its writes stop here")


def _unknown(run_id: str) -> NotFound:
    return NotFound(f"there is no run with the id {run_id}; see: connector runs list")


def _row(conn: Conn, run_id: str) -> sa.Row[Any]:
    row = conn.execute(_BY_ID, {"run_id": run_id}).first()
    if row is None:
        raise _unknown(run_id)
    return row


def _run(row: Any) -> Run:
    return Run(
        id=row.id,
        connection_id=row.connection_id,
        connection=row.connection,
        trigger=row.trigger,
        mode=RunMode(row.mode),
        state=RunState(row.state),
        phase=None if row.phase is None else Phase(row.phase),
        dry_run=row.dry_run,
        approved_beforehand=row.approved_beforehand,
        target=targets.from_column(row.target),
        trace=() if row.trace is None else tuple(from_json(row.trace)),
        complete=row.complete,
        reasons=tuple(from_json(row.reasons)),
        plan_id=row.plan_id,
        counts=from_json(row.counts),
        pages=row.pages,
        requests=row.requests,
        throttled_s=row.throttled_s,
        people=row.people,
        to_apply=row.to_apply,
        applied=row.applied,
        error=row.error,
        error_kind=row.error_kind,
        requested_at=from_text(row.requested_at),
        requested_by=row.requested_by,
        started_at=from_text(row.started_at),
        ended_at=from_text(row.ended_at),
    )
