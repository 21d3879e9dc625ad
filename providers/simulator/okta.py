"""Okta on the wire: who may call what, how often, with which headers; what is read is in okta_reads."""

import random
import re
from collections import Counter
from collections.abc import Callable

import orjson

from providers.simulator import okta_objects as objects
from providers.simulator.clock import Clock
from providers.simulator.directory import ALPHABET, Directory
from providers.simulator.faults import Armed, Board, Kind
from providers.simulator.filters import BadFilter
from providers.simulator.hooks import Hooks, prove_to_okta
from providers.simulator.okta_calls import Call, Failed, Route, route_of
from providers.simulator.okta_event_hooks import EventHooks
from providers.simulator.okta_faults import OktaFaults
from providers.simulator.okta_oauth import SCOPES, AuthorizationServer, Refused
from providers.simulator.okta_reads import LOG_KEPT_S, Reads
from providers.simulator.rates import Buckets
from providers.simulator.sight import Sight
from providers.simulator.wire import JSON, Answer, Headers, Request

_BUCKETS = ("users", "user", "groups", "group", "apps", "logs", "hooks")
LIMITS: dict[str, dict[str, int]] = {
    plan: dict(zip(_BUCKETS, limits, strict=True))
    for plan, limits in {
        "generous": (1_000_000,) * len(_BUCKETS),
        "integrator": (100, 100, 100, 100, 20, 20, 20),
        "enterprise": (600, 1000, 600, 600, 100, 50, 100),
        "workforce": (600, 2000, 500, 1000, 100, 120, 100),
    }.items()
}
TOKEN_SHARE = 0.5
CONCURRENT = {"integrator": 35}
CONCURRENT_USUALLY = 75


class Okta:
    """One Okta org over one directory."""

    type = "okta"
    ids = objects.IDS
    statuses = objects.STATUSES
    status_names = objects.STATUS_NAMES
    scopes = SCOPES

    def __init__(
        self, *, directory: Directory, clock: Clock, board: Board, rate_limits: str = "generous"
    ) -> None:
        if rate_limits not in LIMITS:
            raise ValueError(f"unknown rate limits {rate_limits!r}: choose one of {', '.join(LIMITS)}")
        self.directory, self.clock, self.board = directory, clock, board
        self.reads = Reads(directory=directory, clock=clock)
        rng = random.Random(f"okta {directory.seed}")
        self.api_token = "00" + "".join(rng.choices(ALPHABET, k=40))
        self.org_id = "00o" + "".join(rng.choices(ALPHABET, k=17))
        self.tokens = {self.api_token}
        self.oauth = AuthorizationServer(clock=clock, seed=directory.seed)
        self.hooks = Hooks(
            lambda events: [objects.event_hook([objects.log_event(each, directory) for each in events])],
            board=board,
            noise=lambda: objects.event_hook([objects.sign_in(clock)]),
            proves=prove_to_okta,
        )
        self.event_hooks = EventHooks(hooks=self.hooks, clock=clock)
        directory.listeners.append(self.hooks.tell)
        self.plan = rate_limits
        self.buckets = Buckets(
            limits=self.limits_of(rate_limits), clock=clock, enforced=rate_limits != "generous"
        )
        self.requests: Counter[str] = Counter()
        self.stand_in: Okta | None = None
        self._faults = OktaFaults(self)
        self.running = 0
        self._served = 0

    # ---- the way of a request

    @property
    def sight(self) -> Sight:
        """What the caller gets to see."""
        return self.reads.sight

    @property
    def base_url(self) -> str:
        """Where this org is reached."""
        return self.reads.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self.reads.base_url = url
        self.oauth.base_url = url
        self.event_hooks.base_url = url

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
        self.reads.sight = Sight(revision=self.sight.revision + 1)
        self.reads.log_kept_s, self.reads.log_late_s = LOG_KEPT_S, 0.0
        self.tokens.add(self.api_token)
        self.oauth.revoked = False
        self.oauth.withheld.clear()
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
            return self._stamp(self._meet(self._plain_call("token", request), self._token))
        try:
            call = self._call(request)
        except Failed as failed:
            return self._stamp(self._error(failed))
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

    def _plain_call(self, op: str, request: Request) -> Call:
        self.requests[op] += 1
        route = Route(pattern=re.compile(""), op=op, bucket="", scope="")
        return Call(request=request, route=route, ident=None, ops=(op,), page=1)

    def _call(self, request: Request) -> Call:
        route, ident = route_of(request)
        self.requests[route.op] += 1
        page = 1
        ops: tuple[str, ...] = (route.op,)
        if request.query:
            if "after" in request.args:
                page = self.reads.page_of(request.path, request.args["after"])
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
        if self.buckets.enforced and self.running > CONCURRENT.get(self.plan, CONCURRENT_USUALLY):
            return self._stamp(
                objects.error("E0000047", number=self._served),
                [
                    (b"x-rate-limit-limit", b"0"),
                    (b"x-rate-limit-remaining", b"0"),
                    rates[2],
                ],
            )
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
            return self._error(failed)
        except BadFilter:
            return objects.error("E0000031", number=self._served)

    def _error(self, failed: Failed) -> Answer:
        return objects.error(failed.code, failed.summary, causes=failed.causes, number=self._served)

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
                raise Failed("E0000011")
        else:
            try:
                scopes = self.oauth.check(scheme, token, call.request)
            except Refused:
                raise Failed("E0000011") from None
            if call.route.scope not in scopes:
                raise Failed("E0000006")
        if self.sight.no_admin_role and call.op != "users.list":
            raise Failed("E0000006")
        if call.op in self.sight.lost_rights:
            raise Failed("E0000006")

    def register(self, *, dpop: bool, scopes: frozenset[str]) -> dict[str, str]:
        """A new API Services app; its client id and private key are a connection's settings."""
        return self.oauth.register(dpop=dpop, scopes=scopes)

    def _token(self, call: Call) -> Answer:
        return self.oauth.token_answer(call.request)

    def _serve(self, call: Call) -> Answer:
        self._authorize(call)
        if call.op.startswith("hooks."):
            return self.event_hooks.serve(call)
        return self.reads.serve(call)

    def _organization(self, call: Call) -> Answer:
        if call.request.method != "GET":
            return objects.error("E0000022", number=self._served)
        return Answer(
            headers=[JSON],
            body=orjson.dumps(
                {
                    "id": self.org_id,
                    "pipeline": "idx",
                    "_links": {"organization": {"href": self.base_url}, "alternate": {"href": self.base_url}},
                }
            ),
        )
