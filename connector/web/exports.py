"""Lists as files: everything a list operation gives, page by page, as CSV or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from connector.app import App
from connector.operations import table
from connector.operations.local import carry_out
from connector.operations.operation import Operation
from connector.web.api import arguments_of
from connector.web.view import View, view_of

PAGE: Final = 500
_KINDS: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a cell begins with it."""


def route(app: App) -> Route:
    def endpoint(request: Request) -> Response:
        name, _, kind = request.path_params["file"].rpartition(".")
        try:
            operation = table.find(name)
        except LookupError as error:
            raise HTTPException(404) from error
        if kind not in _KINDS or not operation.rows:
            raise HTTPException(404)
        view = view_of(app, request)
        given = _arguments(operation, request)
        rows = every_row(view, operation, given)
        first = next(rows, None)
        content = as_csv(first, rows) if kind == "csv" else as_json(first, rows)
        file = f"{name.partition('.')[0]}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{file}"'}
        return StreamingResponse(content, 200, headers, media_type=_KINDS[kind])

    return Route("/export/{file}", endpoint, methods=["GET"])


def _arguments(operation: Operation, request: Request) -> dict[str, Any]:
    """What the list was narrowed to; names of the path come in the query here."""
    fields = operation.arguments.model_fields
    narrowed = {
        name: value for name, value in request.query_params.items() if name in operation.in_path and value
    }
    scope = dict(request.scope)
    others = [pair for pair in request.query_params.multi_items() if pair[0] not in operation.in_path]
    kept = [pair for pair in others if pair[0] in fields and pair[0] not in {"limit", operation.cursor}]
    scope["query_string"] = urlencode(kept).encode()
    scope["path_params"] = {}
    return arguments_of(operation, Request(scope), b"") | narrowed


def every_row(view: View, operation: Operation, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of all pages."""
    paged = "limit" in operation.arguments.model_fields
    asked = given | ({"limit": PAGE} if paged else {}) | operation.uncounted
    while True:
        found = carry_out(view.app, view.signed_in.actor, operation, asked)
        rows = found[operation.rows]
        yield from rows
        following = found.get("next")
        if not paged or following in (None, "") or not rows:
            return
        asked = asked | operation.uncounted | {operation.cursor: following}


def as_json(first: dict[str, Any] | None, rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield b"["
    if first is not None:
        yield orjson.dumps(first, option=orjson.OPT_NON_STR_KEYS)
        for row in rows:
            yield b",\n" + orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS)
    yield b"]\n"


def as_csv(first: dict[str, Any] | None, rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Columns by the first row; lists are joined, sections are JSON."""
    if first is None:
        return
    names = list(first)
    yield _line(names)
    yield _line([_cell(first.get(name)) for name in names])
    for row in rows:
        yield _line([_cell(row.get(name)) for name in names])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = "; ".join(value)
    elif isinstance(value, list | dict):
        text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_DANGEROUS) and not is_number else text


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
