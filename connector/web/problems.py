"""Errors with a sentence that says what to do, as RFC 9457 problem details or as a page."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from connector.operations.operation import BadArguments, NotAllowed
from connector.web.rendering import template
from sync.model.errors import (
    BadRecord,
    Conflict,
    ConnectorError,
    CursorExpired,
    Denied,
    Held,
    Incomplete,
    Misconfigured,
    NotFound,
    Refused,
    Transient,
    recovery_of,
)

_STATUS: Final[tuple[tuple[type[ConnectorError], int], ...]] = (
    (NotAllowed, 403),
    (BadArguments, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Held, 409),
    (Refused, 409),
    (Misconfigured, 422),
    (BadRecord, 422),
    (Denied, 502),
    (Incomplete, 502),
    (CursorExpired, 502),
    (Transient, 503),
)


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, kind: str | None = None
) -> Response:
    """``application/problem+json`` with type, title, status and detail; ``kind`` says how to recover."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body |= {"kind": kind} if kind else {}
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")


def of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what this is registered for
    told = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    return _answer(request, error.status_code, told or _usual(error.status_code), error.headers)


def of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, ConnectorError)  # noqa: S101 - what this is registered for
    status = status_of(error)
    wait_s = getattr(error, "retry_after_s", None)
    headers = {"Retry-After": str(max(1, round(wait_s)))} if wait_s else None
    return _answer(request, status, error.message, headers, recovery_of(error))


def of_mistake(request: Request, _error: Exception) -> Response:
    return _answer(request, 500, "The program failed; its log says why.")


def status_of(error: ConnectorError) -> int:
    """The status of an answer that says so."""
    return next((code for kind, code in _STATUS if isinstance(error, kind)), 500)


def _answer(
    request: Request,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    kind: str | None = None,
) -> Response:
    if "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/api/"):
        return problem(status, detail, headers, kind)
    told = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail}
    page = template("error.html").render(told, theme=request.cookies.get("connector-theme", ""))
    return HTMLResponse(page, status, dict(headers or {}))


def _usual(status: int) -> str:
    return {404: "There is nothing here.", 405: "This address does not take that method."}.get(status, "")


HANDLERS: Final[dict[Any, Any]] = {HTTPException: of_http, ConnectorError: of_ours, Exception: of_mistake}
