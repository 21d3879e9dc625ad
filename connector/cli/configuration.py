"""Verbs for the configuration: what it says, and as code: export, import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lists import listing

if TYPE_CHECKING:
    from connector.usecases.configuration import Difference

_HEAD = """\
# Connections and webhooks, as `connector import` takes them and as config.yaml takes its connections.
# No secret is in here: ${NAME} is replaced by the variable of that name where the file is used.
"""


@click.command(cls=Verb, epilog=example("connector settings --search seats", "connector settings --set"))
@click.option("--search", metavar="TEXT", help="Part of a setting's name or of its value.")
@click.option("--set/--default", "is_set", default=None, help="Only those that are set, or are not.")
@listing
def settings(door: Door, **wanted: Any) -> int:
    """List what the configuration file and the environment say; secrets are masked."""
    found = door.every("configuration.list", "settings", **wanted)
    rows = [
        [each["name"], each["value"], "file or environment" if each["is_set"] else "default"]
        for each in found["settings"]
    ]
    door.show(found, lambda: table(("SETTING", "VALUE", "COMES FROM"), rows, "no setting fits"))
    return ExitCode.DONE


@click.command(
    cls=Verb, epilog=example("connector export setup.yaml", "connector export - | diff setup.yaml -")
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@verb
def export(door: Door, file: Path) -> int:
    """Write connections and webhooks into FILE (- is stdout), secrets as references."""
    import yaml

    document = door.app.configuration.exported()
    text = _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    counts = {name: len(entries) for name, entries in document.items()}
    if str(file) == "-":
        door.show(document, lambda: text.rstrip("\n"))
        return ExitCode.DONE
    file.write_text(text, encoding="utf-8")
    told = f"wrote {counts['connections']} connections and {counts['webhooks']} webhooks to {file}"
    door.show({"file": str(file), **counts}, lambda: told)
    return ExitCode.DONE


@click.command(
    "import",
    cls=Verb,
    epilog=example(
        "connector import setup.yaml --plan", "connector import setup.yaml", "connector import --plan"
    ),
)
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@click.option("--plan", "only_plan", is_flag=True, help="Show the differences; change nothing.")
@verb
def import_(door: Door, file: Path | None, *, only_plan: bool) -> int:
    """Bring connections and webhooks up to FILE; what it does not hold stays.

    With --plan it is a drift report: exits 2 when file and database differ. Without FILE the report
    is about the connections of the configuration file.
    """
    document = _read(door, file, only_plan=only_plan)
    if only_plan:
        found = door.app.configuration.compared(document)
        door.show({"differences": [each.as_json() for each in found]}, lambda: _drift(found))
        return ExitCode.PENDING if found else ExitCode.DONE
    done = door.app.configuration.imported(document, by=door.by)
    door.show(done, lambda: _told(done))
    return ExitCode.DONE


def _read(door: Door, file: Path | None, *, only_plan: bool) -> dict[str, Any]:
    from connector.settings import DEFAULT_FILE
    from connector.settings_file import read_yaml

    if file is None and not only_plan:
        raise click.UsageError("name a file; the configuration file's connections are kept at every start")
    if file is not None and str(file) == "-":
        import yaml

        return dict(yaml.safe_load(sys.stdin.read()) or {})
    chosen = file or Path(door.config or DEFAULT_FILE)
    if not chosen.is_file():
        raise click.UsageError(f"{chosen} does not exist; name a file")
    return read_yaml(chosen)


def _drift(found: list[Difference]) -> str:
    return "\n".join(each.as_text() for each in found) or "no difference"


def _told(done: dict[str, Any]) -> str:
    made = done["made"]
    lines = [f"{len(done['differences'])} differences; the database is as the file says now"]
    lines += [
        f"{each['name']}: {each['scim_base_url']}  token {each['token']}" for each in made["connections"]
    ]
    lines += [f"{each['url']}: secret {each['secret']}" for each in made["webhooks"]]
    if len(lines) > 1:
        lines.append("Keep tokens and secrets now: they are not shown again.")
    return "\n".join(lines)
