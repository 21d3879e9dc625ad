"""The bookmark of a change feed that is a time: the server's own clock, less an overlap."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from sync.model.errors import CursorExpired
from sync.model.source import End

OVERLAP: Final = timedelta(minutes=5)
"""How far back a delta begins before the read it follows: stamps and indexes lag behind the truth."""


def bookmark(since: datetime) -> str:
    """The cursor that begins the next delta at this time."""
    return json.dumps({"since": since.astimezone(UTC).isoformat()})


def time_of(cursor: str) -> datetime:
    """The time of a cursor; raises CursorExpired when it is none of ours."""
    try:
        return datetime.fromisoformat(json.loads(cursor)["since"]).astimezone(UTC)
    except (ValueError, TypeError, KeyError) as error:
        raise CursorExpired("The bookmark of the change feed cannot be read: read in full.") from error


def end_after(as_of: datetime | None, *, since: datetime | None = None) -> End:
    """The end of a read that began at ``as_of`` by the server's clock; a bookmark never goes back."""
    if as_of is None:
        return End(cursor=bookmark(since) if since else None)
    newer = as_of - OVERLAP
    return End(cursor=bookmark(max(newer, since) if since else newer), as_of=as_of)
