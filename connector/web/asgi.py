"""The program's ASGI application: SCIM ahead of the admin API, the console and the probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from connector.app import App
from connector.web import api, exports, forms, hooks, operations, pictures, signing_in
from connector.web.guards import SecurityHeaders
from connector.web.pages import registry
from connector.web.problems import HANDLERS
from connector.web.rendering import STATIC
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
        *hooks.routes(app),
        *signing_in.routes(app),
        forms.route(app),
        exports.route(app),
        pictures.route(app),
        *registry.routes(app),
        # Pages hold proofs and answers of others beside them: only what is everybody's is compressed.
        Mount("/static", GZipMiddleware(StaticFiles(directory=STATIC))),
    ]
    others = Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)], exception_handlers=HANDLERS)
    scim = scim_app(app.dashboard.gateway(), app.settings.url, observe=app.request_log.note)
    return behind_proxies(with_scim(scim, others), app.settings.trusted_proxies)


def behind_proxies(inner: ASGIApp, proxies: Sequence[str]) -> ASGIApp:
    """The application, told who asks by the proxies that are trusted to say so; by nobody without any."""
    if not proxies:
        return inner
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    return cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", inner), list(proxies)))
