"""Forgetting old history and old events, a few rows at a time."""

from __future__ import annotations

from datetime import datetime

from sync.store import meta, writes
from sync.store.database import Conn
from sync.store.times import from_text, to_text

_FORGOTTEN = "history.forgotten_before"


def history(conn: Conn, before: datetime, *, after: int, limit: int) -> tuple[int, int | None]:
    """Forget changes from before then that a later change of the same kind to the same subject has overtaken.

    Looks at ``limit`` rows behind the number ``after``; how many went, and where to go on, None at the end.
    The last change of each kind, and the last update of each field, is kept for good: it says why things
    are as they are.
    """
    gone, last = writes.prune_history(conn, to_text(before), after, limit)
    if gone and (forgotten_before(conn) or before) <= before:
        meta.put(conn, _FORGOTTEN, to_text(before))
    return gone, last


def forgotten_before(conn: Conn) -> datetime | None:
    """Changes from before this time may be incomplete: runs of that age cannot be taken back."""
    return from_text(meta.get(conn, _FORGOTTEN))


def events(conn: Conn, before: datetime, limit: int) -> int:
    """Forget events from before then that every webhook in use has had; how many went."""
    return writes.prune_events(conn, to_text(before), limit)
