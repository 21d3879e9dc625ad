"""Operations on webhooks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, Limit, OfConnection, Ref, Sequence, Span, Text, span
from connector.operations.operation import Call, operation
from sync.model.access import Role
from sync.model.webhook import DeliveryState

Types = Annotated[list[str], Field(max_length=100, description="Only these types of event, or user.* …")]


@operation("GET", "/webhooks", Role.VIEWER, answers.Webhooks, rows="webhooks", cli="webhooks list")
def list_(call: Call) -> dict[str, Any]:
    """List webhooks with how they do."""
    return {"webhooks": call.app.webhooks.listed()}


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
    url: Annotated[str, Field(max_length=2000)],
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
    cli="webhooks log {webhook}",
)
def log(
    call: Call, *, webhook: Ref, state: DeliveryState | None = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """Show what was delivered, what will be tried again, and what was given up."""
    return {"deliveries": call.app.webhooks.log(webhook, state=state, limit=limit)}


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
