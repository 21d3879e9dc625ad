"""A freeze: nothing is taken from anybody, in one connection or in all, until a time or until thawed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Who froze removals, since when, why; ``connection_id`` None means every connection.

    ``until`` None means until somebody thaws it.
    """

    id: str
    connection_id: str | None
    until: datetime | None
    by: str
    reason: str
    since: datetime

    @property
    def sentence(self) -> str:
        """Who, until when and why, for people."""
        end = f"until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else "until it is thawed"
        scope = "this connection" if self.connection_id else "every connection"
        why = f": {self.reason.rstrip('.')}" if self.reason else ""
        return f"{self.by} froze removals in {scope} {end}{why}."
