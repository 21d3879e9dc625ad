"""Verbs for what waits for a person, and for times in which nothing is removed."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing


@click.group(cls=LazyGroup)
def attention() -> None:
    """Questions that no rule may answer: disputes, accounts that need a word before they are adopted."""


@attention.command("list", cls=Verb, epilog=example("connector attention list --connection acme"))
@click.option("--search", metavar="TEXT", help="Part of a name or an e-mail.")
@click.option("--kind", metavar="KIND", help="Only this kind: disputed, confirm_adoption, no_email, …")
@click.option("--connection", metavar="NAME", help="Only this connection's.")
@listing
def list_(door: Door, **wanted: Any) -> int:
    """List what is open, oldest first."""
    found = door.every("attention.list", "attention", **wanted)["attention"]
    keys = ("id", "connection", "kind", "label", "why")
    headers = ("ID", "CONNECTION", "KIND", "WHO", "WHY")
    rows = [[row[key] for key in keys] for row in found]
    door.show({"attention": found}, lambda: table(headers, rows, "nothing needs attention"))
    return ExitCode.DONE


@attention.command(
    cls=Verb,
    epilog=example(
        "connector attention resolve 0j5t2kq8m1x7c3v9 --as link --user ada@example.com",
        "connector attention resolve --all-of confirm_adoption --as link",
    ),
)
@click.argument("attention_id", metavar="ID", required=False)
@click.option("--as", "how", required=True, type=click.Choice(["link", "separate", "ignore"]))
@click.option("--user", metavar="USER", help="Which account, when several are possible.")
@click.option("--all-of", metavar="KIND", help="Answer every open question of this kind alike.")
@verb
def resolve(door: Door, attention_id: str | None, how: str, user: str | None, all_of: str | None) -> int:
    """Answer a question; the answer is remembered."""
    if (attention_id is None) == (all_of is None):
        raise click.UsageError("name one question by its id, or say --all-of KIND")
    if attention_id is not None:
        chosen = [attention_id]
    else:
        chosen = [row["id"] for row in door.every("attention.list", "attention", kind=all_of)["attention"]]
    done = [door.ask("attention.resolve", question=each, how=how, user=user) for each in chosen]
    rows = [list(row.values()) for row in done]
    nothing = f"no open question is of the kind {all_of}; connector attention list shows the kinds"
    door.show({"resolved": done}, lambda: table(("ID", "AS", "DONE"), rows, nothing))
    return ExitCode.DONE


@click.group(cls=LazyGroup)
def freeze() -> None:
    """Times in which nothing is removed: no suspension, no group or membership taken away."""


@freeze.command(cls=Verb, epilog=example("connector freeze on --until 2026-12-01 --reason 'IdP migration'"))
@click.option("--connection", metavar="NAME", help="Only this connection; default all.")
@click.option(
    "--until", metavar="T", help="A span (12h, 7d), a date or a time in UTC; default until switched off."
)
@click.option("--reason", default="", metavar="R", help="For the record.")
@verb
def on(door: Door, connection: str | None, until: str | None, reason: str) -> int:
    """Hold every removal from now on."""
    shape = door.ask("freeze.on", connection=connection, until=until, reason=reason)
    ends = shape["until"] or "it is switched off"
    door.show(shape, lambda: f"nothing is removed from {connection or 'any connection'} until {ends}")
    return ExitCode.DONE


@freeze.command(cls=Verb, epilog=example("connector freeze off"))
@click.option("--connection", metavar="NAME", help="Only this connection's freeze.")
@verb
def off(door: Door, connection: str | None) -> int:
    """End a freeze."""
    ended = door.ask("freeze.off", connection=connection)["ended"]
    door.show({"ended": ended}, lambda: "the freeze is over" if ended else "there was no freeze")
    return ExitCode.DONE


@freeze.command("list", cls=Verb, epilog=example("connector freeze list"))
@listing
def list_freezes(door: Door) -> int:
    """List what is frozen now."""
    found = door.ask("freeze.list")["freezes"]
    rows = [list((row | {"connection": row["connection"] or "(all)"}).values()) for row in found]
    headers = ("CONNECTION", "UNTIL", "SINCE", "BY", "REASON")
    door.show({"freezes": found}, lambda: table(headers, rows, "nothing is frozen"))
    return ExitCode.DONE
