"""Stored plans and their items: made while planning, read in pages, decided once, applied in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy import bindparam, insert, select

from sync.model.errors import Conflict, NotFound
from sync.model.run import ItemState, PlanItem, PlanState, RunMode, StoredPlan, Verdict
from sync.store import bulk, schema
from sync.store.fold import contains
from sync.store.keys import among
from sync.store.prepared import Prepared
from sync.store.text import chunks, from_json, to_json
from sync.store.times import from_text, to_text

_PLAN = schema.plan
_ITEM = schema.plan_item
PREFIX_MIN: Final = 6
"""Characters of an id's beginning that may stand for it."""

_WITH_NAME = select(_PLAN, schema.connection.c.name.label("connection")).join(
    schema.connection, schema.connection.c.id == _PLAN.c.connection_id
)
_NEXT = (
    select(_ITEM.c.place, _ITEM.c.change, _ITEM.c.count)
    .where(
        _ITEM.c.plan_id == bindparam("plan_id"),
        _ITEM.c.state == bindparam("state"),
        _ITEM.c.place > bindparam("after_place"),
    )
    .order_by(_ITEM.c.place)
    .limit(bindparam("row_limit", type_=sa.Integer))
)
_SETTLE_ITEMS = (
    sa.update(_ITEM)
    .where(
        _ITEM.c.plan_id == bindparam("of_plan"),
        _ITEM.c.state == sa.literal_column("'pending'"),
        _ITEM.c.place.between(bindparam("first"), bindparam("last")),
    )
    .values(state=bindparam("new_state"))
)
_SET_STATES = (
    sa.update(_ITEM)
    .where(_ITEM.c.plan_id == bindparam("of_plan"), _ITEM.c.place.in_(bindparam("places", expanding=True)))
    .values(state=bindparam("new_state"))
)
_OF_PLAN = _ITEM.c.plan_id == bindparam("of_plan")
_BY_ITEM_ID = Prepared(
    select(_ITEM.c.change).where(
        _OF_PLAN,
        # Asked for their places first, which the index by id holds: SQLite would walk the whole plan else.
        _ITEM.c.place.in_(select(_ITEM.c.place).where(_OF_PLAN, among(_ITEM.c.id, "keys")).correlate(None)),
    )
)


def start(conn: Conn, *, id: str, run_id: str, connection_id: str, mode: RunMode, now: datetime) -> None:
    """Begin a plan of no items yet, in state preview."""
    row: dict[str, Any] = {"id": id, "run_id": run_id, "connection_id": connection_id, "mode": mode.value}
    row |= {"complete": False, "verdict": Verdict.PARTIAL.value, "reasons": "[]", "hash": "", "counts": "{}"}
    conn.execute(insert(_PLAN).values(row | {"state": PlanState.PREVIEW.value, "created_at": to_text(now)}))


def add_items(conn: Conn, plan_id: str, rows: Sequence[tuple[int, str, str, str, int, str, str]]) -> None:
    """Add items as (place, id, action, state, count, label, change as JSON)."""
    names = ("plan_id", "place", "id", "action", "state", "count", "label", "change")
    bulk.insert(conn, _ITEM, names, [(plan_id, *row) for row in rows])


def conclude(
    conn: Conn,
    plan_id: str,
    *,
    complete: bool,
    verdict: Verdict,
    reasons: Sequence[str],
    hash: str,  # noqa: A002 - the word for it
    counts: Mapping[str, int],
    state: PlanState,
) -> None:
    """Write what the plan came to. Raises NotFound."""
    values = {"complete": complete, "verdict": verdict.value, "reasons": to_json(list(reasons)), "hash": hash}
    _set_plan(conn, plan_id, **values, counts=to_json(dict(counts)), state=state.value)


def hold_items(conn: Conn, plan_id: str, actions: Collection[str]) -> int:
    """Hold the pending items of these actions; how many."""
    if not actions:
        return 0
    pending = (_ITEM.c.plan_id == plan_id) & (_ITEM.c.state == "pending") & _ITEM.c.action.in_(list(actions))
    return int(conn.execute(sa.update(_ITEM).where(pending).values(state="held")).rowcount)


def set_states(conn: Conn, plan_id: str, places: Sequence[int], state: ItemState) -> None:
    """Set the state of the items at these places."""
    for part in chunks(places):
        conn.execute(_SET_STATES, {"of_plan": plan_id, "places": part, "new_state": state.value})


def settle_items(conn: Conn, plan_id: str, first: int, last: int, state: ItemState) -> None:
    """Set the state of every pending item from the place ``first`` up to ``last``, both included."""
    conn.execute(_SETTLE_ITEMS, {"of_plan": plan_id, "first": first, "last": last, "new_state": state.value})


