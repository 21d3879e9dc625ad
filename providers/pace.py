"""Keeps every read of one tenant, in the whole process, below a share of the tenant's rate limits."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import NamedTuple, Self

DEFAULT_SHARE = 0.4
WIDEST = 4
_NEW_WINDOW_S = 5.0
_RESERVE = 0.1
_CALM_ANSWERS = 50


class Allowance(NamedTuple):
    """What one answer says of its rate bucket: requests per window, requests left, seconds to the reset."""

    limit: int
    remaining: int
    reset_in_s: float


class Bucket:
    """The window of one rate limit as last advertised, and how much of it we have used.

    We stop at our share of the limit, and earlier when other programs have all but emptied it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limit: int | None = None
        self._remaining = 0
        self._sent = 0
        self._ends_at = 0.0

    def claim_s(self, now: float, share: float, cost: int = 1) -> float:
        """Takes what a request costs and returns 0, or returns the seconds to wait and takes nothing."""
        with self._lock:
            if self._limit is not None and now >= self._ends_at:
                self._limit, self._sent = None, 0
            if self._limit is not None and self._is_used_up(self._limit, share):
                return self._ends_at - now
            self._sent += cost
            self._remaining -= cost
            return 0.0

    def _is_used_up(self, limit: int, share: float) -> bool:
        return self._sent >= max(1, int(limit * share)) or self._remaining <= int(limit * _RESERVE)

    def learn(self, allowance: Allowance, now: float) -> None:
        """Takes over what an answer advertised; a limit of 0 is no window and teaches nothing."""
        if allowance.limit <= 0:
            return
        ends_at = now + max(0.0, allowance.reset_in_s)
        with self._lock:
            if self._limit is not None and ends_at > self._ends_at + _NEW_WINDOW_S:
                self._sent = 1
            self._limit, self._remaining, self._ends_at = allowance.limit, allowance.remaining, ends_at

    def reopen(self, cost: int = 1) -> None:
        """Forgets the window after it was waited out and takes a request out of the next."""
        with self._lock:
            self._limit, self._sent = None, cost


class Lanes:
    """How many requests may be on their way to one tenant at once; narrows when the tenant says so."""

    def __init__(self, widest: int = WIDEST) -> None:
        self._turn = threading.Condition()
        self._widest = widest
        self._width = widest
        self._busy = 0
        self._calm = 0

    @property
    def width(self) -> int:
        return self._width

    def __enter__(self) -> Self:
        with self._turn:
            while self._busy >= self._width:
                self._turn.wait()
            self._busy += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._turn:
            self._busy -= 1
            self._turn.notify()

    def narrow(self) -> None:
        """Halves the lanes, down to one."""
        with self._turn:
            self._width, self._calm = max(1, self._width // 2), 0

    def calm(self) -> None:
        """Counts a good answer; after enough of them one lane more is opened."""
        if self._width == self._widest:
            return
        with self._turn:
            self._calm += 1
            if self._calm >= _CALM_ANSWERS:
                self._width, self._calm = min(self._widest, self._width + 1), 0
                self._turn.notify()


_lock = threading.Lock()
_buckets: dict[tuple[str, str], Bucket] = {}
_lanes: dict[str, Lanes] = {}


def bucket(tenant: str, name: str) -> Bucket:
    """The one bucket of this tenant and name, shared by all connections of the process."""
    with _lock:
        return _buckets.setdefault((tenant, name), Bucket())


def lanes(tenant: str) -> Lanes:
    """The one set of lanes to this tenant, shared by all connections of the process."""
    with _lock:
        return _lanes.setdefault(tenant, Lanes())


def forget() -> None:
    """Start anew with every tenant, as after a restart: what was learned of one address holds no more."""
    _buckets.clear()
    _lanes.clear()
