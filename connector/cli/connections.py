"""Verbs on connections."""

from __future__ import annotations

import sys
from typing import Any

import click

from connector.cli.door import Door, Verb, example, facts, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing, newest_first, older
from sync.model.errors import Conflict, NotFound


@click.group(cls=LazyGroup)
def connections() -> None:
    """Links to directories: one per company and IdP."""


def _given(pairs: tuple[str, ...], type: str | None, *, from_stdin: bool) -> dict[str, Any]:
    from connector.usecases.connections import parse_assignments

    given = list(pairs)
    if from_stdin:
        given += [line.strip() for line in sys.stdin if line.strip()]
    return parse_assignments(given, type)


@connections.command(
    cls=Verb,
    epilog=example(
        "connector connections add acme --type okta --set domain=acme.okta.com --credentials-stdin < secrets",
        "connector connections add acme --type okta --set domain=acme.okta.com --set 'api_token=${TOKEN}'",
    ),
)
@click.argument("name")
@click.option("--type", "type_", required=True, metavar="T", help="okta, azure, onelogin, jumpcloud or scim.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting; dots go into sections.")
@click.option("--credentials-stdin", is_flag=True, help="Read further KEY=VALUE lines from stdin.")
@verb
def add(door: Door, name: str, type_: str, pairs: tuple[str, ...], *, credentials_stdin: bool) -> int:
    """Make a connection; prints its SCIM address and token (the only time the token is shown)."""
    given = _given(pairs, type_, from_stdin=credentials_stdin)
    made = door.ask("connections.add", name=name, type=type_, settings=given)
    door.show(
        made,
        lambda: (
            facts([(key, made[key]) for key in ("id", "name", "type", "scim_base_url", "token")])
            + f"\n\nKeep the token now: it is not shown again. Next: connector connections test {name}"
        ),
    )
    return ExitCode.DONE


@connections.command(
    "list",
    cls=Verb,
    epilog=example("connector connections list --json", "connector connections list --type okta"),
)
@click.option("--search", metavar="TEXT", help="Only names with this in them.")
@click.option("--type", "type_", metavar="T", help="Only of this type.")
@click.option("--state", type=click.Choice(["active", "paused", "quarantined"]), help="Only in this state.")
@listing
def list_(door: Door, search: str | None, type_: str | None, state: str | None) -> int:
    """List the connections."""
    found = door.ask("connections.list", search=search, type=type_, state=state)["connections"]
    keys = ("name", "type", "mode", "state", "directory_users", "groups", "last_complete_at", "next_run_at")
    door.show(
        {"connections": found},
        lambda: table(
            ("NAME", "TYPE", "MODE", "STATE", "PEOPLE", "GROUPS", "LAST COMPLETE READ", "NEXT RUN"),
            [[row[key] for key in keys] for row in found],
            "no connections yet; make one with: connector connections add NAME --type T",
        ),
    )
    return ExitCode.DONE


@connections.command(cls=Verb, epilog=example("connector connections show acme"))
@click.argument("name")
@verb
def show(door: Door, name: str) -> int:
    """Show a connection, without its secrets."""
    _show(door, door.ask("connections.show", connection=name))
    return ExitCode.DONE


@connections.command(
    cls=Verb,
    epilog=example(
        "connector connections test acme",
        "connector connections test acme --with domain=acme.okta.com --credentials-stdin < secrets",
    ),
)
@click.argument("name")
@click.option("--with", "pairs", multiple=True, metavar="KEY=VALUE", help="As if it were saved.")
@click.option("--credentials-stdin", is_flag=True, help="Read further KEY=VALUE lines from stdin.")
@verb
def test(door: Door, name: str, pairs: tuple[str, ...], *, credentials_stdin: bool) -> int:
    """Prove the rights a pull needs, one by one."""
    given = _given(pairs, None, from_stdin=credentials_stdin)
    if given:
        found = door.ask("connections.try", connection=name, settings=given)
    else:
        found = door.ask("connections.test", connection=name)
    rights = table(("RIGHT", "STATE", "DETAIL"), [list(right.values()) for right in found["rights"]], "")
    door.show(found, lambda: found["error"] or f"{rights}\n{name} is {'' if found['ready'] else 'not '}ready")
    return ExitCode.DONE if found["ready"] else ExitCode.DENIED


@connections.command(
    cls=Verb,
    epilog=example(
        "connector connections sample acme --with groups.include='Eng*'",
        "connector connections sample acme --user 00u1 --with attributes.first_name=profile.nickName",
    ),
)
@click.argument("name")
@click.option("--user", metavar="ID", help="This person instead, by external id or e-mail.")
@click.option("--with", "pairs", multiple=True, metavar="KEY=VALUE", help="As if it were saved.")
@verb
def sample(door: Door, name: str, user: str | None, pairs: tuple[str, ...]) -> int:
    """Read the first people and groups and show what settings make of them; nothing is written."""
    given = _given(pairs, None, from_stdin=False) or None
    found = door.ask("connections.sample", connection=name, user=user, settings=given)
    door.show(found, lambda: _sampled(found))
    return ExitCode.DONE


@connections.command(
    "set",
    cls=Verb,
    epilog=example("connector connections set acme schedule.full=12h safeguards.suspensions='5 or 10%'"),
)
@click.argument("name")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--set", "further", multiple=True, metavar="KEY=VALUE", help="The same, as in `add`.")
@click.option("--credentials-stdin", is_flag=True, help="Read further KEY=VALUE lines from stdin.")
@verb
def set_(
    door: Door, name: str, pairs: tuple[str, ...], further: tuple[str, ...], *, credentials_stdin: bool
) -> int:
    """Change settings; an empty value goes back to the default."""
    chosen = door.ask("connections.show", connection=name)
    given = _given((*pairs, *further), chosen["type"], from_stdin=credentials_stdin)
    _show(door, door.ask("connections.set", connection=name, settings=given))
    return ExitCode.DONE


