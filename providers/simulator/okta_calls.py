"""What one call to the simulated Okta is: its route, operation and page, and how it fails."""

import re
from dataclasses import dataclass

from providers.simulator.wire import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint: its operation, rate bucket and scope."""

    pattern: re.Pattern[str]
    op: str
    bucket: str
    scope: str
    method: str = "GET"


def _route(pattern: str, op: str, bucket: str, scope: str, method: str = "GET") -> Route:
    return Route(pattern=re.compile(r"/api/v1/" + pattern), op=op, bucket=bucket, scope=scope, method=method)


_MANAGE = "okta.eventHooks.manage"

ROUTES = (
    _route("users", "users.list", "users", "okta.users.read"),
    _route("users/([^/]+)", "users.get", "user", "okta.users.read"),
    _route("users/([^/]+)/groups", "users.groups", "users", "okta.users.read"),
    _route("groups", "groups.list", "groups", "okta.groups.read"),
    _route("groups/([^/]+)", "groups.get", "group", "okta.groups.read"),
    _route("groups/([^/]+)/users", "members", "groups", "okta.groups.read"),
    _route("apps", "apps.list", "apps", "okta.apps.read"),
    _route("apps/([^/]+)", "apps.get", "apps", "okta.apps.read"),
    _route("apps/([^/]+)/users", "apps.users", "apps", "okta.apps.read"),
    _route("apps/([^/]+)/groups", "apps.groups", "apps", "okta.apps.read"),
    _route("logs", "logs", "logs", "okta.logs.read"),
    _route("eventHooks", "hooks.list", "hooks", "okta.eventHooks.read"),
    _route("eventHooks", "hooks.create", "hooks", _MANAGE, "POST"),
    _route("eventHooks/([^/]+)", "hooks.get", "hooks", "okta.eventHooks.read"),
    _route("eventHooks/([^/]+)", "hooks.replace", "hooks", _MANAGE, "PUT"),
    _route("eventHooks/([^/]+)", "hooks.delete", "hooks", _MANAGE, "DELETE"),
    _route("eventHooks/([^/]+)/lifecycle/verify", "hooks.verify", "hooks", _MANAGE, "POST"),
    _route("eventHooks/([^/]+)/lifecycle/deactivate", "hooks.deactivate", "hooks", _MANAGE, "POST"),
)


def route_of(request: Request) -> tuple[Route, str | None]:
    """The endpoint that a request is for, and the id in its path. Failed for none, or for another method."""
    fits = [(route, match) for route in ROUTES if (match := route.pattern.fullmatch(request.path))]
    if not fits:
        raise Failed("E0000008")
    for route, match in fits:
        if route.method == request.method:
            return route, match[1] if match.groups() else None
    raise Failed("E0000022")


class Failed(Exception):
    """Why a request cannot be served, by the vendor's code."""

    def __init__(self, code: str, summary: str | None = None, *causes: str) -> None:
        super().__init__(code)
        self.code, self.summary, self.causes = code, summary, causes


def missing(ident: str | None, kind: str) -> Failed:
    """Nobody has this id."""
    return Failed("E0000007", f"Not found: Resource not found: {ident} ({kind})")


@dataclass(kw_only=True)
class Call:
    """One request on its way to an answer."""

    request: Request
    route: Route
    ident: str | None
    ops: tuple[str, ...]
    page: int

    @property
    def op(self) -> str:
        """The operation's plain name."""
        return self.ops[0]
