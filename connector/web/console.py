"""The console: one page rendered on the server, for people on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from connector.app import App
from connector.web.guards import require_local
from connector.web.words import FILTERS

_HERE: Final = Path(__file__).parent
STATIC: Final = _HERE / "static"


def page(app: App) -> Callable[[Request], Response]:
    """The endpoint of ``/``."""
    template = _environment().get_template("page.html")

    def endpoint(request: Request) -> Response:
        require_local(request)
        return HTMLResponse(template.render(**app.dashboard.page(), url=app.settings.url))

    return endpoint


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    return made
