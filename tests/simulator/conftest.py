"""A simulated Okta that listens, and a client that it lets in."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from providers.simulator.server import Simulator, start
from tests.simulator.calls import connect, rows


@pytest.fixture
def okta() -> Iterator[Simulator]:
    with start("okta", users=500, groups=12, seed=7) as simulator:
        yield simulator


@pytest.fixture
def client(okta: Simulator) -> Iterator[httpx.Client]:
    with connect(okta) as client:
        yield client


@pytest.fixture
def walk(client: httpx.Client) -> Callable[..., list[dict[str, Any]]]:
    """Read a list to its end, by its Link lines."""

    def read(path: str, **params: Any) -> list[dict[str, Any]]:
        return list(rows(client, path, **params))

    return read
