"""The admin API under /api/v1: every operation of the table at its address, as JSON.

A write may carry an Idempotency-Key: asked again within a day it gets the same answer and nothing is
done twice. A read carries an ETag; If-None-Match saves its body. If-Match on a change names the ETag of
what was read, and refuses with 412 when somebody changed it since. A list comes page by page; with
``Accept: text/csv`` it comes whole, as a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.operations.local import carry_out
from connector.operations.operation import BadArguments, Operation
from connector.operations.table import OPERATIONS
from connector.web import etags, openapi
from connector.web.callers import caller_of
from connector.web.feed import Feed
from connector.web.files import CSV, whole
from connector.web.listed import takes_list
from connector.web.repeats import Repeats
from sync.model.access import Actor
from sync.model.errors import Stale

ROOT: Final = "/api/v1"
BODY_MAX: Final = 32 * 1024 * 1024
"""Bytes of a request: a plan file of 50,000 items fits."""

LOCATIONS: Final = {"run_id": "/runs/", "plan_id": "/plans/"}


def routes(app: App, running: Mapping[str, Any]) -> list[Route]:
    """The whole API. More particular addresses come first, since some names may hold slashes."""
    feed = Feed(app, stopping=lambda: bool(running.get("draining")))
    repeats = Repeats(app)
    ordered = sorted(OPERATIONS, key=_particular, reverse=True)
    return [
        Route(f"{ROOT}/openapi.json", openapi.endpoint, methods=["GET"]),
        *(
            Route(
                ROOT + each.path,
                _endpoint(app, each, feed, repeats),
                methods=[each.method],
                name=each.name,
                max_body_size=BODY_MAX,
            )
            for each in ordered
        ),
    ]


def _particular(operation: Operation) -> tuple[bool, int, int]:
    """Fixed words before parameters, long before short."""
    steps = operation.path.split("/")
    return not operation.path.endswith(":path}"), sum("{" not in step for step in steps), len(steps)


def _endpoint(app: App, operation: Operation, feed: Feed, repeats: Repeats) -> Callable[..., Any]:
    if operation.waits:
        return _waiting_endpoint(app, operation, feed)

    async def endpoint(request: Request) -> Response:
        body = b"" if operation.reads else await request.body()
        return await run_in_threadpool(answered, request, body)

    def answered(request: Request, body: bytes) -> Response:
        actor = caller_of(app, request)
        given = arguments_of(operation, request, body)
        if operation.reads:
            if operation.rows and wants_csv(request):
                return whole(app, actor, operation, unlimited(given), "csv")
            return _read(request, carry_out(app, actor, operation, given))
        return repeats.once(
            request,
            actor,
            body,
            lambda: _written(operation, _carried_out(app, actor, operation, request, given)),
        )

    return endpoint


def _waiting_endpoint(app: App, operation: Operation, feed: Feed) -> Callable[..., Any]:
    async def endpoint(request: Request) -> Response:
        actor = await run_in_threadpool(caller_of, app, request)
        asked = arguments_of(operation, request, b"")
        if wants_csv(request):
            return await run_in_threadpool(whole, app, actor, operation, unlimited(asked), "csv")
        given = operation.checked(asked)
        given["wait_s"] = given.pop("wait")
        return _read(request, await feed.page(**given))

    return endpoint


def _carried_out(
    app: App, actor: Actor, operation: Operation, request: Request, given: dict[str, Any]
) -> Any:
    expected = request.headers.get("if-match")
    if expected is None or "expect_revision" not in operation.arguments.model_fields:
        return carry_out(app, actor, operation, given)
    try:
        return carry_out(app, actor, operation, given | {"expect_revision": etags.revision(expected)})
    except Stale as error:
        raise HTTPException(412, error.message) from error


def wants_csv(request: Request) -> bool:
    """Whether the caller takes a list as a file rather than a page of it as JSON."""
    return CSV in request.headers.get("accept", "")


def unlimited(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a whole list. Raises BadArguments."""
    if "limit" in given:
        raise BadArguments("As CSV a list comes whole; leave limit out.")
    return given


def _read(request: Request, found: Any) -> Response:
    content = encoded(found)
    tag = etags.tag(content, found)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if etags.known(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, 200, headers, media_type="application/json")


def _written(operation: Operation, found: Any) -> Response:
    status, headers = operation.status, {}
    if status == 202 and isinstance(found, dict):
        status = 200 if found.get("new") is False else 202
        place = next((path + str(found[key]) for key, path in LOCATIONS.items() if found.get(key)), None)
        headers = {"Location": ROOT + place} if place else {}
    return Response(encoded(found), status, headers, media_type="application/json")


def encoded(found: Any) -> bytes:
    """JSON; the names of columns are a kind of str that only this option takes."""
    return orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS)


def arguments_of(operation: Operation, request: Request, body: bytes) -> dict[str, Any]:
    """The arguments as they came: by path, and by query or body. Raises BadArguments."""
    given: dict[str, Any] = dict(request.path_params)
    if operation.method in {"GET", "DELETE"}:
        return _queried(operation, request) | given
    if request.query_params:
        raise BadArguments("A change takes its arguments in the body, not in the address.")
    return _decoded(request, body, given) | given


def _decoded(request: Request, body: bytes, in_path: Mapping[str, Any]) -> dict[str, Any]:
    if not body:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "Send the arguments as application/json.")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadArguments("The body is not JSON.") from error
    if not isinstance(found, dict):
        raise BadArguments("The body must be a JSON object.")
    if twice := found.keys() & in_path.keys():
        raise BadArguments(f"{min(twice)} stands in the address already.")
    return found


def _queried(operation: Operation, request: Request) -> dict[str, Any]:
    """Of a name that is given several times, or with commas, a list; an empty value is none."""
    given: dict[str, Any] = {}
    for name in request.query_params:
        field = operation.arguments.model_fields.get(name)
        values = [each for each in request.query_params.getlist(name) if each]
        if name in operation.in_path:
            raise BadArguments(f"There is no parameter {name} in the query; it stands in the address.")
        if field is not None and takes_list(field.annotation):
            given[name] = [part.strip() for each in values for part in each.split(",") if part.strip()]
        elif len(values) > 1:
            raise BadArguments(f"{name} is given twice.")
        elif values:
            given[name] = values[0]
        elif field is None:
            given[name] = ""
    return given
