"""Verbs on plans."""

from __future__ import annotations

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.pulls import approve_and_apply, words

_STATES = ("preview", "open", "held", "applied", "rejected", "superseded", "discarded")


@click.group(cls=LazyGroup)
def plans() -> None:
    """What runs want to do."""


@plans.command("list", cls=Verb, epilog=example("connector plans list --state held"))
@click.option("--connection", metavar="NAME", help="Only this connection's.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(_STATES), help="Only plans in this state."
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@verb
def list_(door: Door, connection: str | None, states: tuple[str, ...], limit: int) -> int:
    """List plans, newest first."""
    found = door.app.plans.listed(connection, states=states, limit=limit)
    rows = [
        [plan["plan_id"], plan["connection"], plan["state"], plan["verdict"], plan["hash"][:8]]
        + [plan["created_at"], words(plan["counts"]), "; ".join(plan["reasons"][:1])]
        for plan in found
    ]
    headers = ("PLAN", "CONNECTION", "STATE", "VERDICT", "HASH", "MADE", "CHANGES", "WHY")
    door.show({"plans": found}, lambda: table(headers, rows, "no plans yet"))
    return ExitCode.DONE


@plans.command(cls=Verb, epilog=example("connector plans show 0j5t2k"))
@click.argument("plan_id")
@verb
def show(door: Door, plan_id: str) -> int:
    """Show a plan as a person reads it; --json gives every item."""
    door.show(door.app.plans.show(plan_id), lambda: door.app.plans.text(plan_id).rstrip("\n"))
    return ExitCode.DONE


@plans.command(cls=Verb, epilog=example("connector plans approve 0j5t2k --expect-hash 3f9a02c1"))
@click.argument("plan_id")
@click.option("--expect-hash", metavar="H", help="Refuse when the plan is not the one with this hash.")
@click.option("--exclude", multiple=True, metavar="ITEM", help="Leave this item out.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@verb
def approve(door: Door, plan_id: str, expect_hash: str | None, exclude: tuple[str, ...], *, yes: bool) -> int:
    """Let a held plan go, and wait until it is applied."""
    return approve_and_apply(door, plan_id, expect_hash=expect_hash, exclude=exclude, yes=yes)


@plans.command(cls=Verb, epilog=example("connector plans reject 0j5t2k --comment 'the export was broken'"))
@click.argument("plan_id")
@click.option("--comment", metavar="TEXT", help="Why, for the record.")
@verb
def reject(door: Door, plan_id: str, comment: str | None) -> int:
    """Throw a held plan away; the same set does not ask again."""
    shape = door.app.plans.reject(plan_id, by=door.by, comment=comment)
    door.show(
        shape, lambda: f"plan {shape['plan_id']} is rejected; its held changes will not be asked for again"
    )
    return ExitCode.DONE
