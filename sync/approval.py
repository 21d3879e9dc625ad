"""A person's word on a stored plan: let exactly what was looked at go, or throw it away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sync.model.change import REMOVALS
from sync.model.errors import Conflict, Held, NotFound, Refused
from sync.model.run import ItemState, PlanState, Run, RunMode, StoredPlan
from sync.store import freezes, plans, runs
from sync.store.database import Conn
from sync.store.ids import new_id

HASH_DIGITS_MIN = 8
"""Digits of a checksum that may stand for it."""


def approve(
    conn: Conn, plan_ref: str, *, expect_hash: str | None, exclude: Sequence[str] = (), by: str, now: datetime
) -> Run:
    """Queue the run that applies the held items of this plan, but for the excluded ones.

    ``expect_hash`` is the checksum that was looked at (or its first 8 digits and more). Raises
    Conflict when the plan is another one by now or waits for nobody, Refused for removals during a
    freeze, NotFound for an unknown plan or item.
    """
    plan = held(conn, plan_ref)
    _check(conn, plan, expect_hash, exclude)
    _check_freeze(conn, plan, exclude, [ItemState.HELD], now)
    return _queue(conn, plan, exclude, by=by, now=now, word=True)


def apply_plan(
    conn: Conn,
    plan_ref: str,
    *,
    expect_hash: str | None = None,
    exclude: Sequence[str] = (),
    yes: bool = False,
    by: str,
    now: datetime,
) -> Run:
    """Queue the run that carries a previewed or held plan out, but for the excluded items.

    ``yes``, or naming the checksum, is a person's word: with it everything goes. Without it only
    what no safeguard holds goes; the rest of a preview is held from then on, and a plan that is
    held already raises Held. Whatever changed since the plan was made is not written. Raises
    Conflict when the directory was read again since, or when the plan is over.
    """
    plan = plans.get(conn, plan_ref)
    word = yes or expect_hash is not None
    if plan.state is PlanState.HELD and not word:
        raise Held(
            f"plan {plan.id} is held: {' '.join(plan.reasons)} "
            f"Look at it (connector plans show {plan.id}), then apply it with --expect-hash {plan.hash}."
        )
    if plan.state is PlanState.HELD:
        return approve(conn, plan.id, expect_hash=expect_hash, exclude=exclude, by=by, now=now)
    _check_preview(conn, plan)
    _check(conn, plan, expect_hash, exclude)
    if word:
        _check_freeze(conn, plan, exclude, [ItemState.HELD, ItemState.PENDING], now)
    return _queue(conn, plan, exclude, by=by, now=now, word=word)


def _check_preview(conn: Conn, plan: StoredPlan) -> None:
    if plan.state is PlanState.DISCARDED:
        raise Conflict(
            f"plan {plan.id} tries settings that nobody saved (plan --with), so it cannot be applied; "
            "save them (connector connections set) and make a new plan"
        )
    if plan.state is not PlanState.PREVIEW:
        raise Conflict(f"plan {plan.id} cannot be applied: it is {plan.state.value}; make a new plan")
    newer = plans.read_since(conn, plan)
    if newer is not None:
        raise Conflict(
            f"the directory was read again since (run {newer.run_id}), so plan {plan.id} is out of date; "
            "make a new plan"
        )


def _check(conn: Conn, plan: StoredPlan, expect_hash: str | None, exclude: Sequence[str]) -> None:
    """The plan is the one that was looked at, and has the items that are to be left out."""
    if expect_hash is not None and not (
        len(expect_hash) >= HASH_DIGITS_MIN and plan.hash.startswith(expect_hash)
    ):
        raise Conflict(
            f"plan {plan.id} has the hash {plan.hash}, not {expect_hash}: it is not the one you looked at. "
            f"Read it again (connector plans show {plan.id}) and approve its hash."
        )
    unknown = set(exclude) - plans.item_ids(conn, plan.id, exclude)
    if unknown:
        raise NotFound(
            f"plan {plan.id} has no item {', '.join(sorted(unknown))}; plans show lists the items' ids"
        )


def _check_freeze(
    conn: Conn, plan: StoredPlan, exclude: Collection[str], states: Sequence[ItemState], now: datetime
) -> None:
    frozen = freezes.current(conn, plan.connection_id, now)
    removals = [action.value for action in REMOVALS]
    if frozen is not None and plans.would_do(conn, plan.id, removals, but=set(exclude), states=states):
        raise Refused(
            f"{frozen.sentence} Plan {plan.id} takes something away: wait, thaw it (connector freeze off), "
            "or exclude those items."
        )


def _queue(
    conn: Conn, plan: StoredPlan, exclude: Sequence[str], *, by: str, now: datetime, word: bool
) -> Run:
    """``word`` says that somebody stands for what a safeguard holds."""
    wanted = {"plan_id": plan.id, "hash": plan.hash, "exclude": list(exclude), "by": by, "word": word}
    run, queued = runs.request(
        conn,
        plan.connection_id,
        id=new_id(),
        mode=RunMode.APPROVAL,
        trigger="approval",
        by=by,
        now=now,
        approves=wanted,
    )
    if not queued:
        raise Conflict(
            f"run {run.id} is queued for this connection and may change the plan; "
            "approve again when it has ended"
        )
    return run


def reject(conn: Conn, plan_ref: str, *, by: str, now: datetime, comment: str | None = None) -> StoredPlan:
    """Throw the held items away. The same set does not ask again; one person more does."""
    plan = held(conn, plan_ref)
    plans.decide(conn, plan.id, state=PlanState.REJECTED, by=by, now=now, comment=comment)
    return plans.get(conn, plan.id)


def held(conn: Conn, plan_ref: str) -> StoredPlan:
    """The plan, if it waits for a person; Conflict with what happened to it otherwise."""
    plan = plans.get(conn, plan_ref)
    if plan.state is not PlanState.HELD:
        by = f" by {plan.decided_by}" if plan.decided_by else ""
        raise Conflict(f"plan {plan.id} waits for nobody: it is {plan.state.value}{by}")
    return plan


def rejection(conn: Conn, connection_id: str, checksum: str) -> str | None:
    """What to tell of a set of changes that somebody rejected before, None when nobody did."""
    plan = plans.rejected(conn, connection_id, checksum)
    if plan is None:
        return None
    at = f" on {plan.decided_at:%Y-%m-%d %H:%M} UTC" if plan.decided_at else ""
    return (
        f"{plan.decided_by} rejected exactly these changes{at} (plan {plan.id}), so nobody is asked again. "
        f"To let them go after all: connector plan {plan.connection}, then connector apply PLAN-ID --yes."
    )
