"""Counts over everybody, remembered until something changes that they could depend on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sync.store import history
from sync.store.database import Conn
from sync.store.history import Mark

T = TypeVar("T")

NOTICED_AFTER_S: Final = 60
"""On PostgreSQL a slow transaction commits below what was looked at: it is noticed so late at most."""


class Remembered:
    """What was counted by what it is called, with the mark at which it was."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[Any, Any]] = {}
        self._turn = threading.Lock()
        self._looked_at: Mark | None = None
        self._people_at: tuple[Mark, int] | None = None

    def count(self, conn: Conn, what: str, count: Callable[[Conn], T]) -> T:
        """The remembered count, or ``count`` asked now: any new history or event forgets it."""
        return self.at((history.last(conn), _minute()), what, lambda: count(conn))

    def count_people(self, conn: Conn, what: str, count: Callable[[Conn], T]) -> T:
        """The same of a count that profiles, groups and memberships do not change."""
        return self.at(self._people_mark(conn), what, lambda: count(conn))

    def at(self, mark: Any, what: str, count: Callable[[], T]) -> T:
        """What was counted at this mark, or ``count`` asked now."""
        known = self._counted.get(what)
        if known is None or known[0] != mark:
            known = self._counted[what] = (mark, count())
        found: T = known[1]
        return found

    def _people_mark(self, conn: Conn) -> tuple[Mark, int]:
        """Where history and events stood when somebody's account or link changed last."""
        now = (history.last(conn), _minute())
        with self._turn:
            looked_at, people_at = self._looked_at, self._people_at
            if looked_at is not None and not now[0].covers(looked_at):
                # An older snapshot than another reader's: what it counts is its own.
                return now
            self._looked_at = now[0]
            if (
                people_at is None
                or looked_at is None
                or people_at[1] != now[1]
                or history.touches_people(conn, looked_at)
            ):
                self._people_at = people_at = now
            return people_at


def _minute() -> int:
    return int(time.monotonic() // NOTICED_AFTER_S)
