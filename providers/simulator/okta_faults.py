"""How each fault looks at Okta: its own errors, headers and links, over what all vendors share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from providers.simulator import okta_objects as objects
from providers.simulator.body_faults import canned, older, reshaped, travel
from providers.simulator.common_faults import CommonFaults
from providers.simulator.directory import Status
from providers.simulator.faults import Armed, BadFault
from providers.simulator.truth_faults import some_groups
from providers.simulator.wire import JSON, Answer, Manner

if TYPE_CHECKING:
    from providers.simulator.okta import Okta
    from providers.simulator.okta_calls import Call

RIGHTS = {
    "users": ("users.list", "users.get", "users.groups"),
    "groups": ("groups.list", "groups.get", "members", "users.groups"),
    "members": ("members",),
    "apps": ("apps.list", "apps.get", "apps.users", "apps.groups"),
    "logs": ("logs",),
    "hooks": ("hooks.list", "hooks.create", "hooks.replace", "hooks.verify"),
}
CODES = {401: "E0000011", 403: "E0000006", 404: "E0000007", 423: "E0000239"}
NO_RATES = (b"x-rate-limit-limit", b"")
DEFAULT_LIMITS = {"users.list": 200, "groups.list": 10_000, "members": 1000}


class OktaFaults(CommonFaults):
    """Applies faults to one simulated org."""

    def __init__(self, okta: Okta) -> None:
        super().__init__(okta)
        self._okta = okta
        self.once |= {
            "neighbour": self._neighbour,
            "no_admin_role": self._no_admin_role,
            "scoped_role": self._scoped_role,
            "dpop_nonce": self._dpop_nonce,
            "scopes": self._scopes,
            "retention": self._retention,
            "late_event": self._late_event,
        }
        self._instead: dict[str, Callable[[Armed, Call], Answer | None]] = {
            "throttle": self._throttle,
            "slow_if_limit_over": self._slow,
            "error": self._error,
            "fail": self._fail,
            "deny": self._fail,
            "body": self._body_error,
            "expire_token": self._expire,
            "revoke_token": self._expire,
            "revoke_key": self._expire,
            "drop_permission": self._drop_permission,
            "cursor": self._cursor,
            "filter": self._filter,
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
        if armed.name == "error" and armed.arg() != "plain_404" and armed.arg() not in objects.ERRORS:
            raise BadFault(f"{armed.spec}: choose plain_404 or one of {', '.join(objects.ERRORS)}")
        if armed.name in ("fail", "deny"):
            armed.number("status", 503)

    # ---- faults that act once

    def _neighbour(self, armed: Armed) -> None:
        okta = self._okta
        if not okta.buckets.enforced:
            okta.buckets.use(okta.limits_of("enterprise"), enforced=True)
        okta.buckets.neighbour_rpm = int(armed.number("rpm", 200))

    def _no_admin_role(self, _armed: Armed) -> None:
        self._okta.sight.no_admin_role = True

    def _retention(self, armed: Armed) -> None:
        self._okta.reads.log_kept_s = armed.number("days", 90) * 86_400

    def _late_event(self, armed: Armed) -> None:
        self._okta.reads.log_late_s = armed.number("late", 300)

    def _scoped_role(self, armed: Armed) -> None:
        known = self._okta.directory.groups
        wanted = [arg for arg in armed.args if arg in known]
        if not wanted:
            count = int(armed.arg("3")) if armed.arg("3").isdecimal() else 3
            wanted = [group.id for group in some_groups(self._okta.directory, armed, count)]
        self._okta.sight.scoped_groups = set(wanted)

    def _dpop_nonce(self, _armed: Armed) -> None:
        self._okta.oauth.rotate_nonce()

    def _scopes(self, armed: Armed) -> None:
        self._okta.oauth.withheld.update(armed.named.get("minus", "okta.groups.read").split())

    # ---- faults that answer

    def answer(self, armed: Armed, call: Call) -> Answer | None:
        """The answer in place of the real one, or None to let that be made."""
        usual = canned(armed, call.request)
        if usual is not None:
            return usual
        return self._instead[armed.name](armed, call)

    def _throttle(self, armed: Armed, _call: Call) -> Answer | None:
        answer = objects.error("E0000047")
        if armed.named.get("header") == "none":
            answer.headers.append(NO_RATES)
            return answer
        reset = int(self._okta.clock.shown() + armed.number("wait", 8))
        limit = 0 if armed.named.get("kind") == "concurrency" else 600
        answer.headers += [
            (b"x-rate-limit-limit", b"%d" % limit),
            (b"x-rate-limit-remaining", b"0"),
            (b"x-rate-limit-reset", b"%d" % reset),
        ]
        return answer

    def _slow(self, armed: Armed, call: Call) -> Answer | None:
        text = call.request.args.get("limit", "")
        limit = int(text) if text.isdecimal() else DEFAULT_LIMITS.get(call.op, 0)
        most = armed.number("limit", 200)
        return Answer(manner=Manner.HANG) if limit > most and call.op != "users.list" else None

    def _error(self, armed: Armed, _call: Call) -> Answer | None:
        if armed.arg() == "plain_404":
            body = orjson.dumps({"status": 404, "message": "Resource not found\n"})
            return Answer(status=404, body=body, headers=[JSON])
        return objects.error(armed.arg("E0000009"))

    def _fail(self, armed: Armed, _call: Call) -> Answer | None:
        status = int(armed.number("status", 503 if armed.name == "fail" else 401))
        answer = objects.error(CODES.get(status, "E0000009"))
        answer.status = status
        return answer

    def _body_error(self, _armed: Armed, _call: Call) -> Answer | None:
        answer = objects.error("E0000009")
        answer.status = 200
        return answer

    def _expire(self, armed: Armed, call: Call) -> Answer | None:
        scheme, _, token = call.request.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if armed.name == "revoke_key":
            self._okta.tokens.clear()
            self._okta.oauth.revoked = True
        elif scheme.upper() == "SSWS":
            return objects.error("E0000011")
        self._okta.oauth.forget(token)
        return None

    def _drop_permission(self, armed: Armed, _call: Call) -> Answer | None:
        self._okta.sight.lost_rights.update(RIGHTS[armed.arg("groups")])
        return None

    def _cursor(self, armed: Armed, call: Call) -> Answer | None:
        if "after" not in call.request.args:
            return None
        if armed.named.get("status") == "404":
            return objects.not_found(call.request.args["after"], "Cursor")
        return objects.error(
            "E0000001", "Api validation failed: after", causes=("after: The cursor is expired or not valid.",)
        )

    def _filter(self, _armed: Armed, call: Call) -> Answer | None:
        return objects.error("E0000031") if {"filter", "search"} & set(call.request.args) else None

    def _between(self, armed: Armed, _call: Call) -> Answer | None:
        self.between(armed)
        return None

    def _delete_group(self, armed: Armed, call: Call) -> Answer | None:
        self.delete_group(armed, str(call.ident))
        return None

    # ---- faults of an answer on its way out

    def shape(self, armed: Armed, call: Call, answer: Answer) -> Answer:
        """The answer as it leaves."""
        moved = travel(armed, answer)
        if moved is not None:
            return moved
        if armed.name == "next":
            return self._next(armed, call, answer)
        if armed.name == "page":
            return self._empty_page(call, answer)
        if armed.name == "link":
            return _relink(armed, answer)
        rows = orjson.loads(answer.body)
        if not isinstance(rows, list):
            return answer
        changed = reshaped(armed, rows, broken=lambda row: {**row, "profile": "not an object"})
        if changed is None:
            changed = self._double(armed, rows) if armed.name == "double" else _flap(armed, rows, answer)
        answer.body = orjson.dumps(changed)
        return answer

    def _double(self, armed: Armed, rows: list[Any]) -> list[Any]:
        """Rows of the first page come again."""
        people = self._okta.directory.people
        shown = [i for i in sorted(people) if people[i].status is not Status.GONE]
        changed = armed.arg("1") == "changed"
        count = 1 if changed else int(armed.number("rows", 1))
        again = [objects.user(people[i], self._okta.base_url, bare=True) for i in shown[:count]]
        if changed:
            again = [older(row, profile={**row["profile"], "firstName": "Formerly"}) for row in again]
        armed.memory["touched"] = shown[:count]
        return [*again, *rows]

    def _next(self, armed: Armed, call: Call, answer: Answer) -> Answer:
        lines = dict(zip(("self", "next"), links(answer), strict=False))
        here = lines.get("self")
        if here is None:
            return answer
        if armed.arg() == "self":
            return with_links(answer, here, here)
        if "host" in armed.named:
            if "next" not in lines:
                return answer
            path = lines["next"].split("/", 3)[3]
            return with_links(answer, here, f"http://{armed.named['host']}/{path}")
        return self._loop(armed, call, answer, here, lines.get("next"))

    def _loop(self, armed: Armed, call: Call, answer: Answer, here: str, onward: str | None) -> Answer:
        length = int(armed.number("loop", 3))
        if length and call.page < length and onward is not None:
            return answer
        plain = here.split("?", maxsplit=1)[0]
        kept = [f"{key}={value}" for key, value in call.request.args.items() if key != "after"]
        if length == 0:
            kind = "00g" if call.op == "groups.list" else "00u"
            kept.insert(0, f"after=0{kind}{'0' * 17}.{armed.fired}")
        return with_links(answer, here, plain + ("?" + "&".join(kept) if kept else ""))

    def _empty_page(self, call: Call, answer: Answer) -> Answer:
        """No rows, and a next link to the same place under another name."""
        here = links(answer)[0]
        before = call.request.args.get("after", f"0{'00g' if call.op == 'groups.list' else '00u'}{'0' * 17}")
        kept = [f"{key}={value}" for key, value in call.request.args.items() if key != "after"]
        after = f"{before.split('.')[0]}.e"
        self._okta.reads.name_page(call.request.path, after, call.page + 1)
        emptied = with_links(answer, here, f"{here.split('?')[0]}?{'&'.join([f'after={after}', *kept])}")
        emptied.body = b"[]"
        return emptied


def links(answer: Answer) -> list[str]:
    """The URLs of the Link lines: self, then next where there is one."""
    return [
        value.decode("latin-1").partition("<")[2].partition(">")[0]
        for name, value in answer.headers
        if name == b"link"
    ]


def with_links(answer: Answer, here: str, onward: str) -> Answer:
    """The answer with these two Link lines."""
    changed = answer.without(b"link")
    for url, rel in ((here, "self"), (onward, "next")):
        changed.headers.append((b"link", f'<{url}>; rel="{rel}"'.encode("latin-1")))
    return changed


def _relink(armed: Armed, answer: Answer) -> Answer:
    """The Link lines in another legal form."""
    found = list(zip(("self", "next"), links(answer), strict=False))
    form = armed.named.get("form", armed.arg("merged"))
    name, lines = b"link", [f'<{url}>; rel="{rel}"' for rel, url in found]
    if form == "merged":
        lines = [", ".join(lines)] if lines else []
    elif form == "reordered":
        lines = [f'<{url}>; title="page, of people"; rel="{rel}"' for rel, url in reversed(found)]
    elif form == "unquoted":
        lines = [f"<{url}>;rel={rel}" for rel, url in found]
    elif form == "comma":
        lines = [f'<{url}{"&" if "?" in url else "?"}trace=a,b>; rel="{rel}"' for rel, url in found]
    elif form == "upper":
        name = b"LINK"
    else:
        raise BadFault(f"{armed.spec}: choose merged, reordered, unquoted, comma or upper")
    changed = answer.without(b"link")
    changed.manner = Manner.VERBATIM if form == "upper" else answer.manner
    changed.headers += [(name, line.encode("latin-1")) for line in lines]
    return changed


def _flap(armed: Armed, rows: list[Any], answer: Answer) -> list[Any]:
    """One person is suspended on the first page, and active again at the end of the last."""
    if "person" not in armed.memory:
        place = next((n for n, row in enumerate(rows) if row["status"] == "ACTIVE"), None)
        if place is None:
            return rows
        armed.memory["person"] = rows[place]
        armed.memory["touched"] = [rows[place]["id"]]
        rows = [*rows[:place], older(rows[place], status="SUSPENDED"), *rows[place + 1 :]]
    if len(links(answer)) == 1:
        rows = [*rows, armed.memory.pop("person")]
    return rows
