"""How connections stand: a few statements for all of them, however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection as Conn
from sqlalchemy import func, select

from sync.model.run import PlanState, Run
from sync.store import runs, schema
from sync.store.times import from_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One connection's people and groups, its newest run and held plan (by id), and its last push."""

    people: int = 0
    groups: int = 0
    last_run: Run | None = None
    held_plan: str | None = None
    last_push_at: datetime | None = None


NONE = Standing()
"""Of a connection nobody has read or pushed to yet."""


def of_all(conn: Conn) -> Mapping[str, Standing]:
    """By connection id; ``NONE`` for one of which there is nothing."""
    counted, newest = tallies(conn), runs.newest(conn)
    held, pushed = _held_plans(conn), _last_pushes(conn)
    known = {each for each, _ in counted} | newest.keys() | held.keys() | pushed.keys()
    return defaultdict(
        lambda: NONE,
        {
            each: Standing(
                people=counted.get((each, "User"), 0),
                groups=counted.get((each, "Group"), 0),
                last_run=newest.get(each),
                held_plan=held.get(each),
                last_push_at=pushed.get(each),
            )
            for each in known
        },
    )


def tallies(conn: Conn) -> dict[tuple[str, str], int]:
    """Live rows by connection and kind ("User", "Group"), as triggers keep their number."""
    tally = schema.tally
    query = select(tally.c.connection_id, tally.c.kind, func.sum(tally.c.live))
    rows = conn.execute(query.group_by(tally.c.connection_id, tally.c.kind))
    return {(connection_id, kind): int(live) for connection_id, kind, live in rows}


def _held_plans(conn: Conn) -> dict[str, str]:
    plan = schema.plan
    query = select(plan.c.connection_id, func.max(plan.c.id)).where(plan.c.state == PlanState.HELD.value)
    return dict(map(tuple, conn.execute(query.group_by(plan.c.connection_id))))


def _last_pushes(conn: Conn) -> dict[str, datetime]:
    token = schema.token
    query = select(token.c.connection_id, func.max(token.c.last_used_at))
    used = query.where(token.c.revoked_at.is_(None), token.c.last_used_at.is_not(None))
    return {each: from_text(at) for each, at in conn.execute(used.group_by(token.c.connection_id))}
