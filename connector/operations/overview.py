"""Operations that look over everything: status, seats, settings, findings."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, TEXT_MAX, Limit, OfConnection, Search
from connector.operations.operation import Call, operation
from sync.model.access import Role

AfterLabel = Annotated[str | None, Field(max_length=TEXT_MAX, description="`next` of the page before.")]


@operation("GET", "/status", Role.VIEWER, answers.Anything, cli="status")
def status(call: Call) -> dict[str, Any]:
    """Show every connection, its last complete read and next run, and what waits for a person."""
    return call.app.overview.status()


@operation("GET", "/seats", Role.VIEWER, answers.Seats, cli="seats")
def seats(call: Call) -> dict[str, Any]:
    """Show how many seats are used, by which connection, and who waits for one."""
    return call.app.people.seats()


@operation("GET", "/seats/waiting", Role.VIEWER, answers.WaitingPeople, rows="waiting", cli="seats --waiting")
def waiting(
    call: Call,
    *,
    search: Search = None,
    connection: OfConnection = None,
    after: AfterLabel = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List who waits for a seat, by name."""
    return call.app.people.waiting(search=search, connection=connection, after=after, limit=limit)


@operation("GET", "/settings", Role.ADMIN, answers.Anything)
def settings(call: Call) -> dict[str, Any]:
    """Show the program's settings, which the configuration file and the environment make; secrets masked."""
    return {"settings": call.app.shown_settings()}


@operation("POST", "/doctor", Role.OPERATOR, answers.Anything, cli="doctor")
def doctor(call: Call, *, connection: str | None = None) -> dict[str, Any]:
    """Look at database, key, environment, rights and tokens one by one, and say what to do."""
    return {"findings": call.app.doctor.look(connection)}
