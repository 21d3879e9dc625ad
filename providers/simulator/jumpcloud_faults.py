"""How each fault looks at JumpCloud: its own errors, lists and headers, over what all vendors share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from providers.simulator import jumpcloud_objects as objects
from providers.simulator.body_faults import canned, reshaped, travel
from providers.simulator.calls import Visit
from providers.simulator.common_faults import CommonFaults
from providers.simulator.directory import Status
from providers.simulator.faults import Armed, BadFault
from providers.simulator.truth_faults import ABSENT, somebody
from providers.simulator.wire import JSON, Answer

if TYPE_CHECKING:
    from providers.simulator.jumpcloud import JumpCloud

RIGHTS = {
    "users": ("users.list", "users.get", "users.search"),
    "groups": ("groups.list", "groups.get", "members", "membership", "users.groups"),
    "members": ("members", "membership"),
    "apps": ("apps.list", "apps.users", "apps.groups"),
    "events": ("events", "events.count"),
}
ORG_MODES = ("missing", "forbidden", "malformed", "unknown")
SAID = {
    400: ("Bad Request", "Bad Request"),
    401: ("Unauthorized: api key user not found", "Unauthorized"),
    403: ("Forbidden: insufficient permissions", "Forbidden"),
    404: ("Not Found", "Not Found"),
    500: ("Internal Server Error", "Internal Server Error"),
}
MATRIX: tuple[tuple[Status, dict[str, Any]], ...] = (
    (Status.SUSPENDED, {"state": "ACTIVATED", "suspended": True}),
    (Status.SUSPENDED, {"state": "SUSPENDED", "suspended": False}),
    (Status.SUSPENDED, {"state": ABSENT, "suspended": True}),
    (Status.ACTIVE, {"state": ABSENT, "suspended": False, "activated": False}),
    (Status.ACTIVE, {"state": "ACTIVATED", "suspended": False, "activated": False}),
    (Status.LOCKED, {"state": "ACTIVATED", "account_locked": True}),
    (Status.STAGED, {"state": "STAGED", "activated": False}),
)
"""Every mixture of the four fields that say where an account stands, beside the truth it stands for."""


class JumpCloudFaults(CommonFaults):
    """Applies faults to one simulated organisation."""

    def __init__(self, jumpcloud: JumpCloud) -> None:
        super().__init__(jumpcloud)
        self._jumpcloud = jumpcloud
        self.once |= {
            "org_header": self._org_header,
            "revoke_secret": self._revoke_secret,
            "events_denied": self._events_denied,
            "retention": self._retention,
            "late_event": self._late_event,
        }
        self._instead: dict[str, Callable[[Armed, Visit], Answer | None]] = {
            "throttle": self._throttle,
            "fail": self._fail,
            "deny": self._fail,
            "body": self._body_error,
            "expire_token": self._expire,
            "revoke_token": self._expire,
            "revoke_key": self._expire,
            "drop_permission": self._drop_permission,
            "ip_blocked": self._ip_blocked,
            "delete_between": self._between,
            "swap_between": self._between,
            "delete_group_between": self._delete_group,
        }

    def prepare(self, armed: Armed) -> None:
        """Complete a fault as it is switched on. BadFault for arguments that cannot be."""
        if armed.name == "drop_permission":
            right = armed.arg("groups")
            if right not in RIGHTS:
                raise BadFault(f"{armed.spec}: choose one of {', '.join(RIGHTS)}")
            armed.op = armed.op or RIGHTS[right][0]
        if armed.name in ("fail", "deny"):
            armed.number("status", 503)
        if armed.name == "null_rows" and armed.op == "members":
            self._jumpcloud.reads.ghosts = int(armed.number("rows", 3))

    # ---- faults that act once

    def apply(self, armed: Armed) -> None:
        """Change the directory, or what of it is seen. BadFault when that cannot be done."""
        if armed.name == "status" and armed.arg() == "matrix":
            self._matrix(armed)
        else:
            super().apply(armed)

    def _matrix(self, armed: Armed) -> None:
        directory = self._jumpcloud.directory
        for person, (status, wire) in zip(somebody(directory, armed, len(MATRIX)), MATRIX, strict=True):
            person.wire.update(wire)
            directory.change_person(person.id, status=status)

    def _org_header(self, armed: Armed) -> None:
        if armed.arg("missing") not in ORG_MODES:
            raise BadFault(f"{armed.spec}: choose one of {', '.join(ORG_MODES)}")
        self._jumpcloud.org_mode = armed.arg("missing")

    def _revoke_secret(self, armed: Armed) -> None:
        place = int(armed.number("secret", 1)) - 1
        for secrets in self._jumpcloud.secrets.values():
            secrets[place : place + 1] = [""]
        self._jumpcloud.tokens.clear()

    def _events_denied(self, _armed: Armed) -> None:
        self._jumpcloud.insights.denied = True

    def _retention(self, armed: Armed) -> None:
        self._jumpcloud.insights.retention_days = armed.number("days", 90)

    def _late_event(self, armed: Armed) -> None:
        self._jumpcloud.insights.late_s = armed.number("late", 300)

    # ---- faults that answer

    def answer(self, armed: Armed, visit: Visit) -> Answer | None:
        """The answer in place of the real one, or None to let that be made."""
        usual = canned(armed, visit.request)
        if usual is not None:
            return usual
        if armed.name not in self._instead:
            raise BadFault(f"{armed.spec}: JumpCloud does not know it")
        return self._instead[armed.name](armed, visit)

    def _throttle(self, armed: Armed, _visit: Visit) -> Answer:
        answer = objects.error(429, "Too Many Requests", error="Too Many Requests")
        if armed.named.get("header") != "none":
            answer.headers.append((b"retry-after", b"%d" % armed.number("wait", 8)))
        return answer

    def _fail(self, armed: Armed, _visit: Visit) -> Answer:
        status = int(armed.number("status", 503 if armed.name == "fail" else 401))
        message, error = SAID.get(status, ("Service Unavailable", "Service Unavailable"))
        return objects.error(status, message, error=error)

    def _body_error(self, _armed: Armed, _visit: Visit) -> Answer:
        return Answer(body=orjson.dumps({"code": 13, "message": "internal", "details": []}), headers=[JSON])

    def _expire(self, armed: Armed, visit: Visit) -> Answer | None:
        headers = visit.request.headers
        if armed.name == "revoke_key":
            self._jumpcloud.keys.clear()
        elif b"x-api-key" in headers:
            return self._fail(armed, visit)
        self._jumpcloud.tokens.pop(headers.get(b"authorization", b"")[7:].decode("latin-1"), None)
        return None

    def _drop_permission(self, armed: Armed, _visit: Visit) -> None:
        self._jumpcloud.lost_rights.update(RIGHTS[armed.arg("groups")])

    def _ip_blocked(self, _armed: Armed, _visit: Visit) -> Answer:
        said = "Forbidden: your IP has been blocked due to suspected abuse"
        return objects.error(403, said, error="Forbidden")

    def _between(self, armed: Armed, _visit: Visit) -> None:
        self.between(armed)

    def _delete_group(self, armed: Armed, visit: Visit) -> None:
        self.delete_group(armed, str(visit.ident))

    # ---- faults of an answer on its way out

    def shape(self, armed: Armed, visit: Visit, answer: Answer) -> Answer:
        """The answer as it leaves."""
        moved = travel(armed, answer)
        if moved is not None:
            return moved
        if armed.name == "null_rows" and armed.op == "members":
            return answer  # the lists hold them already
        if armed.name == "next":
            return _next(armed, visit, answer)
        try:
            body = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return answer  # another fault has been here
        if armed.name == "count":
            return _count(armed, visit, answer, body)
        rows = body.get("results") if isinstance(body, dict) else body
        if isinstance(rows, list):
            changed = self._rows(armed, visit, rows, body)
            answer.body = orjson.dumps({**body, "results": changed} if isinstance(body, dict) else changed)
        return answer

    def _rows(self, armed: Armed, visit: Visit, rows: list[Any], body: Any) -> list[Any]:
        if armed.name == "double":
            return self._double(armed, rows)
        if armed.name == "flap" and len(rows) > 1:
            is_last = int(visit.request.args.get("skip", 0)) + len(rows) >= body["totalCount"]
            return _flap(armed, rows, is_last=is_last)
        changed = reshaped(armed, rows, broken=_broken)
        return rows if changed is None else changed

    def _double(self, armed: Armed, rows: list[Any]) -> list[Any]:
        """Rows of the first page come again."""
        people = self._jumpcloud.directory.people
        shown = [i for i in sorted(people) if people[i].status is not Status.GONE]
        changed = armed.arg("1") == "changed"
        count = 1 if changed else int(armed.number("rows", 1))
        again = [objects.user(people[i], self._jumpcloud.org_id) for i in shown[:count]]
        if changed:
            again = [{**row, "firstname": "Formerly"} for row in again]
        armed.memory["touched"] = shown[:count]
        return [*again, *rows]


def _broken(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "username": ["not a text"], "firstname": 7, "email": {}, "attributes": "none"}


def _next(armed: Armed, visit: Visit, answer: Answer) -> Answer:
    """A Link line that leads to another host."""
    changed = answer.without(b"link")
    link = f'<http://{armed.named.get("host", "evil.test")}{visit.request.path}?skip=100>; rel="next"'
    changed.headers.append((b"link", link.encode()))
    return changed


def _count(armed: Armed, visit: Visit, answer: Answer, body: Any) -> Answer:
    """The stated count is missing, or grows with every page."""
    grown = visit.page if armed.arg("missing") == "grows" else None
    if isinstance(body, dict) and "totalCount" in body:
        told = {**body, "totalCount": body["totalCount"] + (grown or 0)}
        answer.body = orjson.dumps(told if grown else {"results": body["results"]})
        return answer
    count = next((value for name, value in answer.headers if name == b"x-total-count"), b"0")
    changed = answer.without(b"x-total-count")
    if grown:
        changed.headers.append((b"x-total-count", b"%d" % (int(count) + grown)))
    return changed


def _flap(armed: Armed, rows: list[Any], *, is_last: bool) -> list[Any]:
    """One person is suspended on the first page, and active again at the end of the last."""
    if "person" not in armed.memory:
        place = next((n for n, row in enumerate(rows) if row.get("state") == "ACTIVATED"), None)
        if place is None:
            return rows
        armed.memory["person"] = rows[place]
        armed.memory["touched"] = [rows[place]["id"]]
        rows = [
            *rows[:place],
            {**rows[place], "state": "SUSPENDED", "suspended": True},
            *rows[place + 1 :],
        ]
    if is_last:
        rows = [*rows, armed.memory.pop("person")]
    return rows
