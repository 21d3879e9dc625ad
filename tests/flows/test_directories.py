"""From the line that a simulator prints to equal users, for every directory that can be pulled."""

from collections.abc import Iterator

import pytest

from providers.simulator import server
from providers.simulator.server import Simulator
from tests.flows.conftest import Cli

TYPES = ("azure", "jumpcloud", "onelogin", "scim")


@pytest.fixture(params=TYPES)
def directory(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A simulated directory of 120 people in 6 groups."""
    with server.start(request.param, users=120, groups=6, seed=7) as running:
        yield running


def _emails(cli: Cli) -> set[str]:
    return {user["email"] for user in cli("users", "list", "--active", "--json").json["users"]}


def _truth(directory: Simulator) -> set[str]:
    return {user["email"] for user in directory.state()["users"] if user["active"]}


def _tags(cli: Cli) -> set[str]:
    users = cli("users", "list", "--active", "--json").json["users"]
    return {tag for user in users for tag in user["tags"]}


def test_a_directory_is_connected_pulled_and_followed(cli_on_sqlite: Cli, directory: Simulator) -> None:
    """Connect, prove, pull, pull again with nothing to do, let people come and go, pull, and be equal."""
    cli = cli_on_sqlite
    words = directory.add_command("acme").split()
    assert words[0] == "connector"
    assert cli(*words[1:]).code == 0
    assert cli("connections", "test", "acme").code == 0
    assert cli("plan", "acme").code == 3
    assert cli("sync", "now", "acme", "--wait", "--yes").code == 0
    assert _emails(cli) == _truth(directory)
    named = {group["name"] for group in directory.state()["groups"]}
    assert {tag for tag in _tags(cli) if tag.startswith("Group:")} <= {f"Group:{name}" for name in named}

    again = cli("sync", "now", "acme", "--full", "--wait", "--json")
    assert again.code == 0
    assert not any(again.json["counts"].values())

    directory.churn(joiners=2, leavers=3, movers=2, renames=1)
    delta = cli("sync", "now", "acme", "--delta", "--wait", "--json")
    assert delta.code == 0, delta.out
    assert delta.json["counts"]["create"] == 2
    full = cli("sync", "now", "acme", "--full", "--wait", "--json")
    assert full.code == 0, full.out
    assert _emails(cli) == _truth(directory)
