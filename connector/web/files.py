"""Lists as files: everything a list operation gives, in all its pages, as CSV or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Final

import orjson
from starlette.responses import Response, StreamingResponse

from connector import spreadsheet
from connector.app import App
from connector.operations.lists import Row, every_row
from connector.operations.operation import Operation
from sync.model.access import Actor

CSV: Final = "text/csv"
KINDS: Final = {"csv": f"{CSV}; charset=utf-8", "json": "application/json"}


def whole(app: App, actor: Actor, operation: Operation, given: dict[str, Any], kind: str) -> Response:
    """Every row as a file; what is wrong with the question is raised before the first byte."""
    rows = _begun(every_row(app, actor, operation, given))
    content = spreadsheet.lines(rows) if kind == "csv" else _as_json(rows)
    file = f"{operation.name.partition('.')[0]}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return StreamingResponse(content, 200, headers, media_type=KINDS[kind])


def _begun(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, the first of them read by now."""
    first = list(islice(rows, 1))
    return chain(first, rows)


def _as_json(rows: Iterator[Row]) -> Iterator[bytes]:
    separator = b"["
    for row in rows:
        yield separator + orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS)
        separator = b",\n"
    yield b"[]\n" if separator == b"[" else b"]\n"
