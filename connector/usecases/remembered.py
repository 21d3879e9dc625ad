"""Counts over everybody, remembered until something changes, for every page and probe that shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sync.store import history
from sync.store.database import Conn

T = TypeVar("T")


class Remembered:
    """What was counted by what it is called; any new history or event forgets all of it."""

    def __init__(self) -> None:
        self._counted: tuple[Any, dict[str, Any]] = (None, {})

    def count(self, conn: Conn, what: str, count: Callable[[Conn], T]) -> T:
        """The remembered count, or ``count`` asked now."""
        mark = history.last(conn)
        if self._counted[0] != mark:
            self._counted = (mark, {})
        counted = self._counted[1]
        if what not in counted:
            counted[what] = count(conn)
        found: T = counted[what]
        return found
