"""Forgetting what is old, a few rows at a time; nothing that a present state or an approval rests on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.run import PlanState
from sync.store.schema import (
    audit,
    console_link,
    console_session,
    history,
    notice,
    plan,
    plan_item,
    run,
    staged,
)
from sync.store.times import to_text

_UNDECIDED = (PlanState.OPEN.value, PlanState.HELD.value)
_REMEMBERED = (*_UNDECIDED, PlanState.REJECTED.value)
"""Plans that still say something: they wait, or a person said no to what is in them."""

_ENDED = run.c.state.not_in(["queued", "running"])


def plan_items(conn: Conn, before: datetime, limit: int) -> int:
    """Items of plans that were decided and made before then; the plan itself stays, with its counts."""
    old = (
        sa.select(plan_item.c.plan_id, plan_item.c.place)
        .join(plan, plan.c.id == plan_item.c.plan_id)
        .where(plan.c.created_at < to_text(before), plan.c.state.not_in(_UNDECIDED))
        .limit(limit)
    )
    return _delete(conn, plan_item, (plan_item.c.plan_id, plan_item.c.place), old)


def runs(conn: Conn, before: datetime, limit: int) -> int:
    """Runs that ended before then and changed nothing; those that did stay as long as their changes.

    A connection's newest run, and one whose plan waits or was rejected, stay too.
    """
    newer = run.alias("newer")
    old = (
        sa.select(run.c.id)
        .where(
            _ENDED,
            run.c.ended_at < to_text(before),
            ~sa.exists().where(history.c.run_id == run.c.id),
            ~sa.exists().where(plan.c.run_id == run.c.id, plan.c.state.in_(_REMEMBERED)),
            sa.exists().where(newer.c.connection_id == run.c.connection_id, newer.c.id > run.c.id),
        )
        .limit(limit)
    )
    return _delete(conn, run, (run.c.id,), old)


def staged_pages(conn: Conn, limit: int) -> int:
    """Records that runs left behind which are over."""
    keys = (staged.c.run_id, staged.c.kind, staged.c.key)
    old = sa.select(*keys).join(run, run.c.id == staged.c.run_id).where(_ENDED).limit(limit)
    return _delete(conn, staged, keys, old)


def sessions(conn: Conn, now: datetime, limit: int) -> int:
    """Sessions and links of the console that are over."""
    gone = 0
    for table, key in ((console_session, console_session.c.id), (console_link, console_link.c.hash)):
        old = sa.select(key).where(table.c.expires_at < to_text(now)).limit(limit)
        gone += _delete(conn, table, (key,), old)
    return gone


def audits(conn: Conn, before: datetime, limit: int) -> int:
    """Lines of the audit from before then."""
    old = sa.select(audit.c.seq).where(audit.c.at < to_text(before)).order_by(audit.c.seq).limit(limit)
    return _delete(conn, audit, (audit.c.seq,), old)


def notices(conn: Conn, before: datetime, limit: int) -> int:
    """Notices of what was over before then."""
    old = sa.select(notice.c.id).where(notice.c.ended_at < to_text(before)).limit(limit)
    return _delete(conn, notice, (notice.c.id,), old)


def _delete(conn: Conn, table: sa.Table, keys: tuple[Any, ...], old: sa.Select[Any]) -> int:
    key = keys[0] if len(keys) == 1 else sa.tuple_(*keys)
    return conn.execute(sa.delete(table).where(key.in_(old))).rowcount
