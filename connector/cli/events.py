"""Verbs on events: what was told to the outside, in order, as it comes, and once more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import click

from connector.cli.door import Door, Verb, example, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing, newest_first, older
from sync.model.errors import Transient

POLL_S = 1.0
WAIT_S = 30
PAGE = 100
_HEADERS = ("SEQUENCE", "AT", "TYPE", "WHO", "WHY")


@click.group(cls=LazyGroup)
def events() -> None:
    """What was told to the outside, in order."""


@events.command("list", cls=Verb, epilog=example("connector events list --after 100 --limit 20"))
@click.option("--after", default=0, show_default=True, type=click.IntRange(0), help="The last sequence seen.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1000))
@click.option("--type", "types", multiple=True, metavar="T", help="Only this type of event, or user.* …")
@listing
def list_(door: Door, after: int, limit: int, types: tuple[str, ...]) -> int:
    """List events, oldest first."""
    found = door.ask("events.list", after=after, limit=limit, types=list(types) or None)
    rows = [_row(each) for each in found["events"]]
    door.show(found, lambda: table(_HEADERS, rows, "no events"))
    return ExitCode.DONE


@events.command(cls=Verb, epilog=example("connector events newest --subject ada@example.com"))
@click.option("--type", "types", multiple=True, metavar="T", help="Only this type of event, or user.* …")
@click.option("--connection", metavar="NAME", help="Only this connection's.")
@click.option("--subject", metavar="WHO", help="Only about this person (e-mail or id) or group (id).")
@newest_first(100, int)
@listing
def newest(door: Door, types: tuple[str, ...], **wanted: Any) -> int:
    """List events, the newest first; a page may be short and still have older ones behind it."""
    found = door.ask("events.newest", types=list(types) or None, **wanted)
    rows = [_row(each) for each in found["events"]]
    door.show(found, lambda: table(_HEADERS, rows, "no event fits") + older(found))
    return ExitCode.DONE


@events.command(
    cls=Verb,
    epilog=example(
        "connector events tail --json | jq .type", "connector events tail --type 'user.*' --after 1200"
    ),
)
@click.option(
    "--after", type=click.IntRange(0), metavar="SEQ", help="Begin behind this one; else with new ones."
)
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after so many.")
@click.option("--type", "types", multiple=True, metavar="T", help="Only this type of event, or user.* …")
@verb
def tail(door: Door, after: int | None, count: int | None, types: tuple[str, ...]) -> int:
    """Show events as they come, one per line (with --json: one document per line), until Ctrl-C."""
    seen = door.ask("events.last")["sequence"] if after is None else after
    left = count
    pages = _pages(door, seen, types, lambda: PAGE if left is None else min(left, PAGE))
    while left is None or left > 0:
        found = next(pages)
        for each in found:
            _say(door, each)
        left = None if left is None else left - len(found)
    return ExitCode.DONE


def _pages(
    door: Door, seen: int, types: tuple[str, ...], limit: Callable[[], int]
) -> Iterator[list[dict[str, Any]]]:
    """The feed behind ``seen``, page by page; what breaks off after the first answer is gone on with.

    A daemon elsewhere answers when there is something; here the database is asked every second.
    """
    rest, is_first, trouble = threading.Event(), True, ""
    while True:
        asked = {"after": seen, "limit": limit(), "types": list(types) or None, "wait": WAIT_S}
        try:
            page = door.ask("events.list", **asked)
        except Transient as error:
            if is_first:
                raise
            if not trouble:
                click.echo(f"{error.message}; goes on behind {seen} when it is back", err=True)
            trouble = error.message
            rest.wait(POLL_S)
            continue
        is_first, trouble, seen = False, "", page["next"]
        if page["events"]:
            yield page["events"]
        elif door.remote is None:
            rest.wait(POLL_S)


@events.command(cls=Verb, epilog=example("connector events replay --after 1200 --until 1300"))
@click.option(
    "--after", required=True, type=click.IntRange(0), metavar="SEQ", help="The last one that is not sent."
)
@click.option("--until", type=click.IntRange(1), metavar="SEQ", help="The last one that is sent.")
@click.option("--webhook", "refs", multiple=True, metavar="WEBHOOK", help="Only to this webhook.")
@verb
def replay(door: Door, after: int, until: int | None, refs: tuple[str, ...]) -> int:
    """Send a range of events to webhooks once more."""
    done = door.ask("events.replay", after=after, until=until, webhooks=list(refs))
    rows = [[each["id"], each["url"], each["events"]] for each in done["webhooks"]]
    door.show(done, lambda: table(("WEBHOOK", "URL", "EVENTS"), rows, "no webhooks"))
    return ExitCode.DONE


def _say(door: Door, event: dict[str, Any]) -> None:
    if door.is_json:
        import orjson

        click.echo(orjson.dumps(event).decode())
    else:
        click.echo("  ".join(str(cell) for cell in _row(event) if cell))


def _row(event: dict[str, Any]) -> list[object]:
    return [event["sequence"], event["occurred_at"], event["type"], _about(event), event.get("reason")]


def _about(event: dict[str, Any]) -> str:
    """Whom an event is about: a person or group, else the connection whose run it tells of."""
    about = event.get("subject") or event.get("connection") or {}
    return str(about.get("label") or about.get("name") or "")
