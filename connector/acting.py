"""Who acts in this thread: each door says it once, so that every record can name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sync.model.access import SYSTEM, Actor

_ACTOR: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def actor() -> Actor:
    """Whoever acts; the program itself where no door said otherwise."""
    return _ACTOR.get()


@contextmanager
def acting(who: Actor) -> Iterator[None]:
    """Everything in this block is done by ``who``."""
    token = _ACTOR.set(who)
    try:
        yield
    finally:
        _ACTOR.reset(token)
