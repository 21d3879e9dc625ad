"""One request of a signed-in browser: what its page may ask and show.

A page is a function from a ``View`` to a ``Response``:

    def plans(view: View) -> Response:
        return view.render("plans.html", list=view.listed("plans.list"))

``ask`` carries an operation out as the account that is signed in, with its role. Changes are forms to
``/do/OPERATION`` (``connector.web.forms``; in templates the macro ``doing``). ``listed`` asks for a page
of a list, narrowed as the address says; the macro ``pages`` goes on from it and offers it as a file
(``connector.web.exports``). ``told`` names the operation behind the page, whose command line and API call
the footer shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from connector.app import App
from connector.operations import table
from connector.operations.local import carry_out
from connector.operations.operation import Operation
from connector.usecases.signing_in import SignedIn
from connector.web import sessions
from connector.web.listed import Listed, arguments, filters_of
from connector.web.rendering import template

API: Final = "/api/v1"
ROWS: Final = 50
"""Rows of a page."""
Page = Callable[["View"], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of the navigation. ``badge`` names the count that is shown beside it."""

    title: str
    path: str
    icon: str
    role: str = "viewer"
    badge: str = ""


class View:
    """What a page is made from."""

    def __init__(self, app: App, request: Request, signed_in: SignedIn) -> None:
        self.app, self.request, self.signed_in = app, request, signed_in
        self._told: tuple[Operation, dict[str, Any]] | None = None

    @property
    def path(self) -> str:
        return self.request.url.path

    @property
    def here(self) -> str:
        """The address with its query, to come back to after a change."""
        return self.path + (f"?{self.request.url.query}" if self.request.url.query else "")

    def part(self, name: str) -> str:
        """A piece of the address."""
        return str(self.request.path_params[name])

    def ask(self, operation: str, /, **arguments: Any) -> Any:
        """An operation's answer, as far as the account's role allows."""
        given = {key: value for key, value in arguments.items() if value not in (None, "")}
        return carry_out(self.app, self.signed_in.actor, table.find(operation), given)

    def may(self, name: str) -> bool:
        """Whether the account's role allows the operation."""
        return self.signed_in.account.role.allows(table.find(name).role)

    def given(self, *names: str) -> dict[str, str]:
        """What the address's query says, the empty left out."""
        found = {name: self.request.query_params.get(name, "").strip() for name in names}
        return {name: value for name, value in found.items() if value}

    def listed(
        self, operation: str, /, *, limit: int = ROWS, count_max: int | None = None, **of: str
    ) -> Listed:
        """A page of a list of what ``of`` names in its path, narrowed as the address says.

        It is what the page shows, unless the page says another thing later.
        """
        chosen = table.find(operation)
        given, cursor = self.given(*filters_of(chosen)), self.given(chosen.cursor)
        found = self.ask(
            operation, limit=limit, count_max=count_max, **of, **arguments(chosen, given), **cursor
        )
        self.told(operation, **of, **given, **cursor)
        return Listed(operation=chosen, of=of, given=given, found=found)

    def told(self, operation: str, /, **arguments: Any) -> None:
        """The operation that this page shows, for its footer."""
        given = {key: value for key, value in arguments.items() if value not in (None, "")}
        self._told = (table.find(operation), given)

    def render(self, name: str, status: int = 200, **context: Any) -> Response:
        """The page; what was said to this browser is said once."""
        said = sessions.cookie(self.app, self.request, sessions.SAID)
        shared = self._shared() | {"said": _said(said)}
        response = HTMLResponse(template(name).render(shared | context), status)
        if said:
            sessions.drop(self.app, response, sessions.SAID)
        return response

    @cached_property
    def connection_names(self) -> list[str]:
        """Names of the connections, to choose from."""
        return self.app.connections.names()

    def _shared(self) -> dict[str, Any]:
        from connector.web.pages.registry import PLACES

        role = self.signed_in.account.role
        return {
            "view": self,
            "account": self.signed_in.account,
            "may": self.may,
            "proof": self.request.state.proof,
            "places": [place for place in PLACES if role.allows(type(role)(place.role))],
            "path": self.path,
            "now": self.app.wires.clock(),
            "url": self.app.settings.url,
            "theme": self.request.cookies.get("connector-theme", ""),
            "waiting": self.app.dashboard.waiting(),
            "command": self._command(),
            "call": self._call(),
        }

    def _command(self) -> str:
        if self._told is None or not self._told[0].cli:
            return ""
        operation, given = self._told
        line, used = operation.cli, set[str]()
        for name, value in given.items():
            if f"{{{name}}}" in line:
                line, used = line.replace(f"{{{name}}}", _word(value)), used | {name}
        rest = {name: value for name, value in given.items() if name not in used and name not in _PAGING}
        return " ".join(["connector", line, *filter(None, map(_option, rest, rest.values()))])

    def _call(self) -> str:
        if self._told is None:
            return ""
        operation, given = self._told
        path = operation.address(given, lambda text: quote(text, safe=""))
        rest = {name: value for name, value in given.items() if name not in operation.in_path}
        query = f"?{urlencode(rest, doseq=True)}" if rest and operation.reads else ""
        return f"{operation.method} {API}{path}{query}"


