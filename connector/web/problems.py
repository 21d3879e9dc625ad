"""Errors of the admin API as RFC 9457 problem details: a title, and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sync.model.errors import (
    BadRecord,
    Conflict,
    ConnectorError,
    Denied,
    Held,
    Misconfigured,
    NotFound,
    Refused,
    Transient,
)

_STATUS: Final[tuple[tuple[type[ConnectorError], int], ...]] = (
    (NotFound, 404),
    (Conflict, 409),
    (Held, 409),
    (Refused, 409),
    (Misconfigured, 422),
    (BadRecord, 422),
    (Denied, 502),
    (Transient, 503),
)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """``application/problem+json`` with type, title, status and detail."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")


def of_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what this is registered for
    told = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    return problem(error.status_code, told or _usual(error.status_code), error.headers)


def of_ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ConnectorError)  # noqa: S101 - what this is registered for
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    wait_s = getattr(error, "retry_after_s", None)
    return problem(status, error.message, {"Retry-After": str(round(wait_s))} if wait_s else None)


def of_mistake(_request: Request, _error: Exception) -> Response:
    return problem(500, "The program failed; its log says why.")


def _usual(status: int) -> str:
    return {404: "There is nothing here.", 405: "This address does not take that method."}.get(status, "")


HANDLERS: Final[dict[Any, Any]] = {HTTPException: of_http, ConnectorError: of_ours, Exception: of_mistake}
