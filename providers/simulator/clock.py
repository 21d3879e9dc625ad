"""The simulator's own time: real time by default, or moved, frozen and shown askew on request."""

import time
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

SEED_TIME_S = 1_767_225_600
"""2026-01-01T00:00:00Z, the moment every seeded directory was last touched, so seeds give equal bytes."""


DAY_S = 86_400


# lists hold several stamps a row: their two halves repeat far more often than the whole
@lru_cache(maxsize=20_000)
def _date_text(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).isoformat()[:10]


@lru_cache(maxsize=DAY_S)
def _time_text(second: int) -> str:
    return f"T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"


def iso(at_s: float) -> str:
    """Whole seconds as the vendors write them: 2026-01-01T00:00:00.000Z."""
    day, second = divmod(int(at_s), DAY_S)
    return _date_text(day) + _time_text(second)


def parse_iso(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 text; a time without zone counts as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Clock:
    """Seconds since the epoch as the simulated directory believes them to be."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._frozen_at_s: float | None = None
        self.skew_s = 0.0
        self._stamp: tuple[int, bytes] = (0, b"")

    def now(self) -> float:
        """The directory's true time; the stamps of changes use it."""
        if self._frozen_at_s is not None:
            return self._frozen_at_s
        return time.time() + self._offset_s

    def shown(self) -> float:
        """The time the directory tells its callers: true time plus the skew."""
        return self.now() + self.skew_s

    def http_date(self) -> bytes:
        """The Date header of this second."""
        second = int(self.shown())
        if self._stamp[0] != second:
            self._stamp = (second, formatdate(second, usegmt=True).encode())
        return self._stamp[1]

    def advance(self, seconds: float) -> None:
        """Move time forward (or back, for a negative number)."""
        if self._frozen_at_s is not None:
            self._frozen_at_s += seconds
        else:
            self._offset_s += seconds

    def set(self, at_s: float) -> None:
        """Make it `at_s` now; a frozen clock stays frozen."""
        self.advance(at_s - self.now())

    def freeze(self, frozen: bool) -> None:
        """Stop time where it is, or let it run on from there."""
        now = self.now()
        self._offset_s = now - time.time()
        self._frozen_at_s = now if frozen else None
