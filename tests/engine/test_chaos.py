"""R04: several faults at once, over several runs, while people come and go: nobody loses what is theirs."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from providers.budget import Timeouts
from providers.pace import forget
from providers.registry import open_source
from providers.simulator.faults import CATALOGUE, BadFault
from providers.simulator.server import Simulator, start
from sync.model.connection import Connection
from sync.model.run import RunMode, RunState
from sync.model.source import Source
from tests.engine.house import House

MIX = frozenset(
    [
        "T01",
        "T02",
        "T08",
        "A01",
        "A09",
        "A21",
        "B01",
        "B03",
        "B04",
        "B05",
        "B06",
        "B07",
        "B08",
        "B10",
        "P02",
        "P03",
        "P04",
        "P07",
        "P15",
        "P18",
        "P19",
        "P21",
        "P24",
        "P30",
        "C01",
        "C03",
        "C04",
        "C05",
        "C08",
        "C11",
        "C13",
        "D15",
        "G06",
        "G07",
        "U10",
        "U12",
    ]
)
"""Faults of reading: those that change what is true of people are the churn's part."""

QUICK = Timeouts(connect_s=2.0, read_s=0.4, whole_s=8.0)
STEPS = 4


@pytest.fixture(params=["okta", "onelogin", "jumpcloud"])
def directory(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A directory of 220 people in 8 groups."""
    forget()
    with start(request.param, users=220, groups=8, seed=53) as running:
        yield running


class Opener:
    """Opens the directory without ever waiting: sleeping moves a clock of its own."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator, self._slept_s = simulator, 0.0

    def __call__(self) -> Source:
        settings = {"base_url": self._simulator.base_url, **self._simulator.credentials}
        return open_source(
            self._simulator.type,
            settings,
            monotonic=lambda: self._slept_s,
            sleep=self._sleep,
            timeouts=QUICK,
        )

    def _sleep(self, seconds: float) -> None:
        self._slept_s += seconds
        self._simulator.clock(advance=seconds)


def _truth(simulator: Simulator) -> dict[str, frozenset[str]]:
    """The tags of everybody who should have access, by id."""
    state = simulator.state()
    tags = {user["id"]: {"scim"} for user in state["users"]}
    for group in state["groups"]:
        # OneLogin has no mark for a role that everybody is in
        if simulator.type == "onelogin" or group["kind"] != "built_in":
            for member in group["members"]:
                tags[member].add(f"Group:{group['name']}")
    return {user["id"]: frozenset(tags[user["id"]]) for user in state["users"] if user["active"]}


def _trouble(simulator: Simulator, rng: random.Random) -> list[str]:
    known = sorted(row.id for row in CATALOGUE if simulator.type in row.applies_to and row.id in MIX)
    chosen = rng.sample(known, rng.randint(1, 3))
    for fault in tuple(chosen):
        try:
            simulator.fault(fault)
        except BadFault:
            chosen.remove(fault)  # it found nobody left to act on
    simulator.churn(joiners=rng.randint(0, 2), leavers=rng.randint(0, 2), movers=rng.randint(0, 3))
    return chosen


def _lost(house: House, connection: Connection, before: dict[str, Any], truth: dict[str, Any]) -> list[str]:
    """Those who had access or a tag before, should have it, and have it no more."""
    after = house.managed(connection)
    return [
        user_id
        for user_id in truth.keys() & before.keys()
        if before[user_id].active > after[user_id].active
        or (before[user_id].tags - after[user_id].tags) & truth[user_id]
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_nobody_loses_what_is_theirs(quick_house: House, directory: Simulator, seed: int) -> None:
    """After every run, full or delta; and once the faults stop, one run makes everything equal again."""
    house, opener, rng = quick_house, Opener(directory), random.Random(seed)
    connection = house.connect()
    assert house.settle(connection, opener).state is RunState.SUCCEEDED
    for _ in range(STEPS):
        faults, before = _trouble(directory, rng), house.managed(connection)
        mode = {"mode": RunMode.DELTA} if rng.random() < 0.5 else {}
        house.pull(connection, opener, **mode)
        assert not _lost(house, connection, before, _truth(directory)), faults
        if rng.random() < 0.5:
            directory.clear_faults()
    directory.clear_faults()
    assert house.settle(connection, opener).state is RunState.SUCCEEDED
    people = house.managed(connection)
    assert {i: person.tags for i, person in people.items() if person.active} == _truth(directory)
