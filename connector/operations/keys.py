"""Operations on API keys."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, After, Limit, Live, Ref, Search, Span, span
from connector.operations.lists import page_of
from connector.operations.operation import Call, operation
from sync.model.access import Role


@operation("GET", "/keys", Role.ADMIN, answers.Keys, rows="keys", cli="keys list")
def list_(
    call: Call,
    *,
    search: Search = None,
    role: Role | None = None,
    live: Live = None,
    after: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List the API keys by their beginning and their last four characters."""
    found, following = page_of(
        call.app.keys.listed(),
        after=after,
        limit=limit,
        search=search,
        within=("name", "last_four", "created_by"),
        role=role,
        live=live,
    )
    return {"keys": found, "next": following}


@operation(
    "POST", "/keys", Role.ADMIN, answers.Key, status=201, shows_once=True, cli="keys add {name} --role {role}"
)
def add(
    call: Call,
    *,
    name: Annotated[str, Field(min_length=1, max_length=200)],
    role: Role = Role.VIEWER,
    expires: Span | None = None,
) -> dict[str, Any]:
    """Make an API key, the only time it is shown; `expires` is a span from now, such as 90d."""
    ends_in = None if expires is None else span(expires)
    return call.app.keys.add(name, role, by=call.by, expires_in=ends_in)


@operation("DELETE", "/keys/{key}", Role.ADMIN, answers.Key, cli="keys revoke {key}")
def revoke(call: Call, *, key: Ref) -> dict[str, Any]:
    """End an API key now, by id, name or last four characters."""
    return call.app.keys.revoke(key, by=call.by)
