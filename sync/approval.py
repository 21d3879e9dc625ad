"""A person's word on a held plan: let exactly what was looked at go, or throw it away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sync.model.errors import Conflict, NotFound
from sync.model.run import PlanState, Run, RunMode, StoredPlan
from sync.store import plans, runs
from sync.store.database import Conn
from sync.store.ids import new_id


def approve(
    conn: Conn, plan_ref: str, *, expect_hash: str | None, exclude: Sequence[str] = (), by: str, now: datetime
) -> Run:
    """Queue the run that applies the held items of this plan, but for the excluded ones.

    ``expect_hash`` is the checksum that was looked at (or its first 8 digits and more). Raises
    Conflict when the plan is another one by now or waits for nobody, NotFound for an unknown
    plan or item.
    """
    plan = held(conn, plan_ref)
    if expect_hash is not None and not (len(expect_hash) >= 8 and plan.hash.startswith(expect_hash)):
        raise Conflict(
            f"plan {plan.id} has the hash {plan.hash}, not {expect_hash}: it is not the one you looked at. "
            f"Read it again (connector plans show {plan.id}) and approve its hash."
        )
    unknown = set(exclude) - plans.item_ids(conn, plan.id, exclude)
    if unknown:
        raise NotFound(
            f"plan {plan.id} has no item {', '.join(sorted(unknown))}; plans show lists the items' ids"
        )
    wanted = {"plan_id": plan.id, "hash": plan.hash, "exclude": list(exclude), "by": by}
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
        raise Conflict(f"plan {plan.id} waits for nobody: it is {plan.state.value}")
    return plan
