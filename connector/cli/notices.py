"""Verbs on notices: what wants a person, and whether the ways to tell it work."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing, newest_first, older


@click.group(cls=LazyGroup)
def notices() -> None:
    """What wants a person; told once, by e-mail and to a chat."""


@notices.command("list", cls=Verb, epilog=example("connector notices list --ended"))
@click.option("--ended", is_flag=True, help="Also what is over.")
@click.option("--kind", metavar="KIND", help="Only this kind: plan_held, runs_fail, seats, …")
@click.option("--connection", metavar="NAME", help="Only about this connection.")
@newest_first(50)
@listing
def list_(door: Door, **wanted: Any) -> int:
    """List what wants a person, the newest first."""
    found = door.ask("notices.list", **wanted)
    keys = ("opened_at", "ended_at", "title", "told", "link")
    shown = [row | {"told": _told(row["told"])} for row in found["notices"]]
    rows = [[row[key] for key in keys] for row in shown]
    headers = ("SINCE", "OVER", "WHAT", "TOLD", "LINK")
    door.show(found, lambda: table(headers, rows, "nothing wants a person") + older(found))
    return ExitCode.DONE


@notices.command(cls=Verb, epilog=example("connector notices test"))
@verb
def test(door: Door) -> int:
    """Send a word through every channel that is set up, and say how it went."""
    found = door.ask("notices.test")["channels"]
    rows = [[row["channel"], "sent" if row["sent"] else "not sent", row["error"]] for row in found]
    door.show({"channels": found}, lambda: table(("CHANNEL", "STATE", "ERROR"), rows))
    return ExitCode.DONE if all(row["sent"] for row in found) else ExitCode.PARTIAL


def _told(ways: list[dict[str, str | None]]) -> str:
    said = [str(way["channel"]) if way["delivered_at"] else f"{way['channel']} not yet" for way in ways]
    return ", ".join(said) or "-"
