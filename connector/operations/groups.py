"""Operations on groups."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, After, Limit, OfConnection, Ref, Search
from connector.operations.operation import Call, operation
from sync.model.access import Role

Kind = Annotated[
    Literal["user", "group", "pending"],
    Field(description="People, groups within the group, or ids the directory named and nobody has seen."),
]
AfterMember = Annotated[str | None, Field(max_length=255, description="`next` of the page before.")]


@operation("GET", "/groups", Role.VIEWER, answers.Groups, rows="groups", cli="groups list")
def list_(
    call: Call,
    *,
    search: Search = None,
    connection: OfConnection = None,
    after: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List groups with the number of their members."""
    return call.app.people.groups(search=search, connection=connection, after=after, limit=limit)


@operation(
    "GET",
    "/groups/{group:path}/members",
    Role.VIEWER,
    answers.Members,
    rows="members",
    cli="groups members {group}",
)
def members(
    call: Call,
    *,
    group: Ref,
    search: Search = None,
    kind: Kind | None = None,
    after: AfterMember = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List a group's members page by page: people, groups within it, and whom nobody has seen yet."""
    return call.app.people.members(group, search=search, kind=kind, after=after, limit=limit)


@operation("GET", "/groups/{group:path}", Role.VIEWER, answers.Group, cli="groups show {group}")
def show(call: Call, *, group: Ref, members: bool = True) -> dict[str, Any]:
    """Show a group by id, external id or name, with all its members unless `members` is false."""
    return call.app.people.group(group, members=members)