def next_items(
    conn: Conn, plan_id: str, *, state: ItemState, after_place: int, limit: int, count_max: int | None = None
) -> list[tuple[int, str]]:
    """(place, change as JSON) of the next items in this state, in the order of the plan.

    With ``count_max`` the list ends before what its items count exceeds that; one there always is.
    """
    values = {"plan_id": plan_id, "state": state.value, "after_place": after_place, "row_limit": limit}
    found: list[tuple[int, str]] = []
    counted = 0
    for place, change, count in conn.execute(_NEXT, values).all():
        counted += count
        if found and count_max is not None and counted > count_max:
            break
        found.append((place, change))
    return found


def undone(
    conn: Conn, plan_id: str, actions: Collection[str], *, after_place: int, limit: int
) -> list[tuple[int, str]]:
    """(place, change as JSON) of the next items of these actions that are pending or held."""
    query = sa.select(_ITEM.c.place, _ITEM.c.change).where(
        _ITEM.c.plan_id == plan_id,
        _ITEM.c.place > after_place,
        _ITEM.c.action.in_(list(actions)),
        _ITEM.c.state.in_([ItemState.HELD.value, ItemState.PENDING.value]),
    )
    return [(row.place, row.change) for row in conn.execute(query.order_by(_ITEM.c.place).limit(limit))]


def overtake(conn: Conn, connection_id: str, external_ids: Collection[str]) -> None:
    """Drop from the plan that waits what is about these people: the directory shows them as stored."""
    waiting = current_held(conn, connection_id)
    if waiting is None or not external_ids:
        return
    query = sa.select(_ITEM.c.place, _ITEM.c.change).where(
        _ITEM.c.plan_id == waiting.id, _ITEM.c.state == ItemState.HELD.value
    )
    about = ((row.place, from_json(row.change)["subject"]) for row in conn.execute(query))
    places = [
        place
        for place, subject in about
        if subject["kind"] == "user" and subject.get("external_id") in external_ids
    ]
    set_states(conn, waiting.id, places, ItemState.STALE)


def discard_unfinished(conn: Conn, run_id: str) -> None:
    """Forget a plan that a killed run had begun and not concluded."""
    conn.execute(sa.delete(_PLAN).where(_PLAN.c.run_id == run_id, _PLAN.c.hash == ""))


def rejected(conn: Conn, connection_id: str, checksum: str) -> StoredPlan | None:
    """The plan with exactly this set of changes that a person rejected, the last of them."""
    query = _WITH_NAME.where(
        _PLAN.c.connection_id == connection_id,
        _PLAN.c.hash == checksum,
        _PLAN.c.state == PlanState.REJECTED.value,
        _PLAN.c.decided_by.is_not(None),
    )
    found = conn.execute(query.order_by(_PLAN.c.id.desc()).limit(1)).first()
    return None if found is None else _plan(found)


def release(
    conn: Conn, plan_id: str, *, exclude: Collection[str], by: str, now: datetime, held_too: bool = True
) -> None:
    """Let a plan's items go, but for the excluded ones; remember who said so.

    ``held_too`` False leaves what is held as it is.
    """
    held = (_ITEM.c.plan_id == plan_id) & (_ITEM.c.state == ItemState.HELD.value)
    undone = (_ITEM.c.plan_id == plan_id) & _ITEM.c.state.in_([ItemState.HELD, ItemState.PENDING])
    for part in chunks(exclude):
        left_out = sa.update(_ITEM).where(undone, _ITEM.c.id.in_(part))
        conn.execute(left_out.values(state=ItemState.EXCLUDED.value))
    if held_too:
        conn.execute(sa.update(_ITEM).where(held).values(state=ItemState.PENDING.value))
    _set_plan(conn, plan_id, state=PlanState.OPEN.value, decided_by=by, decided_at=to_text(now))


def pending_count(conn: Conn, plan_id: str, action: str | None = None) -> int:
    """How many items (of this action) may still be applied."""
    query = sa.select(sa.func.count()).where(
        _ITEM.c.plan_id == plan_id, _ITEM.c.state == ItemState.PENDING.value
    )
    if action is not None:
        query = query.where(_ITEM.c.action == action)
    return int(conn.scalar(query) or 0)


def wait_beyond(conn: Conn, plan_id: str, actions: Collection[str], free: int) -> int:
    """Let pending items of these actions wait, but for the first ``free`` of them; how many wait."""
    pending = sa.and_(
        _ITEM.c.plan_id == plan_id,
        _ITEM.c.action.in_(list(actions)),
        _ITEM.c.state == ItemState.PENDING.value,
    )
    first = sa.select(_ITEM.c.place).where(pending).order_by(_ITEM.c.place).offset(free).limit(1)
    place = conn.scalar(first)
    if place is None:
        return 0
    late = sa.update(_ITEM).where(pending, _ITEM.c.place >= place).values(state=ItemState.WAITING.value)
    return int(conn.execute(late).rowcount)


