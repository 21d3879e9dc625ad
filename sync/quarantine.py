"""Quarantine: a connection whose runs fail is tried less and less often, and says why once.

Nothing is ever removed because of it. A run that reads something ends it, whoever asked for that run.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sync.apply.context import Context
from sync.apply.ledger import announce
from sync.model.connection import NEEDS_A_PERSON, Connection, Trouble
from sync.store import connections
from sync.store.database import Conn
from sync.store.times import to_text

FIRST_WAIT: Final = timedelta(minutes=1)
FIRST_WAIT_FOR_A_PERSON: Final = timedelta(minutes=15)
LONGEST_WAIT: Final = timedelta(days=1)
GROWTH: Final = 4

REMEDIES: Final = {
    "denied": "Give it working credentials (connector connections set NAME …), then: "
    "connector connections resume NAME",
    "misconfigured": "Correct the setting it names (connector connections set NAME …), then: "
    "connector connections resume NAME",
    "mistake": "Look into the log of the run, and report it: connector bundle FILE",
}
"""What helps, by kind of failure; NAME stands for the connection's name."""

USUAL_REMEDY: Final = (
    "It heals by itself once the directory answers again. To look now: connector doctor NAME"
)


def remedy(trouble: Trouble, name: str) -> str:
    """One line a person can act on."""
    return REMEDIES.get(trouble.kind, USUAL_REMEDY).replace("NAME", name)


def failed(
    conn: Conn, why: str, kind: str, *, context: Context, now: datetime, retry_after_s: float | None = None
) -> None:
    """Note one more failure; tell of the first, and of the one that puts the connection into quarantine."""
    connection = connections.get(conn, context.connection.id)
    before = connection.trouble
    failures = before.failures + 1 if before else 1
    asked = min(timedelta(seconds=retry_after_s or 0.0), LONGEST_WAIT)
    trouble = Trouble(
        failures=failures,
        since=before.since if before else now,
        kind=kind,
        why=why,
        retry_at=now + max(wait(failures, kind), asked),
    )
    connections.set_trouble(conn, connection.id, trouble)
    _tell(conn, connection, before, trouble, context)


def tried(conn: Conn, connection_id: str, trouble: Trouble, now: datetime) -> None:
    """A run is asked for: however it ends, the next one is as far away as after one more failure."""
    again_at = now + wait(trouble.failures + 1, trouble.kind)
    connections.set_trouble(conn, connection_id, replace(trouble, retry_at=again_at))


def recovered(conn: Conn, context: Context) -> None:
    """A run has read something: whatever was wrong is over."""
    before = connections.get(conn, context.connection.id).trouble
    if before is None:
        return
    connections.set_trouble(conn, context.connection.id, None)
    if before.quarantined:
        announce(conn, "connection.recovered", {"since": to_text(before.since)}, context)


def wait(failures: int, kind: str) -> timedelta:
    """1 min, 4 min, 16 min … up to a day; from 15 min where only a person can help."""
    first = FIRST_WAIT_FOR_A_PERSON if kind in NEEDS_A_PERSON else FIRST_WAIT
    return min(first * int(GROWTH ** min(failures - 1, 10)), LONGEST_WAIT)


def _tell(conn: Conn, connection: Connection, before: Trouble | None, now: Trouble, context: Context) -> None:
    said = {
        "error": now.why,
        "error_kind": now.kind,
        "failures": now.failures,
        "remedy": remedy(now, connection.name),
        "retry_at": to_text(now.retry_at),
        "since": to_text(now.since),
    }
    if before is None:
        announce(conn, "run.failed", said, context)
    if now.quarantined and not (before and before.quarantined):
        announce(conn, "connection.quarantined", said, context)
