"""Verbs on the event hooks of IdPs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from connector.cli.door import Door, Verb, example, facts, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup


@click.group(cls=LazyGroup)
def hooks() -> None:
    """Hear from an IdP at once that something changed, and read it again."""


@hooks.command(cls=Verb, epilog=example("connector hooks show acme"))
@click.argument("name")
@verb
def show(door: Door, name: str) -> int:
    """Show the address to register at the IdP, whether hooks are on, and when one came."""
    found = door.ask("hooks.show", connection=name)
    door.show(found, lambda: facts(found.items()))
    return ExitCode.DONE


@hooks.command(cls=Verb, epilog=example("connector hooks on acme", "connector hooks on acme --grace 24h"))
@click.argument("name")
@click.option(
    "--grace", default="7d", show_default=True, metavar="SPAN", help="How long an old secret is good too."
)
@verb
def on(door: Door, name: str, grace: str) -> int:
    """Switch hooks on, or make a new secret; it is printed the only time."""
    made = door.ask("hooks.on", connection=name, grace=grace)
    door.show(made, lambda: f"{facts(made.items())}\n\n{_next(made)}")
    return ExitCode.DONE


@hooks.command(cls=Verb, epilog=example("connector hooks register acme"))
@click.argument("name")
@verb
def register(door: Door, name: str) -> int:
    """Have the directory make its event hook for our address and verify it; Okta's only."""
    made = door.ask("hooks.register", connection=name)
    door.show(made, lambda: facts(made.items()))
    return ExitCode.PARTIAL if made["subscription_trouble"] else ExitCode.DONE


@hooks.command(cls=Verb, epilog=example("connector hooks off acme"))
@click.argument("name")
@verb
def off(door: Door, name: str) -> int:
    """Switch hooks off: calls are not believed any more."""
    done = door.ask("hooks.off", connection=name)
    door.show(done, lambda: f"{done['connection']} hears nothing by event hooks now; schedules go on")
    return ExitCode.DONE


def _next(made: Mapping[str, Any]) -> str:
    if made["subscribes"]:
        return _SUBSCRIBED
    return f"{_NEXT}\n{_REGISTERS.format(**made)}" if made["registers"] else _NEXT


_SUBSCRIBED = (
    "There is nothing to do: the daemon subscribes at the directory by itself, within seconds, when the\n"
    "address can be reached from there. connector hooks show NAME says until when."
)
_NEXT = (
    "Keep the secret now: it is not shown again. Register the address at the IdP with the secret as the\n"
    "Authorization header (docs/connect says where)."
)
_REGISTERS = "Or let the directory be told: connector hooks register {connection}"
