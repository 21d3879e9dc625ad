"""Verbs for setting up and looking after: init, db, doctor, bundle, status."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup

_SCHEMA = "config.schema.json"
"""Beside config.yaml, whose first line names it: editors complete keys and mark mistakes by it."""


@click.command(
    cls=Verb, epilog=example("connector init", "connector init --config /etc/connector/config.yaml")
)
@verb
def init(door: Door) -> int:
    """Make config.yaml and a key file where there are none, and say what to do next."""
    from connector import keyring
    from connector.settings import DEFAULT_FILE, load

    file = Path(door.config or DEFAULT_FILE)
    made = []
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        for name, path in (("config.example.yaml", file), ("config.schema.json", file.with_name(_SCHEMA))):
            path.write_text(files("connector").joinpath(name).read_text("utf-8"), "utf-8")
            made.append(str(path))
    settings = load(file)
    if settings.key is None and keyring.make_key_file(settings.key_path):
        made.append(str(settings.key_path))
    steps = [
        "connector connections add NAME --type okta --set domain=… --credentials-stdin",
        "connector connections test NAME",
        "connector plan NAME",
        "connector serve    # its first start prints the link to make your console account",
    ]
    told = [f"made {path}" for path in made] or ["nothing to make: all is there"]
    kept = f"Keep {settings.key_path} safe and apart from the database: it opens the stored credentials."
    door.show(
        {"made": made, "next": steps},
        lambda: "\n".join([*told, kept, "Next:", *(f"  {step}" for step in steps)]),
    )
    return ExitCode.DONE


@click.group(cls=LazyGroup)
def db() -> None:
    """The database."""


@db.command(cls=Verb, epilog=example("connector db upgrade"))
@verb
def upgrade(door: Door) -> int:
    """Bring the database to this version's tables; every start does the same."""
    document = door.app.database_state()
    door.show(document, lambda: f"the database is at version {document['version']}")
    return ExitCode.DONE


@db.command(cls=Verb, epilog=example("connector db check"))
@verb
def check(door: Door) -> int:
    """Say whether the database answers and its tables are this version's; changes nothing."""
    from connector.app import check_database

    document = check_database(door.settings)
    current = document["version"] == document["needed"]
    words = "is up to date" if current else f"is at {document['version']}, {document['needed']} is needed"
    door.show(document, lambda: f"the database answers and {words}")
    return ExitCode.DONE if current else ExitCode.USAGE


@db.command(cls=Verb, epilog=example("connector db backup /backups/connector-2026-11-25.db"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@verb
def backup(door: Door, file: Path) -> int:
    """Copy the whole database into FILE while everything goes on; the key is not in it."""
    from connector.app import back_up

    back_up(door.settings, file)
    size = file.stat().st_size
    kept = f"Keep {door.settings.key_path} too, in another place: it opens the stored credentials."
    told = f"wrote {file} ({size:,} bytes). {kept}"
    door.show({"file": str(file), "bytes": size}, lambda: told)
    return ExitCode.DONE


@click.command(cls=Verb, epilog=example("connector doctor", "connector doctor acme --json"))
@click.argument("name", required=False)
@verb
def doctor(door: Door, name: str | None) -> int:
    """Look at database, key, environment, rights and tokens one by one, and say what to do."""
    from connector.usecases.doctor import looked

    def look() -> list[dict[str, Any]]:
        findings: list[dict[str, Any]] = door.ask("overview.doctor", connection=name)["findings"]
        return findings

    found = looked(look, door.settings.database_url)
    rows = [[each["check"], each["state"], each["detail"]] for each in found]
    door.show({"findings": found}, lambda: table(("CHECK", "STATE", "DETAIL"), rows))
    return ExitCode.DENIED if any(each["state"] == "failed" for each in found) else ExitCode.DONE


@click.command(cls=Verb, epilog=example("connector bundle support.zip"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@verb
def bundle(door: Door, file: Path) -> int:
    """Write what somebody who helps needs to know into FILE: no name, no address, no secret is in it."""
    packed = door.app.bundle.archive()
    file.write_bytes(packed)
    told = f"wrote {file} ({len(packed):,} bytes); look into it before you send it: it is a ZIP of JSON files"
    door.show({"file": str(file), "bytes": len(packed)}, lambda: told)
    return ExitCode.DONE
