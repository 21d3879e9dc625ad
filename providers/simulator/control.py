"""The control plane under /_sim/: the truth, request counts, changes by hand, churn, faults and the clock."""

import re
from collections.abc import Callable
from typing import Any

import orjson

from providers.simulator import seeding
from providers.simulator.clock import iso, parse_iso
from providers.simulator.directory import App, Group, Person, Status
from providers.simulator.faults import CATALOGUE, BadFault, Kind, parse
from providers.simulator.hooks import Hook
from providers.simulator.vendor import Vendor
from providers.simulator.wire import JSON, Answer, Request

_PERSON_FIELDS = frozenset(
    {"login", "email", "first_name", "last_name", "picture_url", "department", "title", "attributes"}
)
_GROUP_FIELDS = frozenset({"name", "description", "kind"})


class Refused(ValueError):
    """The control plane cannot do what it was asked; the text says why."""


class Control:
    """Serves /_sim/ for one vendor."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.directory = vendor.directory

    def answer(self, request: Request) -> Answer:
        """Route one control request; errors are 400 or 404 with a sentence."""
        for method, pattern, serve in _ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match is not None and method == request.method:
                return self._guarded(serve, request, match.groups())
        return self._json(
            {
                "error": f"no {request.method} {request.path}; see /_sim/state, requests, users, groups, "
                "members, hooks, churn, faults, clock"
            },
            404,
        )

    def _guarded(self, serve: Callable[..., Any], request: Request, found: tuple[str, ...]) -> Answer:
        try:
            body = orjson.loads(request.body) if request.body else {}
            if not isinstance(body, dict):
                raise Refused("the body must be a JSON object")
            return self._json(serve(self, body, *found))
        except KeyError as error:
            return self._json({"error": f"nothing has the id {error.args[0]!r}"}, 404)
        except (ValueError, TypeError) as error:
            return self._json({"error": str(error)}, 400)

    @staticmethod
    def _json(body: Any, status: int = 200) -> Answer:
        return Answer(status=status, body=orjson.dumps(body), headers=[JSON])

    def person(self, person: Person) -> dict[str, Any]:
        """One person as the truth has it."""
        return {
            "id": person.id,
            "login": person.login,
            "email": person.email,
            "active": person.active,
            "status": self.vendor.status_names[person.status],
            "first_name": person.first_name,
            "last_name": person.last_name,
            "picture_url": person.picture_url,
        }

    @staticmethod
    def group(group: Group) -> dict[str, Any]:
        """One group as the truth has it, members by id."""
        told = {"id": group.id, "name": group.name, "kind": group.kind, "members": sorted(group.members)}
        return told | ({"groups": sorted(group.groups)} if group.groups else {})

    def state(self, _body: Any = None) -> dict[str, Any]:
        """The whole truth, ordered by id."""
        people, groups = self.directory.people, self.directory.groups
        return {
            "type": self.vendor.type,
            "users": [self.person(people[i]) for i in sorted(people)],
            "groups": [self.group(groups[i]) for i in sorted(groups)],
            "apps": [
                {
                    "id": app.id,
                    "label": app.label,
                    "users": sorted(self.directory.assigned(app)),
                    "groups": sorted(app.groups),
                }
                for app in self.directory.apps.values()
            ],
        }

    def requests(self, _body: Any = None) -> dict[str, Any]:
        """How many requests came, in all and by operation."""
        return {"total": sum(self.vendor.requests.values()), "by_op": dict(self.vendor.requests)}

    def reset_requests(self, _body: Any = None) -> dict[str, Any]:
        """Count from zero again."""
        self.vendor.requests.clear()
        return self.requests()

    def _person_values(self, body: dict[str, Any]) -> dict[str, Any]:
        values = dict(body)
        if "active" in values:
            values["status"] = "ACTIVE" if values.pop("active") else "SUSPENDED"
        if "status" in values:
            values["status"] = self._status(str(values["status"]))
        _only(values, _PERSON_FIELDS | {"status"})
        return values

    def _status(self, text: str) -> Status:
        if text in self.vendor.statuses:
            return self.vendor.statuses[text]
        try:
            return Status(text.lower())
        except ValueError:
            raise Refused(f"no status {text!r}; there are {', '.join(self.vendor.statuses)}") from None

    def add_user(self, body: dict[str, Any]) -> dict[str, Any]:
        """A new person; what is not said is made up."""
        said = self._person_values(body)
        taken = [person.login for person in self.directory.people.values()]
        values = seeding.invent(self.directory, seeding.Identities(taken)) | said
        if "email" in said and "login" not in said and said["email"]:
            values["login"] = said["email"]
        return self.person(self.directory.add_person(**values))

    def change_user(self, body: dict[str, Any], ident: str) -> dict[str, Any]:
        """Set fields of a person."""
        return self.person(self.directory.change_person(ident, **self._person_values(body)))

    def remove_user(self, _body: Any, ident: str) -> dict[str, Any]:
        """Delete a person."""
        self.directory.remove_person(ident)
        return {"removed": ident}

    def add_group(self, body: dict[str, Any]) -> dict[str, Any]:
        """A new group, with members when ids are given."""
        members = body.pop("members", [])
        _only(body, _GROUP_FIELDS)
        if not body.get("name"):
            raise Refused("a group needs a name")
        return self.group(self.directory.add_group(members=members, **body))

    def change_group(self, body: dict[str, Any], ident: str) -> dict[str, Any]:
        """Set a group's name or description."""
        _only(body, _GROUP_FIELDS)
        return self.group(self.directory.change_group(ident, **body))

    def remove_group(self, _body: Any, ident: str) -> dict[str, Any]:
        """Delete a group."""
        self.directory.remove_group(ident)
        return {"removed": ident}

    def add_member(self, body: dict[str, Any]) -> dict[str, Any]:
        """Put a person into a group."""
        group_id, person_id = _pair(body)
        self.directory.add_member(group_id, person_id)
        return self.group(self.directory.groups[group_id])

    def remove_member(self, body: dict[str, Any], *found: str) -> dict[str, Any]:
        """Take a person out of a group."""
        group_id, person_id = found or _pair(body)
        self.directory.remove_member(group_id, person_id)
        return self.group(self.directory.groups[group_id])

    def churn(self, body: dict[str, Any]) -> dict[str, Any]:
        """Joiners, leavers, movers and renames, in these numbers."""
        _only(body, frozenset({"joiners", "leavers", "movers", "renames"}))
        return dict(seeding.churn(self.directory, **{name: int(count) for name, count in body.items()}))

    def add_app(self, body: dict[str, Any]) -> dict[str, Any]:
        """A new application, by {"label"}; nobody is assigned to it."""
        _only(body, frozenset({"label"}))
        label = str(body.get("label", "App"))
        app = App(id=self.directory.ids.app(self.directory.rng), name="bookmark", label=label)
        self.directory.apps[app.id] = app
        self.directory.revision += 1
        return {"id": app.id, "label": app.label}

    def add_client(self, body: dict[str, Any]) -> dict[str, Any]:
        """Register an OAuth client, by {"dpop", "scopes"}; answers its id and private key."""
        _only(body, frozenset({"dpop", "scopes"}))
        scopes = frozenset(str(body["scopes"]).split()) if "scopes" in body else self.vendor.scopes
        return dict(self.vendor.register(dpop=bool(body.get("dpop", True)), scopes=scopes))

    def add_hook(self, body: dict[str, Any]) -> dict[str, Any]:
        """Register an event hook: {"url", "headers"}, an address on this machine."""
        _only(body, frozenset({"url", "headers"}))
        hooks = getattr(self.vendor, "hooks", None)
        if hooks is None:
            raise Refused(f"a simulated {self.vendor.type} sends no event hooks")
        headers = {str(name): str(value) for name, value in dict(body.get("headers", {})).items()}
        hooks.add(Hook(url=str(body.get("url", "")), headers=headers))
        return {"url": body["url"]}

    def faults(self, _body: Any = None) -> dict[str, Any]:
        """What is switched on, and what could be."""
        known = [
            {"id": row.id, "spec": row.spec, "summary": row.summary}
            for row in CATALOGUE
            if self.vendor.type in row.applies_to
        ]
        return {"armed": [armed.as_json() for armed in self.vendor.board.armed], "known": known}

    def add_fault(self, body: dict[str, Any]) -> dict[str, Any]:
        """Switch a fault on: {"name": "throttle(wait=8)"}, with "op", "page", "nth", "times" or "after"."""
        chosen = dict(body)
        spec = chosen.pop("spec", None) or chosen.pop("name", None)
        if not isinstance(spec, str):
            raise Refused('say which fault: {"name": "throttle(wait=8)"}')
        armed = parse(spec, **chosen)
        self.vendor.prepare(armed)
        if armed.switch.kind is Kind.SET and not armed.after_s:
            self.vendor.apply(armed)
            armed.fired = armed.times
        self.vendor.board.add(armed)
        return armed.as_json()

    def clear_faults(self, _body: Any = None) -> dict[str, Any]:
        """Switch all faults off; what they changed in the directory stays changed."""
        self.vendor.board.clear()
        self.vendor.forget_faults()
        return self.faults()

    def clock(self, body: dict[str, Any]) -> dict[str, Any]:
        """Move time: "advance" or "skew" by seconds, "set" to ISO text or epoch seconds, "frozen" or not."""
        _only(body, frozenset({"advance", "set", "skew", "frozen"}))
        clock = self.vendor.clock
        if "frozen" in body:
            clock.freeze(bool(body["frozen"]))
        if "set" in body:
            clock.set(parse_iso(body["set"]) if isinstance(body["set"], str) else float(body["set"]))
        clock.advance(float(body.get("advance", 0)))
        clock.skew_s = float(body.get("skew", clock.skew_s))
        return {"now": clock.now(), "iso": iso(clock.now()), "skew": clock.skew_s}


