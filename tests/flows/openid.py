"""An OpenID provider on loopback that says what a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.serving import serving

CLIENT, SECRET = "directory-connector", "a-client-secret"


class FakeProvider:
    """Lets everybody in as ``claims``; ``wrong`` are claims that a token has instead of the right ones."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key = RSAKey.generate_key(2048, auto_kid=True)
        self.signing_key = self.key
        self.claims: dict[str, Any] = {
            "sub": "ada-1",
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada",
            "groups": ["it-helpdesk"],
        }
        self.wrong: dict[str, Any] = {}
        self._asked: dict[str, dict[str, str]] = {}

    def about(self, _request: Request) -> Response:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        found = {name: f"{self.issuer}/{path}" for name, path in names.items()}
        return JSONResponse({"issuer": self.issuer, **found})

    def keys(self, _request: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    def authorize(self, request: Request) -> Response:
        code = f"code-{len(self._asked)}"
        self._asked[code] = dict(request.query_params)
        back = urlencode({"code": code, "state": request.query_params["state"]})
        return RedirectResponse(f"{request.query_params['redirect_uri']}?{back}", 302)

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self._asked.pop(form["code"], None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        right = request.headers.get("authorization") == f"Basic {basic}"
        if asked is None or not right or asked["code_challenge"] != challenge:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        header = {"alg": "RS256", "kid": self.signing_key.kid}
        return JSONResponse(
            {"id_token": jwt.encode(header, said | self.claims | self.wrong, self.signing_key)}
        )


@contextmanager
def provider() -> Iterator[FakeProvider]:
    fake = FakeProvider()
    routes = [
        Route("/.well-known/openid-configuration", fake.about),
        Route("/keys", fake.keys),
        Route("/authorize", fake.authorize),
        Route("/token", fake.token, methods=["POST"]),
    ]
    with serving(Starlette(routes=routes)) as url:
        fake.issuer = url
        yield fake
