"""Verbs on users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from connector.cli.door import PAGE, Door, Verb, example, facts, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing

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
@click.option("--protected/--unprotected", "protected", default=None, help="Only protected ones, or not.")
@click.option("--waiting", is_flag=True, default=None, help="Only who waits for a seat or for an answer.")
@click.option("--limit", type=click.IntRange(1), help="At most so many; default all.")
@listing
def list_(door: Door, limit: int | None, **wanted: Any) -> int:
    """List users."""
    if limit is None or limit > PAGE:
        found = door.every("users.list", "users", **wanted)
        found["users"] = found["users"][:limit]
    else:
        found = door.ask("users.list", limit=limit, **wanted)
    rows = [_row(user) for user in found["users"]]
    shape = {"users": found["users"], "total": found["total"]}
    door.show(shape, lambda: table(("ID", "E-MAIL", "NAME", "STATE", "FROM", "TAGS"), rows, "no users"))
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users show ada@example.com"))
@click.argument("user")
@verb
def show(door: Door, user: str) -> int:
    """Show a user by id, e-mail or external id, with directory users and groups."""
    found = door.ask("users.show", user=user)
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
    found = door.ask("users.explain", user=user)
    text = found.pop("text")
    door.show(found, lambda: text)
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users protect ada@example.com"))
@click.argument("user")
@verb
def protect(door: Door, user: str) -> int:
    """Keep an account from every removal, whatever a directory says."""
    shape = door.ask("users.protect", user=user)
    door.show(shape, lambda: f"{shape['email'] or shape['id']} is protected")
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users unprotect ada@example.com"))
@click.argument("user")
@verb
def unprotect(door: Door, user: str) -> int:
    """End the protection of an account."""
    shape = door.ask("users.unprotect", user=user)
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
    account = {"email": email, "first_name": named["first"], "last_name": named["last"], "tags": list(tags)}
    account["origin"] = named["origin"]
    (user_id,) = door.ask("users.add", users=[account])["ids"]
    door.show({"id": user_id, "email": email}, lambda: f"added {email} as {user_id}")
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users load people.csv"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@verb
def load(door: Door, file: Path) -> int:
    """Add the accounts of a CSV file, or none of them; columns email, first_name, last_name, origin, tags."""
    ids = door.ask("users.add", users=_rows(file))["ids"]
    door.show(
        {"added": len(ids), "ids": ids}, lambda: f"added {len(ids):,} {'user' if len(ids) == 1 else 'users'}"
    )
    return ExitCode.DONE


def reasoned(function: Any) -> Any:
    """The option that keeps why."""
    return click.option("--reason", default="", metavar="R", help="Why, for the record.")(function)


@users.command(cls=Verb, epilog=example("connector users suspend ada@example.com --reason 'left early'"))
@click.argument("user")
@reasoned
@verb
def suspend(door: Door, user: str, reason: str) -> int:
    """Take an account's access away by hand; no run gives it back."""
    shape = door.ask("users.suspend", user=user, reason=reason)
    door.show(
        shape, lambda: f"{shape['email'] or shape['id']} is suspended until: connector users reactivate"
    )
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users reactivate ada@example.com"))
@click.argument("user")
@reasoned
@verb
def reactivate(door: Door, user: str, reason: str) -> int:
    """Give back the access that was taken by hand."""
    shape = door.ask("users.reactivate", user=user, reason=reason)
    door.show(shape, lambda: f"{shape['email'] or shape['id']} has access again")
    return ExitCode.DONE


@users.command(cls=Verb, epilog=example("connector users tag ada@example.com --add vip --remove trial"))
@click.argument("user")
@click.option("--add", "added", multiple=True, metavar="T", help="Set this tag by hand.")
@click.option("--remove", "removed", multiple=True, metavar="T", help="Take this tag that was set by hand.")
@verb
def tag(door: Door, user: str, added: tuple[str, ...], removed: tuple[str, ...]) -> int:
    """Set and take tags by hand; those of directories stay."""
    if not added and not removed:
        raise click.UsageError("say --add T or --remove T")
    shape = door.ask("users.tag", user=user, add=list(added), remove=list(removed))
    door.show(shape, lambda: f"{shape['email'] or shape['id']}: {', '.join(shape['tags']) or 'no tags'}")
    return ExitCode.DONE


@users.command(
    cls=Verb,
    epilog=example("connector users admin ada@example.com", "connector users admin ada@example.com --off"),
)
@click.argument("user")
@click.option("--off", is_flag=True, help="An administrator no longer.")
@verb
def admin(door: Door, user: str, *, off: bool) -> int:
    """Say that an account administers the application; the last active one is never suspended."""
    shape = door.ask("users.admin", user=user, admin=not off)
    told = "an administrator" if shape["admin"] else "no administrator any more"
    door.show(shape, lambda: f"{shape['email'] or shape['id']} is {told}")
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
