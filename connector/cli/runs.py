"""Verbs on runs: what was pulled, what it changed, and taking it back."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing, newest_first, older
from connector.cli.pulls import run_text, tell_end, words

_SHOWN = ("run_id", "connection", "mode", "trigger", "state", "started_at", "duration_s")
_STATES = ("queued", "running", "succeeded", "held", "failed", "partial", "cancelled")
_MODES = ("full", "delta", "targeted", "approval", "revert")


@click.group(cls=LazyGroup)
def runs() -> None:
    """Attempts to pull, and what became of them."""


@runs.command("list", cls=Verb, epilog=example("connector runs list --connection acme --limit 5"))
@click.option("--connection", metavar="NAME", help="Only this connection's.")
@click.option("--state", type=click.Choice(_STATES), help="Only those that stand or ended so.")
@click.option("--mode", type=click.Choice(_MODES), help="Only this kind.")
@click.option("--trigger", metavar="T", help="Only what this asked for: schedule, manual, console, …")
@newest_first(20)
@listing
def list_(door: Door, **wanted: Any) -> int:
    """List runs, newest first."""
    found = door.ask("runs.list", **wanted)
    rows = [
        [*(run[key] for key in _SHOWN), words(run["counts"]), run["error"] or "; ".join(run["reasons"][:1])]
        for run in found["runs"]
    ]
    headers = ("RUN", "CONNECTION", "MODE", "TRIGGER", "STATE", "STARTED", "SECONDS", "CHANGES", "WHY")
    door.show(found, lambda: table(headers, rows, "no run fits") + older(found))
    return ExitCode.DONE


@runs.command(cls=Verb, epilog=example("connector runs changes 0j5t2kq8m1x7c3v9 --action suspend --csv"))
@click.argument("run_id")
@click.option("--search", metavar="TEXT", help="Part of a name or an e-mail.")
@click.option("--action", metavar="A", help="Only changes of this kind: create, suspend, …")
@listing
def changes(door: Door, run_id: str, **wanted: Any) -> int:
    """List what a run changed, in order."""
    found = door.every("runs.changes", "changes", run=run_id, **wanted)
    rows = [
        [change["action"], change["label"], change["reason"], change["at"]] for change in found["changes"]
    ]
    door.show(found, lambda: table(("ACTION", "WHO", "WHY", "AT"), rows, "changed nothing"))
    return ExitCode.DONE


@runs.command(cls=Verb, epilog=example("connector runs show 0j5t2kq8m1x7c3v9"))
@click.argument("run_id")
@verb
def show(door: Door, run_id: str) -> int:
    """Show a run and what it changed."""
    shape = door.ask("runs.show", run=run_id)
    changes = table(
        ("ACTION", "WHO", "WHY"),
        [[change["action"], change["label"], change["reason"]] for change in shape["changes"]],
        "changed nothing",
    )
    door.show(shape, lambda: f"{run_text(shape)}\n\n{changes}")
    return ExitCode.DONE


@runs.command(cls=Verb, epilog=example("connector runs cancel 0j5t2kq8m1x7c3v9"))
@click.argument("run_id")
@verb
def cancel(door: Door, run_id: str) -> int:
    """End a run that waits or is running; what it has written stays (see runs revert)."""
    run = door.ask("runs.cancel", run=run_id)
    ends = "ends at its next page or batch" if run["state"] in ("queued", "running") else "is cancelled"
    door.show(run, lambda: f"run {run['run_id']} of {run['connection']} {ends}")
    return ExitCode.DONE


@runs.command(cls=Verb, epilog=example("connector runs revert 0j5t2kq8m1x7c3v9 --dry-run"))
@click.argument("run_id")
@click.option("--dry-run", is_flag=True, help="Plan only; change nothing.")
@verb
def revert(door: Door, run_id: str, *, dry_run: bool) -> int:
    """Take back what a run changed, as far as nobody changed it since; safeguards hold here too."""
    return tell_end(door, door.ask("runs.revert", run=run_id, dry_run=dry_run))
