from collections.abc import Iterator

import pytest

from providers.pace import forget
from providers.simulator.server import Simulator, start


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An Okta organisation of 900 people and 12 groups."""
    with start("okta", users=900, groups=12, seed=7) as running:
        yield running


@pytest.fixture(autouse=True)
def pace() -> None:
    """Each test meets its tenant for the first time: ports come again, and limits were learned by port."""
    forget()


@pytest.fixture
def onelogin() -> Iterator[Simulator]:
    """An account of 250 people and 8 roles."""
    with start("onelogin", users=250, groups=8, seed=7) as running:
        yield running
