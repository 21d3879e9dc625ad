"""The truth about a simulated OneLogin account."""

from typing import Any

from providers.simulator.server import Simulator


def people_of(simulator: Simulator) -> dict[str, dict[str, Any]]:
    """Everybody of the account, by id."""
    return {user["id"]: user for user in simulator.state()["users"]}


def role_of(simulator: Simulator) -> dict[str, Any]:
    """A role that somebody has."""
    found: dict[str, Any] = next(
        each for each in simulator.state()["groups"] if each["kind"] == "ordinary" and each["members"]
    )
    return found
