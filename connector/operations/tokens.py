"""Operations on SCIM tokens."""

from __future__ import annotations

from typing import Any

from connector.operations import answers
from connector.operations.arguments import PAGE, After, Limit, Live, Ref, Span, span
from connector.operations.lists import page_of
from connector.operations.operation import Call, operation
from sync.model.access import Role


@operation(
    "GET",
    "/connections/{connection}/tokens",
    Role.VIEWER,
    answers.Tokens,
    rows="tokens",
    cli="tokens list {connection}",
)
def list_(
    call: Call, *, connection: Ref, live: Live = None, after: After = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """List a connection's tokens by their last four characters."""
    found, following = page_of(call.app.tokens.listed(connection), after=after, limit=limit, live=live)
    return {"tokens": found, "next": following}


@operation(
    "POST",
    "/connections/{connection}/tokens",
    Role.ADMIN,
    answers.NewToken,
    status=201,
    shows_once=True,
    cli="tokens rotate {connection}",
)
def rotate(call: Call, *, connection: Ref, grace: Span = "7d") -> dict[str, Any]:
    """Make a new token, the only time it is shown; the old one lives on for the grace period."""
    return call.app.tokens.rotate(connection, span(grace))


@operation(
    "POST",
    "/connections/{connection}/tokens/revoke",
    Role.ADMIN,
    answers.Anything,
    cli="tokens revoke {connection}",
)
def revoke(call: Call, *, connection: Ref, token: str | None = None) -> dict[str, Any]:
    """End the token with this id or these last four characters, or all of them, now."""
    return call.app.tokens.revoke(connection, token)