_PAGING: Final = frozenset({"after", "before", "limit"})
_FLAGS: Final = {
    "active": ("--active", "--inactive"),
    "managed": ("--managed", "--unmanaged"),
    "protected": ("--protected", "--unprotected"),
    "disabled": ("--disabled", "--enabled"),
    "live": ("--live", "--over"),
    "is_set": ("--set", "--default"),
    "waiting": ("--waiting", ""),
    "failed": ("--failed", ""),
    "ended": ("--ended", ""),
}
"""Filters that are flags on the command line: for true, and for false where there is one."""
_CALLED: Final = {"types": "--type ", "account": ""}
"""Filters whose option has another name, or none at all."""


def _option(name: str, value: Any) -> str:
    """A filter as the command line writes it."""
    if name in _FLAGS:
        return _FLAGS[name][value != "true"]
    return _CALLED.get(name, f"--{name.replace('_', '-')} ") + _word(value)


def _word(value: Any) -> str:
    text = str(value)
    return f"'{text}'" if set(text) - _PLAIN else text


_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-+:/,")


def _said(cookie: str) -> Mapping[str, str] | None:
    tone, colon, text = cookie.partition(":")
    return {"tone": "bad" if tone == "bad" else "good", "text": _decoded(text)} if colon else None


def _decoded(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)


def encoded_said(tone: str, text: str) -> str:
    """What is to be said on the next page, as its cookie holds it."""
    return f"{tone}:{quote(text[:600])}"


def page(app: App, path: str, function: Page, *, methods: tuple[str, ...] = ("GET",)) -> Route:
    """The page's route; whoever is not signed in is sent to sign in and then back here."""

    def endpoint(request: Request) -> Response:
        sessions.require_safe(app, request)
        signed_in = sessions.signed_in(app, request)
        if signed_in is None:
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(
                f"/sign-in?{urlencode({'then': here})}" if here != "/" else "/sign-in", 303
            )
        return function(View(app, request, signed_in))

    return Route(path, endpoint, methods=list(methods))


def safe_path(text: str, otherwise: str = "/") -> str:
    """A path of this console, whatever a form or a link says."""
    if not text.startswith("/") or text.startswith(("//", "/\\")) or any(ord(each) < 32 for each in text):
        return otherwise
    return text


def view_of(app: App, request: Request) -> View:
    """The view of a signed-in browser, else 401."""
    sessions.require_safe(app, request)
    signed_in = sessions.signed_in(app, request)
    if signed_in is None:
        raise HTTPException(401, "Your session has ended. Sign in again.")
    return View(app, request, signed_in)