def would_do(
    conn: Conn, plan_id: str, actions: Collection[str], *, but: Collection[str], states: Collection[ItemState]
) -> bool:
    """Whether the plan has an item of these actions and states, besides those with the ids ``but``."""
    query = sa.select(_ITEM.c.id).where(
        _ITEM.c.plan_id == plan_id,
        _ITEM.c.action.in_(list(actions)),
        _ITEM.c.state.in_([state.value for state in states]),
    )
    return any(item_id not in but for item_id in conn.scalars(query))


def read_since(conn: Conn, plan: StoredPlan) -> StoredPlan | None:
    """A plan of the connection that a newer read of the directory made; None when this is the newest."""
    query = _WITH_NAME.where(
        _PLAN.c.connection_id == plan.connection_id,
        _PLAN.c.id > plan.id,
        _PLAN.c.mode.in_([RunMode.FULL.value, RunMode.DELTA.value]),
        _PLAN.c.state.not_in([PlanState.PREVIEW.value, PlanState.DISCARDED.value]),
    )
    newer = conn.execute(query.order_by(_PLAN.c.id).limit(1)).first()
    return None if newer is None else _plan(newer)


def has_items(conn: Conn, plan_id: str, state: ItemState) -> bool:
    """Whether any item of the plan is in this state."""
    query = sa.select(_ITEM.c.place).where(_ITEM.c.plan_id == plan_id, _ITEM.c.state == state.value).limit(1)
    return conn.execute(query).first() is not None


def counts(conn: Conn, plan_id: str) -> dict[str, dict[str, tuple[int, int]]]:
    """By state and action: the items, and what they add up to; every state there is stands in it."""
    found: dict[str, dict[str, tuple[int, int]]] = {state.value: {} for state in ItemState}
    # Of one walk over the plan, by one text: the index by state would have to look up every item's action.
    what = _ITEM.c.state.concat(" ").concat(_ITEM.c.action).label("what")
    query = sa.select(what, sa.func.count(), sa.func.sum(_ITEM.c.count)).group_by(what)
    for each, items, total in conn.execute(query.where(_ITEM.c.plan_id == plan_id)):
        state, _, action = each.partition(" ")
        found[state][action] = (items, int(total))
    return found


def state_counts(conn: Conn, plan_id: str) -> dict[str, int]:
    """How many items stand in each state, which an index tells alone."""
    query = sa.select(_ITEM.c.state, sa.func.count()).where(_ITEM.c.plan_id == plan_id)
    return dict(map(tuple, conn.execute(query.group_by(_ITEM.c.state))))


def counts_in(conn: Conn, plan_id: str, state: ItemState) -> dict[str, tuple[int, int]]:
    """By action: the items in this state, and what they add up to (one item may add many members)."""
    query = (
        sa.select(_ITEM.c.action, sa.func.count(), sa.func.sum(_ITEM.c.count))
        .where(_ITEM.c.plan_id == plan_id, _ITEM.c.state == state.value)
        .group_by(_ITEM.c.action)
    )
    return {action: (items, int(total)) for action, items, total in conn.execute(query)}


def set_reasons(conn: Conn, plan_id: str, reasons: Sequence[str]) -> None:
    """Say what a person should read before deciding. Raises NotFound."""
    _set_plan(conn, plan_id, reasons=to_json(list(reasons)))


def item_ids(conn: Conn, plan_id: str, ids: Collection[str]) -> set[str]:
    """Which of these item ids the plan has."""
    found: set[str] = set()
    for part in chunks(ids):
        found.update(
            conn.scalars(sa.select(_ITEM.c.id).where(_ITEM.c.plan_id == plan_id, _ITEM.c.id.in_(part)))
        )
    return found


def settle(conn: Conn, plan_id: str, state: PlanState) -> None:
    """Set the plan's state. Raises NotFound."""
    _set_plan(conn, plan_id, state=state.value)


def by_item_id(conn: Conn, plan_id: str, item_ids: Collection[str]) -> list[str]:
    """The changes, as JSON, of the items with these ids."""
    found: list[str] = []
    for part in chunks(item_ids):
        found.extend(_BY_ITEM_ID.column(conn, of_plan=plan_id, keys=part))
    return found


