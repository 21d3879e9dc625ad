"""The reads of Microsoft Graph: lists in pages, single objects, members, assignments and photos."""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from providers.simulator import azure_objects as objects
from providers.simulator.azure_calls import CAST_APP, Call, pack
from providers.simulator.azure_objects import GRAPH_JSON, JPEG, Failed
from providers.simulator.azure_sight import AzureSight
from providers.simulator.clock import Clock
from providers.simulator.directory import App, Directory, Group, Person, Status
from providers.simulator.memory import Memory
from providers.simulator.wire import Answer

MOST = 999
USUAL = 100
_ENABLED = re.compile(r"accountEnabled eq (true|false)")
_IDS = re.compile(r"id eq '([^']+)'")
_UPN = re.compile(r"userPrincipalName eq '([^']+)'")


class Reads:
    """Answers each operation from one directory, as far as its caller sees it."""

    def __init__(self, *, directory: Directory, clock: Clock, tenant_id: str) -> None:
        self.directory, self.clock, self.tenant_id = directory, clock, tenant_id
        self.sight = AzureSight()
        self._memory = Memory()
        self._endpoints: dict[str, Callable[[Call], Answer]] = {
            "users.list": self.users,
            "users.get": self.user,
            "users.groups": self.groups_of,
            "groups.list": self.groups,
            "groups.get": self.group,
            "members": self.members,
            "apps.list": self.apps,
            "apps.get": self.app,
            "apps.users": self.assignments,
            "photo": self.photo,
            "photo.bytes": self.photo_bytes,
            "deleted": self.deleted,
            "org": self.organization,
        }

    def serve(self, call: Call) -> Answer:
        """The answer to an allowed call. Failed when there is none."""
        known = (self.directory.revision, self.sight.revision)
        self._memory.refresh(known, is_stable=self.sight.is_stable)
        return self._endpoints[call.op](call)

    @staticmethod
    def _json(body: Any) -> Answer:
        return Answer(body=orjson.dumps(body), headers=[GRAPH_JSON])

    # ---- rows

    def user_row(self, select: str) -> Callable[[str], bytes]:
        """Renders a person with the selected properties, and remembers it until she changes."""
        wanted = selected(select)

        def render(person_id: str) -> bytes:
            return orjson.dumps(projected(objects.user(self.directory.people[person_id]), wanted))

        return self._memory.rows(("user", select), lambda i: self.directory.people[i].revision, render)

    def _group_row(self, select: str) -> Callable[[str], bytes]:
        wanted = None if select in ("", "*") else set(select.split(","))

        def render(group_id: str) -> bytes:
            item = self.directory.groups[group_id]
            return orjson.dumps(projected(objects.group(item, hidden=self._hides(item)), wanted))

        def stamp(group_id: str) -> int:
            return self.directory.groups[group_id].revision + 1_000_000 * self.sight.revision

        return self._memory.rows(("group", select), stamp, render)

    def _member_row(self, select: str) -> Callable[[str], bytes]:
        person_row = self.user_row(select)
        group_row = self._group_row("id,displayName")

        def row(ident: str) -> bytes:
            if ident in self.directory.people:
                return b'{"@odata.type":"#microsoft.graph.user",' + person_row(ident)[1:]
            if ident in self.directory.groups:
                return b'{"@odata.type":"#microsoft.graph.group",' + group_row(ident)[1:]
            kind = "user" if len(ident) == 36 else ident.partition(":")[0]
            return orjson.dumps(
                {"@odata.type": f"#microsoft.graph.{kind}", "id": ident.partition(":")[2] or ident}
            )

        return row

    # ---- pages

    def _page(self, call: Call, ids: Callable[[], list[str]], row: Callable[[str], bytes]) -> Answer:
        """One page of a list; made once and then remembered until something changes."""
        request = call.request
        key = (request.path, request.query, request.host, call.is_eventual)
        head, rest = self._memory.page(key, lambda: self._make_page(call, ids, row))
        return Answer(body=head + rest, headers=[GRAPH_JSON])

    def _make_page(
        self, call: Call, ids: Callable[[], list[str]], row: Callable[[str], bytes]
    ) -> tuple[bytes, bytes]:
        args = call.request.args
        if "$skip" in args:
            raise Failed("Request_BadRequest")
        top = min(_top(call), self.sight.most_rows)
        filter_ = str(call.cursor.get("f", args.get("$filter", "")))
        key = (call.request.path, filter_, call.is_eventual)
        everything = self._memory.list(key, ids)
        start = bisect_right(everything, call.cursor["a"]) if "a" in call.cursor else 0
        chunk = everything[start : start + top]
        head: dict[str, Any] = {"@odata.context": f"{origin(call)}/v1.0/$metadata#directoryObjects"}
        if args.get("$count") == "true" and call.is_eventual and call.page == 1:
            # the count is of all, also where a list shows a part of them as if it were the whole
            head["@odata.count"] = round(len(everything) / self.sight.shares.get(call.op, 1.0))
        if start + top < len(everything):
            cursor = {"s": call.select, "t": top, "f": filter_, "a": chunk[-1], "p": call.page + 1}
            head["@odata.nextLink"] = link(call, "$skiptoken", pack(cursor))
        return orjson.dumps(head)[:-1] + b',"value":[', b",".join(map(row, chunk)) + b"]}"

    # ---- people

    def users(self, call: Call) -> Answer:
        def ids() -> list[str]:
            people = self._people(call)
            found = sorted(i for i, person in people.items() if person.status is not Status.GONE)
            found = [i for i in found if _keeps(call, people[i])]
            return self.sight.share("users.list", self.sight.people(found, self.directory))

        return self._page(call, ids, self.user_row(call.select))

    def _people(self, call: Call) -> dict[str, Person]:
        """The people as the store has them, or as the index did some seconds ago."""
        people = self.directory.people
        if not (self.sight.index_lag_s and call.is_eventual):
            return people
        since, older = self.clock.now() - self.sight.index_lag_s, dict(people)
        for person_id, (changed_at, image) in self.directory.before.items():
            if changed_at > since and image is None:
                older.pop(person_id, None)
        return older

    def user(self, call: Call) -> Answer:
        if call.request.method == "POST":
            return self._by_ids(call)
        return Answer(body=self.user_row(call.select)(self.person(call).id), headers=[GRAPH_JSON])

    def person(self, call: Call) -> Person:
        """The person a path names by id or userPrincipalName. Failed for nobody."""
        ident = str(call.ident)
        person = self.directory.people.get(ident)
        if person is None:
            folded = ident.casefold()
            person = next((p for p in self.directory.people.values() if p.login.casefold() == folded), None)
        if (
            person is None
            or person.status is Status.GONE
            or not self.sight.may_see(person.id, self.directory)
        ):
            raise Failed("Request_ResourceNotFound", ident)
        return person

    def _by_ids(self, call: Call) -> Answer:
        body = orjson.loads(call.request.body or b"{}")
        ids = body.get("ids") if isinstance(body, dict) else None
        if not isinstance(ids, list) or len(ids) > 1000:
            raise Failed("Request_BadRequest")
        row = self._member_row("*")
        there = [i for i in map(str, ids) if self._is_there(i)]
        return Answer(body=b'{"value":[' + b",".join(map(row, there)) + b"]}", headers=[GRAPH_JSON])

    def _is_there(self, person_id: str) -> bool:
        person = self.directory.people.get(person_id)
        return (
            person is not None
            and person.status is not Status.GONE
            and self.sight.may_see(person_id, self.directory)
        )

    def deleted(self, call: Call) -> Answer:
        people = self.directory.people
        return self._page(
            call,
            lambda: sorted(i for i, person in people.items() if person.status is Status.GONE),
            self.user_row(call.select),
        )

    # ---- groups

    def shown_groups(self) -> list[str]:
        """Ids of the groups there are: nothing like a built-in group of everybody."""
        return sorted(i for i, group in self.directory.groups.items() if group.kind != "built_in")

    def groups(self, call: Call) -> Answer:
        def ids() -> list[str]:
            return self.sight.share("groups.list", self.sight.groups(self.shown_groups()))

        return self._page(call, ids, self._group_row(call.select))

    def _hides(self, item: Group) -> bool:
        return item.id in self.sight.hidden_members

    def group_named(self, call: Call) -> Group:
        """The group a path names. Failed for none."""
        item = self.directory.groups.get(str(call.ident))
        if item is None or item.kind == "built_in" or not self.sight.groups([item.id]):
            raise Failed("Request_ResourceNotFound", str(call.ident))
        return item

    def group(self, call: Call) -> Answer:
        return Answer(body=self._group_row(call.select)(self.group_named(call).id), headers=[GRAPH_JSON])

    def members(self, call: Call) -> Answer:
        item, path = self.group_named(call), call.request.path
        if item.id in self.sight.broken_members:
            raise Failed("Request_ResourceNotFound", "soft-deleted member")
        is_cast, is_deep = path.endswith("/microsoft.graph.user"), "/transitiveMembers" in path
        asked = call.request.args
        if (is_cast or "$filter" in asked or "$count" in asked) and not call.is_eventual:
            raise Failed("Request_UnsupportedQuery")

        def ids() -> list[str]:
            found = self._deep(item) if is_deep else {*item.members, *item.groups, *self._odd(item)}
            if is_cast:
                found = {i for i in found if i in self.directory.people}
            seen = {i for i in found if i not in self.directory.people or self._is_shown(call, i)}
            return self.sight.share("members", [] if self._hides(item) else sorted(seen))

        return self._page(call, ids, self._member_row(call.select))

    def _is_shown(self, call: Call, person_id: str) -> bool:
        person = self.directory.people[person_id]
        return (
            person.status is not Status.GONE
            and _keeps(call, person)
            and self.sight.may_see(person_id, self.directory)
        )

    def _odd(self, item: Group) -> Iterable[str]:
        strangers = [person.id for person in self.sight.strangers.get(item.id, ())]
        if item.id not in self.sight.mixed_members:
            return strangers
        return [*strangers, f"device:{item.id}", f"orgContact:{item.id}", f"servicePrincipal:{item.id}"]

    def _deep(self, item: Group) -> set[str]:
        found, todo, seen = set[str](), [item.id], set[str]()
        while todo:
            group = self.directory.groups.get(todo.pop())
            if group is not None and group.id not in seen:
                seen.add(group.id)
                found |= group.members | group.groups
                todo.extend(group.groups)
        return found

    def groups_of(self, call: Call) -> Answer:
        person, is_deep = self.person(call), "/transitiveMemberOf" in call.request.path
        if not call.is_eventual:
            raise Failed("Request_UnsupportedQuery")

        def holds(group: Group) -> bool:
            return person.id in (self._deep(group) if is_deep else group.members)

        groups = self.directory.groups
        return self._page(
            call, lambda: [i for i in self.shown_groups() if holds(groups[i])], self._group_row(call.select)
        )

    # ---- applications

    def apps(self, call: Call) -> Answer:
        found = re.fullmatch(r"appId eq '([^']+)'", call.request.args.get("$filter", ""))
        rows = [
            objects.service_principal(app)
            for app in self.directory.apps.values()
            if found is None or objects.app_id_of(app) == found[1]
        ]
        return self._json({"value": rows})

    def _app_named(self, call: Call) -> App:
        ident = str(call.ident)
        item = self.directory.apps.get(ident)
        if item is None:
            raise Failed("Request_ResourceNotFound", ident)
        return item

    def app(self, call: Call) -> Answer:
        return self._json(objects.service_principal(self._app_named(call)))

    def by_app_id(self, path: str) -> str:
        """A path that names an application by its client id, with the id of its service principal instead."""
        found = CAST_APP.search(path)
        if found is None:
            return path
        known = {objects.app_id_of(app): app.id for app in self.directory.apps.values()}
        return path.replace(found[0], "/" + known.get(found[1], found[1]))

    def assignments(self, call: Call) -> Answer:
        item, people, groups = self._app_named(call), self.directory.people, self.directory.groups

        def row(ident: str) -> bytes:
            if ident in people:
                return orjson.dumps(objects.assignment(item, ident, "User", people[ident].login))
            return orjson.dumps(objects.assignment(item, ident, "Group", groups[ident].name))

        def ids() -> list[str]:
            who = sorted(self.sight.people(sorted(item.people & set(people)), self.directory))
            return sorted(self.sight.share("apps.users", [*who, *sorted(item.groups & set(groups))]))

        return self._page(call, ids, row)

    # ---- photos and the organisation

    def _picture(self, call: Call) -> tuple[bytes, str]:
        person = self.person(call)
        if self.sight.photo == "no_mailbox":
            raise Failed("MailboxNotEnabledForRESTAPI")
        found = objects.picture(person)
        if found is None or self.sight.photo == "404":
            raise Failed("ImageNotFound")
        if self.sight.photo == "4MB":
            found += bytes(4 * 2**20)
        edition = self.sight.photo_edition
        return found, hashlib.sha256(b"%d" % edition + found).hexdigest()[:8].upper()

    def photo(self, call: Call) -> Answer:
        if self.sight.photo == "1x1":
            return self._json(objects.photo("", size="1x1", kind="image/gif"))
        return self._json(objects.photo(self._picture(call)[1]))

    def photo_bytes(self, call: Call) -> Answer:
        data, etag = self._picture(call)
        return Answer(body=data, headers=[JPEG, (b"etag", f'"{etag}"'.encode())])

    def organization(self, _call: Call) -> Answer:
        domain = {
            "name": "example.com",
            "isDefault": True,
            "isInitial": False,
            "type": "Managed",
            "capabilities": "Email",
        }
        told = {"id": self.tenant_id, "displayName": "Example", "verifiedDomains": [domain]}
        return self._json({"value": [told]})


