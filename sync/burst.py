"""Many suspensions pushed in a short time: somebody hears of it, and an optional brake stops them.

A push cannot be planned: each request speaks of one person and is right on its own. What it
cannot know is that two hundred of its kind came within the hour; that is what is watched here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sync.apply.context import Context
from sync.apply.ledger import announce
from sync.model.change import Action, Change
from sync.model.connection import Policy
from sync.model.errors import Transient
from sync.store import headcount, history, meta
from sync.store.database import Conn
from sync.store.times import to_text

WINDOW = timedelta(hours=1)
"""How far back pushed suspensions count together."""

COUNTED_EVERY = timedelta(minutes=1)
"""How old the number of people may be that a suspension is measured against."""

RETRY_AFTER_S = 900.0
"""When an IdP that met the brake should try again."""


def watch(conn: Conn, change: Change, policy: Policy, context: Context, now: datetime) -> Transient | None:
    """Tell once per burst; the refusal of this change where the connection has its brake on."""
    if change.action is not Action.SUSPEND:
        return None
    counted, rang = (f"{kind}:{context.connection.id}" for kind in ("whole", "burst"))
    noted = meta.several(conn, [counted, rang])
    if not policy.push_brake and noted.get(rang, "") >= to_text(now - COUNTED_EVERY):
        return None  # the alarm of this burst went off a moment ago: there is nothing new to tell
    recent = history.suspensions_pushed(conn, context.connection.id, now - WINDOW)
    limit = policy.safeguards.suspensions
    if limit.allows(recent + 1, _lately(noted.get(counted, ""), now)):
        return None
    whole = _count_whole(conn, recent, context, now)
    if limit.allows(recent + 1, whole):
        return None
    _tell(conn, recent + 1, context, now)
    if not policy.push_brake:
        return None
    return Transient(
        f"{recent:,} people were suspended by this connection within an hour; "
        f"the limit is {limit.text(whole, 'managed active users')}. The brake is on: further ones wait "
        "until the hour is over, or an admin raises the limit or switches safeguards.push_brake off.",
        retry_after_s=RETRY_AFTER_S,
    )


def _lately(noted: str, now: datetime) -> int:
    """How many people there were to lose a minute ago at most; 0 when nobody counted since.

    Counting reads everybody, which no request should cost. The number serves to allow only: before
    anything is refused it is counted anew.
    """
    at, _, number = noted.partition(" ")
    return int(number) if at >= to_text(now - COUNTED_EVERY) else 0


def _count_whole(conn: Conn, recent: int, context: Context, now: datetime) -> int:
    whole = headcount.active_of(conn, context.connection.id) + recent
    meta.put(conn, f"whole:{context.connection.id}", f"{to_text(now)} {whole}")
    return whole


def _tell(conn: Conn, recent: int, context: Context, now: datetime) -> None:
    """One alert per burst: it is over when an hour has passed without a new alarm."""
    key = f"burst:{context.connection.id}"
    before = meta.get(conn, key)
    meta.put(conn, key, to_text(now))
    if before is None or before < to_text(now - WINDOW):
        body = {"suspended": recent, "window_s": WINDOW.total_seconds()}
        announce(conn, "push.suspension_burst", body, context)
