"""Verbs on webhooks: addresses that hear of every event."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.door import Door, Verb, example, facts, table, verb
from connector.cli.exits import ExitCode
from connector.cli.lazy import LazyGroup
from connector.cli.lists import listing, newest_first, older

_ID = "0j5t2kq8m1x7c3v9"


@click.group(cls=LazyGroup)
def webhooks() -> None:
    """Addresses that are called with every event, signed per Standard Webhooks."""


@webhooks.command(
    cls=Verb, epilog=example("connector webhooks add https://app.example.com/hooks --type 'user.*'")
)
@click.argument("url")
@click.option("--type", "types", multiple=True, metavar="T", help="Only this type of event, or user.* …")
@click.option("--connection", metavar="NAME", help="Only this connection's events.")
@click.option("--note", default="", metavar="TEXT", help="For people.")
@click.option(
    "--after", type=click.IntRange(0), metavar="SEQ", help="Events behind this one too; else new ones."
)
@verb
def add(door: Door, url: str, types: tuple[str, ...], **wanted: Any) -> int:
    """Call an address with every event from now on; prints its secret, the only time it is shown."""
    made = door.ask("webhooks.add", url=url, types=list(types), **wanted)
    door.show(made, lambda: facts(made.items()))
    return ExitCode.DONE


@webhooks.command("list", cls=Verb, epilog=example("connector webhooks list --state failing"))
@click.option("--search", metavar="TEXT", help="Part of an address, a note or a mistake.")
@click.option("--state", type=click.Choice(["well", "failing", "paused"]), help="Only in this state.")
@click.option("--type", metavar="T", help="Only those that hear of this type of event, or of user.* …")
@click.option("--connection", metavar="NAME", help="Only those that hear of this connection.")
@listing
def list_(door: Door, **wanted: Any) -> int:
    """List webhooks with how they do."""
    found = door.every("webhooks.list", "webhooks", **wanted)["webhooks"]
    rows = [
        [
            each["id"],
            each["url"],
            f"failing since {each['failing_since']}" if each["state"] == "failing" else each["state"],
            each["deliveries"]["pending"] + each["deliveries"]["failed"],
            each["deliveries"]["dead"],
            each["last_error"],
        ]
        for each in found
    ]
    headers = ("ID", "URL", "STATE", "WAITING", "DEAD", "LAST ERROR")
    door.show({"webhooks": found}, lambda: table(headers, rows, "no webhook fits"))
    return ExitCode.DONE


@webhooks.command(cls=Verb, epilog=example(f"connector webhooks log {_ID} --state dead"))
@click.argument("webhook")
@click.option("--search", metavar="TEXT", help="Part of the answer, or an event's id or number.")
@click.option(
    "--state", type=click.Choice(["pending", "delivered", "failed", "dead"]), help="Only in this state."
)
@click.option("--type", metavar="T", help="Only events of this type, or of user.* …")
@click.option("--subject", metavar="WHO", help="Only about this person (e-mail or id) or group (id).")
@newest_first(100, int)
@listing
def log(door: Door, webhook: str, **wanted: Any) -> int:
    """Show what was delivered, what will be tried again, and what was given up."""
    found = door.ask("webhooks.log", webhook=webhook, **wanted)
    keys = ("sequence", "type", "state", "attempts", "next_at", "last_status", "last_error")
    headers = ("SEQUENCE", "TYPE", "STATE", "TRIES", "NEXT", "STATUS", "ERROR")
    rows = [[each[key] for key in keys] for each in found["deliveries"]]
    door.show(found, lambda: table(headers, rows, "no delivery fits") + older(found))
    return ExitCode.DONE


@webhooks.command(cls=Verb, epilog=example(f"connector webhooks test {_ID}"))
@click.argument("webhook")
@verb
def test(door: Door, webhook: str) -> int:
    """Call a webhook now with a test event; exits 4 when it is not accepted."""
    done = door.ask("webhooks.test", webhook=webhook)
    outcome = "accepted" if done["delivered"] else f"not accepted: {done['error']}"
    door.show(done, lambda: f"{done['url']}: {outcome}")
    return ExitCode.DONE if done["delivered"] else ExitCode.PARTIAL


@webhooks.command(
    cls=Verb,
    epilog=example(
        f"connector webhooks redeliver {_ID}", f"connector webhooks redeliver {_ID} --sequence 42"
    ),
)
@click.argument("webhook")
@click.option("--event", "event_id", metavar="ID", help="Only this event, by its id.")
@click.option("--sequence", "sequences", multiple=True, type=int, metavar="SEQ", help="Only this event.")
@verb
def redeliver(door: Door, webhook: str, event_id: str | None, sequences: tuple[int, ...]) -> int:
    """Deliver again what was given up, or the events that are named."""
    done = door.ask("webhooks.redeliver", webhook=webhook, event=event_id, sequences=list(sequences))
    door.show(done, lambda: f"{done['redelivered']} events are delivered again")
    return ExitCode.DONE


@webhooks.command(cls=Verb, epilog=example(f"connector webhooks rotate {_ID} --grace 24h"))
@click.argument("webhook")
@click.option(
    "--grace", default="7d", show_default=True, metavar="SPAN", help="How long the old one signs too."
)
@verb
def rotate(door: Door, webhook: str, grace: str) -> int:
    """Make a new secret and print it, the only time it is shown."""
    made = door.ask("webhooks.rotate", webhook=webhook, grace=grace)
    door.show(made, lambda: facts(made.items()))
    return ExitCode.DONE


@webhooks.command("set", cls=Verb, epilog=example(f"connector webhooks set {_ID} --type 'user.*'"))
@click.argument("webhook")
@click.option("--url", help="Call this address from now on; its secret stays.")
@click.option("--type", "types", multiple=True, metavar="T", help="Only this type of event, or user.* …")
@click.option("--every-type", is_flag=True, help="Events of every type.")
@click.option("--note", metavar="TEXT", help="For people.")
@verb
def set_(door: Door, webhook: str, types: tuple[str, ...], every_type: bool, **wanted: Any) -> int:
    """Change a webhook's address, types or note; what waits for it stays."""
    if types and every_type:
        raise click.UsageError("say --type or --every-type, not both")
    chosen = list(types) if types or every_type else None
    done = door.ask("webhooks.set", webhook=webhook, types=chosen, **wanted)
    shown = ", ".join(done["types"]) or "every type"
    door.show(done, lambda: f"{done['url']} is called with events of {shown}")
    return ExitCode.DONE


@webhooks.command(cls=Verb, epilog=example(f"connector webhooks pause {_ID}"))
@click.argument("webhook")
@verb
def pause(door: Door, webhook: str) -> int:
    """Stop calling a webhook; its events wait."""
    done = door.ask("webhooks.pause", webhook=webhook)
    door.show(
        done, lambda: f"{done['id']} is paused; its events wait for: connector webhooks resume {done['id']}"
    )
    return ExitCode.DONE


@webhooks.command(cls=Verb, epilog=example(f"connector webhooks resume {_ID}"))
@click.argument("webhook")
@verb
def resume(door: Door, webhook: str) -> int:
    """Go on calling a webhook, with everything that came meanwhile, at once."""
    done = door.ask("webhooks.resume", webhook=webhook)
    door.show(done, lambda: f"{done['id']} is called again")
    return ExitCode.DONE


@webhooks.command(cls=Verb, epilog=example(f"connector webhooks remove {_ID}"))
@click.argument("webhook")
@verb
def remove(door: Door, webhook: str) -> int:
    """Forget a webhook and what waits for it."""
    done = door.ask("webhooks.remove", webhook=webhook)
    door.show(done, lambda: f"{done['url']} is called no more")
    return ExitCode.DONE
