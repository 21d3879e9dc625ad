"""Who may speak: the bearer token of a connection (RFC 6750), and whether the connection listens now."""

from __future__ import annotations

from scim_server.errors import ScimError, unavailable
from scim_server.exchange import Request
from sync.model.session import Access

MAX_TOKEN_CHARACTERS = 1024


def bearer(request: Request) -> str:
    """The request's token; ScimError 401 when it has none that could open anything."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARACTERS:
        raise _refusal()
    if not is_plain_id(request.connection_id):
        raise _refusal()
    return token


def admitted(access: Access | None) -> Access:
    """The access, if there is one and its connection listens now; else ScimError 401 or 503.

    Unknown connections and wrong tokens are refused alike.
    """
    if access is None:
        raise _refusal()
    if access.paused is not None:
        raise unavailable(access.paused)
    return access


def _refusal() -> ScimError:
    return ScimError(
        401,
        "The bearer token does not open this connection; copy its token and its base URL again.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def is_plain_id(text: str) -> bool:
    """Whether a text can be an id at all: 1 to 255 printable characters."""
    return 0 < len(text) <= 255 and text.isprintable()
