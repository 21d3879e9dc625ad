"""Verbs on console accounts, their sessions and links, and on API keys."""

from __future__ import annotations

import sys
from typing import Any

import click

from connector.cli.door import Door, Verb, example, facts, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing

_ROLE = click.Choice(["viewer", "operator", "admin"])
_KEEP = "Keep it now: it is not shown again."


@click.group(cls=LazyGroup)
def admin() -> None:
    """For whoever cannot sign in."""


@admin.command(cls=Verb, epilog=example("connector admin link", "connector admin link ada@example.com"))
@click.argument("account", required=False, metavar="[E-MAIL]")
@verb
def link(door: Door, account: str | None) -> int:
    """Make a one-time link: into an account, or to making a new administrator's."""
    made = door.ask("accounts.link", account=account)
    whose = f"signs in {made['account']}" if made["account"] else "makes an administrator's account"
    door.show(made, lambda: f"{made['link']}\nIt {whose}, once, until {made['expires_at']}.")
    return ExitCode.DONE


@click.group(cls=LazyGroup)
def accounts() -> None:
    """Who may sign in to the console: viewers read, operators decide, admins change the set-up."""


@accounts.command("list", cls=Verb, epilog=example("connector accounts list"))
@click.option("--search", metavar="TEXT", help="Part of an e-mail or a name.")
@click.option("--role", type=_ROLE, help="Only with this role.")
@click.option(
    "--disabled/--enabled", "disabled", default=None, help="Only those that may not sign in, or may."
)
@listing
def list_(door: Door, **wanted: Any) -> int:
    """List console accounts."""
    found = door.every("accounts.list", "accounts", **wanted)
    rows = [
        [
            each["email"],
            each["name"],
            each["role"],
            "disabled" if each["disabled"] else "",
            ", ".join(each["signs_in_by"]) or "link only",
            each["last_sign_in_at"],
        ]
        for each in found["accounts"]
    ]
    headers = ("E-MAIL", "NAME", "ROLE", "STATE", "SIGNS IN BY", "LAST SIGN-IN")
    nobody = "no account fits; make an administrator's: connector admin link"
    door.show(found, lambda: table(headers, rows, nobody))
    return ExitCode.DONE


@accounts.command(cls=Verb, epilog=example("connector accounts add ada@example.com --role operator"))
@click.argument("email")
@click.option("--role", type=_ROLE, default="viewer", show_default=True)
@click.option("--name", default="", metavar="N")
@click.option("--password-stdin", is_flag=True, help="Read a password from stdin; else a link is made.")
@verb
def add(door: Door, email: str, role: str, name: str, *, password_stdin: bool) -> int:
    """Add an account; prints a one-time link for its owner, who then chooses a password."""
    made = door.ask(
        "accounts.add", email=email, role=role, name=name, password=_password() if password_stdin else None
    )
    told = f"added {made['email']} as {made['role']}"
    if "link" in made:
        told += f"\nGive them this link; it opens once, within 24 hours:\n{made['link']}"
    door.show(made, lambda: told)
    return ExitCode.DONE


@accounts.command("set", cls=Verb, epilog=example("connector accounts set ada@example.com --role admin"))
@click.argument("account")
@click.option("--role", type=_ROLE)
@click.option("--name", metavar="N")
@click.option("--disable/--enable", "disabled", default=None, help="Whether it may not sign in, or may.")
@verb
def set_(door: Door, account: str, **wanted: Any) -> int:
    """Change an account's role or name, disable or enable it."""
    changed = door.ask("accounts.set", account=account, **wanted)
    state = "disabled" if changed["disabled"] else "enabled"
    door.show(changed, lambda: f"{changed['email']} is {changed['role']}, {state}")
    return ExitCode.DONE


