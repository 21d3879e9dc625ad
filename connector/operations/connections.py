"""Operations on connections: make, change, test, pause, remove."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from connector.directory_settings import TYPES
from connector.operations import answers
from connector.operations.arguments import PAGE, PAGE_MAX, TEXT_MAX, Limit, Ref, Search, Sequence, Settings
from connector.operations.operation import Call, operation
from sync.model.access import Role

Type = Annotated[str, Field(max_length=32, description=f"One of {', '.join(TYPES)}.")]

State = Literal["active", "paused", "quarantined"]

Users = Annotated[
    str,
    Field(
        pattern="^(keep|suspend|handover:.+)$", max_length=300, description="keep, suspend, handover:OTHER"
    ),
]


@operation(
    "POST",
    "/connections",
    Role.ADMIN,
    answers.NewConnection,
    status=201,
    shows_once=True,
    cli="connections add {name} --type {type}",
)
def add(call: Call, *, name: Ref, type: Type, settings: Settings | None = None) -> dict[str, Any]:
    """Make a connection and its first SCIM token, the only time the token is shown."""
    return call.app.connections.add(name, type, settings or {})


@operation(
    "GET", "/connections", Role.VIEWER, answers.Connections, rows="connections", cli="connections list"
)
def list_(
    call: Call,
    *,
    search: Search = None,
    type: Type | None = None,
    state: State | None = None,
    after: Annotated[str | None, Field(max_length=TEXT_MAX, description="The last name seen.")] = None,
    limit: Annotated[int | None, Field(ge=1, le=PAGE_MAX, description="Rows; all when not said.")] = None,
) -> dict[str, Any]:
    """List the connections by name."""
    found = call.app.connections.listed(search=search, type=type, state=state, after=after, limit=limit)
    return {"connections": found, "next": found[-1]["name"] if found and len(found) == limit else None}


@operation(
    "GET",
    "/connections/{connection}",
    Role.VIEWER,
    answers.Connection,
    cli="connections show {connection}",
)
def show(call: Call, *, connection: Ref) -> dict[str, Any]:
    """Show a connection, without its secrets."""
    return call.app.connections.show(connection)


@operation(
    "PATCH",
    "/connections/{connection}",
    Role.ADMIN,
    answers.Connection,
    cli="connections set {connection} KEY=VALUE …",
)
def set_(
    call: Call, *, connection: Ref, settings: Settings, expect_revision: str | None = None
) -> dict[str, Any]:
    """Change the named settings; the others stay, and null takes one back to its default.

    `expect_revision`, or the header If-Match, refuses when somebody changed the connection since it was
    read.
    """
    return call.app.connections.set(connection, settings, expect_revision=expect_revision)


@operation(
    "POST",
    "/connections/{connection}/test",
    Role.OPERATOR,
    answers.Tested,
    cli="connections test {connection}",
)
def test(call: Call, *, connection: Ref) -> dict[str, Any]:
    """Prove the rights a pull needs, one by one."""
    return call.app.trials.test(connection)


@operation(
    "POST",
    "/connections/{connection}/try",
    Role.ADMIN,
    answers.Tested,
    cli="connections test {connection} --with KEY=VALUE",
)
def try_(call: Call, *, connection: Ref, settings: Settings) -> dict[str, Any]:
    """Prove the rights under these settings, credentials among them, and save nothing."""
    return call.app.trials.test(connection, settings)


@operation(
    "POST",
    "/connections/{connection}/sample",
    Role.ADMIN,
    answers.Sample,
    cli="connections sample {connection}",
)
def sample(
    call: Call, *, connection: Ref, settings: Settings | None = None, user: Ref | None = None
) -> dict[str, Any]:
    """Read the first people and groups, and say what these settings would make of them; nothing is written.

    `user` names one person by external id or e-mail instead; groups are then not read. Members are never
    read. `everybody_met` false means that the directory has more than was looked at.
    """
    return call.app.trials.sample(connection, settings, user=user)


@operation(
    "GET",
    "/connections/{connection}/applications",
    Role.OPERATOR,
    answers.Applications,
    cli="connections applications {connection}",
)
def applications(call: Call, *, connection: Ref, search: Search = None) -> dict[str, Any]:
    """List the directory's applications by name; `scope` is the setting that reads whom one is assigned to.

    Only Okta's can be listed; elsewhere type the application's id.
    """
    return call.app.trials.applications(connection, search)


@operation(
    "POST",
    "/connections/{connection}/pause",
    Role.ADMIN,
    answers.Connection,
    cli="connections pause {connection}",
)
def pause(call: Call, *, connection: Ref) -> dict[str, Any]:
    """Stop pulling and refuse pushes with a retry, until resumed."""
    return call.app.connections.pause(connection, paused=True)


@operation(
    "POST",
    "/connections/{connection}/resume",
    Role.ADMIN,
    answers.Connection,
    cli="connections resume {connection}",
)
def resume(call: Call, *, connection: Ref) -> dict[str, Any]:
    """Go on after a pause, or try a connection whose runs had failed again at once."""
    return call.app.connections.pause(connection, paused=False)


@operation(
    "GET",
    "/connections/{connection}/log",
    Role.VIEWER,
    answers.Requests,
    rows="requests",
    cursor="before",
    cli="connections log {connection}",
)
def log(
    call: Call,
    *,
    connection: Ref,
    search: Annotated[
        str | None, Field(max_length=200, description="Part of the request, its client or what was told.")
    ] = None,
    failed: bool = False,
    before: Sequence | None = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List the last SCIM requests of a connection, newest first; names in them are masked.

    `before` is the `seq` of the last one seen; `failed` leaves out what went well. Bodies are there, with
    every value masked, while the connection's setting `scim.log_bodies` is on.
    """
    found = call.app.request_log.listed(connection, search=search, failed=failed, limit=limit, before=before)
    return {"requests": found, "next": found[-1]["seq"] if len(found) == limit else None}


@operation(
    "DELETE",
    "/connections/{connection}",
    Role.ADMIN,
    answers.Gone,
    cli="connections remove {connection} --users {users}",
)
def remove(call: Call, *, connection: Ref, users: Users) -> dict[str, Any]:
    """Disconnect a directory, and say what becomes of its people.

    `keep` leaves them as they are, managed by nobody; `suspend` takes their access; `handover:OTHER` links
    them to the people of another connection with the same e-mail, and keeps the others.
    """
    return call.app.connections.remove(connection, users, by=call.by)
