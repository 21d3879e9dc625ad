"""Verbs on the audit: who changed what."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing, newest_first, older

PAGE = 500
_COLUMNS = ("at", "by", "via", "address", "action", "kind", "label", "connection", "before", "after")


def narrowing(function: Any) -> Any:
    """The options that both verbs have."""
    for name, metavar, says in (
        ("--until", "T", "Only before that time."),
        ("--since", "T", "Only from that time on: a date, or a time in UTC."),
        ("--connection", "NAME", "Only what concerns this connection."),
        ("--action", "A", "Only this action, or a whole noun: plans."),
        ("--by", "WHO", "Only by this account, key or user."),
        ("--subject", "ID", "Only of this person, group, plan, run, …, by its id."),
        ("--search", "TEXT", "Part of what was changed, or of by whom."),
    ):
        function = click.option(name, metavar=metavar, help=says)(function)
    return function


@click.group(cls=LazyGroup)
def audit() -> None:
    """Who changed what here, through which door, before and after."""


@audit.command("list", cls=Verb, epilog=example("connector audit list --action plans --limit 20"))
@narrowing
@newest_first(50, int)
@listing
def list_(door: Door, **wanted: Any) -> int:
    """List changes, newest first."""
    found = door.ask("audit.list", **wanted)
    rows = [
        [row["at"][:19] + "Z", row["by"], row["action"], row["label"], _words(row)] for row in found["audit"]
    ]
    headers = ("AT", "BY", "ACTION", "ON", "WHAT")
    door.show(found, lambda: table(headers, rows, "nothing was changed yet") + older(found))
    return ExitCode.DONE


@audit.command(cls=Verb, epilog=example("connector audit export audit.csv --since 2026-01-01"))
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@narrowing
@verb
def export(door: Door, file: Path, **wanted: Any) -> int:
    """Write every change into FILE as CSV (.json: as JSON lines; - is stdout)."""
    rows = _every(door, wanted)
    lines = _as_json(rows) if file.suffix == ".json" or door.is_json else _as_csv(rows)
    count = -1 if file.suffix != ".json" and not door.is_json else 0
    with sys.stdout if str(file) == "-" else file.open("w", encoding="utf-8", newline="") as out:
        for line in lines:
            out.write(line)
            count += 1
    if str(file) != "-":
        door.show({"file": str(file), "rows": count}, lambda: f"wrote {count:,} changes to {file}")
    return ExitCode.DONE


def _every(door: Door, wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while True:
        page = door.ask("audit.list", limit=PAGE, before=before, **wanted)
        yield from page["audit"]
        before = page["next"]
        if before is None:
            return


def _as_json(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    import orjson

    for row in rows:
        yield orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS).decode() + "\n"


def _as_csv(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    from connector import spreadsheet

    yield from spreadsheet.lines({name: row[name] for name in _COLUMNS} for row in rows)


def _words(row: dict[str, Any]) -> str:
    """What became of it, in one line."""
    before, after = row["before"], row["after"]
    told = [f"{name} {before[name]} → {after[name]}" for name in after if name in before]
    told += [f"{name} {value}" for name, value in after.items() if name not in before and value]
    return "; ".join(told)[:120]
