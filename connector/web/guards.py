"""Who may ask: the API key's holder, or, without one, a program or browser on this very machine."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request

from connector.settings import Settings

Message = MutableMapping[str, Any]

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_FORWARDED: Final = (
    "forwarded",
    "via",
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
)
"""What a proxy adds: behind one, everybody in the world seems to sit on this machine."""


def is_local(request: Request) -> bool:
    """Whether the peer is a loopback address, asked for this machine by name, and no proxy spoke for it.

    The name is looked at so that a web page elsewhere cannot point its own name at this machine.
    """
    if request.client is None or not _is_loopback(request.client.host):
        return False
    if any(name in request.headers for name in _FORWARDED):
        return False
    return _is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname or "")


def require_local(request: Request) -> None:
    """403 for anybody who is not on this machine: there is no sign-in to tell people apart."""
    if not is_local(request):
        raise HTTPException(
            403,
            "This page has no sign-in yet and opens on the machine the program runs on only. "
            "Sit there, or bring the port over: ssh -L 8080:127.0.0.1:8080 HOST, then open http://127.0.0.1:8080/",
        )


def require_key(request: Request, settings: Settings) -> None:
    """Let in who has the API key; without a key in the settings, only this machine. Else 401 or 403."""
    if settings.api_key is None:
        if not is_local(request) or _is_foreign_page(request):
            raise HTTPException(
                403,
                "No API key is set, so the API answers on the machine it runs on only. "
                "Set CONNECTOR_API_KEY and send it as Authorization: Bearer.",
            )
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    expected = settings.api_key.get_secret_value().encode()
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1"), expected):
        raise HTTPException(
            401, "Send the API key as Authorization: Bearer KEY.", {"WWW-Authenticate": "Bearer"}
        )


class SecurityHeaders:
    """Puts the same strict headers on every answer; what the API says is kept by no cache."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_foreign_page(request: Request) -> bool:
    """Whether a browser sent this on behalf of a page that is not ours."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host')}"
    return site not in {"none", "same-origin"} or (origin is not None and origin != own)
