"""Changes by day, where history's settled rows are summed once and only the newest ones again."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Final

from sync.store import history
from sync.store.database import Conn

SETTLES: Final = timedelta(minutes=2)
"""By then what was applied has been committed; on PostgreSQL a row may become visible after a later one."""

Sums = dict[tuple[str, str], int]
"""Changes by day (2026-11-25) and action."""


class Days:
    """How many changes of which kind each of the last days brought."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._settled: Sums = {}
        self._until: int | None = None
        self._settled_at: datetime | None = None

    def read(self, conn: Conn, first: datetime, now: datetime) -> Sums:
        """The sums from the day of ``first`` on; what is older may stand in them too."""
        with self._turn:
            if self._until is None or self._settled_at is None or now - self._settled_at >= SETTLES:
                begin = history.first_since(conn, first) if self._until is None else self._until
                until = max(begin, history.first_since(conn, now - SETTLES))
                self._settled = _added(self._settled, history.per_day(conn, begin, until))
                self._until, self._settled_at = until, now
            settled, until = self._settled, self._until
        return _added(settled, history.per_day(conn, until))


def _added(first: Sums, second: Sums) -> Sums:
    return {key: first.get(key, 0) + second.get(key, 0) for key in first.keys() | second.keys()}
