"""Operations on webhooks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import (
    PAGE,
    After,
    Limit,
    OfConnection,
    Ref,
    Sequence,
    Span,
    Subject,
    Text,
    span,
)
from connector.operations.lists import page_of
from connector.operations.operation import Call, operation
from sync.model.access import Role
from sync.model.webhook import DeliveryState

Url = Annotated[str, Field(max_length=2000)]
State = Literal["well", "failing", "paused"]
EventType = Annotated[str, Field(max_length=100, description="A type of event, or a family: user.*")]
Types = Annotated[list[str], Field(max_length=100, description="Only these types of event, or user.* …")]


@operation("GET", "/webhooks", Role.VIEWER, answers.Webhooks, rows="webhooks", cli="webhooks list")
def list_(
    call: Call,
    *,
    search: Annotated[
        str | None, Field(max_length=200, description="Part of an address, a note or a mistake.")
    ] = None,
    state: State | None = None,
    type: EventType | None = None,
    connection: OfConnection = None,
    after: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List webhooks with how they do; of a type or connection, those that hear of it."""
    found, following = page_of(
        call.app.webhooks.listed(type=type, connection=connection),
        after=after,
        limit=limit,
        search=search,
        within=("url", "note", "last_error"),
        state=state,
    )
    return {"webhooks": found, "next": following}


@operation(
    "POST",
    "/webhooks",
    Role.ADMIN,
    answers.Anything,
    status=201,
    shows_once=True,
    cli="webhooks add {url}",
)
def add(
    call: Call,
    *,
    url: Url,
    types: Types | None = None,
    connection: OfConnection = None,
    note: Text = "",
    after: Sequence | None = None,
) -> dict[str, Any]:
    """Call an address with every event from now on; answers its secret, the only time it is shown."""
    return call.app.webhooks.add(
        url, by=call.by, types=types or (), connection=connection, note=note, after=after
    )


@operation(
    "GET",
    "/webhooks/{webhook}/deliveries",
    Role.VIEWER,
    answers.Deliveries,
    rows="deliveries",
    cursor="before",
    cli="webhooks log {webhook}",
)
def log(
    call: Call,
    *,
    webhook: Ref,
    search: Annotated[
        str | None,
        Field(max_length=200, description="Part of what the address answered, or an event's id or number."),
    ] = None,
    state: DeliveryState | None = None,
    type: EventType | None = None,
    subject: Subject = None,
    before: Sequence | None = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """Show what was delivered, what will be tried again, and what was given up, the newest event first."""
    return call.app.webhooks.log(
        webhook, search=search, state=state, type=type, subject=subject, before=before, limit=limit
    )


@operation("GET", "/webhooks/{webhook}", Role.VIEWER, answers.Anything, cli="webhooks list")
def show(call: Call, *, webhook: Ref) -> dict[str, Any]:
    """Show a webhook with how it does."""
    return call.app.webhooks.show(webhook)


@operation("PATCH", "/webhooks/{webhook}", Role.ADMIN, answers.Anything, cli="webhooks set {webhook}")
def set_(
    call: Call,
    *,
    webhook: Ref,
    url: Url | None = None,
    types: Types | None = None,
    note: Text | None = None,
) -> dict[str, Any]:
    """Change a webhook's address, types or note; the secret and what waits stay. No types are all types."""
    return call.app.webhooks.set(webhook, url=url, types=types, note=note)


@operation("POST", "/webhooks/{webhook}/test", Role.OPERATOR, answers.Anything, cli="webhooks test {webhook}")
def test(call: Call, *, webhook: Ref) -> dict[str, Any]:
    """Call a webhook now with a test event."""
    return call.app.webhooks.test(webhook)


@operation(
    "POST",
    "/webhooks/{webhook}/redeliver",
    Role.OPERATOR,
    answers.Anything,
    cli="webhooks redeliver {webhook}",
)
def redeliver(
    call: Call,
    *,
    webhook: Ref,
    event: str | None = None,
    sequences: Annotated[list[Sequence] | None, Field(max_length=1000)] = None,
) -> dict[str, Any]:
    """Deliver again what was given up, or the events that are named."""
    return call.app.webhooks.redeliver(webhook, event_id=event, sequences=sequences or ())


@operation(
    "POST",
    "/webhooks/{webhook}/rotate",
    Role.ADMIN,
    answers.Anything,
    shows_once=True,
    cli="webhooks rotate {webhook}",
)
def rotate(call: Call, *, webhook: Ref, grace: Span = "7d") -> dict[str, Any]:
    """Make a new secret, the only time it is shown; the old one signs too for the grace period."""
    return call.app.webhooks.rotate(webhook, span(grace))


@operation("POST", "/webhooks/{webhook}/pause", Role.ADMIN, answers.Anything, cli="webhooks pause {webhook}")
def pause(call: Call, *, webhook: Ref) -> dict[str, Any]:
    """Stop calling a webhook; its events wait."""
    return call.app.webhooks.set_enabled(webhook, enabled=False)


@operation(
    "POST", "/webhooks/{webhook}/resume", Role.ADMIN, answers.Anything, cli="webhooks resume {webhook}"
)
def resume(call: Call, *, webhook: Ref) -> dict[str, Any]:
    """Go on calling a webhook, with everything that came meanwhile, at once."""
    return call.app.webhooks.set_enabled(webhook, enabled=True)


@operation("DELETE", "/webhooks/{webhook}", Role.ADMIN, answers.Anything, cli="webhooks remove {webhook}")
def remove(call: Call, *, webhook: Ref) -> dict[str, Any]:
    """Forget a webhook and what waits for it."""
    return call.app.webhooks.remove(webhook)
