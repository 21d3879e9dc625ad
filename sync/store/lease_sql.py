"""The statements of leases: claim, heartbeat and check, each one statement on both databases."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam, func, select

from sync.store import schema

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


_TIMES: Final[dict[str, tuple[ColumnElement[str], ColumnElement[str]]]] = {
    "postgresql": (
        _database_time(sa.literal(0.0, sa.Float)),
        _database_time(bindparam("lease_s", type_=sa.Double)),
    ),
    "sqlite": (bindparam("now", type_=sa.String), bindparam("until", type_=sa.String)),
}
"""Now, and the end of a lease that begins now."""


def _claim_statement(dialect: str, *, by_run: bool, by_connection: bool) -> sa.UpdateBase:
    now, until = _TIMES[dialect]
    other, wanted = _RUN.alias("other"), _RUN.alias("wanted")
    busy = select(other.c.id).where(
        other.c.connection_id == wanted.c.connection_id, other.c.state == "running"
    )
    free = (wanted.c.state == "queued") & ~busy.exists()
    abandoned = (wanted.c.state == "running") & (wanted.c.lease_until <= now)
    chosen = select(wanted.c.id).where(free | abandoned)
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
HEARTBEATS = {
    dialect: sa.update(_RUN).where(MINE).values(lease_until=until) for dialect, (_, until) in _TIMES.items()
}
