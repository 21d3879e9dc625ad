"""The console's links to files: the list that a page shows, in all its pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.operations import table
from connector.operations.operation import Operation
from connector.web.api import arguments_of
from connector.web.files import KINDS, whole
from connector.web.view import view_of


def route(app: App) -> Route:
    def endpoint(request: Request) -> Response:
        name, _, kind = request.path_params["file"].rpartition(".")
        try:
            operation = table.find(name)
        except LookupError as error:
            raise HTTPException(404) from error
        if kind not in KINDS or not operation.rows:
            raise HTTPException(404)
        actor = view_of(app, request).signed_in.actor
        given = _arguments(operation, request)
        return whole(app, actor, operation, given, kind)

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
