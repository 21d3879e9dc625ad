"""Verbs on users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from connector.cli.door import Door, Verb, example, facts, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup

_COLUMNS = ("email", "first_name", "last_name", "origin", "tags")


@click.group(cls=LazyGroup)
def users() -> None:
    """People's accounts in the application."""


@users.command("list", cls=Verb, epilog=example("connector users list --tag Group:Sales --inactive"))
@click.option("--search", metavar="TEXT", help="Part of an e-mail or a name.")
@click.option("--active/--inactive", "active", default=None, help="Only active, or only suspended ones.")
@click.option(
    "--managed/--unmanaged", "managed", default=None, help="Only those a directory manages, or not."
)
@click.option("--tag", metavar="T", help="Only users with this tag.")
@click.option("--connection", metavar="NAME", help="Only users of this connection.")
@click.option("--limit", type=click.IntRange(1), help="At most so many; default all.")
@verb
def list_(door: Door, limit: int | None, **wanted: Any) -> int:
    """List users."""
    people = door.app.people
    found = people.every_user(**wanted) if limit is None else people.users(limit=limit, **wanted)
    rows = [_row(user) for user in found["users"]]
    shape = {"users": found["users"], "total": found["total"]}
    door.show(shape, lambda: table(("ID", "E-MAIL", "NAME", "STATE", "FROM", "TAGS"), rows, "no users"))
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users show ada@example.com"))
@click.argument("user")
@verb
def show(door: Door, user: str) -> int:
    """Show a user by id, e-mail or external id, with directory users and groups."""
    found = door.app.people.user(user)
    plain = [(key, value) for key, value in found.items() if not isinstance(value, list | dict)]
    names = [("tags", ", ".join(found["tags"]) or "-")]
    names += [
        ("directory", f"{each['connection']}: {each['status']} ({each['external_id']})")
        for each in found["directory_users"]
    ]
    names += [("group", f"{each['connection']}: {each['name']}") for each in found["groups"]]
    door.show(found, lambda: facts([*plain, *names]))
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users explain ada@example.com"))
@click.argument("user")
@verb
def explain(door: Door, user: str) -> int:
    """Say why a user is active or suspended and has these tags."""
    found = door.app.people.explain(user)
    door.show(found.as_json(), lambda: found.as_text().rstrip("\n"))
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users protect ada@example.com"))
@click.argument("user")
@verb
def protect(door: Door, user: str) -> int:
    """Keep an account from every removal, whatever a directory says."""
    shape = door.app.people.protect(user, protected=True, by=door.by)
    door.show(shape, lambda: f"{shape['email'] or shape['id']} is protected")
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users unprotect ada@example.com"))
@click.argument("user")
@verb
def unprotect(door: Door, user: str) -> int:
    """End the protection of an account."""
    shape = door.app.people.protect(user, protected=False, by=door.by)
    door.show(shape, lambda: f"{shape['email'] or shape['id']} is protected no longer")
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users add ada@example.com --first Ada --origin sso"))
@click.argument("email")
@click.option("--first", metavar="F", help="First name.")
@click.option("--last", metavar="L", help="Last name.")
@click.option("--origin", type=click.Choice(["sso", "manual"]), default="manual", show_default=True)
@click.option("--tag", "tags", multiple=True, metavar="T", help="A tag set by hand.")
@verb
def add(door: Door, email: str, tags: tuple[str, ...], **named: str | None) -> int:
    """Add an account that no directory made."""
    account = {"email": email, "first_name": named["first"], "last_name": named["last"], "tags": tags}
    account["origin"] = named["origin"]
    (user_id,) = door.app.people.add([account], by=door.by)
    door.show({"id": user_id, "email": email}, lambda: f"added {email} as {user_id}")
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users load people.csv"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@verb
def load(door: Door, file: Path) -> int:
    """Add the accounts of a CSV file, or none of them; columns email, first_name, last_name, origin, tags."""
    ids = door.app.people.add(_rows(file), by=door.by)
    door.show({"added": len(ids), "ids": ids}, lambda: f"added {len(ids):,} users")
    return ExitCode.DONE


def _row(user: dict[str, Any]) -> list[str | None]:
    name = f"{user['first_name'] or ''} {user['last_name'] or ''}".strip()
    state = "active" if user["active"] else "suspended"
    return [user["id"], user["email"], name, state, ", ".join(user["connections"]), ", ".join(user["tags"])]


def _rows(file: Path) -> list[dict[str, Any]]:
    import csv

    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        names = list(reader.fieldnames or ())
        unknown = [name for name in names if name not in _COLUMNS]
        if unknown or "email" not in names:
            told = f"unknown columns {', '.join(unknown)}" if unknown else "no column email"
            raise click.UsageError(f"{file}: {told}; the columns are {', '.join(_COLUMNS)}")
        return [_account(row) for row in reader]


def _account(row: dict[str, str]) -> dict[str, Any]:
    account: dict[str, Any] = {name: value for name, value in row.items() if value}
    account["tags"] = [tag.strip() for tag in row.get("tags", "").split(";") if tag.strip()]
    return {"email": ""} | account
