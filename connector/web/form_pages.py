"""Pages that are forms: shown by GET and answered by POST on the same address.

What is wrong stands beside its field and what was typed stays, with and without a script. When it went
well the browser is sent on; a script, which asks for JSON, is told where to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connector.app import App
from connector.web import sessions
from connector.web.fields import Fields, fields_of, last
from connector.web.forms import BODY_MAX
from connector.web.view import View, encoded_said, page, view_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What somebody typed into the form, what is wrong with it, and what was found; empty before that."""

    fields: Fields = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, object] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.fields)

    @property
    def asked(self) -> str:
        """The name of the button that was pressed."""
        return last(self.fields, "do")


Shown = Callable[[View, Typed], Response]
Answered = Callable[[View, Fields], Response]


def form_page(app: App, path: str, shown: Shown, answered: Answered) -> list[Route]:
    """The routes of a page that is a form."""

    async def post(request: Request) -> Response:
        form = await fields_of(request)
        return await run_in_threadpool(answer, request, form)

    def answer(request: Request, form: Fields) -> Response:
        view = view_of(app, request)
        sessions.must_be_ours(app, request, last(form, "proof"))
        return answered(view, {name: values for name, values in form.items() if name != "proof"})

    def get(view: View) -> Response:
        return shown(view, Typed())

    return [page(app, path, get), Route(path, post, methods=["POST"], max_body_size=BODY_MAX)]


def go(view: View, then: str, said: str = "") -> Response:
    """Send the browser on, where ``said`` is said."""
    response: Response
    if "application/json" in view.request.headers.get("accept", ""):
        response = Response(orjson.dumps({"then": then}), media_type="application/json")
    else:
        response = RedirectResponse(then, 303)
    if said:
        sessions.put(view.app, response, sessions.SAID, encoded_said("good", said))
    return response
