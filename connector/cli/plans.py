"""Verbs on plans."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing, newest_first, older
from connector.cli.pulls import asked, tell_end, word_options, words

_STATES = ("preview", "open", "held", "applied", "rejected", "superseded", "discarded")
_SHOWN = ("plan_id", "connection", "state", "verdict", "created_at")


@click.group(cls=LazyGroup)
def plans() -> None:
    """What runs want to do."""


@plans.command("list", cls=Verb, epilog=example("connector plans list --state held"))
@click.option("--connection", metavar="NAME", help="Only this connection's.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(_STATES), help="Only plans in this state."
)
@newest_first(20)
@listing
def list_(door: Door, states: tuple[str, ...], **wanted: Any) -> int:
    """List plans, newest first."""
    found = door.ask("plans.list", state=list(states) or None, **wanted)
    rows = [
        [
            *(plan[key] for key in _SHOWN),
            plan["hash"][:8],
            words(plan["counts"]),
            "; ".join(plan["reasons"][:1]),
        ]
        for plan in found["plans"]
    ]
    headers = ("PLAN", "CONNECTION", "STATE", "VERDICT", "MADE", "HASH", "CHANGES", "WHY")
    door.show(found, lambda: table(headers, rows, "no plans yet") + older(found))
    return ExitCode.DONE


@plans.command(cls=Verb, epilog=example("connector plans items 0j5t2k --action suspend --csv"))
@click.argument("plan_id")
@click.option("--search", metavar="TEXT", help="Part of a name or an e-mail.")
@click.option("--action", metavar="A", help="Only changes of this kind: create, suspend, …")
@click.option("--state", metavar="S", help="Only items that stand so: held, pending, applied, …")
@listing
def items(door: Door, plan_id: str, **wanted: Any) -> int:
    """List what a plan would change, item by item."""
    found = door.every("plans.items", "items", plan=plan_id, **wanted)
    rows = [[each[key] for key in ("id", "action", "subject", "state", "reason")] for each in found["items"]]
    door.show(found, lambda: table(("ITEM", "ACTION", "WHO OR WHAT", "STATE", "WHY"), rows, "no item fits"))
    return ExitCode.DONE


@plans.command(cls=Verb, epilog=example("connector plans show 0j5t2k"))
@click.argument("plan_id")
@click.option("--search", metavar="TEXT", help="Only who or what has this in its name.")
@click.option("--all", "every", is_flag=True, help="Every item, not the first few of each kind.")
@click.option("--markdown", is_flag=True, help="As Markdown, every item.")
@verb
def show(door: Door, plan_id: str, search: str | None, *, every: bool, markdown: bool) -> int:
    """Show a plan as a person reads it; --json gives every item."""

    def text() -> str:
        wanted = {"search": search, "every": every, "markdown": markdown}
        found: str = door.ask("plans.text", plan=plan_id, **wanted)["text"]
        return found if markdown else found.rstrip("\n")

    door.show(door.ask("plans.show", plan=plan_id, search=search) if door.is_json else None, text)
    return ExitCode.DONE


@plans.command(cls=Verb, epilog=example("connector plans approve 0j5t2k --expect-hash 3f9a02c1"))
@click.argument("plan_id")
@word_options
@verb
def approve(door: Door, plan_id: str, expect_hash: str | None, exclude: tuple[str, ...], *, yes: bool) -> int:
    """Let a held plan go, and wait until it is applied."""
    if not yes and not expect_hash:
        asked(door, plan_id)
    run = door.ask("plans.approve", plan=plan_id, expect_hash=expect_hash, exclude=list(exclude))
    return tell_end(door, run)


@plans.command(cls=Verb, epilog=example("connector plans excluded --connection acme"))
@click.option("--search", metavar="TEXT", help="Part of a name or an e-mail.")
@click.option("--action", metavar="A", help="Only changes of this kind: create, suspend, …")
@click.option("--connection", metavar="NAME", help="Only this connection's.")
@listing
def excluded(door: Door, **wanted: Any) -> int:
    """List the changes that were left out; they stay out until included or wanting something else."""
    found = door.every("plans.excluded", "excluded", **wanted)["excluded"]
    rows = [
        [each[key] for key in ("item_id", "connection", "action", "label", "reason", "by", "at")]
        for each in found
    ]
    headers = ("ITEM", "CONNECTION", "ACTION", "WHO OR WHAT", "WHY", "LEFT OUT BY", "AT")
    door.show({"excluded": found}, lambda: table(headers, rows, "nothing is left out"))
    return ExitCode.DONE


@plans.command(cls=Verb, epilog=example("connector plans include b5605b0698b2"))
@click.argument("items", nargs=-1, required=True, metavar="ITEM...")
@verb
def include(door: Door, items: tuple[str, ...]) -> int:
    """Let changes that were left out be planned again, from the next full run on."""
    found = door.ask("plans.include", items=list(items))["included"]
    said = "; ".join(f"{each['action']} {each['label']}" for each in found)
    door.show({"included": found}, lambda: f"the next full run plans again: {said}")
    return ExitCode.DONE


@plans.command(cls=Verb, epilog=example("connector plans reject 0j5t2k --comment 'the export was broken'"))
@click.argument("plan_id")
@click.option("--comment", metavar="TEXT", help="Why, for the record.")
@verb
def reject(door: Door, plan_id: str, comment: str | None) -> int:
    """Throw a held plan away; the same set does not ask again."""
    shape = door.ask("plans.reject", plan=plan_id, comment=comment)
    door.show(
        shape, lambda: f"plan {shape['plan_id']} is rejected; its held changes will not be asked for again"
    )
    return ExitCode.DONE
