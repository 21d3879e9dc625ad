"""Who calls the API: the holder of a key, or a browser that is signed in to the console."""

from __future__ import annotations

import hmac

from starlette.exceptions import HTTPException
from starlette.requests import Request

from connector.app import App
from connector.web import sessions
from sync.model.access import Actor, Role, Via

_ASK = {"WWW-Authenticate": "Bearer"}


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def caller_of(app: App, request: Request) -> Actor:
    """Whoever asks; 401 for nobody. A signed-in browser has to prove that our own page asks."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        actor = _of_settings(app, given.strip(), request) or app.keys.caller(
            given.strip(), address_of(request)
        )
        if actor is None:
            raise HTTPException(401, "This API key is not good: make one with connector keys add.", _ASK)
        return actor
    signed_in = sessions.signed_in(app, request)
    if signed_in is None:
        raise HTTPException(401, "Send an API key as Authorization: Bearer KEY.", _ASK)
    if request.method != "GET":
        sessions.must_be_ours(app, request, request.headers.get("x-csrf-token", ""))
    return signed_in.actor


def _of_settings(app: App, given: str, request: Request) -> Actor | None:
    """The caller when this is the key of the configuration."""
    key = app.settings.api_key
    if key is None or not hmac.compare_digest(given.encode(), key.get_secret_value().encode()):
        return None
    return Actor(name="settings", via=Via.API, role=Role.ADMIN, address=address_of(request))
