"""Operations on groups."""

from __future__ import annotations

from typing import Any

from connector.operations import answers
from connector.operations.arguments import PAGE, After, Limit, OfConnection, Ref, Search
from connector.operations.operation import Call, operation
from sync.model.access import Role


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


@operation("GET", "/groups/{group:path}", Role.VIEWER, answers.Group, cli="groups show {group}")
def show(call: Call, *, group: Ref) -> dict[str, Any]:
    """Show a group by id, external id or name, with its members."""
    return call.app.people.group(group)
