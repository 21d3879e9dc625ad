"""What wants a person now, read from the tables: each with a sentence and the page that helps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from connector.usecases.expiries import expiries
from connector.usecases.wires import Wires
from sync import quarantine, seats
from sync.model.connection import Connection
from sync.model.notice import Condition, NoticeKind
from sync.model.run import PlanState, Run, RunState, StoredPlan
from sync.store import connections, headcount, plans, runs, waiting
from sync.store.database import Conn

FAILURES_TOLD = 2
"""A run that failed once is tried again within a minute, before anybody is called."""


def holding(wires: Wires, conn: Conn) -> list[Condition]:
    """Every condition that holds; of a paused connection only what outlives the pause."""
    known = {each.id: each for each in connections.listed(conn)}
    found = [_held(known[plan.connection_id], plan) for plan in _newest_held(conn)]
    reads = runs.newest_reads(conn)
    for each in known.values():
        if each.enabled:
            found += [*_trouble(each), *_inconsistent(each, reads.get(each.id))]
    return found + _expiring(wires, conn) + _seats(wires, conn)


def _newest_held(conn: Conn) -> Sequence[StoredPlan]:
    held = sorted(plans.listed(conn, states=[PlanState.HELD]), key=lambda plan: plan.created_at)
    return list({plan.connection_id: plan for plan in held}.values())


def _held(one: Connection, plan: StoredPlan) -> Condition:
    why = " ".join(plan.reasons[:3])
    return Condition(
        kind=NoticeKind.PLAN_HELD,
        key=f"plan_held:{one.id}",
        title=f"{one.name}: a plan waits for your decision",
        text=f"{why} Approve it, leave items out, or reject it: connector plans show {plan.id}",
        path=f"/plans/{plan.id}",
        connection=(one.id, one.name),
    )


def _trouble(one: Connection) -> list[Condition]:
    trouble = one.trouble
    if trouble is None or (not trouble.quarantined and trouble.failures < FAILURES_TOLD):
        return []
    kind = NoticeKind.QUARANTINED if trouble.quarantined else NoticeKind.RUNS_FAIL
    what = "is in quarantine" if trouble.quarantined else "cannot be read"
    remedy = quarantine.remedy(trouble, one.name)
    return [
        Condition(
            kind=kind,
            key=f"{kind.value}:{one.id}",
            title=f"{one.name} {what}",
            text=f"{trouble.why.rstrip('.')}. Nobody loses access by it. {remedy}",
            path=page_of(one),
            connection=(one.id, one.name),
        )
    ]


def _inconsistent(one: Connection, read: Run | None) -> list[Condition]:
    if read is None or read.state is not RunState.PARTIAL:
        return []
    why = " ".join(read.reasons[:2])
    return [
        Condition(
            kind=NoticeKind.SOURCE_INCONSISTENT,
            key=f"source_inconsistent:{one.id}",
            title=f"{one.name} answered with less than everything",
            text=f"{why} Nothing was removed. See: connector runs show {read.id}",
            path=f"/runs/{read.id}",
            connection=(one.id, one.name),
        )
    ]


def _expiring(wires: Wires, conn: Conn) -> list[Condition]:
    now: datetime = wires.clock()
    return [
        Condition(
            kind=each.kind,
            key=f"{each.kind.value}:{each.id}:{days}",
            title=f"{each.what} {'ended' if days == 0 else 'ends soon'}",
            text=each.sentence(now),
            path=page_of(each.connection) if each.connection else "/",
            connection=(each.connection.id, each.connection.name) if each.connection else None,
        )
        for each in expiries(wires, conn)
        if (days := each.threshold_d(now)) is not None
    ]


def _seats(wires: Wires, conn: Conn) -> list[Condition]:
    limit = wires.settings.seats.limit
    if limit is None:
        return []
    used = headcount.seats_used(conn, count_unmanaged=wires.settings.seats.count_unmanaged)
    level = seats.level(used, limit)
    if level == 0:
        return []
    without = waiting.count(conn)
    wait = f" {without:,} wait for one." if without else ""
    remedy = "Raise seats.limit or suspend somebody."
    return [
        Condition(
            kind=NoticeKind.SEATS,
            key=f"seats:{level}",
            title=f"{used:,} of {limit:,} seats are in use",
            text=f"At the limit new people wait; nobody is put out.{wait} {remedy}",
            path="/",
        )
    ]


def page_of(one: Connection) -> str:
    """The console's page of a connection."""
    return f"/connections/{quote(one.name)}"
