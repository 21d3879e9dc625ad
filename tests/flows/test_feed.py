from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from connector.app import App
from connector.settings import Settings
from connector.web.asgi import application
from tests.flows.keys import key_of
from tests.serving import serving

WAITERS = 60
"""More than there are threads for requests, and far more than connections to the database."""


@pytest.fixture
def app(database_url: str) -> Iterator[App]:
    """The program over an empty database."""
    with App(Settings(database_url=database_url)) as made:
        yield made


@pytest.fixture
def running() -> dict[str, Any]:
    """What the daemon says of itself."""
    return {"draining": False}


@pytest.fixture
def client(app: App, running: dict[str, Any]) -> Iterator[httpx.Client]:
    """An application on this machine that reads the feed."""
    limits = httpx.Limits(max_connections=WAITERS + 10)
    with (
        serving(application(app, running=running), proxy_headers=False) as url,
        httpx.Client(
            base_url=f"{url}/api/v1", trust_env=False, timeout=60, limits=limits, headers=key_of(app)
        ) as http,
    ):
        yield http


def read(client: httpx.Client, **query: Any) -> dict[str, Any]:
    answer = client.get("/events", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def people(app: App, *names: str) -> None:
    app.people.add([{"email": f"{name}@example.com"} for name in names], by="test")


def test_what_is_there_comes_at_once(client: httpx.Client, app: App) -> None:
    """A reader with something behind its cursor does not wait; one with nothing need not."""
    assert read(client, after=0) == {"events": [], "next": 0}
    people(app, "ann", "ben")
    page = read(client, after=0, wait=60)
    assert [event["subject"]["label"] for event in page["events"]] == ["ann@example.com", "ben@example.com"]
    assert page["next"] == page["events"][-1]["sequence"]
    assert read(client, after=page["next"]) == {"events": [], "next": page["next"]}


def test_who_waits_holds_up_nobody_and_hears_of_the_next_event(client: httpx.Client, app: App) -> None:
    """Sixty wait for one event, others are served meanwhile, and all sixty get it."""
    with ThreadPoolExecutor(WAITERS) as pool:
        waiting = [pool.submit(read, client, after=0, wait=60) for _ in range(WAITERS)]
        while not all(each.running() for each in waiting):
            assert client.get("/seats").status_code == 200
        for _ in range(20):
            assert client.get("/seats").status_code == 200
        assert not any(each.done() for each in waiting)
        people(app, "ann")
        pages = [each.result() for each in waiting]
    assert {page["events"][0]["subject"]["label"] for page in pages} == {"ann@example.com"}


def test_waiting_ends_with_its_time_and_the_cursor_has_moved(client: httpx.Client, app: App) -> None:
    """Events of other types are passed over for good."""
    people(app, "ann", "ben")
    page = read(client, after=0, wait=1, types="group.created")
    assert page == {"events": [], "next": app.people.last_sequence()}


def test_waiting_ends_when_the_program_does(client: httpx.Client, running: dict[str, Any]) -> None:
    """A program that is told to stop answers those who wait."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(read, client, after=0, wait=60)
        running["draining"] = True
        assert waiting.result(timeout=30) == {"events": [], "next": 0}


def test_a_wait_that_is_too_long_is_refused(client: httpx.Client) -> None:
    """More than a minute would end in a proxy's time-out."""
    answer = client.get("/events", params={"wait": 61})
    assert (answer.status_code, answer.json()["detail"]) == (400, "wait must be a whole number from 0 to 60.")
