"""Where the time of a run goes: spans that a tracer records, or that cost next to nothing without one.

A process has one tracer or none, as it has one log: nobody has to hand it on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Value = str | int | float | bool
Note = Callable[..., None]
"""Adds attributes to a span while it is open: ``note(status=200)``."""


class Tracer(Protocol):
    """What records spans."""

    def here(self) -> object:
        """The open span of this thread, to be handed to other threads as ``inside``."""

    def span(self, name: str, inside: object, attributes: dict[str, Value]) -> AbstractContextManager[Note]:
        """A span for the length of the block, within ``inside``, else within this thread's open one."""


_tracers: list[Tracer] = []


def trace_with(tracer: Tracer | None) -> None:
    """From now on spans go to this tracer; None records none."""
    _tracers[:] = [] if tracer is None else [tracer]


def here() -> object:
    """The open span of this thread; None without a tracer."""
    return _tracers[0].here() if _tracers else None


@contextmanager
def span(name: str, *, inside: object = None, **attributes: Value) -> Iterator[Note]:
    """The block as a span. Attributes hold no secret and nothing about a person."""
    if not _tracers:
        yield _nothing
        return
    with _tracers[0].span(name, inside, attributes) as note:
        yield note


def _nothing(**_attributes: Value) -> None:
    """Nobody records."""
