"""The reads of Okta's management API: lists in pages, single objects, and the log."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from providers.simulator import okta_objects as objects
from providers.simulator import okta_search as search
from providers.simulator.clock import Clock, parse_iso
from providers.simulator.directory import Directory, Group, Person, Status
from providers.simulator.filters import BadFilter, Predicate, Rules, parse
from providers.simulator.memory import Memory
from providers.simulator.okta_calls import Call, Failed, missing
from providers.simulator.sight import Sight
from providers.simulator.wire import JSON, Answer, Headers

_CURSOR = re.compile(r"0?((?:00[ug]|0oa)[0-9A-Za-z]{17})(?:\.[0-9a-z]+)?")
_OMIT = re.compile(rb'okta-response\s*=\s*"?[^"]*omitCredentials', re.IGNORECASE)
LOG_KEPT_S = 90 * 86_400.0
_PAGING = frozenset({"after", "limit", "expand", "fields"})


class Reads:
    """Answers each operation from one directory, as far as its caller sees it."""

    def __init__(self, *, directory: Directory, clock: Clock) -> None:
        self.directory, self.clock = directory, clock
        self.sight = Sight()
        self.base_url = "http://127.0.0.1"
        self.log_kept_s = LOG_KEPT_S
        self.log_late_s = 0.0
        self._page_of: dict[tuple[str, str], int] = {}
        self._memory = Memory()
        self._endpoints: dict[str, Callable[[Call], Answer]] = {
            "users.list": self.users,
            "users.get": self.user,
            "users.groups": self.user_groups,
            "groups.list": self.groups,
            "groups.get": self.group,
            "members": self.members,
            "apps.list": self.apps,
            "apps.get": self.app,
            "apps.users": self.app_users,
            "apps.groups": self.app_groups,
            "logs": self.logs,
        }

    def serve(self, call: Call) -> Answer:
        """The answer to an allowed call. Failed or BadFilter when there is none."""
        known = (self.directory.revision, self.sight.revision)
        self._memory.refresh(known, is_stable=self.sight.is_stable)
        return self._endpoints[call.op](call)

    def name_page(self, path: str, after: str, page: int) -> None:
        """Remember which page a cursor leads to."""
        self._page_of[(path, after)] = page

    def page_of(self, path: str, after: str) -> int:
        """Which page this cursor leads to; one that was never handed out counts as the second."""
        return self._page_of.get((path, after), 2)

    @staticmethod
    def _json(body: Any) -> Answer:
        return Answer(body=orjson.dumps(body), headers=[JSON])

    def users(self, call: Call) -> Answer:
        def ids() -> list[str]:
            args = call.request.args
            if "search" in args:
                return self._searched_users(args)
            people = self.directory.people
            if "filter" in args:
                keep = parse(args["filter"], search.USER_FILTER)
                found = sorted(i for i, person in people.items() if keep(person))
            elif "q" in args:
                found = sorted(i for i, person in people.items() if _begins(person, args["q"].lower()))
            else:
                found = sorted(i for i, person in people.items() if person.status is not Status.GONE)
            return self.sight.share("users.list", self.sight.people(found, self.directory))

        default = 10 if "q" in call.request.args else 200
        prefix = "" if "search" in call.request.args else "0"
        return self._page(call, ids, self._user_row(call), default=default, most=200, prefix=prefix)

    def _searched_users(self, args: dict[str, str]) -> list[str]:
        people = self._indexed_people()
        ids = _sorted_ids(people, args, search.USER_SEARCH)
        return self.sight.share("users.list", self.sight.people(ids, self.directory))

    def _indexed_people(self) -> dict[str, Person]:
        """The people as the search index knows them, which may be some seconds ago."""
        people = self.directory.people
        if not self.sight.index_lag_s:
            return people
        since, older = self.clock.now() - self.sight.index_lag_s, dict(people)
        for person_id, (changed_at, image) in self.directory.before.items():
            if changed_at > since:
                if image is None:
                    older.pop(person_id, None)
                else:
                    older[person_id] = image
        return older

    def _user_row(self, call: Call) -> Callable[[str], bytes]:
        bare = _OMIT.search(call.request.headers.get(b"content-type", b"")) is not None
        fields = call.request.args.get("fields", "") if call.request.query else ""
        searched = "search" in call.request.args and self.sight.index_lag_s > 0
        people = self._indexed_people() if searched else self.directory.people

        def render(person_id: str) -> bytes:
            row = objects.user(people[person_id], self.base_url, bare=bare)
            return orjson.dumps(objects.project(row, fields) if fields else row)

        if searched or fields:
            return render
        return self._memory.rows((self.base_url, "user", bare), lambda i: people[i].revision, render)

    def _page(
        self,
        call: Call,
        ids: Callable[[], list[str]],
        row: Callable[[str], bytes],
        *,
        default: int,
        most: int,
        least: int = 1,
        prefix: str = "",
    ) -> Answer:
        """One page of a list, with its Link lines; made once and then remembered until something changes."""
        request = call.request
        key = (request.path, request.query, request.headers.get(b"content-type"))
        body, after = self._memory.page(
            key, lambda: self._make_page(call, ids, row, (default, most, least), prefix)
        )
        answer = Answer(body=body, headers=[JSON])
        answer.headers += self._links(call, after)
        return answer

    def _make_page(
        self,
        call: Call,
        ids: Callable[[], list[str]],
        row: Callable[[str], bytes],
        bounds: tuple[int, int, int],
        prefix: str,
    ) -> tuple[bytes, str | None]:
        limit = self._limit(call.request.args, *bounds)
        key = (call.request.path, *(sorted((k, v) for k, v in call.request.args.items() if k not in _PAGING)))
        everything = self._memory.list(key, ids)
        start = self._start(everything, call.request.args)
        chunk = everything[start : start + limit]
        body = b"[" + b",".join(map(row, chunk)) + b"]"
        if start + limit >= len(everything) or "q" in call.request.args:
            return body, None
        after = prefix + chunk[-1]
        self.name_page(call.request.path, after, call.page + 1)
        return body, after

    def _start(self, ids: Sequence[str], args: dict[str, str]) -> int:
        if "after" not in args:
            return 0
        match = _CURSOR.fullmatch(args["after"])
        if match is None:
            raise Failed("E0000001", "Api validation failed: after", "after: The cursor is not valid.")
        if "sortBy" in args:
            return ids.index(match[1]) + 1 if match[1] in ids else len(ids)
        return bisect_right(ids, match[1])

    def _limit(self, args: dict[str, str], default: int, most: int, least: int) -> int:
        text = args.get("limit", str(default))
        if not text.isdecimal() or int(text) < 1:
            raise Failed(
                "E0000001",
                "Api validation failed: limit",
                "limit: The limit must be a positive whole number.",
            )
        return max(least, min(int(text), most))

    def _links(self, call: Call, after: str | None) -> Headers:
        base = f"http://{call.request.host}" if call.request.host else self.base_url
        here = f"{base}{call.request.path}"
        query = call.request.query.decode("latin-1")
        lines = [(b"link", f'<{here}{"?" + query if query else ""}>; rel="self"'.encode("latin-1"))]
        if after is not None:
            kept = [part for part in query.split("&") if part and not part.startswith("after=")]
            joined = "&".join([f"after={after}", *kept])
            lines.append((b"link", f'<{here}?{joined}>; rel="next"'.encode("latin-1")))
        return lines

    def user(self, call: Call) -> Answer:
        person = self._find_person(str(call.ident))
        if person is None:
            raise missing(call.ident, "User")
        return Answer(body=self._user_row(call)(person.id), headers=[JSON])

    def _find_person(self, ident: str) -> Person | None:
        person = self.directory.people.get(ident)
        if person is None:
            folded = ident.casefold()
            person = next((p for p in self.directory.people.values() if p.login.casefold() == folded), None)
        return person if person is not None and self.sight.may_see(person.id, self.directory) else None

    def user_groups(self, call: Call) -> Answer:
        person = self._find_person(str(call.ident))
        if person is None:
            raise missing(call.ident, "User")
        ids = self.sight.groups([group.id for group in self.directory.groups_of(person.id)])
        row = self._group_row(stats=False)
        return Answer(body=b"[" + b",".join(map(row, ids)) + b"]", headers=[JSON])

    def groups(self, call: Call) -> Answer:
        def ids() -> list[str]:
            args, groups = call.request.args, self.directory.groups
            if "search" in args:
                found = _sorted_ids(groups, args, search.GROUP_SEARCH)
            else:
                keep = self._group_test(args)
                found = sorted(i for i, group in groups.items() if keep(group))
            return self.sight.share("groups.list", self.sight.groups(found))

        stats = "stats" in call.request.args.get("expand", "").split(",")
        return self._page(call, ids, self._group_row(stats=stats), default=10_000, most=10_000)

    def _group_test(self, args: dict[str, str]) -> Predicate:
        if "filter" in args:
            rules = search.GROUP_FILTER
            if self.sight.membership_lag_s:
                readers = {**rules.readers, "lastMembershipUpdated": self._members_updated_at}
                rules = Rules(readers=readers, operators=rules.operators)
            return parse(args["filter"], rules)
        if "q" in args:
            return lambda group: group.name.lower().startswith(args["q"].lower())
        return lambda _group: True

    def _members_updated_at(self, group: Group) -> int:
        if self.clock.now() - group.members_updated_at < self.sight.membership_lag_s:
            return group.members_updated_before
        return group.members_updated_at

    def _group_row(self, *, stats: bool) -> Callable[[str], bytes]:
        def render(group_id: str) -> bytes:
            item = self.directory.groups[group_id]
            at = self._members_updated_at(item)
            return orjson.dumps(objects.group(item, self.base_url, stats=stats, members_updated_at=at))

        def stamp(group_id: str) -> Any:
            item = self.directory.groups[group_id]
            return item.revision, self._members_updated_at(item)

        return self._memory.rows((self.base_url, "group", stats), stamp, render)

    def _group_of(self, call: Call) -> Group:
        item = self.directory.groups.get(str(call.ident))
        if item is None or not self.sight.groups([item.id]):
            raise missing(call.ident, "UserGroup")
        return item

    def group(self, call: Call) -> Answer:
        stats = "stats" in call.request.args.get("expand", "").split(",")
        return Answer(body=self._group_row(stats=stats)(self._group_of(call).id), headers=[JSON])

    def members(self, call: Call) -> Answer:
        item = self._group_of(call)
        strangers = {person.id: person for person in self.sight.strangers.get(item.id, ())}
        known = self._user_row(call)

        def row(person_id: str) -> bytes:
            if person_id in strangers:
                return orjson.dumps(objects.user(strangers[person_id], self.base_url, bare=True))
            return known(person_id)

        def ids() -> list[str]:
            seen = [i for i in item.members if self.sight.may_see(i, self.directory)]
            return self.sight.share("members", sorted([*seen, *strangers]))

        return self._page(call, ids, row, default=1000, most=1000)

    def apps(self, call: Call) -> Answer:
        def row(app_id: str) -> bytes:
            return orjson.dumps(objects.app(self.directory.apps[app_id], self.base_url))

        return self._page(call, lambda: sorted(self.directory.apps), row, default=20, most=200)

    def _app_of(self, call: Call) -> Any:
        item = self.directory.apps.get(str(call.ident))
        if item is None:
            raise missing(call.ident, "AppInstance")
        return item

    def app(self, call: Call) -> Answer:
        return self._json(objects.app(self._app_of(call), self.base_url))

    def app_users(self, call: Call) -> Answer:
        item, people = self._app_of(call), self.directory.people
        expand = call.request.args.get("expand") == "user"

        def row(person_id: str) -> bytes:
            person = people[person_id]
            embed = objects.user(person, self.base_url, bare=False) if expand else None
            return orjson.dumps(objects.app_user(item, person, self.base_url, embed=embed))

        def ids() -> list[str]:
            found = sorted(self.directory.assigned(item))
            if "q" in call.request.args:
                found = [i for i in found if _begins(people[i], call.request.args["q"].lower())]
            return self.sight.share("apps.users", self.sight.people(found, self.directory))

        return self._page(call, ids, row, default=50, most=500)

    def app_groups(self, call: Call) -> Answer:
        item, groups = self._app_of(call), self.directory.groups
        expand = call.request.args.get("expand") == "group"

        def row(group_id: str) -> bytes:
            group = groups[group_id]
            embed = None
            if expand:
                at = self._members_updated_at(group)
                embed = objects.group(group, self.base_url, stats=False, members_updated_at=at)
            return orjson.dumps(objects.app_group(item, group, self.base_url, embed=embed))

        return self._page(call, lambda: sorted(item.groups), row, default=20, most=200, least=20)

    def logs(self, call: Call) -> Answer:
        args, events = call.request.args, self.directory.events
        if "since" in args and "after" in args:
            raise Failed("E0000001", "Api validation failed: since")
        start = int(args["after"]) if args.get("after", "").isdecimal() else 0
        limit = self._limit(args, 100, 1000, 1)
        try:
            since, until = (
                parse_iso(args.get("since", "1970-01-01")),
                parse_iso(args.get("until", "9999-01-01")),
            )
        except ValueError:
            raise Failed("E0000001", "Api validation failed: since") from None
        oldest, newest = self.clock.now() - self.log_kept_s, self.clock.now() - self.log_late_s
        found = [e for e in events[start:] if since <= e.at < until and oldest <= e.at <= newest]
        if args.get("sortOrder", "ASCENDING").upper() == "DESCENDING":
            found.reverse()
        chunk = found[:limit]
        answer = self._json([objects.log_event(event, self.directory) for event in chunk])
        # polling never ends: without `until` there is always a next link
        ends = "until" in args and len(found) <= limit
        after = None if ends else str(chunk[-1].number if chunk else max(start, len(events)))
        answer.headers += self._links(call, after)
        return answer


def _begins(person: Person, prefix: str) -> bool:
    return any(
        (text or "").lower().startswith(prefix)
        for text in (person.first_name, person.last_name, person.email)
    )


def _sorted_ids(rows: dict[str, Any], args: dict[str, str], rules: Rules) -> list[str]:
    keep = parse(args["search"], rules)
    found = sorted(i for i, row in rows.items() if keep(row))
    if "sortBy" in args:
        read = search.sort_reader(args["sortBy"], rules)
        if read is None:
            raise BadFilter(f"cannot sort by {args['sortBy']}")
        found.sort(key=lambda i: str(read(rows[i])), reverse=args.get("sortOrder", "asc").lower() == "desc")
    return found
