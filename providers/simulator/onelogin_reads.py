"""The reads of OneLogin's API v1 and v2, from one directory: its groups are roles, departments are groups."""

from collections.abc import Callable
from typing import Any

import orjson

from providers.simulator import onelogin_objects as objects
from providers.simulator.calls import Refusal, Visit
from providers.simulator.clock import Clock, parse_iso
from providers.simulator.directory import Directory, Group, Person, Status
from providers.simulator.memory import Memory
from providers.simulator.onelogin_pages import PAGING, v1, v2
from providers.simulator.sight import Sight
from providers.simulator.wire import JSON, Answer

TIMES = frozenset(
    f"{name}_{end}" for name in ("created", "updated", "last_login") for end in ("since", "until")
)
TEXTS = frozenset({"firstname", "lastname", "email", "username", "samaccountname", "external_id"})
ALLOWED = (
    PAGING | TIMES | TEXTS | {"directory_id", "user_ids", "role_id", "group_id", "app_id", "sort", "fields"}
)
ROLE_FILTERS = PAGING | {"role_name", "name", "app_id", "app_name", "fields"}
SORTS = frozenset({"id", "username", "email", "created_at", "updated_at", "firstname", "lastname"})


class Reads:
    """Answers each operation, as far as its caller sees it."""

    def __init__(self, *, directory: Directory, clock: Clock, account_id: int) -> None:
        self.directory, self.clock, self.account_id = directory, clock, account_id
        self.sight = Sight()
        self.role_lag_s = 0.0
        self.fields_ignored = False
        self.roles_with_users = False
        self.groups_on_v2 = False
        self.events_denied = False
        self._memory = Memory()
        self._roles: dict[str, list[int]] = {}
        self._known: Any = None
        self._endpoints: dict[str, Callable[[Visit], Answer]] = {
            "users.list": self.users,
            "users.get": self.user,
            "groups.list": self.roles,
            "groups.get": self.role,
            "members": self.role_users,
            "apps.users": self.app_users,
            "groups.v2": self.groups_v2,
            "groups.v1": self.groups_v1,
            "users.v1": self.users_v1,
            "roles.v1": self.roles_v1,
            "apps.v1": self.apps_v1,
            "attributes.v1": self.attributes_v1,
            "events": self.events,
            "events.types": self.event_types,
        }

    def serve(self, visit: Visit) -> Answer:
        """The answer to an allowed call. Raises Refusal."""
        seen = (self.directory.revision, self.sight.revision, self.fields_ignored, self.roles_with_users)
        self._memory.refresh(seen, is_stable=not self.role_lag_s)
        if seen != self._known or self.role_lag_s:
            self._known, self._roles = seen, self._role_ids()
        return self._endpoints[visit.op](visit)

    def _role_ids(self) -> dict[str, list[int]]:
        """The roles of everybody; a grant of the last seconds may not show yet."""
        late = set[tuple[str | None, str | None]]()
        if self.role_lag_s:
            since = self.clock.now() - self.role_lag_s
            events = [event for event in self.directory.events if event.at > since]
            late = {(e.group_id, e.person_id) for e in events if e.kind == "member.added"}
        found: dict[str, list[int]] = {}
        for role_id in sorted(self.directory.groups):
            for person_id in self.directory.groups[role_id].members:
                if (role_id, person_id) not in late:
                    found.setdefault(person_id, []).append(int(role_id))
        return found

    # ---- users

    def users(self, visit: Visit) -> Answer:
        args = visit.request.args
        unknown = sorted(name for name in args if name not in ALLOWED and not name.startswith("custom_attr"))
        if unknown:
            said = f"query parameter(s) not allowed: {', '.join(unknown)}"
            raise Refusal(objects.named_error(400, "BadRequestError", said))
        if args.get("sort", "id").lstrip("+- ") not in SORTS:
            raise Refusal(objects.field_error("sort", "is not a field to sort by"))

        def ids() -> tuple[list[str], int]:
            key = tuple(sorted((k, v) for k, v in args.items() if k not in PAGING and k != "fields"))
            found = self._memory.list(key, lambda: self._user_ids(args))
            return self.sight.share("users.list", found), len(found)

        return v2(visit, self._memory, ids, self._user_row(args.get("fields", "")), (50, 100))

    def _user_ids(self, args: dict[str, str]) -> list[str]:
        people = self.directory.people
        found = sorted(i for i, person in people.items() if person.status is not Status.GONE)
        for name, wanted in args.items():
            test = self._test(name, wanted)
            if test is not None:
                found = [i for i in found if test(people[i])]
        sort = args.get("sort", "+id")
        name = sort.lstrip("+- ")
        if name != "id":
            found.sort(key=lambda i: str(objects.user(people[i], []).get(name)))
        if sort.startswith("-"):
            found.reverse()
        return self.sight.people(found, self.directory)

    def _test(self, name: str, wanted: str) -> Callable[[Person], bool] | None:
        if name in TIMES:
            return _within(name, _moment(wanted))
        if name in TEXTS:
            return lambda person: _like(objects.user(person, []).get(name), wanted)
        if name == "user_ids":
            return lambda person: person.id in wanted.split(",")
        if name == "role_id":
            members = self.directory.groups[wanted].members if wanted in self.directory.groups else set()
            return lambda person: person.id in members
        if name == "group_id":
            return lambda person: str(objects.group_id(person)) == wanted
        return None

    def _user_row(self, fields: str) -> Callable[[str], bytes]:
        asked = {"id", *fields.split(",")} if fields and not self.fields_ignored else objects.LISTED
        people = self.directory.people

        def render(person_id: str) -> bytes:
            row = objects.user(people[person_id], self._roles.get(person_id, []))
            return orjson.dumps({key: value for key, value in row.items() if key in asked})

        def stamp(person_id: str) -> Any:
            return people[person_id].revision, self._roles.get(person_id)

        return self._memory.rows(("user", frozenset(asked)), stamp, render)

    def user(self, visit: Visit) -> Answer:
        person = self.directory.people.get(str(visit.ident))
        if person is None or person.status is Status.GONE or person.id in self.sight.out_of_scope:
            raise Refusal(
                objects.named_error(404, "NotFoundError", "The resource with the given id could not be found")
            )
        row = objects.user(person, self._roles.get(person.id, []))
        return Answer(body=orjson.dumps(row), headers=[JSON])

    def app_users(self, visit: Visit) -> Answer:
        app = self.directory.apps.get(str(visit.ident))
        if app is None:
            raise Refusal(objects.named_error(404, "NotFoundError", "App could not be found"))
        people = self.directory.people
        ids = self.sight.people(sorted(self.directory.assigned(app)), self.directory)
        keys = ("id", "username", "email", "firstname", "lastname")
        rows = [{key: objects.user(people[i], [])[key] for key in keys} for i in ids]
        return Answer(body=orjson.dumps(rows), headers=[JSON])

    # ---- roles

    def roles(self, visit: Visit) -> Answer:
        args, groups = visit.request.args, self.directory.groups
        unknown = sorted(name for name in args if name not in ROLE_FILTERS)
        if unknown:
            said = f"query parameter(s) not allowed: {', '.join(unknown)}"
            raise Refusal(objects.described_error(400, "BadRequestError", said))

        def ids() -> tuple[list[str], int]:
            wanted = args.get("role_name") or args.get("name")
            found = [i for i in sorted(groups) if not wanted or _like(groups[i].name, f"*{wanted}*")]
            seen = self.sight.groups(found)
            return self.sight.share("groups.list", seen), len(seen)

        def row(role_id: str) -> bytes:
            return orjson.dumps(objects.role(groups[role_id], users=self.roles_with_users))

        return v2(visit, self._memory, ids, row, (50, 650))

    def _role(self, visit: Visit) -> Group:
        role = self.directory.groups.get(str(visit.ident))
        if role is None or not self.sight.groups([role.id]):
            raise Refusal(objects.described_error(404, "NotFoundError", "Role not found"))
        return role

    def role(self, visit: Visit) -> Answer:
        body = orjson.dumps(objects.role(self._role(visit), users=False))
        return Answer(body=body, headers=[JSON])

    def role_users(self, visit: Visit) -> Answer:
        role = self._role(visit)
        people = self.directory.people

        def ids() -> tuple[list[str], int]:
            number = int(role.id)
            found = [i for i in role.members if number in self._roles.get(i, ())]
            found = sorted(i for i in found if self.sight.may_see(i, self.directory))
            found += [person.id for person in self.sight.strangers.get(role.id, ())]
            return self.sight.share("members", found), len(found)

        return v2(
            visit, self._memory, ids, lambda i: orjson.dumps(objects.role_user(i, people.get(i))), (50, 100)
        )

    # ---- groups, and the rest of API v1

    def groups_v2(self, visit: Visit) -> Answer:
        if not self.groups_on_v2:
            raise Refusal(objects.described_error(404, "NotFoundError", "Not found"))
        numbers = [str(number) for number in range(len(objects.GROUP_NAMES))]
        return v2(
            visit,
            self._memory,
            lambda: (numbers, len(numbers)),
            lambda number: orjson.dumps(objects.group(int(number))),
            (50, 100),
        )

    def groups_v1(self, visit: Visit) -> Answer:
        return v1(visit, [objects.group(number) for number in range(len(objects.GROUP_NAMES))])

    def users_v1(self, visit: Visit) -> Answer:
        people = self.directory.people
        rows = []
        for person_id in self._user_ids({}):
            roles = self._roles.get(person_id)
            row = objects.user(people[person_id], roles or [])
            rows.append({**row, "openid_name": "", "locale_code": None, "role_id": roles})
        return v1(visit, rows)

    def roles_v1(self, visit: Visit) -> Answer:
        groups = self.directory.groups
        return v1(visit, [objects.role(groups[i], users=False) for i in self.sight.groups(sorted(groups))])

    def apps_v1(self, visit: Visit) -> Answer:
        return v1(visit, [{"id": int(app.id), "name": app.label} for app in self.directory.apps.values()])

    def attributes_v1(self, _visit: Visit) -> Answer:
        return objects.envelope([["photo"]], paged=False)

    def events(self, visit: Visit) -> Answer:
        args = visit.request.args
        if self.events_denied:
            raise Refusal(objects.v1_error(401, "Unauthorized", "Insufficient Permission"))
        since, until = _moment(args.get("since", "1970-01-01")), _moment(args.get("until", "9999-01-01"))
        wanted = {int(number) for number in args.get("event_type_id", "").split(",") if number}
        skew_s = self.clock.skew_s
        found = [e for e in self.directory.events if since <= e.at + skew_s < until]
        rows = [objects.event(e, self.account_id) for e in found]
        return v1(visit, [row for row in rows if not wanted or row["event_type_id"] in wanted])

    def event_types(self, _visit: Visit) -> Answer:
        types = sorted(set(objects.EVENT_TYPES.values()))
        rows = [{"id": number, "name": f"EVENT_{number}", "description": None} for number in types]
        return objects.envelope(rows, paged=False)


def _moment(text: str) -> float:
    try:
        return parse_iso(text)
    except ValueError:
        raise Refusal(objects.named_error(400, "BadRequestError", f"{text} is no time")) from None


def _within(name: str, at: float) -> Callable[[Person], bool]:
    """A test of created_since, updated_until and their like."""
    is_update = name.startswith("updated")

    def stamp(person: Person) -> float:
        return person.updated_at if is_update else person.created_at

    if name.startswith("last_login"):
        return lambda _person: False  # nobody here has signed in
    return lambda person: stamp(person) >= at if name.endswith("since") else stamp(person) <= at


def _like(value: Any, pattern: str) -> bool:
    """A text and a pattern in which `*` stands for anything."""
    text, wanted = str(value or "").lower(), pattern.lower()
    if "*" not in wanted:
        return text == wanted
    return wanted.strip("*") in text
