"""Begins reads before their answer is needed, where waiting for the line costs more than a thread does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, Protocol, TypeVar

from providers.http import Wire
from providers.pace import WIDEST

P = ParamSpec("P")
R = TypeVar("R")

_NEAR_S: Final = 0.01
"""Below this time per answer, threads cost more than they win: the interpreter runs one at a time."""


class Begins(Protocol):
    """How a read is begun, so that its answer can be asked for later on."""

    def begin(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Callable[[], R]: ...


class InTurn:
    """Every read runs when its answer is asked for, in the thread that asks."""

    def begin(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Callable[[], R]:
        return lambda: call(*args, **kwargs)


class Ahead:
    """A few threads to read with; on a line this near, reads run in turn when their answer is asked for."""

    def __init__(self, wire: Wire, name: str, threads: int = WIDEST) -> None:
        self._wire = wire
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def begin(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Callable[[], R]:
        """Starts ``call`` if that pays; the returned function waits for its result or raises its error."""
        if self._wire.latency_s < _NEAR_S:
            return lambda: call(*args, **kwargs)
        return self._pool.submit(call, *args, **kwargs).result

    def each(self, call: Callable[[str], None], items: list[str]) -> None:
        """Calls for every item, several at a time."""
        for wait in [self.begin(call, item) for item in items]:
            wait()

    def close(self) -> None:
        """Waits for what is under way and begins nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