@connections.command(
    cls=Verb,
    epilog=example(
        "connector connections applications acme --search payroll",
        "connector connections applications acme --choose 'Payroll'",
    ),
)
@click.argument("name")
@click.option("--search", metavar="TEXT", help="Only names with this in them.")
@click.option("--choose", metavar="APPLICATION", help="Read whoever is assigned to the one of this name.")
@verb
def applications(door: Door, name: str, search: str | None, choose: str | None) -> int:
    """List the directory's applications by name, or choose one as the scope; Okta's only."""
    found = door.ask("connections.applications", connection=name, search=choose or search)["applications"]
    if choose is not None:
        scope = _the_one(found, choose)["scope"]
        _show(door, door.ask("connections.set", connection=name, settings={"scope": scope}))
        return ExitCode.DONE
    rows = [[row["name"], "yes" if row["active"] else "no", f"scope={row['scope']}"] for row in found]
    door.show(
        {"applications": found}, lambda: table(("APPLICATION", "ACTIVE", "SETTING"), rows, "no applications")
    )
    return ExitCode.DONE


@connections.command(cls=Verb, epilog=example("connector connections pause acme"))
@click.argument("name")
@verb
def pause(door: Door, name: str) -> int:
    """Stop pulling and refuse pushes with a retry, until resumed."""
    _show(door, door.ask("connections.pause", connection=name))
    return ExitCode.DONE


@connections.command(cls=Verb, epilog=example("connector connections resume acme"))
@click.argument("name")
@verb
def resume(door: Door, name: str) -> int:
    """Go on after a pause, or try a connection whose runs had failed again at once."""
    _show(door, door.ask("connections.resume", connection=name))
    return ExitCode.DONE


@connections.command(cls=Verb, epilog=example("connector connections log acme --failed"))
@click.argument("name")
@click.option("--search", metavar="TEXT", help="Part of the request, its client or what was told.")
@click.option("--failed", is_flag=True, help="Only requests that were refused.")
@newest_first(50, int)
@listing
def log(door: Door, name: str, **wanted: Any) -> int:
    """Show what the IdP asked the SCIM endpoint lately, newest first; names in it are masked."""
    found = door.ask("connections.log", connection=name, **wanted)
    rows = [
        [
            row["at"],
            row["method"],
            row["path"],
            row["status"],
            f"{row['ms']:g} ms",
            row["detail"] or ", ".join(row["quirks"]),
        ]
        for row in found["requests"]
    ]
    headers = ("AT", "METHOD", "PATH", "STATUS", "TOOK", "DETAIL OR QUIRKS")
    door.show(found, lambda: table(headers, rows, "no request fits") + older(found))
    return ExitCode.DONE


@connections.command(
    cls=Verb,
    epilog=example(
        "connector connections remove acme --users suspend",
        "connector connections remove old --users handover:new",
    ),
)
@click.argument("name")
@click.option(
    "--users",
    required=True,
    metavar="keep|suspend|handover:OTHER",
    help="What becomes of its people: they stay as they are, lose access, or go over to another connection.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@verb
def remove(door: Door, name: str, users: str, *, yes: bool) -> int:
    """Disconnect a directory: its groups and their tags go, its people become what --users says."""
    if not yes and not door.is_json and sys.stdin.isatty():
        click.confirm(f"Remove {name}? Its groups, tokens, runs and plans go with it.", abort=True)
    gone = door.ask("connections.remove", connection=name, users=users)
    told = f"{gone['name']} is removed: {gone['people']:,} people, {gone['suspended']:,} suspended"
    door.show(gone, lambda: f"{told}, {gone['handed_over']:,} handed over")
    return ExitCode.DONE


def _show(door: Door, shape: dict[str, Any]) -> None:
    settings = ", ".join(f"{key}={value}" for key, value in shape["settings"].items())
    trouble = shape["trouble"]
    shown = [(key, value) for key, value in shape.items() if key not in {"settings", "sealed", "trouble"}]
    if trouble is not None:
        shown += [(key, trouble[key]) for key in ("error", "remedy", "failures", "since", "retry_at")]
    further = [("settings", settings or "-"), ("sealed", ", ".join(shape["sealed"]) or "-")]
    door.show(shape, lambda: facts([*shown, *further]))


def _the_one(found: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """The application of exactly this name. Raises NotFound for none and Conflict for several."""
    fits = [row for row in found if row["name"].casefold() == wanted.casefold()]
    if len(fits) > 1:
        ids = ", ".join(row["id"] for row in fits)
        raise Conflict(f"{len(fits)} applications are called {wanted}: {ids}. Set scope=app:ID instead")
    if not fits:
        near = ", ".join(row["name"] for row in found[:5])
        raise NotFound(f"no application is called {wanted}" + (f"; there are {near}" if near else ""))
    return fits[0]


def _sampled(found: dict[str, Any]) -> str:
    """People with what each field becomes, then the groups with their tags."""
    fields = [
        [person["external_id"], name, person["said"].get(name), value]
        for person in found["people"]
        for name, value in person["becomes"].items()
    ]
    groups = [
        [each["external_id"], each["name"], each["tag"] if each["counts"] else each["why"]]
        for each in found["groups"]
    ]
    people = table(("PERSON", "FIELD", "THE DIRECTORY SAYS", "BECOMES"), fields, "no people")
    return f"{people}\n\n{table(('GROUP', 'NAME', 'TAG, OR WHY NONE'), groups, 'no groups were read')}"
