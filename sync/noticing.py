"""Bringing the notices up to what holds now: each episode begins once, is told once, and ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sync.apply import writer
from sync.apply.ledger import proclaim
from sync.model.notice import Condition
from sync.store import notices
from sync.store.database import Conn, Database
from sync.store.times import to_text

Look = Callable[[Conn], Sequence[Condition]]
"""Everything that holds now."""


def settle(
    database: Database, look: Look, *, channels: Collection[str], url: str, clock: Callable[[], datetime]
) -> list[Condition]:
    """Begin and end episodes; those begun. Each is an event too, for webhooks and the feed."""
    with database.read() as conn:
        if {each.key for each in look(conn)} == notices.open_keys(conn):
            return []
    with database.write() as conn:
        # One replica after the other: an old look must not end what a newer one has begun.
        writer.take_turns(conn, ["notices"])
        holds, now = look(conn), clock()
        begun = [each for each in holds if _begin(conn, each, channels, url, now)]
        notices.end(conn, notices.open_keys(conn) - {each.key for each in holds}, now)
    return begun


def _begin(conn: Conn, condition: Condition, channels: Collection[str], url: str, now: datetime) -> bool:
    notice_id = notices.begin(conn, condition, channels=channels, now=now)
    if notice_id is None:
        return False
    said = {
        "notice": notice_id,
        "kind": condition.kind.value,
        "title": condition.title,
        "text": condition.text,
        "link": url + condition.path,
    }
    proclaim(conn, "notice.raised", said, at=to_text(now), connection=condition.connection)
    return True