def get(conn: Conn, plan_id: str) -> StoredPlan:
    """The plan with this id or, from 6 characters on, the only one whose id begins so.

    Raises NotFound, and Conflict when several begin so.
    """
    rows = conn.execute(_WITH_NAME.where(_PLAN.c.id == plan_id)).all()
    if not rows and len(plan_id) >= PREFIX_MIN:
        begins = (_PLAN.c.id >= plan_id) & (_PLAN.c.id < plan_id + "\x7f")
        rows = conn.execute(_WITH_NAME.where(begins).order_by(_PLAN.c.id).limit(3)).all()
    if not rows:
        raise _unknown(plan_id)
    if len(rows) > 1:
        raise Conflict(
            f"several plans begin with {plan_id}: {', '.join(row.id for row in rows)}; give more of it"
        )
    return _plan(rows[0])


def listed(
    conn: Conn,
    *,
    connection_id: str | None = None,
    states: Collection[PlanState] | None = None,
    limit: int = 50,
    before: str | None = None,
) -> list[StoredPlan]:
    """Plans, newest first; ``before`` is the id of the last one seen."""
    statement = _WITH_NAME.order_by(_PLAN.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(_PLAN.c.id < before)
    if connection_id is not None:
        statement = statement.where(_PLAN.c.connection_id == connection_id)
    if states is not None:
        statement = statement.where(_PLAN.c.state.in_([state.value for state in states]))
    return [_plan(row) for row in conn.execute(statement)]


def count(conn: Conn, state: PlanState) -> int:
    """How many plans are in this state."""
    return int(conn.scalar(sa.select(sa.func.count()).where(_PLAN.c.state == state.value)) or 0)


def items(
    conn: Conn,
    plan_id: str,
    *,
    offset: int = 0,
    limit: int | None = None,
    action: str | None = None,
    state: ItemState | None = None,
    search: str | None = None,
    after_place: int | None = None,
) -> list[PlanItem]:
    """Items in the order of the plan; ``search`` is part of a label in any case."""
    statement = select(_ITEM).where(_ITEM.c.plan_id == plan_id).order_by(_ITEM.c.place)
    if after_place is not None:
        statement = statement.where(_ITEM.c.place > after_place)
    if action is not None:
        statement = statement.where(_ITEM.c.action == action)
    if state is not None:
        statement = statement.where(_ITEM.c.state == state.value)
    if search:
        statement = statement.where(contains(_ITEM.c.label, search))
    return [_item(row) for row in conn.execute(statement.offset(offset).limit(limit))]


def decide(
    conn: Conn, plan_id: str, *, state: PlanState, by: str, now: datetime, comment: str | None
) -> None:
    """Write who decided what of the plan, and when. Raises NotFound."""
    _set_plan(conn, plan_id, state=state.value, decided_by=by, decided_at=to_text(now), comment=comment)


def supersede(
    conn: Conn, connection_id: str, except_plan_id: str | None, now: datetime, *, reverts: bool = False
) -> int:
    """Retire the held plans of the connection but the named one; how many.

    A plan that takes a run back waits on when the directory is read again, and the reverse.
    """
    held = (_PLAN.c.connection_id == connection_id) & (_PLAN.c.state == "held")
    held &= (_PLAN.c.mode == RunMode.REVERT.value) if reverts else (_PLAN.c.mode != RunMode.REVERT.value)
    if except_plan_id is not None:
        held &= _PLAN.c.id != except_plan_id
    retired = {"state": PlanState.SUPERSEDED.value, "decided_at": to_text(now)}
    return int(conn.execute(sa.update(_PLAN).where(held).values(retired)).rowcount)


def current_held(conn: Conn, connection_id: str) -> StoredPlan | None:
    """The newest plan of the connection that waits for a person."""
    held = listed(conn, connection_id=connection_id, states=[PlanState.HELD], limit=1)
    return held[0] if held else None


def _set_plan(conn: Conn, plan_id: str, **values: Any) -> None:
    if conn.execute(sa.update(_PLAN).where(_PLAN.c.id == plan_id).values(values)).rowcount == 0:
        raise _unknown(plan_id)


def _unknown(plan_id: str) -> NotFound:
    return NotFound(f"there is no plan with the id {plan_id}; see: connector plans list")


def _plan(row: Any) -> StoredPlan:
    return StoredPlan(
        id=row.id,
        run_id=row.run_id,
        connection_id=row.connection_id,
        connection=row.connection,
        mode=RunMode(row.mode),
        complete=row.complete,
        verdict=Verdict(row.verdict),
        reasons=tuple(from_json(row.reasons)),
        hash=row.hash,
        counts=from_json(row.counts),
        state=PlanState(row.state),
        created_at=from_text(row.created_at),
        decided_by=row.decided_by,
        decided_at=from_text(row.decided_at),
        comment=row.comment,
    )


def _item(row: Any) -> PlanItem:
    change = from_json(row.change)
    return PlanItem(
        seq=row.place,
        id=row.id,
        action=row.action,
        subject=row.label,
        reason=change["reason"],
        before=change.get("before") or {},
        after=change.get("after") or {},
        state=ItemState(row.state),
        count=row.count,
    )
