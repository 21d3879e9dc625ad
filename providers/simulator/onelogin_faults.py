"""How each fault looks at OneLogin: its own errors, headers and pages, over what all vendors share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from providers.simulator import onelogin_objects as objects
from providers.simulator.body_faults import canned, html, reshaped, travel
from providers.simulator.calls import Visit
from providers.simulator.clock import iso, parse_iso
from providers.simulator.common_faults import CommonFaults
from providers.simulator.directory import Status
from providers.simulator.faults import Armed, BadFault
from providers.simulator.truth_faults import somebody
from providers.simulator.wire import Answer

if TYPE_CHECKING:
    from providers.simulator.onelogin import OneLogin

ROLES = ("groups.list", "groups.get", "members", "roles.v1")
RIGHTS = {
    "users": ("users.list", "users.get", "users.v1"),
    "groups": ROLES,
    "roles": ROLES,
    "members": ("members",),
    "apps": ("apps.users", "apps.v1"),
    "events": ("events", "events.types"),
}
IN_USE = frozenset({1, 3, 4, 5, 8})
WAITING = frozenset({0, 7})


class OneLoginFaults(CommonFaults):
    """Applies faults to one simulated account."""

    def __init__(self, onelogin: OneLogin) -> None:
        super().__init__(onelogin)
        self._onelogin = onelogin
        self.once |= {
            "quota": self._quota,
            "scope": self._scope,
            "token_age": self._token_age,
            "owner_deleted": self._owner_deleted,
            "events_denied": self._events_denied,
            "fields": self._fields,
            "groups": self._groups,
            "roles": self._roles,
            "username": self._username,
            "ids": self._ids,
        }
        self._instead: dict[str, Callable[[Armed, Visit], Answer | None]] = {
            "throttle": self._throttle,
            "haproxy_429": lambda _armed, _visit: objects.haproxy_429(),
            "burst_fail": self._burst,
            "error": self._error,
            "fail": self._fail,
            "deny": self._fail,
            "body": self._body_error,
            "expire_token": self._expire,
            "revoke_token": self._expire,
            "drop_permission": self._drop_permission,
            "delete_between": self._between,
            "swap_between": self._between,
            "delete_group_between": self._delete_group,
            "offset": self._offset,
            "cursor": self._cursor,
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
        if armed.name == "error" and not 1 <= armed.number("shape", 1) <= 5:
            raise BadFault(f"{armed.spec}: the shapes are 1 to 5")

    # ---- faults that act once

    def apply(self, armed: Armed) -> None:
        """Change the directory, or what of it is seen. BadFault when that cannot be done."""
        if armed.name == "status" and armed.arg() == "matrix":
            self._matrix(armed)
        elif armed.name == "lag" and "roles" in armed.named:
            self._onelogin.reads.role_lag_s = armed.number("roles", 90)
        else:
            super().apply(armed)

    def _matrix(self, armed: Armed) -> None:
        """Every status beside every state; unactivated reads back as password pending."""
        directory = self._onelogin.directory
        codes = [(status, state) for status in range(9) for state in range(4)]
        for person, (status, state) in zip(somebody(directory, armed, len(codes)), codes, strict=True):
            person.wire.update(status=status or 7, state=state)
            truth = Status.ACTIVE if status in IN_USE and state == 1 else Status.SUSPENDED
            if truth is Status.SUSPENDED and state in (0, 1) and status in IN_USE | WAITING:
                truth = Status.STAGED
            directory.change_person(person.id, status=truth)

    def _quota(self, armed: Armed) -> None:
        self._onelogin.quota.leave(int(armed.number("remaining", 0)))

    def _scope(self, armed: Armed) -> None:
        if armed.arg("read_users") != "read_users":
            raise BadFault(f"{armed.spec}: choose read_users")
        self._onelogin.denied_ops = frozenset(ROLES) | {"events", "events.types"}

    def _token_age(self, armed: Armed) -> None:
        self._onelogin.tokens.revoke()
        self._onelogin.tokens.age_s = armed.number("age", 35_900)

    def _owner_deleted(self, _armed: Armed) -> None:
        self._onelogin.tokens.owner_deleted = True

    def _events_denied(self, _armed: Armed) -> None:
        self._onelogin.reads.events_denied = True

    def _fields(self, _armed: Armed) -> None:
        self._onelogin.reads.fields_ignored = True

    def _groups(self, armed: Armed) -> None:
        self._onelogin.reads.groups_on_v2 = armed.arg("v1_only") == "v2"

    def _roles(self, _armed: Armed) -> None:
        self._onelogin.reads.roles_with_users = True

    def _ids(self, armed: Armed) -> None:
        """One id is a text and another's manager too; the third has its manager as a number."""
        directory = self._onelogin.directory
        people = somebody(directory, armed, 3)
        for person, manager in zip(people, (None, "17", 17), strict=True):
            person.wire["manager_user_id"] = manager
            directory.change_person(person.id)
        people[0].wire["id"] = people[0].id

    def _username(self, armed: Armed) -> None:
        directory = self._onelogin.directory
        for person, name in zip(somebody(directory, armed, 2), (None, ""), strict=True):
            person.wire["username"] = name
            directory.change_person(person.id)

    # ---- faults that answer

    def answer(self, armed: Armed, visit: Visit) -> Answer | None:
        """The answer in place of the real one, or None to let that be made."""
        usual = canned(armed, visit.request)
        if usual is not None:
            return usual
        if armed.name not in self._instead:
            raise BadFault(f"{armed.spec}: OneLogin does not know it")
        return self._instead[armed.name](armed, visit)

    def _throttle(self, armed: Armed, visit: Visit) -> Answer:
        if visit.op == "token" or armed.named.get("header") == "none":
            return objects.haproxy_429()
        answer = objects.named_error(429, "TooManyRequests", "Rate limit exceeded")
        name = b"x-ratelimit-reset" if armed.named.get("header") == "reset" else b"retry-after"
        answer.headers.append((name, b"%d" % armed.number("wait", 8)))
        return answer

    def _burst(self, armed: Armed, _visit: Visit) -> Answer | None:
        return html(502, "Bad Gateway") if self._onelogin.running > armed.number("over", 4) else None

    def _error(self, armed: Armed, _visit: Visit) -> Answer:
        said = {"attribute": "since", "description": "is not valid"}
        return (
            objects.named_error(400, "BadRequestError", "is not valid"),
            objects.described_error(400, "BadRequestError", "is not valid"),
            objects.v1_error(400, "bad request", said),
            objects.field_error("name", "is not valid"),
            objects.named_error(429, "TooManyRequests", "Rate limit exceeded"),
        )[int(armed.number("shape", 1)) - 1]

    def _fail(self, armed: Armed, _visit: Visit) -> Answer:
        status = int(armed.number("status", 503 if armed.name == "fail" else 401))
        if status == 401:
            return objects.v1_error(401, "Unauthorized", "Authentication Failure")
        return objects.named_error(status, "ServerError" if status >= 500 else "ForbiddenError", "Failure")

    def _body_error(self, _armed: Armed, _visit: Visit) -> Answer:
        answer = objects.v1_error(500, "Internal Server Error", "Internal Server Error")
        answer.status = 200
        return answer

    def _expire(self, _armed: Armed, _visit: Visit) -> None:
        self._onelogin.tokens.revoke()

    def _drop_permission(self, armed: Armed, _visit: Visit) -> None:
        self._onelogin.denied_ops |= frozenset(RIGHTS[armed.arg("groups")])

    def _between(self, armed: Armed, _visit: Visit) -> None:
        self.between(armed)

    def _delete_group(self, armed: Armed, visit: Visit) -> None:
        self.delete_group(armed, str(visit.ident))

    def _cursor(self, _armed: Armed, visit: Visit) -> None:
        visit.repeats_cursor = True

    def _offset(self, _armed: Armed, visit: Visit) -> None:
        """Whatever page is asked for, the first one comes."""
        args = dict(visit.request.args)
        args.pop("cursor", None)
        visit.request.args = args | {"page": "1"}
        visit.request.query = b"first:" + visit.request.query

    # ---- faults of an answer on its way out

    def shape(self, armed: Armed, visit: Visit, answer: Answer) -> Answer:
        """The answer as it leaves."""
        moved = travel(armed, answer)
        if moved is not None:
            return moved
        if armed.name == "next":
            return self._loop(armed, visit, answer)
        if armed.name == "count":
            return _count(armed, visit, answer)
        try:
            rows = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return answer  # another fault has been here
        if isinstance(rows, list):
            answer.body = orjson.dumps(self._rows(armed, rows, answer))
        return answer

    def _rows(self, armed: Armed, rows: list[Any], answer: Answer) -> list[Any]:
        if armed.name == "double":
            return self._double(armed, rows)
        if armed.name == "flap":
            is_last = not any(name == b"after-cursor" for name, _ in answer.headers)
            return _flap(armed, rows, is_last=is_last)
        changed = reshaped(armed, rows, broken=_broken)
        return rows if changed is None else changed

    def _loop(self, armed: Armed, visit: Visit, answer: Answer) -> Answer:
        """From the n-th page on the rows of the first pages come again, and there is always a next page."""
        length = int(armed.number("loop", 3))
        if visit.page <= length:
            armed.memory.setdefault("bodies", {})[visit.page] = answer.body
        else:
            bodies = armed.memory["bodies"]
            answer = Answer(body=bodies[min(bodies)], headers=list(answer.headers))
        told = {b"total-pages": b"%d" % (visit.page + 1), b"after-cursor": b"%d" % (visit.page + 1)}
        return _headed(answer, told)

    def _double(self, armed: Armed, rows: list[Any]) -> list[Any]:
        """Rows of the first page come again."""
        people = self._onelogin.directory.people
        shown = [i for i in sorted(people) if people[i].status is not Status.GONE]
        changed = armed.arg("1") == "changed"
        count = 1 if changed else int(armed.number("rows", 1))
        again = [objects.user(people[i], []) for i in shown[:count]]
        if changed:
            again = [{**row, "firstname": "Formerly", "updated_at": iso(0)} for row in again]
        armed.memory["touched"] = shown[:count]
        return [*again, *rows]


