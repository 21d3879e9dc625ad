"""Who waits for a seat: in each connection's newest plan that was no preview, and since a push."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy import and_, func, select

from sync.model.run import ItemState, PlanState
from sync.store import schema
from sync.store.fold import contains

_PLAN = schema.plan
_ITEM = schema.plan_item
_QUESTION = schema.attention
_CONNECTION = schema.connection


def count(conn: Conn) -> int:
    """How many people wait, each counted once whoever brought her."""
    return int(conn.scalar(select(func.count(_rows().subquery().c.label.distinct()))) or 0)


def listed(
    conn: Conn,
    *,
    connection_id: str | None = None,
    search: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Who waits, by name (``label``), with a ``connection`` that brings her and the ``action`` that waits."""
    rows = _rows().subquery()
    query = select(
        rows.c.label,
        func.min(rows.c.connection_id).label("connection_id"),
        func.min(rows.c.action).label("action"),
    )
    if after is not None:
        query = query.where(rows.c.label > after)
    if connection_id is not None:
        query = query.where(rows.c.connection_id == connection_id)
    if search:
        query = query.where(contains(rows.c.label, search))
    page = query.group_by(rows.c.label).order_by(rows.c.label).limit(limit).subquery()
    named = select(page.c.label, _CONNECTION.c.name.label("connection"), page.c.action)
    named = named.join(_CONNECTION, _CONNECTION.c.id == page.c.connection_id).order_by(page.c.label)
    return [row._asdict() for row in conn.execute(named)]


def labels() -> sa.Select[Any]:
    """The names of everybody who waits."""
    return select(_rows().subquery().c.label)


def _rows() -> sa.CompoundSelect[Any]:
    newest = (
        select(func.max(_PLAN.c.id))
        .where(_PLAN.c.state.not_in([PlanState.PREVIEW.value, PlanState.DISCARDED.value]))
        .group_by(_PLAN.c.connection_id)
    )
    # Found in the index by state first: SQLite would rather walk a whole plan for its few who wait.
    found = _ITEM.alias("found")
    who = and_(_ITEM.c.plan_id == found.c.plan_id, _ITEM.c.place == found.c.place)
    pulled = (
        select(_ITEM.c.label, _PLAN.c.connection_id, _ITEM.c.action)
        .select_from(found.join(_ITEM, who).join(_PLAN, _PLAN.c.id == found.c.plan_id))
        .where(found.c.plan_id.in_(newest), found.c.state == ItemState.WAITING.value)
    )
    pushed = select(_QUESTION.c.label, _QUESTION.c.connection_id, sa.literal("create")).where(
        _QUESTION.c.kind == "waiting_for_seat", _QUESTION.c.state == "open"
    )
    return sa.union_all(pulled, pushed)
