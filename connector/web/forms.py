"""Changes from the console: a form posts an operation's arguments to /do/OPERATION.

Beside its arguments a form holds ``proof`` (the macro ``doing`` puts it in), ``then`` (where to go; names
in braces are taken from the answer), ``said`` (what to say there) and ``unless`` (the answer's key whose
false makes that a complaint). A dotted name goes into a section:
``settings.schedule.full``. A script may ask for JSON instead of a redirect, and then shows what went wrong
beside the form, without losing what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connector.app import App
from connector.operations import table
from connector.operations.local import carry_out
from connector.operations.operation import Operation
from connector.web import sessions
from connector.web.fields import Fields, fields_of, last
from connector.web.problems import of_ours
from connector.web.view import View, encoded_said, safe_path, view_of
from sync.model.errors import ConnectorError

_OURS: Final = frozenset({"proof", "then", "said", "back", "unless"})
_NAMED: Final = re.compile(r"{(\w+)}")
BODY_MAX: Final = 4 * 1024 * 1024


def route(app: App) -> Route:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_done, app, request, await fields_of(request))

    return Route("/do/{operation}", endpoint, methods=["POST"], max_body_size=BODY_MAX)


def _done(app: App, request: Request, form: Fields) -> Response:
    view = view_of(app, request)
    sessions.must_be_ours(app, request, last(form, "proof"))
    try:
        operation = table.find(request.path_params["operation"])
    except LookupError as error:
        raise HTTPException(404) from error
    wants_json = "application/json" in request.headers.get("accept", "")
    try:
        found = carry_out(app, view.signed_in.actor, operation, arguments_of(operation, form))
    except ConnectorError as error:
        return of_ours(request, error) if wants_json else _back(app, form, error.message)
    if operation.shows_once and not wants_json:
        return _shown_once(view, operation, found, form)
    then = safe_path(filled(last(form, "then", "/"), found))
    said = filled(last(form, "said"), found, plain=True)
    response: Response
    if wants_json:
        response = Response(orjson.dumps({"then": then}), media_type="application/json")
    else:
        response = RedirectResponse(then, 303)
    if said:
        went_well = found.get(last(form, "unless"), True) if isinstance(found, Mapping) else True
        sessions.put(app, response, sessions.SAID, encoded_said("good" if went_well else "bad", said))
    return response


def _back(app: App, form: Fields, sentence: str) -> Response:
    response = RedirectResponse(
        safe_path((last(form, "back") or last(form, "then", "/")).partition("{")[0]), 303
    )
    sessions.put(app, response, sessions.SAID, encoded_said("bad", sentence))
    return response


def _shown_once(view: View, operation: Operation, found: Mapping[str, Any], form: Fields) -> Response:
    then = safe_path(filled(last(form, "then", "/"), found))
    shown = {name: value for name, value in found.items() if isinstance(value, str) and value}
    secrets = {name: shown[name] for name in ("token", "secret", "key", "link") if name in shown}
    return view.render("once.html", title=operation.summary, shown=shown, secrets=secrets, then=then)


def arguments_of(operation: Operation, form: Fields) -> dict[str, Any]:
    """The form's fields as arguments: what is left empty is not given."""
    given: dict[str, Any] = {}
    for name, texts in form.items():
        if name in _OURS:
            continue
        values = [each for each in texts if each]
        first, *rest = name.split(".")
        field = operation.arguments.model_fields.get(first)
        is_list = field is not None and "list[" in str(field.annotation)
        if rest:
            _put(given, name.split("."), values[0] if values else None)
        elif is_list:
            # A list that is there and left empty says so: none of them.
            given[first] = values
        elif values:
            given[first] = values[-1]
    return given


def _put(given: dict[str, Any], steps: list[str], value: Any) -> None:
    *above, last = steps
    for step in above:
        given = given.setdefault(step, {})
    given[last] = value


def filled(text: str, found: Any, *, plain: bool = False) -> str:
    """The text with names in braces taken from the answer."""

    def value(match: re.Match[str]) -> str:
        chosen = str(found.get(match.group(1), "")) if isinstance(found, Mapping) else ""
        return chosen if plain else quote(chosen, safe="")

    return _NAMED.sub(value, text)
