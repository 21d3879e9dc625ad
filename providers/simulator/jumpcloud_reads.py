"""The reads of JumpCloud's API v1 and v2: lists by skip and limit, single objects, graph lists."""

import random
from collections.abc import Callable
from typing import Any

import orjson

from providers.simulator import jumpcloud_objects as objects
from providers.simulator.calls import Refusal, Visit
from providers.simulator.directory import App, Directory, Group, Person, Status
from providers.simulator.jumpcloud_filters import BadFilter, parse, tree
from providers.simulator.memory import Memory
from providers.simulator.sight import Sight
from providers.simulator.wire import JSON, Answer

LIMIT = 10
MOST = 100
MOST_SEARCHED = 1000
GHOST = ""
"""In a list of members: somebody deleted, who still takes a place and is counted."""


def not_found(what: str) -> Refusal:
    """404 for an id nobody has."""
    return Refusal(objects.error(404, f"Not Found: {what} not found"))


class Reads:
    """Answers each operation from one directory, as far as its caller sees it."""

    def __init__(self, *, directory: Directory, org_id: str) -> None:
        self.directory, self.org_id = directory, org_id
        self.sight = Sight()
        self.ghosts = 0
        self._memory = Memory()
        self._served = 0
        self._endpoints: dict[str, Callable[[Visit], Answer]] = {
            "users.list": self.users,
            "users.get": self.user,
            "users.search": self.search,
            "users.groups": self.groups_of,
            "orgs.list": self.organizations,
            "apps.list": self.apps,
            "groups.list": self.groups,
            "groups.get": self.group,
            "members": self.members,
            "membership": self.membership,
            "apps.users": self.app_users,
            "apps.groups": self.app_groups,
        }

    def serve(self, visit: Visit) -> Answer:
        """The answer to an allowed call. Raises Refusal."""
        self._served += 1
        self._memory.refresh((self.directory.revision, self.sight.revision, self.ghosts))
        try:
            return self._endpoints[visit.op](visit)
        except BadFilter:
            raise Refusal(objects.error(400, "Bad Request: invalid filter")) from None

    # ---- system users, by API v1

    def users(self, visit: Visit) -> Answer:
        args = visit.request.args
        skip, limit = window(args, MOST)
        row = self._user_row(args.get("fields", ""))
        # what is not sorted comes in another order every time: only a sorted page is the same twice
        key: tuple[Any, ...] = (
            "users",
            skip,
            limit,
            args.get("sort"),
            args.get("filter"),
            args.get("fields"),
        )
        if args.get("sort", "").lstrip("-") not in ("_id", "id"):
            key = (*key, str(self._served))
        body, _ = self._memory.page(key, lambda: (self._v1_page(args, skip, limit, row), None))
        return Answer(body=body, headers=[JSON])

    def _v1_page(self, args: dict[str, str], skip: int, limit: int, row: Callable[[str], bytes]) -> bytes:
        ids = self._memory.list(("users", args.get("filter")), lambda: self._user_ids(args.get("filter")))
        shown = self.sight.share("users.list", self._ordered(ids, args.get("sort", "")))
        rows = b",".join(map(row, shown[skip : skip + limit]))
        return b'{"totalCount":%d,"results":[%b]}' % (len(ids), rows)

    def _user_ids(self, filter: str | None) -> list[str]:
        people = self.directory.people
        found = sorted(i for i, person in people.items() if person.status is not Status.GONE)
        if filter:
            keep = parse(filter, mark="$")
            found = [i for i in found if keep(objects.user(people[i], self.org_id))]
        return self.sight.people(found, self.directory)

    def _ordered(self, ids: list[str], sort: str) -> list[str]:
        name = sort.lstrip("-").split(" ")[0]
        if name in ("_id", "id"):
            return ids[::-1] if sort.startswith("-") else ids
        shuffled = list(ids)
        random.Random(self._served).shuffle(shuffled)
        if name:
            people = self.directory.people
            shuffled.sort(
                key=lambda i: str(objects.user(people[i], self.org_id).get(name)), reverse=sort[0] == "-"
            )
        return shuffled

    def _user_row(self, fields: str) -> Callable[[str], bytes]:
        wanted = {"_id", "id", *fields.split()} if fields else None
        people = self.directory.people

        def render(person_id: str) -> bytes:
            row = objects.user(people[person_id], self.org_id)
            return orjson.dumps({k: v for k, v in row.items() if k in wanted} if wanted else row)

        return self._memory.rows(("user", fields), lambda i: people[i].revision, render)

    def user(self, visit: Visit) -> Answer:
        return Answer(body=self._user_row("")(self._person(visit).id), headers=[JSON])

    def _person(self, visit: Visit) -> Person:
        person = self.directory.people.get(str(visit.ident))
        if person is None or person.status is Status.GONE or person.id in self.sight.out_of_scope:
            raise not_found("user")
        return person

    def search(self, visit: Visit) -> Answer:
        asked = orjson.loads(visit.request.body or b"{}")
        skip, limit = int(asked.get("skip", 0)), int(asked.get("limit", LIMIT))
        if limit > MOST_SEARCHED:
            raise Refusal(objects.error(400, over("limit", MOST_SEARCHED)))
        keep, people = tree(asked.get("filter")), self.directory.people
        ids = [i for i in self._user_ids(None) if keep(objects.user(people[i], self.org_id))]
        term = asked.get("searchFilter", {})
        if term.get("searchTerm"):
            ids = [i for i in ids if self._mentions(i, str(term["searchTerm"]), term.get("fields", []))]
        shown = self._ordered(ids, str(asked.get("sort", "")))[skip : skip + limit]
        rows = b",".join(map(self._user_row(str(asked.get("fields", ""))), shown))
        return Answer(body=b'{"totalCount":%d,"results":[%b]}' % (len(ids), rows), headers=[JSON])

    def _mentions(self, person_id: str, term: str, fields: list[str]) -> bool:
        row = objects.user(self.directory.people[person_id], self.org_id)
        return any(term.lower() in str(row.get(name, "")).lower() for name in fields)

    # ---- organisations and applications, by API v1

    def organizations(self, _visit: Visit) -> Answer:
        row = {
            "_id": self.org_id,
            "id": self.org_id,
            "displayName": None,
            "logoUrl": None,
            "created": "2021-02-12T17:45:42.369Z",
        }
        return Answer(body=orjson.dumps({"totalCount": 1, "results": [row]}), headers=[JSON])

    def apps(self, visit: Visit) -> Answer:
        skip, limit = window(visit.request.args, MOST)
        rows = [objects.app(app) for app in self.directory.apps.values()]
        body = {"totalCount": len(rows), "results": rows[skip : skip + limit]}
        return Answer(body=orjson.dumps(body), headers=[JSON])

    # ---- groups and the graph, by API v2

    def groups(self, visit: Visit) -> Answer:
        groups = self.directory.groups
        args = visit.request.args

        def ids() -> list[str]:
            found = sorted(groups)
            if "filter" in args:
                keep = parse(args["filter"], mark="")
                found = [i for i in found if keep(objects.group(groups[i], self.org_id))]
            return self.sight.groups(found)

        found = self._memory.list(("groups", args.get("filter")), ids)
        sort = args.get("sort", "")
        if sort.lstrip("-") in ("name", "id"):
            found = sorted(
                found,
                key=lambda i: (groups[i].name, i) if "name" in sort else ("", i),
                reverse=sort[0] == "-",
            )
        else:
            found = list(found)
            random.Random(self._served).shuffle(found)
        answer = self._v2_page(visit, found, self._group_row(), "groups.list")
        skip, limit = window(args, MOST)
        if skip + limit < len(found):
            onward = f"/api/v2/usergroups?limit={limit}&skip={skip + limit}&sort={sort}"
            link = f'<http://{visit.request.host}{onward}>; rel="next"'
            answer.headers.append((b"link", link.encode()))
        return answer

    def _group_row(self) -> Callable[[str], bytes]:
        groups = self.directory.groups
        return self._memory.rows(
            "group",
            lambda i: (groups[i].revision, groups[i].name),
            lambda i: orjson.dumps(objects.group(groups[i], self.org_id)),
        )

    def _group(self, visit: Visit) -> Group:
        group = self.directory.groups.get(str(visit.ident))
        if group is None or not self.sight.groups([group.id]):
            raise not_found("group")
        return group

    def group(self, visit: Visit) -> Answer:
        return Answer(body=self._group_row()(self._group(visit).id), headers=[JSON])

    def members(self, visit: Visit) -> Answer:
        group = self._group(visit)

        def row(person_id: str) -> bytes:
            return orjson.dumps(objects.member(person_id, group.id))

        return self._v2_page(visit, self._member_ids(group), row, "members")

    def _member_ids(self, group: Group) -> list[str]:
        def ids() -> list[str]:
            found = sorted(i for i in group.members if self.sight.may_see(i, self.directory))
            found += [person.id for person in self.sight.strangers.get(group.id, ())]
            middle = len(found) // 2
            return [*found[:middle], *[GHOST] * self.ghosts, *found[middle:]] if found else found

        return self._memory.list(("members", group.id), ids)

    def membership(self, visit: Visit) -> Answer:
        group = self._group(visit)
        return self._v2_page(
            visit,
            [i for i in self._member_ids(group) if i],
            lambda i: orjson.dumps(objects.bound(i, "user", group.id)),
            "members",
        )

    def groups_of(self, visit: Visit) -> Answer:
        groups = self.directory.groups_of(self._person(visit).id)
        ids = self.sight.groups([group.id for group in groups])
        return self._v2_page(
            visit, ids, lambda i: orjson.dumps(objects.bound(i, "user_group", None)), "users.groups"
        )

    def app_users(self, visit: Visit) -> Answer:
        app = self._app(visit)
        ids = self.sight.people(sorted(self.directory.assigned(app)), self.directory)
        return self._v2_page(visit, ids, lambda i: orjson.dumps(objects.bound(i, "user", None)), "apps.users")

    def app_groups(self, visit: Visit) -> Answer:
        ids = sorted(self._app(visit).groups)
        return self._v2_page(
            visit, ids, lambda i: orjson.dumps(objects.bound(i, "user_group", None)), "apps.groups"
        )

    def _app(self, visit: Visit) -> App:
        app = self.directory.apps.get(str(visit.ident))
        if app is None:
            raise not_found("application")
        return app

    def _v2_page(self, visit: Visit, ids: list[str], row: Callable[[str], bytes], op: str) -> Answer:
        """A bare array; who was deleted leaves nothing, null, or a row without anybody in it."""
        skip, limit = window(visit.request.args, MOST)
        shown = self.sight.share(op, ids)[skip : skip + limit]
        rows = [row(ident) if ident else left for ident, left in zip(shown, _left(shown), strict=True)]
        body = b"[" + b",".join(filter(None, rows)) + b"]"
        return Answer(body=body, headers=[JSON, (b"x-total-count", b"%d" % len(ids))])


def _left(shown: list[str]) -> list[bytes]:
    """What stands in the place of each ghost: nothing, null, and an association with nobody, in turn."""
    forms = (b"", b"null", b'{"to":null,"attributes":null}')
    return [forms[number % 3] for number in range(len(shown))]


def over(name: str, most: int) -> str:
    """The vendor's text for a number too large."""
    return f'Bad Request: request parameter "{name}" exceeds maximum value of {most}'


def window(args: dict[str, Any], most: int) -> tuple[int, int]:
    """Skip and limit of a list; 10 rows when nobody says."""
    try:
        skip, limit = int(args.get("skip", 0)), int(args.get("limit", LIMIT))
    except ValueError:
        raise Refusal(objects.error(400, "Bad Request: skip and limit are numbers")) from None
    if limit > most:
        raise Refusal(objects.error(400, over("limit", most)))
    return max(0, skip), max(1, limit)
