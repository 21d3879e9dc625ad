"""Seats: who may take one now, who waits, and when somebody should hear that they run out.

Suspensions free seats first, then people return, then newcomers come, oldest first. Nobody is
ever put out of a seat to make room; who finds none waits where everybody can see it.
"""

from __future__ import annotations

from sync.apply import writer
from sync.apply.context import Context
from sync.apply.ledger import announce
from sync.model.change import Action, Change
from sync.model.connection import Policy
from sync.plan import counted
from sync.store import headcount, meta, plans
from sync.store.database import Conn

THRESHOLDS = (80, 90, 100)
"""Percent of the limit at which somebody is told, once per rise."""

_ALERTED = "seats.alerted"


def takes_seat(change: Change, policy: Policy) -> bool:
    """Whether somebody who had no seat has one after the change."""
    if change.action in (Action.CREATE, Action.REACTIVATE):
        return change.after.get("active") is True
    return change.action is Action.ADOPT and not policy.seats_count_unmanaged


def used(conn: Conn, policy: Policy) -> int:
    """Seats in use: active managed users, and unmanaged ones where they count."""
    return headcount.seats_used(conn, count_unmanaged=policy.seats_count_unmanaged)


def make_wait(conn: Conn, plan_id: str, policy: Policy) -> str | None:
    """Let the plan's additions beyond the free seats wait; a sentence when any does."""
    if policy.seat_limit is None:
        return None
    taken = used(conn, policy)
    freed = plans.pending_count(conn, plan_id, Action.SUSPEND.value)
    actions = [Action.REACTIVATE, Action.CREATE]
    if not policy.seats_count_unmanaged:
        actions.append(Action.ADOPT)
    free = max(0, policy.seat_limit - taken + freed)
    waiting = plans.wait_beyond(conn, plan_id, [action.value for action in actions], free)
    if not waiting:
        return None
    return (
        f"{counted(waiting, 'person waits', 'people wait')} for a seat: of {policy.seat_limit:,} seats "
        f"{taken:,} are in use, and this plan frees {freed:,}. Every run tries again."
    )


def refusal(conn: Conn, change: Change, policy: Policy) -> str | None:
    """Why one pushed addition has to wait; None while there is room."""
    if policy.seat_limit is None or not takes_seat(change, policy):
        return None
    writer.take_turns(conn, ["seats"])
    taken = used(conn, policy)
    if taken < policy.seat_limit:
        return None
    return (
        f"No seat is free: all {policy.seat_limit:,} are in use. {change.subject.label} waits and gets "
        "access as soon as one is; raise the limit or suspend somebody."
    )


def level(used: int, limit: int) -> int:
    """The highest threshold that so many seats have reached; 0 below all."""
    percent = 100 * used // max(1, limit)
    return max((threshold for threshold in THRESHOLDS if percent >= threshold), default=0)


def tell_if_short(conn: Conn, policy: Policy, context: Context) -> None:
    """Say once that 80, 90 or 100 % of the seats are in use; falling below says nothing."""
    if policy.seat_limit is None:
        return
    taken = used(conn, policy)
    percent = 100 * taken // max(1, policy.seat_limit)
    reached = level(taken, policy.seat_limit)
    before = int(meta.get(conn, _ALERTED) or 0)
    if reached != before:
        meta.put(conn, _ALERTED, str(reached))
    if reached > before:
        body = {"used": taken, "limit": policy.seat_limit, "percent": percent, "threshold": reached}
        announce(conn, "seats.threshold_reached", body, context)
