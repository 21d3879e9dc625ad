"""Operations on events: what was told to the outside."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, Limit, OfConnection, Ref, Sequence, Subject
from connector.operations.operation import Call, operation
from sync.model.access import Role

Types = Annotated[list[str], Field(max_length=100)]
Wait = Annotated[int, Field(ge=0, le=60, description="Seconds to wait for an event that is not there yet.")]


@operation("GET", "/events", Role.VIEWER, answers.Events, rows="events", waits=True, cli="events list")
def list_(
    call: Call,
    *,
    after: Sequence = 0,
    types: Types | None = None,
    limit: Annotated[int, Field(ge=1, le=1000)] = PAGE,
    wait: Wait = 0,  # noqa: ARG001 - waiting is the door's part
) -> dict[str, Any]:
    """List events behind a sequence number, oldest first."""
    return call.app.people.events(after=after, limit=limit, types=types)


@operation(
    "GET",
    "/events/newest",
    Role.VIEWER,
    answers.NewestEvents,
    rows="events",
    cursor="before",
    cli="events newest",
)
def newest(
    call: Call,
    *,
    before: Sequence | None = None,
    types: Types | None = None,
    connection: OfConnection = None,
    subject: Subject = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List events from the newest back; a page may be short and still have a `next`."""
    return call.app.people.newest_events(
        before=before, types=types, connection=connection, subject=subject, limit=limit
    )


@operation("GET", "/events/last", Role.VIEWER, answers.Anything)
def last(call: Call) -> dict[str, Any]:
    """Say the highest sequence number by now."""
    return {"sequence": call.app.people.last_sequence()}


@operation("POST", "/events/replay", Role.OPERATOR, answers.Webhooks, cli="events replay --after {after}")
def replay(
    call: Call,
    *,
    after: Sequence,
    until: Sequence | None = None,
    webhooks: Annotated[list[Ref] | None, Field(max_length=100)] = None,
) -> dict[str, Any]:
    """Send a range of events to webhooks once more."""
    return call.app.webhooks.replay(after=after, until=until, refs=webhooks or ())