def origin(call: Call) -> str:
    """Scheme and host as the caller named them."""
    return f"http://{call.request.host}"


def link(call: Call, name: str, token: str) -> str:
    """This call's own address with another token."""
    query = call.request.query.decode("latin-1")
    kept = [part for part in query.split("&") if part and not part.startswith(("$skiptoken", "$deltatoken"))]
    return f"{origin(call)}{call.request.path}?{'&'.join([*kept, f'{name}={token}'])}"


def _top(call: Call) -> int:
    text = str(call.cursor.get("t", call.request.args.get("$top", USUAL)))
    if not text.isdecimal() or int(text) < 1:
        raise Failed("Request_BadRequest")
    return min(int(text), MOST)


def _keeps(call: Call, person: Person) -> bool:
    """Whether the call's $filter keeps this person. Failed for a filter that is not understood."""
    text = str(call.cursor.get("f", call.request.args.get("$filter", "")))
    if not text:
        return True
    if found := _ENABLED.fullmatch(text):
        return (person.status in objects.ENABLED) is (found[1] == "true")
    if found := _UPN.fullmatch(text):
        return person.login.casefold() == found[1].casefold()
    if all(_IDS.fullmatch(part) for part in text.split(" or ")):
        return person.id in _IDS.findall(text)
    raise Failed("Request_UnsupportedQuery")


def selected(select: str) -> set[str] | None:
    """The properties of a person that are asked for; None for all. Failed for what a list cannot hold."""
    if select == "*":
        return None
    names = set(select.split(",")) if select else set(objects.USER_DEFAULTS)
    if odd := names & objects.OUT_OF_STORE:
        raise Failed("NotImplemented", min(odd))
    return names


def projected(row: dict[str, Any], wanted: set[str] | None) -> dict[str, Any]:
    """The row with the wanted keys only; id always comes."""
    return (
        row if wanted is None else {key: value for key, value in row.items() if key in wanted or key == "id"}
    )
