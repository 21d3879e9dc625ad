"""Ways to call a simulator."""

from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from providers.simulator.server import Simulator

USERS = "/api/v1/users?limit=100"


def connect(simulator: Simulator, timeout_s: float = 10) -> httpx.Client:
    """A client that the simulator lets in."""
    headers = {"Authorization": f"SSWS {simulator.credentials['api_token']}"}
    return httpx.Client(base_url=simulator.base_url, headers=headers, trust_env=False, timeout=timeout_s)


def rows(client: httpx.Client, path: str, **params: Any) -> Iterator[dict[str, Any]]:
    """All rows of a list, by its Link lines."""
    response = client.get(path, params=params)
    for _ in range(1000):
        assert response.status_code == 200, response.text
        yield from response.json()
        following = response.links.get("next")
        if following is None:
            return
        response = client.get(following["url"])
    raise AssertionError("the list never ends")


def ids(found: Iterable[dict[str, Any]]) -> list[str]:
    """The ids of rows, in their order."""
    return [row["id"] for row in found]


def answer(client: httpx.Client, path: str = USERS, **params: Any) -> httpx.Response:
    """What Okta answers, at the first page of people if nothing else is asked for."""
    return client.get(path, params=params or None)


def seen(client: httpx.Client, path: str = USERS) -> set[str]:
    """The ids of everybody a list shows."""
    return set(ids(rows(client, path)))