def _only(values: dict[str, Any], allowed: frozenset[str]) -> None:
    unknown = sorted(set(values) - allowed)
    if unknown:
        raise Refused(f"unknown key {unknown[0]!r}; there are {', '.join(sorted(allowed))}")


def _pair(body: dict[str, Any]) -> tuple[str, str]:
    if set(body) != {"group", "user"}:
        raise Refused('a membership is {"group": id, "user": id}')
    return str(body["group"]), str(body["user"])


_ID = r"/([^/]+)"
_ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("GET", "/_sim/state", Control.state),
    ("GET", "/_sim/requests", Control.requests),
    ("DELETE", "/_sim/requests", Control.reset_requests),
    ("POST", "/_sim/users", Control.add_user),
    ("PATCH", "/_sim/users" + _ID, Control.change_user),
    ("DELETE", "/_sim/users" + _ID, Control.remove_user),
    ("POST", "/_sim/groups", Control.add_group),
    ("PATCH", "/_sim/groups" + _ID, Control.change_group),
    ("DELETE", "/_sim/groups" + _ID, Control.remove_group),
    ("POST", "/_sim/members", Control.add_member),
    ("DELETE", "/_sim/members", Control.remove_member),
    ("DELETE", "/_sim/members" + _ID + _ID, Control.remove_member),
    ("POST", "/_sim/apps", Control.add_app),
    ("POST", "/_sim/clients", Control.add_client),
    ("POST", "/_sim/hooks", Control.add_hook),
    ("POST", "/_sim/churn", Control.churn),
    ("GET", "/_sim/faults", Control.faults),
    ("POST", "/_sim/faults", Control.add_fault),
    ("DELETE", "/_sim/faults", Control.clear_faults),
    ("POST", "/_sim/clock", Control.clock),
)

__all__ = ["BadFault", "Control", "Refused"]
