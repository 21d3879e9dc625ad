"""What the engine's flows share: a house on each database, a small organisation, a directory in memory."""

from collections.abc import Iterator

import pytest

from providers.simulator.server import Simulator, start
from tests.engine.house import House, Reader, house_at
from tests.engine.ledger import Ledger


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """The engine on an empty database; a test that asks for it runs on SQLite and on PostgreSQL."""
    with house_at(database_url) as made:
        yield made


@pytest.fixture
def quick_house(sqlite_url: str) -> Iterator[House]:
    """A house on SQLite alone, for what does not depend on the database."""
    with house_at(sqlite_url) as made:
        yield made


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An Okta organisation of 450 people (three pages) and 8 groups."""
    with start("okta", users=450, groups=8, seed=11) as running:
        yield running


@pytest.fixture
def reader(simulator: Simulator) -> Reader:
    """Opens the simulated organisation."""
    return Reader(simulator)


@pytest.fixture
def ledger() -> Ledger:
    """Six people and two groups: Sales (A, B, C) and Support (C, D)."""
    made = Ledger()
    for name in "ABCDEF":
        made.add(name)
    made.team("G1", "Sales", "A", "B", "C")
    made.team("G2", "Support", "C", "D")
    return made
