"""The program's ASGI application: SCIM ahead of the admin API, the console and the probes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from connector.app import App
from connector.web import api, console, operations
from connector.web.guards import SecurityHeaders
from connector.web.problems import HANDLERS
from scim_server.app import ASGIApp, scim_app, with_scim


def probes(app: App, *, running: Mapping[str, Any] | None = None) -> ASGIApp:
    """What a process answers that only works: whether it is alive and ready, and its figures."""
    return Starlette(
        routes=operations.routes(app, running if running is not None else {}),
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers=HANDLERS,
    )


def application(app: App, *, running: Mapping[str, Any] | None = None) -> ASGIApp:
    """Everything the program answers over HTTP. ``running["draining"]`` true makes it not ready."""
    running = running if running is not None else {}
    routes = [
        *operations.routes(app, running),
        *api.routes(app, running),
        Route("/", console.page(app)),
        Mount("/static", StaticFiles(directory=console.STATIC)),
    ]
    others = Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)], exception_handlers=HANDLERS)
    return with_scim(scim_app(app.dashboard.gateway(), app.settings.url), others)
