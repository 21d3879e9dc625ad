"""Verbs on SCIM tokens."""

from __future__ import annotations

import click

from connector.cli.door import Door, Verb, example, facts, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing


@click.group(cls=LazyGroup)
def tokens() -> None:
    """What an IdP proves itself with when it pushes."""


@tokens.command("list", cls=Verb, epilog=example("connector tokens list acme"))
@click.argument("name")
@click.option("--live/--over", "live", default=None, help="Only those that are good still, or not.")
@listing
def list_(door: Door, name: str, live: bool | None) -> int:
    """List a connection's tokens by their last four characters."""
    found = door.every("tokens.list", "tokens", connection=name, live=live)["tokens"]
    keys = ("id", "last_four", "live", "created_at", "last_used_at", "expires_at")
    headers = ("ID", "ENDS IN", "LIVE", "CREATED", "LAST USED", "EXPIRES")
    rows = [[row[key] for key in keys] for row in found]
    door.show({"tokens": found}, lambda: table(headers, rows, "no tokens"))
    return ExitCode.DONE


@tokens.command(cls=Verb, epilog=example("connector tokens rotate acme --grace 24h"))
@click.argument("name")
@click.option(
    "--grace", default="7d", show_default=True, metavar="SPAN", help="How long the old one lives on."
)
@verb
def rotate(door: Door, name: str, grace: str) -> int:
    """Make a new token and print it, the only time it is shown."""
    made = door.ask("tokens.rotate", connection=name, grace=grace)
    door.show(made, lambda: facts(made.items()))
    return ExitCode.DONE


@tokens.command(cls=Verb, epilog=example("connector tokens revoke acme --token x7Qd"))
@click.argument("name")
@click.option("--token", metavar="ID", help="Only this one, by id or last four characters.")
@verb
def revoke(door: Door, name: str, token: str | None) -> int:
    """End a connection's tokens now."""
    done = door.ask("tokens.revoke", connection=name, token=token)
    door.show(done, lambda: f"revoked {len(done['revoked'])} of {name}'s tokens")
    return ExitCode.DONE
