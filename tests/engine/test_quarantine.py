"""A connection whose runs fail: tried less and less often, told once, and well again by itself."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from sync.model.connection import Connection, Trouble
from sync.model.errors import ConnectorError, Denied, Transient
from sync.model.run import RunMode, RunState
from tests.engine.house import House
from tests.engine.ledger import Ledger


def failing(error: ConnectorError) -> Callable[[], Any]:
    def open_it() -> Any:
        raise error

    return open_it


DOWN = Transient("the directory does not answer")


def trouble(house: House, connection: Connection) -> Trouble:
    found = house.reread(connection).trouble
    assert found is not None
    return found


def told(house: House) -> list[str]:
    kept = ("run.failed", "connection.quarantined", "connection.recovered")
    return [event["type"] for event in house.events() if event["type"] in kept]


def test_an_episode_is_told_once(house: House, ledger: Ledger) -> None:
    """The first failure and the quarantine are one event each, with reason and remedy; then its end."""
    connection = house.connect()
    for _ in range(7):
        house.pull(connection, failing(DOWN))
    assert told(house) == ["run.failed", "connection.quarantined"]
    event = house.events()[-1]
    assert (event["error"], event["failures"]) == (DOWN.message, 5)
    assert "connector doctor Acme" in event["remedy"]
    house.pull(connection, ledger.source)
    assert told(house) == ["run.failed", "connection.quarantined", "connection.recovered"]
    assert house.reread(connection).state == "active"


def test_the_waits_grow_to_a_day(house: House) -> None:
    """Minutes at first, daily in the end."""
    connection, waits = house.connect(), []
    for _ in range(9):
        house.pull(connection, failing(DOWN))
        waits.append(trouble(house, connection).retry_at - house.now)
    assert waits[0] <= timedelta(minutes=1)
    assert all(first <= second for first, second in pairwise(waits))
    assert timedelta(hours=23) < waits[-1] <= timedelta(days=1)


def test_refused_credentials_are_a_quarantine_at_once(house: House) -> None:
    """No later try cures them by itself; the remedy says what does."""
    connection = house.connect()
    house.pull(connection, failing(Denied("the token is refused")))
    assert house.reread(connection).state == "quarantined"
    assert told(house) == ["run.failed", "connection.quarantined"]
    assert "connector connections set Acme" in house.events()[-1]["remedy"]


def test_the_directory_says_when_to_come_back(house: House) -> None:
    """A longer wait that it asks for is kept."""
    connection = house.connect()
    house.pull(connection, failing(Transient("too many requests", retry_after_s=3600)))
    assert trouble(house, connection).retry_at - house.now > timedelta(minutes=59)


@pytest.mark.parametrize("wanted", [{"dry_run": True}, {"mode": RunMode.TARGETED}], ids=["dry", "named"])
def test_a_look_counts_for_nothing(house: House, wanted: dict[str, Any]) -> None:
    """A dry run, or a run about one person, neither begins an episode nor ends one."""
    connection = house.connect()
    assert house.pull(connection, failing(DOWN), **wanted).state is RunState.FAILED
    assert house.reread(connection).trouble is None


def test_reading_nothing_is_a_failure_and_a_part_is_not(house: House, ledger: Ledger) -> None:
    """A read that broke off before its first page failed; one that broke off later is partial."""
    for number in range(9):
        ledger.add(str(number))
    connection = house.connect()
    ledger.breaks_after = 0
    assert house.pull(connection, ledger.source).state is RunState.FAILED
    ledger.breaks_after = 1
    assert house.pull(connection, ledger.source).state is RunState.PARTIAL
    assert house.reread(connection).trouble is None
