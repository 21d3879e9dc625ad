"""A simulated Entra tenant for the tests of its provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from providers.simulator.server import Simulator, start
from tests.providers.reading import Reading, opened, read


@contextmanager
def tenant() -> Iterator[Simulator]:
    """300 people and 24 groups, in pages of 100."""
    with start("azure", users=300, groups=24, seed=7, faults=["top(100)"]) as running:
        yield running


def whole(simulator: Simulator, **settings: Any) -> Reading:
    """A full read under these settings, to its end."""
    source = opened(simulator, **settings)
    reading = read(source.full())
    source.close()
    return reading
