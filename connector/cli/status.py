"""The verb status: everything on one screen."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode

_HEADERS = ("CONNECTION", "TYPE", "STATE", "PEOPLE", "LAST COMPLETE", "NEXT RUN", "LAST PUSH", "LAST RUN")
_KEYS = ("name", "type", "state", "directory_users", "last_complete_age", "next_run_at", "last_push_at")
_NONE = "no connections yet; make one with: connector connections add NAME --type T"


@click.command(cls=Verb, epilog=example("connector status"))
@verb
def status(door: Door) -> int:
    """Show every connection, its last complete read and next run, and what waits for a person."""
    found = door.ask("overview.status")
    door.show(found, lambda: text(found))
    return ExitCode.DONE


def text(found: dict[str, Any]) -> str:
    """The screen: a table, what wants a person, and what the program is doing."""
    rows = [_row(each) for each in found["connections"]]
    lines = [table(_HEADERS, rows, _NONE), *_wanting(found), "", _queues(found["queues"])]
    lines += [_replica(each) for each in found["replicas"]] or ["no daemon runs; start one: connector serve"]
    seats = found["seats"]
    limit = "" if seats["limit"] is None else f" of {seats['limit']:,}"
    waiting = f", {seats['waiting']:,} people wait for one" if seats["waiting"] else ""
    return "\n".join([*lines, f"{seats['used']:,} seats used{limit}{waiting}"])


def _row(each: dict[str, Any]) -> list[Any]:
    shown = dict(each)
    if each["last_complete_age"]:
        shown["last_complete_age"] = f"{each['last_complete_age']} ago"
    return [*(shown[key] for key in _KEYS), (each["last_run"] or {}).get("state")]


def _wanting(found: dict[str, Any]) -> list[str]:
    lines = [f"! {sentence}" for sentence in found["freezes"]]
    lines += [
        f"! {plan['connection']}: plan {plan['plan_id']} is held: {'; '.join(plan['reasons'][:1])}\n"
        f"  connector plans show {plan['plan_id']}"
        for plan in found["held_plans"]
    ]
    for each in found["connections"]:
        if each["trouble"]:
            lines.append(f"! {each['name']}: {each['trouble']['error']}\n  {each['trouble']['remedy']}")
        if each["ends_soon"]:
            lines.append(f"! {each['name']}: {each['ends_soon']}")
    return lines


def _queues(queues: dict[str, int]) -> str:
    return (
        f"{queues['runs_running']:,} runs going on, {queues['runs_queued']:,} waiting; "
        f"{queues['deliveries']:,} webhook calls to make, {queues['events_behind']:,} events behind"
    )


def _replica(each: dict[str, Any]) -> str:
    what = f"version {each['version']}, role {each['role']}"
    return f"{each['id']} is alive: {what}, since {each['started_at']}"
