"""Okta on the wire: the management API's reads, with its paging, filters, headers, limits and errors."""

import random
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from providers.simulator import okta_objects as objects
from providers.simulator import okta_search as search
from providers.simulator.clock import Clock, parse_iso
from providers.simulator.directory import ALPHABET, Directory, Group, Person, Status
from providers.simulator.faults import Armed, Board, Kind
from providers.simulator.filters import BadFilter, Predicate, Rules, parse
from providers.simulator.okta_faults import OktaFaults
from providers.simulator.okta_oauth import AuthorizationServer, Refused
from providers.simulator.rates import Buckets
from providers.simulator.sight import Sight
from providers.simulator.wire import JSON, Answer, Headers, Request

LIMITS: dict[str, dict[str, int]] = {
    "generous": dict.fromkeys(("users", "user", "groups", "group", "apps", "logs"), 1_000_000),
    "integrator": {"users": 100, "user": 100, "groups": 100, "group": 100, "apps": 20, "logs": 20},
    "enterprise": {"users": 600, "user": 1000, "groups": 600, "group": 600, "apps": 100, "logs": 50},
    "workforce": {"users": 600, "user": 2000, "groups": 500, "group": 1000, "apps": 100, "logs": 120},
}
TOKEN_SHARE = 0.5
CONCURRENT = {"integrator": 35}
CACHE_BYTES = 256 * 1024 * 1024
_CURSOR = re.compile(r"0?(00[ug][0-9A-Za-z]{17})(?:\.[0-9a-z]+)?")
_OMIT = re.compile(rb'okta-response\s*=\s*"?[^"]*omitCredentials', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint: its operation, rate bucket and scope."""

    pattern: re.Pattern[str]
    op: str
    bucket: str
    scope: str


def _route(pattern: str, op: str, bucket: str, scope: str) -> Route:
    return Route(pattern=re.compile(r"/api/v1/" + pattern), op=op, bucket=bucket, scope=scope)


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
)


class Failed(Exception):
    """Carries the error answer of a request that cannot be served."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


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


class Okta:
    """One Okta org over one directory."""

    type = "okta"
    statuses = objects.STATUSES
    status_names = objects.STATUS_NAMES

    def __init__(
        self, *, directory: Directory, clock: Clock, board: Board, rate_limits: str = "generous"
    ) -> None:
        if rate_limits not in LIMITS:
            raise ValueError(f"unknown rate limits {rate_limits!r}: choose one of {', '.join(LIMITS)}")
        self.directory, self.clock, self.board = directory, clock, board
        self.base_url = "http://127.0.0.1"
        self.sight = Sight()
        rng = random.Random(f"okta {directory.seed}")
        self.api_token = "00" + "".join(rng.choices(ALPHABET, k=40))
        self.org_id = "00o" + "".join(rng.choices(ALPHABET, k=17))
        self.tokens = {self.api_token}
        self.oauth = AuthorizationServer(clock=clock, seed=directory.seed)
        self.plan = rate_limits
        self.buckets = Buckets(
            limits=self.limits_of(rate_limits), clock=clock, enforced=rate_limits != "generous"
        )
        self.requests: Counter[str] = Counter()
        self.stand_in: Okta | None = None
        self._faults = OktaFaults(self)
        self._running = 0
        self._served = 0
        self._page_of: dict[tuple[str, str], int] = {}
        self._rows: dict[tuple[str, ...], dict[str, tuple[Any, bytes]]] = {}
        self._pages: dict[Any, tuple[bytes, str | None]] = {}
        self._pages_bytes = 0
        self._lists: dict[Any, list[str]] = {}
        self._known: tuple[int, int] = (-1, -1)

    # ---- the way of a request

    @property
    def credentials(self) -> dict[str, str]:
        """The settings a connection needs to be let in."""
        return {"api_token": self.api_token}

    @staticmethod
    def limits_of(plan: str) -> dict[str, int]:
        """Calls a minute that one token may make, by bucket."""
        share = 1.0 if plan == "generous" else TOKEN_SHARE
        return {name: int(limit * share) for name, limit in LIMITS[plan].items()}

    def prepare(self, armed: Armed) -> None:
        """Complete a fault as it is switched on."""
        self._faults.prepare(armed)

    def apply(self, armed: Armed) -> None:
        """Let a fault that changes the directory or the sight take effect."""
        self._faults.apply(armed)

    def forget_faults(self) -> None:
        """Undo every fault that is not a change of the truth."""
        revision = self.sight.revision + 1
        self.sight = Sight(revision=revision)
        self.tokens.add(self.api_token)
        self.oauth.revoked = False
        self.clock.skew_s = 0.0
        self.stand_in = None
        self.buckets.neighbour_rpm = 0
        self.buckets.use(self.limits_of(self.plan), enforced=self.plan != "generous")

    def answer(self, request: Request) -> Answer:
        """The answer to any request that is not for the control plane."""
        if self.board.armed:
            self._faults.settle()
        if self.stand_in is not None:
            return self._other_org(request)
        self._served += 1
        if request.path == "/.well-known/okta-organization":
            return self._stamp(self._meet(self._plain_call("org", request), self._organization))
        if request.path == "/oauth2/v1/token":
            return self._stamp(self._meet(self._plain_call("token", request), self.oauth.token_answer))
        try:
            call = self._call(request)
        except Failed as failed:
            return self._stamp(failed.answer)
        return self._limited(call)

    def _other_org(self, request: Request) -> Answer:
        assert self.stand_in is not None  # noqa: S101
        self.stand_in.base_url, self.stand_in.tokens, self.stand_in.oauth = (
            self.base_url,
            self.tokens,
            self.oauth,
        )
        return self.stand_in.answer(request)

    def twin(self, directory: Directory) -> "Okta":
        """Another org at the same address, with the same keys."""
        other = Okta(directory=directory, clock=self.clock, board=Board(self.clock), rate_limits=self.plan)
        other.requests = self.requests
        return other

    def name_page(self, path: str, after: str, page: int) -> None:
        """Remember which page a cursor leads to."""
        self._page_of[(path, after)] = page

    def _plain_call(self, op: str, request: Request) -> Call:
        self.requests[op] += 1
        route = Route(pattern=re.compile(""), op=op, bucket="", scope="")
        return Call(request=request, route=route, ident=None, ops=(op,), page=1)

    def _call(self, request: Request) -> Call:
        for route in ROUTES:
            match = route.pattern.fullmatch(request.path)
            if match is not None:
                break
        else:
            raise Failed(objects.error("E0000008", number=self._served))
        if request.method != "GET":
            raise Failed(objects.error("E0000022", number=self._served))
        self.requests[route.op] += 1
        ident = match[1] if match.groups() else None
        page, ops = 1, (route.op,)
        if request.query:
            if "after" in request.args:
                page = self._page_of.get((request.path, request.args["after"]), 2)
            if "lastUpdated" in request.args.get("filter", ""):
                ops = (route.op, "delta")
        return Call(request=request, route=route, ident=ident, ops=ops, page=page)

    def _limited(self, call: Call) -> Answer:
        caller = call.request.headers.get(b"authorization", b"").decode("latin-1")
        allowed, bucket, remaining = self.buckets.take(call.route.bucket, caller)
        reset = int(bucket.reset_at + self.clock.skew_s)
        rates = [
            (b"x-rate-limit-limit", b"%d" % bucket.limit),
            (b"x-rate-limit-remaining", b"%d" % remaining),
            (b"x-rate-limit-reset", b"%d" % reset),
        ]
        if not allowed:
            return self._stamp(objects.error("E0000047", number=self._served), rates)
        return self._stamp(self._meet(call, self._serve), rates)

    def _meet(self, call: Call, serve: Callable[[Call], Answer]) -> Answer:
        """Serve a call, unless a fault answers it, and let faults at the answer."""
        if not self.board.armed:
            return self._guarded(call, serve)
        for armed in self.board.hits(call.ops, call.page, call.ident, Kind.ANSWER):
            answer = self._faults.answer(armed, call)
            if answer is not None:
                return answer
        answer = self._guarded(call, serve)
        for armed in self.board.hits(call.ops, call.page, call.ident, Kind.SHAPE):
            if answer.status == 200:
                answer = self._faults.shape(armed, call, answer)
        return answer

    def _guarded(self, call: Call, serve: Callable[[Call], Answer]) -> Answer:
        try:
            return serve(call)
        except Failed as failed:
            return failed.answer
        except BadFilter:
            return objects.error("E0000031", number=self._served)

    def _stamp(self, answer: Answer, rates: Headers | None = None) -> Answer:
        # a fault that brings its own rate headers, or none, says so by x-rate-limit-limit
        own = next((value for name, value in answer.headers if name == b"x-rate-limit-limit"), None)
        if own == b"":
            answer = answer.without(b"x-rate-limit-limit")
        elif own is None and rates is not None:
            answer.headers.extend(rates)
        answer.headers += [
            (b"date", self.clock.http_date()),
            (b"server", b"nginx"),
            (b"x-okta-request-id", b"sim%017d" % self._served),
            (b"cache-control", b"no-cache, no-store"),
        ]
        return answer

    # ---- who is asking

    def _authorize(self, call: Call) -> None:
        said = call.request.headers.get(b"authorization", b"").decode("latin-1")
        scheme, _, token = said.partition(" ")
        if said[:4].upper() == "SSWS":
            # the vendor's own SDK writes no space after the scheme
            if said[4:].strip() not in self.tokens:
                raise Failed(objects.error("E0000011", number=self._served))
        else:
            try:
                scopes = self.oauth.check(scheme, token, call.request, self.base_url)
            except Refused:
                raise Failed(objects.error("E0000011", number=self._served)) from None
            if call.route.scope not in scopes:
                raise Failed(objects.error("E0000006", number=self._served))
        if self.sight.no_admin_role and call.op != "users.list":
            raise Failed(objects.error("E0000006", number=self._served))
        if call.op in self.sight.lost_rights:
            raise Failed(objects.error("E0000006", number=self._served))

    # ---- endpoints

    def _serve(self, call: Call) -> Answer:
        self._authorize(call)
        self._refresh()
        return _ENDPOINTS[call.op](self, call)

    def _refresh(self) -> None:
        known = (self.directory.revision, self.sight.revision)
        if known != self._known or not self.sight.is_stable:
            self._known = known
            self._pages.clear()
            self._lists.clear()
            self._pages_bytes = 0

    def _organization(self, call: Call) -> Answer:
        if call.request.method != "GET":
            return objects.error("E0000022", number=self._served)
        return self._json(
            {
                "id": self.org_id,
                "pipeline": "idx",
                "_links": {"organization": {"href": self.base_url}, "alternate": {"href": self.base_url}},
            }
        )

    @staticmethod
    def _json(body: Any) -> Answer:
        return Answer(body=orjson.dumps(body), headers=[JSON])

    def _users(self, call: Call) -> Answer:
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
        return self._remembered(("user", str(bare)), lambda i: people[i].revision, render)

    def _remembered(
        self, kind: tuple[str, ...], stamp: Callable[[str], Any], render: Callable[[str], bytes]
    ) -> Callable[[str], bytes]:
        rows = self._rows.setdefault((self.base_url, *kind), {})

        def row(ident: str) -> bytes:
            known, now = rows.get(ident), stamp(ident)
            if known is not None and known[0] == now:
                return known[1]
            made = render(ident)
            rows[ident] = (now, made)
            return made

        return row

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
        known = self._pages.get(key)
        if known is None:
            known = self._make_page(call, ids, row, (default, most, least), prefix)
            if self._pages_bytes + len(known[0]) <= CACHE_BYTES:
                self._pages[key] = known
                self._pages_bytes += len(known[0])
        body, after = known
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
        everything = self._lists.get(key)
        if everything is None:
            everything = self._lists[key] = ids()
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
            raise Failed(
                objects.error(
                    "E0000001",
                    "Api validation failed: after",
                    number=self._served,
                    causes=("after: The cursor is not valid.",),
                )
            )
        if "sortBy" in args:
            return ids.index(match[1]) + 1 if match[1] in ids else len(ids)
        return bisect_right(ids, match[1])

    def _limit(self, args: dict[str, str], default: int, most: int, least: int) -> int:
        text = args.get("limit", str(default))
        if not text.isdecimal() or int(text) < 1:
            raise Failed(
                objects.error(
                    "E0000001",
                    "Api validation failed: limit",
                    number=self._served,
                    causes=("limit: The limit must be a positive whole number.",),
                )
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

    def _user(self, call: Call) -> Answer:
        person = self._find_person(str(call.ident))
        if person is None:
            raise Failed(objects.not_found(str(call.ident), "User"))
        return Answer(body=self._user_row(call)(person.id), headers=[JSON])

    def _find_person(self, ident: str) -> Person | None:
        person = self.directory.people.get(ident)
        if person is None:
            folded = ident.casefold()
            person = next((p for p in self.directory.people.values() if p.login.casefold() == folded), None)
        return person if person is not None and self.sight.may_see(person.id, self.directory) else None

    def _user_groups(self, call: Call) -> Answer:
        person = self._find_person(str(call.ident))
        if person is None:
            raise Failed(objects.not_found(str(call.ident), "User"))
        ids = self.sight.groups([group.id for group in self.directory.groups_of(person.id)])
        row = self._group_row(stats=False)
        return Answer(body=b"[" + b",".join(map(row, ids)) + b"]", headers=[JSON])

    def _groups(self, call: Call) -> Answer:
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

        return self._remembered(("group", str(stats)), stamp, render)

    def _group_of(self, call: Call) -> Group:
        item = self.directory.groups.get(str(call.ident))
        if item is None or not self.sight.groups([item.id]):
            raise Failed(objects.not_found(str(call.ident), "UserGroup"))
        return item

    def _group(self, call: Call) -> Answer:
        stats = "stats" in call.request.args.get("expand", "").split(",")
        return Answer(body=self._group_row(stats=stats)(self._group_of(call).id), headers=[JSON])

    def _members(self, call: Call) -> Answer:
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

    def _apps(self, call: Call) -> Answer:
        def row(app_id: str) -> bytes:
            return orjson.dumps(objects.app(self.directory.apps[app_id], self.base_url))

        return self._page(call, lambda: sorted(self.directory.apps), row, default=20, most=200)

    def _app_of(self, call: Call) -> Any:
        item = self.directory.apps.get(str(call.ident))
        if item is None:
            raise Failed(objects.not_found(str(call.ident), "AppInstance"))
        return item

    def _app(self, call: Call) -> Answer:
        return self._json(objects.app(self._app_of(call), self.base_url))

    def _app_users(self, call: Call) -> Answer:
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

    def _app_groups(self, call: Call) -> Answer:
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

    def _logs(self, call: Call) -> Answer:
        args, events = call.request.args, self.directory.events
        if "since" in args and "after" in args:
            raise Failed(objects.error("E0000001", "Api validation failed: since", number=self._served))
        start = int(args["after"]) if args.get("after", "").isdecimal() else 0
        limit = self._limit(args, 100, 1000, 1)
        try:
            since, until = (
                parse_iso(args.get("since", "1970-01-01")),
                parse_iso(args.get("until", "9999-01-01")),
            )
        except ValueError:
            raise Failed(
                objects.error("E0000001", "Api validation failed: since", number=self._served)
            ) from None
        found = [event for event in events[start:] if since <= event.at < until]
        if args.get("sortOrder", "ASCENDING").upper() == "DESCENDING":
            found.reverse()
        chunk = found[:limit]
        answer = self._json([objects.log_event(event, self.directory) for event in chunk])
        # polling never ends: without `until` there is always a next link
        ends = "until" in args and len(found) <= limit
        after = None if ends else str(chunk[-1].number if chunk else max(start, len(events)))
        answer.headers += self._links(call, after)
        return answer


_PAGING = frozenset({"after", "limit", "expand", "fields"})


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


_ENDPOINTS: dict[str, Callable[[Okta, Call], Answer]] = {
    "users.list": Okta._users,
    "users.get": Okta._user,
    "users.groups": Okta._user_groups,
    "groups.list": Okta._groups,
    "groups.get": Okta._group,
    "members": Okta._members,
    "apps.list": Okta._apps,
    "apps.get": Okta._app,
    "apps.users": Okta._app_users,
    "apps.groups": Okta._app_groups,
    "logs": Okta._logs,
}