def _broken(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "username": ["not a text"], "firstname": 7, "email": {}, "role_ids": "none"}


def _headed(answer: Answer, told: dict[bytes, bytes]) -> Answer:
    """The answer with these headers in place of its own."""
    changed = answer.without(*told)
    changed.headers += list(told.items())
    return changed


def _count(armed: Armed, visit: Visit, answer: Answer) -> Answer:
    """The stated count is missing, or grows with every page."""
    if armed.arg("missing") != "grows":
        return answer.without(b"total-count", b"total-pages")
    count = next((value for name, value in answer.headers if name == b"total-count"), b"0")
    return _headed(answer, {b"total-count": b"%d" % (int(count) + visit.page)})


def _flap(armed: Armed, rows: list[Any], *, is_last: bool) -> list[Any]:
    """One person is suspended on the first page, and active again at the end of the last."""
    if "person" not in armed.memory:
        place = next((n for n, row in enumerate(rows) if row.get("status") == 1), None)
        if place is None:
            return rows
        armed.memory["person"] = rows[place]
        armed.memory["touched"] = [rows[place]["id"]]
        before = {**rows[place], "status": 2}
        if "updated_at" in before:
            before["updated_at"] = iso(parse_iso(before["updated_at"]) - 3600)
        rows = [*rows[:place], before, *rows[place + 1 :]]
    if is_last:
        rows = [*rows, armed.memory.pop("person")]
    return rows
