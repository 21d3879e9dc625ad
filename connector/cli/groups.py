"""Verbs on groups and seats."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.door import Door, Verb, example, facts, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing


@click.group(cls=LazyGroup)
def groups() -> None:
    """Named sets of people in directories; each gives its members a tag."""


@groups.command("list", cls=Verb, epilog=example("connector groups list --search sales"))
@click.option("--search", metavar="TEXT", help="Part of a name.")
@click.option("--connection", metavar="NAME", help="Only this connection's.")
@listing
def list_(door: Door, **wanted: Any) -> int:
    """List groups with the number of their members."""
    found = door.every("groups.list", "groups", **wanted)
    keys = ("id", "name", "tag", "connection", "members")
    rows = [[row[key] for key in keys] for row in found["groups"]]
    headers = ("ID", "NAME", "TAG", "FROM", "MEMBERS")
    shape = {"groups": found["groups"], "total": found["total"]}
    door.show(shape, lambda: table(headers, rows, "no groups"))
    return ExitCode.DONE


@groups.command(cls=Verb, epilog=example("connector groups show Sales"))
@click.argument("group")
@verb
def show(door: Door, group: str) -> int:
    """Show a group by id, external id or name, with its members."""
    found = door.ask("groups.show", group=group)
    members = [[each["label"], each["kind"], each["user_id"]] for each in found["member_list"]]
    plain = [(key, found[key]) for key in ("id", "name", "tag", "connection", "external_id", "members")]
    door.show(found, lambda: f"{facts(plain)}\n\n{table(('MEMBER', 'KIND', 'USER'), members, 'nobody')}")
    return ExitCode.DONE


@groups.command(cls=Verb, epilog=example("connector groups members Sales --kind pending --csv"))
@click.argument("group")
@click.option("--search", metavar="TEXT", help="Part of a name or an e-mail.")
@click.option(
    "--kind",
    type=click.Choice(["user", "group", "pending"]),
    help="Only people, groups, or ids not seen yet.",
)
@listing
def members(door: Door, group: str, **wanted: Any) -> int:
    """List a group's members."""
    found = door.every("groups.members", "members", group=group, **wanted)
    rows = [[each[key] for key in ("label", "kind", "user_id", "active")] for each in found["members"]]
    door.show(found, lambda: table(("MEMBER", "KIND", "USER", "ACTIVE"), rows, "no member fits"))
    return ExitCode.DONE


@click.command(
    cls=Verb, epilog=example("connector seats --json", "connector seats --waiting --connection acme --csv")
)
@click.option("--waiting", is_flag=True, help="List everybody who waits for a seat.")
@click.option("--search", metavar="TEXT", help="Of who waits: part of a name or an e-mail.")
@click.option("--connection", metavar="NAME", help="Of who waits: only this connection's.")
@listing
def seats(door: Door, *, waiting: bool, **wanted: Any) -> int:
    """Show how many seats are used, by which connection, and who waits for one."""
    if waiting or door.is_csv or any(wanted.values()):
        return _waiting(door, **wanted)
    found = door.ask("overview.seats")
    limit = "no limit" if found["limit"] is None else f"of {found['limit']:,}"
    pairs: list[tuple[str, object]] = [
        ("used", f"{found['used']:,} ({limit})"),
        ("waiting", found["waiting"]),
    ]
    pairs += [("", label) for label in found["waiting_people"]]
    pairs += [(f"used by {name}", count) for name, count in found["by_connection"].items()]
    door.show(found, lambda: facts(pairs))
    return ExitCode.DONE


def _waiting(door: Door, **wanted: Any) -> int:
    found = door.every("overview.waiting", "waiting", **wanted)
    rows = [[each[key] for key in ("label", "connection", "action")] for each in found["waiting"]]
    door.show(found, lambda: table(("WHO", "FROM", "WHAT WILL BE DONE"), rows, "nobody waits for a seat"))
    return ExitCode.DONE
