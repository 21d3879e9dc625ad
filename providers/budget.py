"""One deadline for a whole read, and the only place where a provider waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from providers.failures import OutOfTime, Stopped

_NAP_S = 0.5
"""Longest single sleep: a request to stop is noticed within this time."""


class Timeouts(NamedTuple):
    """Seconds: to connect, between two bytes, and for one answer in all."""

    connect_s: float = 10.0
    read_s: float = 60.0
    whole_s: float = 180.0


def _never() -> bool:
    return False


class Budget:
    """Seconds a read may take in all; clock, sleeper and stop flag are handed in.

    ``check`` is called before every request and ``wait`` for every pause, so that neither a slow
    directory nor a told wait can outlast the deadline. Raises OutOfTime or Stopped.
    """

    __slots__ = ("_deadline", "_sleep", "_stop", "monotonic", "seconds")

    def __init__(
        self,
        seconds: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        stop: Callable[[], bool] = _never,
    ) -> None:
        self.seconds = seconds
        self.monotonic = monotonic
        self._sleep = sleep
        self._stop = stop
        self._deadline = monotonic() + seconds

    def left_s(self) -> float:
        """Seconds left; negative when the deadline has passed."""
        return self._deadline - self.monotonic()

    def check(self) -> None:
        """Raises when the read has to end: told to stop, or out of time."""
        if self._stop():
            raise Stopped(
                "The read was stopped because the program is shutting down; the next run starts it anew."
            )
        if self.left_s() <= 0:
            raise OutOfTime(
                f"The read did not end within its time budget of {self.seconds:.0f} s. "
                "Give it more time, or narrow the scope of the connection."
            )

    def wait(self, seconds: float, why: str) -> None:
        """Sleeps in short naps; ``why`` starts the sentence shown when the wait does not fit the budget."""
        if seconds > self.left_s():
            raise OutOfTime(
                f"{why} for another {seconds:.0f} s, longer than this read may take; it is tried again then.",
                retry_after_s=seconds,
            )
        rest = seconds
        while rest > 0:
            self.check()
            nap = min(rest, _NAP_S)
            self._sleep(nap)
            rest -= nap
