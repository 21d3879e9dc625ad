"""The small words of the engine's tests."""

from typing import Any

import httpx

from providers.simulator.server import Simulator
from sync.model.connection import Connection, Policy
from sync.model.run import Run, RunState
from tests.engine.house import House, Reader
from tests.engine.ledger import Ledger

OWN_TABLES = ("run", "plan", "plan_item", "meta")
"""What a run writes of itself."""


def active(house: House) -> set[str]:
    return {email for email, row in house.users().items() if row["active"]}


def happened(run: Run) -> dict[str, int]:
    return {action: count for action, count in run.counts.items() if count}


def control(simulator: Simulator, method: str, path: str, body: Any = None) -> Any:
    answer = httpx.request(method, f"{simulator.base_url}/_sim/{path}", json=body)
    answer.raise_for_status()
    return answer.json()


def first(house: House, reader: Reader) -> Connection:
    """A connection whose first run is over."""
    connection = house.connect()
    run = house.settle(connection, reader)
    assert run.state is RunState.SUCCEEDED
    return connection


def crowd(house: House, ledger: Ledger, size: int, policy: Policy | None = None) -> Connection:
    for number in range(size):
        ledger.add(f"P{number:03}")
    ledger.page_size = 100
    connection = house.connect(policy=policy)
    house.settle(connection, ledger.source)
    return connection
