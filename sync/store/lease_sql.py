"""The statements of leases: claim, heartbeat and check, each one statement on both databases."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam, func, select

from sync.store import schema
from sync.store.prepared import Prepared

_RUN = schema.run
MINE = (
    (_RUN.c.id == bindparam("lease_run"))
    & (_RUN.c.fence == bindparam("lease_fence"))
    & (_RUN.c.state == "running")
)
CHECK = {
    # KEY SHARE holds off a claim until this transaction ends, and lets heartbeats through.
    "postgresql": select(_RUN.c.fence).where(MINE).with_for_update(read=True, key_share=True),
    "sqlite": select(_RUN.c.fence).where(MINE),
}


def _database_time(after_s: ColumnElement[float]) -> ColumnElement[str]:
    """PostgreSQL's own clock, ``after_s`` seconds on, as our text; it moves within a transaction."""
    at = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, after_s)
    return func.to_char(func.timezone("UTC", at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')


LEASE_MAX_S: Final = 7200.0
"""A lease that ends later than this was given before the clock was set back: it is nobody's."""

_TIMES: Final[dict[str, tuple[ColumnElement[str], ColumnElement[str], ColumnElement[str]]]] = {
    "postgresql": (
        _database_time(sa.literal(0.0, sa.Float)),
        _database_time(bindparam("lease_s", type_=sa.Double)),
        _database_time(sa.literal(LEASE_MAX_S, sa.Float)),
    ),
    "sqlite": (
        bindparam("now", type_=sa.String),
        bindparam("until", type_=sa.String),
        bindparam("latest", type_=sa.String),
    ),
}
"""Now, the end of a lease that begins now, and the latest end a lease can have."""


def _free_to_take(dialect: str) -> tuple[sa.Select[tuple[str]], sa.FromClause]:
    """Runs that wait while their connection is idle, and those whose lease ended; and their table's alias."""
    now, _, latest = _TIMES[dialect]
    other, wanted = _RUN.alias("other"), _RUN.alias("wanted")
    busy = select(other.c.id).where(
        other.c.connection_id == wanted.c.connection_id, other.c.state == "running"
    )
    free = (wanted.c.state == "queued") & ~busy.exists()
    ended = (wanted.c.lease_until <= now) | (wanted.c.lease_until > latest)
    abandoned = (wanted.c.state == "running") & ended
    return select(wanted.c.id).where(free | abandoned), wanted


def _claim_statement(dialect: str, *, by_run: bool, by_connection: bool) -> sa.UpdateBase:
    now, until, _ = _TIMES[dialect]
    chosen, wanted = _free_to_take(dialect)
    if by_run:
        chosen = chosen.where(wanted.c.id == bindparam("wanted_run"))
    if by_connection:
        chosen = chosen.where(wanted.c.connection_id == bindparam("wanted_connection"))
    chosen = chosen.order_by(wanted.c.state.desc(), wanted.c.requested_at, wanted.c.id).limit(1)
    if dialect == "postgresql":
        chosen = chosen.with_for_update(skip_locked=True, of=wanted)
    values = {
        "state": "running",
        "lease_owner": bindparam("owner"),
        "lease_until": until,
        "fence": _RUN.c.fence + 1,
        "started_at": func.coalesce(_RUN.c.started_at, now),
    }
    return (
        sa.update(_RUN)
        .where(_RUN.c.id == chosen.scalar_subquery())
        .values(values)
        .returning(_RUN.c.id, _RUN.c.fence)
    )


CLAIMS = {
    (dialect, by_run, by_connection): _claim_statement(dialect, by_run=by_run, by_connection=by_connection)
    for dialect in _TIMES
    for by_run in (False, True)
    for by_connection in (False, True)
}
CLAIMABLE = {dialect: Prepared(_free_to_take(dialect)[0].limit(1)) for dialect in _TIMES}
HEARTBEATS = {
    dialect: sa.update(_RUN).where(MINE).values(lease_until=until)
    for dialect, (_, until, _) in _TIMES.items()
}
