"""The browser's part of a sign-in: cookies, and the proof that a form or request comes from our own page."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from connector.app import App
from connector.usecases.signing_in import LIVES, SignedIn
from connector.web.guards import is_local

SESSION: Final = "connector"
FORM: Final = "connector-form"
ATTEMPT: Final = "connector-openid"
SAID: Final = "connector-said"


def is_secure(app: App) -> bool:
    """Whether people reach the program by https, through a proxy."""
    return app.settings.url.startswith("https://")


def require_safe(app: App, request: Request) -> None:
    """403 where a password would travel in clear, or another site's name points at this machine."""
    if not is_secure(app) and not is_local(request):
        raise HTTPException(
            403,
            "The console opens over https, or on the machine it runs on. Put a proxy that speaks TLS in "
            "front and set public_url to its address, or bring the port over: "
            "ssh -L 8080:127.0.0.1:8080 HOST",
        )


def _name(app: App, name: str) -> str:
    return f"__Host-{name}" if is_secure(app) else name


def cookie(app: App, request: Request, name: str) -> str:
    return request.cookies.get(_name(app, name), "")


def put(app: App, response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    response.set_cookie(
        _name(app, name),
        value,
        max_age=seconds,
        path="/",
        secure=is_secure(app),
        httponly=True,
        samesite="lax",
    )


def drop(app: App, response: Response, name: str) -> None:
    response.delete_cookie(_name(app, name), path="/", secure=is_secure(app), httponly=True, samesite="lax")


def begin(app: App, response: Response, session: str) -> Response:
    """Give the browser its session."""
    put(app, response, SESSION, session, seconds=int(LIVES.total_seconds()))
    return response


def signed_in(app: App, request: Request) -> SignedIn | None:
    """Whose browser asks; looked up once per request."""
    if not hasattr(request.state, "signed_in"):
        text = cookie(app, request, SESSION)
        address = request.client.host if request.client else ""
        request.state.signed_in = app.signing_in.session(text, address) if text else None
        request.state.proof = proof(text) if text else ""
    found: SignedIn | None = request.state.signed_in
    return found


def proof(secret: str) -> str:
    """What our own pages can say and no other page knows: bound to the browser's cookie."""
    return hmac.new(secret.encode(), b"our own page", hashlib.sha256).hexdigest()


def new_form_secret() -> str:
    """For browsers that are not signed in yet."""
    return secrets.token_urlsafe(24)


def must_be_ours(app: App, request: Request, given: str) -> None:
    """403 unless our own page sent this: by its proof, and by what the browser says of the sender."""
    expected = getattr(request.state, "proof", "")
    if is_foreign(app, request) or not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise HTTPException(
            403, "This request did not come from this console. Reload the page and try again."
        )


def is_foreign(app: App, request: Request) -> bool:
    """Whether a browser sent this for a page that is not ours.

    Browsers of today say so themselves; ours send no referrer, for which their Origin is ``null``.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"none", "same-origin"}
    origin = request.headers.get("origin")
    ours = {request.headers.get("host", ""), urlsplit(app.settings.url).netloc}
    return origin is not None and urlsplit(origin).netloc not in ours
