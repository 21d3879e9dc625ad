"""``/hooks/{connection_id}``: where IdPs' event hooks call, and prove that the address is ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connector.app import App

PATH: Final = "/hooks/{connection_id}"
BODY_MAX: Final = 1 << 20
CHALLENGE_MAX: Final = 1000
"""Characters of a challenge that is given back; the vendors' are much shorter."""

_OKTA_CHALLENGE: Final = "x-okta-verification-challenge"
_GRAPH_CHALLENGE: Final = "validationToken"


def routes(app: App) -> list[Route]:
    """The one route. Every call is answered alike, whether it was believed or not."""
    return [
        Route(
            "/hooks/{connection_id}",
            _endpoint(app),
            methods=["GET", "POST"],
            name="hooks",
            max_body_size=BODY_MAX,
        )
    ]


def _endpoint(app: App) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        proof = _proof(request)
        if proof is not None:
            return proof
        if request.method != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        body = await request.body()
        headers = dict(request.headers)
        await run_in_threadpool(app.hooks.receive, request.path_params["connection_id"], headers, body)
        # Graph wants 202 for what is queued; Okta, OneLogin and JumpCloud take any 2xx.
        return Response(status_code=202)

    return endpoint


def _proof(request: Request) -> Response | None:
    """The answer to a challenge: Okta asks by the header of a GET, Graph by the query of a POST."""
    challenge = request.headers.get(_OKTA_CHALLENGE) if request.method == "GET" else None
    if challenge is not None:
        return JSONResponse({"verification": _short(challenge)})
    token = request.query_params.get(_GRAPH_CHALLENGE) if request.method == "POST" else None
    return PlainTextResponse(_short(token)) if token is not None else None


def _short(text: str) -> str:
    if len(text) > CHALLENGE_MAX:
        raise HTTPException(400, "The challenge is too long.")
    return text
