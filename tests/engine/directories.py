"""Simulated directories of any vendor under the engine: opened without waiting, and judged by their truth."""

from __future__ import annotations

from typing import Any

from providers.budget import Timeouts
from providers.registry import open_source
from providers.simulator.server import Simulator
from sync.model.connection import Connection
from sync.model.source import Source
from tests.engine.house import House, Person

QUICK = Timeouts(connect_s=2.0, read_s=0.4, whole_s=8.0)


class Opener:
    """Opens the directory without ever waiting: sleeping moves a clock of its own."""

    def __init__(self, simulator: Simulator, **settings: Any) -> None:
        self._simulator, self._settings, self._slept_s = simulator, settings, 0.0

    def __call__(self) -> Source:
        settings = {"base_url": self._simulator.base_url, **self._simulator.credentials, **self._settings}
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


def tags_due(simulator: Simulator) -> dict[str, frozenset[str]]:
    """The tags of everybody who should have access, by id."""
    state = simulator.state()
    tags = {user["id"]: {"scim"} for user in state["users"]}
    for group in state["groups"]:
        # OneLogin has no mark for a role that everybody is in
        if simulator.type == "onelogin" or group["kind"] != "built_in":
            for member in group["members"]:
                tags[member].add(f"Group:{group['name']}")
    return {user["id"]: frozenset(tags[user["id"]]) for user in state["users"] if user["active"]}


def tags_held(house: House, connection: Connection) -> dict[str, frozenset[str]]:
    """The tags of everybody who has access, by id."""
    people = house.managed(connection)
    return {user_id: person.tags for user_id, person in people.items() if person.active}


def robbed(
    house: House, connection: Connection, before: dict[str, Person], due: dict[str, frozenset[str]]
) -> list[str]:
    """Those who had access or a tag before, should have it, and have it no more."""
    after = house.managed(connection)
    return [
        user_id
        for user_id in due.keys() & before.keys()
        if before[user_id].active > after[user_id].active
        or (before[user_id].tags - after[user_id].tags) & due[user_id]
    ]
