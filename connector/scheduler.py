"""The daemon's loops: something done again and again until told to stop, whatever goes wrong once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from sync.model.errors import ConnectorError

log = structlog.get_logger("connector.loop")


class Loop:
    """A thread that calls ``turn`` until ``stop`` is set.

    ``turn`` returns True to be called again at once; otherwise the loop rests for ``rest_s``, or
    until ``wake`` is set.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], bool],
        *,
        rest_s: float,
        stop: threading.Event,
        wake: threading.Event | None = None,
    ) -> None:
        self._turn, self._rest_s, self._stop = turn, rest_s, stop
        self._wake = wake or threading.Event()
        self._trouble: str | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return self._thread.name

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; whether it came in time."""
        self._wake.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._turned():
                self._wake.wait(self._rest_s)
                self._wake.clear()

    def _turned(self) -> bool:
        try:
            again = self._turn()
            self._note(None)
            return again
        except ConnectorError as error:
            self._note(error.message)
        except Exception:
            # The outermost loop: it must outlive a mistake in one turn.
            log.exception("loop goes on after a mistake in this program", loop=self._thread.name)
        return False

    def _note(self, trouble: str | None) -> None:
        """Say once what is wrong, and once that it is over."""
        if trouble is not None and trouble != self._trouble:
            log.warning("loop goes on after an error", loop=self._thread.name, error=trouble)
        elif trouble is None and self._trouble is not None:
            log.info("loop is well again", loop=self._thread.name)
        self._trouble = trouble


class Crew:
    """Hands for work that comes in pieces: each piece in a thread of its own, so many at a time.

    ``claim`` gives the next piece, or None. ``wake`` is set when a hand is free again.
    """

    def __init__(
        self, name: str, claim: Callable[[], Callable[[], None] | None], *, hands: int, wake: threading.Event
    ) -> None:
        self._name, self._claim, self._wake = name, claim, wake
        self._free = threading.Semaphore(hands)

    def turn(self) -> bool:
        """Start what can be started; for a ``Loop``, which is then to rest until ``wake``."""
        while self._free.acquire(blocking=False):
            started = False
            try:
                started = self._start()
            finally:
                if not started:
                    self._free.release()
            if not started:
                break
        return False

    def _start(self) -> bool:
        work = self._claim()
        if work is None:
            return False
        threading.Thread(target=self._do, args=(work,), name=self._name, daemon=True).start()
        return True

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            # The outermost frame of this thread: whose piece it was, the next one is done.
            log.exception("goes on after a mistake in this program", loop=self._name)
        finally:
            self._free.release()
            self._wake.set()