@accounts.command(cls=Verb, epilog=example("connector accounts password ada@example.com < password"))
@click.argument("account")
@verb
def password(door: Door, account: str) -> int:
    """Give an account the password on stdin; its sessions end."""
    changed = door.ask("accounts.password", account=account, password=_password())
    door.show(changed, lambda: f"{changed['email']} has a new password")
    return ExitCode.DONE


@accounts.command(cls=Verb, epilog=example("connector accounts remove ada@example.com"))
@click.argument("account")
@verb
def remove(door: Door, account: str) -> int:
    """Forget an account; its sessions end."""
    gone = door.ask("accounts.remove", account=account)
    door.show(gone, lambda: f"{gone['email']} can sign in no more")
    return ExitCode.DONE


@accounts.command(cls=Verb, epilog=example("connector accounts sessions ada@example.com"))
@click.argument("account", required=False)
@click.option("--search", metavar="TEXT", help="Part of an e-mail, a browser or an address.")
@click.option("--how", type=click.Choice(["password", "link", "oidc"]), help="Only who signed in so.")
@listing
def sessions(door: Door, **wanted: Any) -> int:
    """List signed-in browsers."""
    found = door.every("accounts.sessions", "sessions", **wanted)
    keys = ("id", "account", "how", "address", "created_at", "last_seen_at")
    rows = [[each[key] for key in keys] for each in found["sessions"]]
    headers = ("ID", "ACCOUNT", "BY", "ADDRESS", "SINCE", "LAST SEEN")
    door.show(found, lambda: table(headers, rows, "nobody is signed in"))
    return ExitCode.DONE


@accounts.command("end-session", cls=Verb, epilog=example("connector accounts end-session 0j5t2kq8m1x7c3v9"))
@click.argument("session")
@verb
def end_session(door: Door, session: str) -> int:
    """Sign a browser out."""
    ended = door.ask("accounts.end_session", session=session)
    door.show(ended, lambda: f"{ended['account']} is signed out there")
    return ExitCode.DONE


@click.group(cls=LazyGroup)
def keys() -> None:
    """Keys of programs that call the API."""


@keys.command("list", cls=Verb, epilog=example("connector keys list"))
@click.option("--search", metavar="TEXT", help="Part of a name, of who made it, or its end.")
@click.option("--role", type=_ROLE, help="Only with this role.")
@click.option("--live/--over", "live", default=None, help="Only those that are good still, or not.")
@listing
def list_keys(door: Door, **wanted: Any) -> int:
    """List API keys by their last four characters."""
    found = door.every("keys.list", "keys", **wanted)
    columns = ("name", "role", "last_four", "live", "created_at", "expires_at", "last_used_at")
    rows = [[each[key] for key in columns] for each in found["keys"]]
    headers = ("NAME", "ROLE", "ENDS IN", "LIVE", "CREATED", "EXPIRES", "LAST USED")
    door.show(found, lambda: table(headers, rows, "no API keys"))
    return ExitCode.DONE


@keys.command("add", cls=Verb, epilog=example("connector keys add deploy --role operator --expires 90d"))
@click.argument("name")
@click.option("--role", type=_ROLE, default="viewer", show_default=True)
@click.option("--expires", metavar="SPAN", help="How long it is good; default until revoked.")
@verb
def add_key(door: Door, name: str, role: str, expires: str | None) -> int:
    """Make an API key and print it, the only time it is shown."""
    made = door.ask("keys.add", name=name, role=role, expires=expires)
    shown = [(key, made[key]) for key in ("name", "role", "expires_at", "key")]
    door.show(made, lambda: f"{facts(shown)}\n\n{_KEEP}")
    return ExitCode.DONE


@keys.command(cls=Verb, epilog=example("connector keys revoke deploy"))
@click.argument("key")
@verb
def revoke(door: Door, key: str) -> int:
    """End an API key now, by name, id or last four characters."""
    gone = door.ask("keys.revoke", key=key)
    door.show(gone, lambda: f"the key {gone['name']} is good no more")
    return ExitCode.DONE


def _password() -> str:
    return sys.stdin.readline().rstrip("\n")
