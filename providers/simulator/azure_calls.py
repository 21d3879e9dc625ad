"""What one call to the simulated Graph is: its route, operation, page and cost in resource units."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

import orjson

from providers.simulator.azure_objects import Failed
from providers.simulator.wire import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint: its operations, the exact one first, and what it costs."""

    pattern: re.Pattern[str]
    ops: tuple[str, ...]
    cost: int
    method: str = "GET"


def _route(pattern: str, op: str, cost: int, *, method: str = "GET") -> Route:
    ops = (op, "delta") if op.endswith(".delta") else (op,)
    return Route(pattern=re.compile(r"/v1\.0" + pattern), ops=ops, cost=cost, method=method)


_ID = r"/([^/]+)"
ROUTES = (
    _route("/users", "users.list", 2),
    _route("/users/delta", "users.delta", 1),
    _route("/users" + _ID, "users.get", 1),
    _route("/users" + _ID + r"/photo", "photo", 1),
    _route("/users" + _ID + r"/photo/\$value", "photo.bytes", 1),
    _route("/users" + _ID + r"/photos/([0-9]+x[0-9]+)/\$value", "photo.bytes", 1),
    _route("/groups", "groups.list", 1),
    _route("/groups/delta", "groups.delta", 1),
    _route("/groups" + _ID, "groups.get", 1),
    _route("/groups" + _ID + "/members", "members", 3),
    _route("/groups" + _ID + "/members/microsoft.graph.user", "members", 3),
    _route("/groups" + _ID + "/transitiveMembers", "members", 5),
    _route("/groups" + _ID + "/transitiveMembers/microsoft.graph.user", "members", 5),
    _route("/users" + _ID + "/memberOf/microsoft.graph.group", "users.groups", 2),
    _route("/users" + _ID + "/transitiveMemberOf/microsoft.graph.group", "users.groups", 2),
    _route("/servicePrincipals", "apps.list", 1),
    _route("/servicePrincipals" + _ID, "apps.get", 1),
    _route("/servicePrincipals" + _ID + "/appRoleAssignedTo", "apps.users", 2),
    _route("/directoryObjects/getByIds", "users.get", 3, method="POST"),
    _route("/directory/deletedItems/microsoft.graph.user", "deleted", 1),
    _route("/organization", "org", 1),
    _route("/subscriptions", "subscriptions", 1, method="POST"),
    _route("/subscriptions" + _ID, "subscriptions", 1, method="PATCH"),
    _route("/subscriptions" + _ID, "subscriptions", 1, method="DELETE"),
)
BATCH = Route(pattern=re.compile(r"/v1\.0/\$batch"), ops=("batch",), cost=0, method="POST")
CAST_APP = re.compile(r"\(appId='([^']+)'\)")


@dataclass(kw_only=True)
class Call:
    """One request on its way to an answer; ``cursor`` is what its page or delta token says."""

    request: Request
    route: Route
    ids: tuple[str, ...]
    cursor: dict[str, Any]
    in_batch: bool = False

    @property
    def ident(self) -> str | None:
        """The id in the path."""
        return self.ids[0] if self.ids else None

    @property
    def ops(self) -> tuple[str, ...]:
        """The names a fault may ask for it by; a mere bookmark is no read that faults meet unasked."""
        if self.request.query and self.request.args.get("$deltatoken") == "latest":
            return ("org", "delta.latest")
        return self.route.ops

    @property
    def op(self) -> str:
        """The operation's plain name."""
        return self.route.ops[0]

    @property
    def page(self) -> int:
        """Which page of its walk this call asks for."""
        return int(self.cursor.get("p", 1))

    @property
    def select(self) -> str:
        """$select as it was asked, or as the token carries it."""
        return str(self.cursor.get("s", self.request.args.get("$select", "")))

    @property
    def is_eventual(self) -> bool:
        """True when the caller accepts the index, which advanced queries need."""
        return self.request.headers.get(b"consistencylevel", b"").lower() == b"eventual"


def pack(cursor: dict[str, Any]) -> str:
    """An opaque token for this."""
    return base64.urlsafe_b64encode(orjson.dumps(cursor)).decode().rstrip("=")


def unpack(token: str) -> dict[str, Any]:
    """What a token says. Failed for one that was never handed out."""
    try:
        cursor = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        raise Failed("Request_BadRequest") from None
    if not isinstance(cursor, dict):
        raise Failed("Request_BadRequest")
    return cursor


def read_cursor(request: Request) -> dict[str, Any]:
    """The page or delta token of a request, if it carries one."""
    if b"token" not in request.query:
        return {}
    token = request.args.get("$skiptoken") or request.args.get("$deltatoken") or ""
    return {} if token in ("", "latest") else unpack(token)
