"""OneLogin on the wire: tokens, scopes, the hourly quota; what is read is in onelogin_reads."""

from collections import Counter
from collections.abc import Callable

from providers.simulator import onelogin_objects as objects
from providers.simulator.body_faults import html
from providers.simulator.calls import Refusal, Visit, endpoint, visit_of
from providers.simulator.clock import Clock
from providers.simulator.directory import Directory
from providers.simulator.faults import Armed, Board, Kind
from providers.simulator.hooks import Hooks
from providers.simulator.onelogin_faults import OneLoginFaults
from providers.simulator.onelogin_pages import unpack
from providers.simulator.onelogin_reads import Reads
from providers.simulator.onelogin_tokens import Quota, Tokens
from providers.simulator.sight import Sight
from providers.simulator.wire import Answer, Request

LIMITS = {"generous": 1_000_000, "standard": 5000}
ENDPOINTS = (
    endpoint("/auth/oauth2/v2/token", "token", "POST"),
    endpoint("/auth/oauth2/token", "token.v1", "POST"),
    endpoint("/auth/oauth2/revoke", "token.revoke", "POST"),
    endpoint("/auth/rate_limit", "limits"),
    endpoint("/api/2/users", "users.list"),
    endpoint("/api/2/users/{}", "users.get"),
    endpoint("/api/2/roles", "groups.list"),
    endpoint("/api/2/roles/{}", "groups.get"),
    endpoint("/api/2/roles/{}/users", "members"),
    endpoint("/api/2/apps/{}/users", "apps.users"),
    endpoint("/api/2/groups", "groups.v2"),
    endpoint("/api/1/groups", "groups.v1"),
    endpoint("/api/1/users/custom_attributes", "attributes.v1"),
    endpoint("/api/1/users", "users.v1"),
    endpoint("/api/1/roles", "roles.v1"),
    endpoint("/api/1/apps", "apps.v1"),
    endpoint("/api/1/events/types", "events.types"),
    endpoint("/api/1/events", "events"),
)
ROLES = frozenset({"groups.list", "groups.get", "members", "roles.v1"})


class OneLogin:
    """One OneLogin account over one directory."""

    type = "onelogin"
    ids = objects.IDS
    statuses = objects.STATUSES
    status_names = objects.STATUS_NAMES
    scopes = frozenset({"read_all"})

    def __init__(
        self, *, directory: Directory, clock: Clock, board: Board, rate_limits: str = "generous"
    ) -> None:
        if rate_limits not in LIMITS:
            raise ValueError(f"unknown rate limits {rate_limits!r}: choose one of {', '.join(LIMITS)}")
        self.directory, self.clock, self.board = directory, clock, board
        self.plan = rate_limits
        self.tokens = Tokens(clock=clock, seed=directory.seed)
        self.quota = Quota(limit=LIMITS[rate_limits], clock=clock)
        self.reads = Reads(directory=directory, clock=clock, account_id=self.tokens.account_id)
        self.denied_ops: frozenset[str] = frozenset()
        self.base_url = "http://127.0.0.1"
        self.requests: Counter[str] = Counter()
        self.running = 0
        self.served = 0
        self.stand_in: OneLogin | None = None
        self.hooks = Hooks(
            lambda events: [objects.notice(events, self.tokens.account_id)],
            board=board,
            noise=lambda: objects.sign_in_notice(self.tokens.account_id),
        )
        directory.listeners.append(self.hooks.tell)
        self._faults = OneLoginFaults(self)
        self._open: dict[str, Callable[[Visit], Answer]] = {
            "token": lambda visit: self.tokens.answer(visit.request, is_v2=True),
            "token.v1": lambda visit: self.tokens.answer(visit.request, is_v2=False),
        }

    @property
    def sight(self) -> Sight:
        """What the caller gets to see."""
        return self.reads.sight

    @property
    def credentials(self) -> dict[str, str]:
        """The settings a connection needs to be let in."""
        return {"client_id": self.tokens.client_id, "client_secret": self.tokens.client_secret}

    def register(self, *, dpop: bool, scopes: frozenset[str]) -> dict[str, str]:  # noqa: ARG002 - not the vendor's
        """The one credential of the account."""
        return self.credentials

    def prepare(self, armed: Armed) -> None:
        """Complete a fault as it is switched on."""
        self._faults.prepare(armed)

    def apply(self, armed: Armed) -> None:
        """Let a fault that acts once act."""
        self._faults.apply(armed)

    def forget_faults(self) -> None:
        """Undo every fault that is not a change of the truth."""
        reads = self.reads
        reads.sight = Sight(revision=self.sight.revision + 1)
        reads.role_lag_s, reads.fields_ignored, reads.roles_with_users = 0.0, False, False
        reads.groups_on_v2, reads.events_denied = False, False
        self.denied_ops = frozenset()
        self.tokens.owner_deleted, self.tokens.age_s = False, 0.0
        self.quota = Quota(limit=LIMITS[self.plan], clock=self.clock)
        self.clock.skew_s = 0.0
        self.stand_in = None

    def twin(self, directory: Directory) -> "OneLogin":
        """Another account at the same address, with the same credential."""
        other = OneLogin(directory=directory, clock=self.clock, board=Board(self.clock))
        other.requests = self.requests
        other.tokens.client_id, other.tokens.client_secret = self.tokens.client_id, self.tokens.client_secret
        return other

    # ---- the way of a request

    def answer(self, request: Request) -> Answer:
        """The answer to any request that is not for the control plane."""
        if self.board.armed:
            self._faults.settle()
        if self.stand_in is not None:
            return self.stand_in.answer(request)
        self.served += 1
        visit = visit_of(request, ENDPOINTS)
        if visit is None:
            return self._stamp(html(404, "The page you were looking for does not exist"), is_v1=False)
        self.requests[visit.op] += 1
        visit.page = _page_of(request)
        answer = self._meet(visit)
        return self._stamp(answer, is_v1=request.path.startswith("/api/1/"))

    def _meet(self, visit: Visit) -> Answer:
        """Serve a call, unless a fault answers it, and let faults at the answer."""
        if not self.board.armed:
            return self._guarded(visit)
        for armed in self.board.hits(visit.ops, visit.page, visit.ident, Kind.ANSWER):
            answer = self._faults.answer(armed, visit)
            if answer is not None:
                return answer
        answer = self._guarded(visit)
        for armed in self.board.hits(visit.ops, visit.page, visit.ident, Kind.SHAPE):
            if answer.status == 200:
                answer = self._faults.shape(armed, visit, answer)
        return answer

    def _guarded(self, visit: Visit) -> Answer:
        try:
            if visit.op in self._open:
                return self._open[visit.op](visit)
            self._authorize(visit)
            if visit.op == "token.revoke":
                self.tokens.revoke()
                return objects.envelope(None, paged=False)
            if visit.op == "limits":
                return self.quota.answer()
            if not self.quota.take():
                return self._exhausted()
            return self.reads.serve(visit)
        except Refusal as refusal:
            return refusal.answer

    def _exhausted(self) -> Answer:
        answer = objects.named_error(429, "TooManyRequests", "Rate limit exceeded")
        answer.headers += self.quota.headers()
        return answer

    def _authorize(self, visit: Visit) -> None:
        said = visit.request.headers.get(b"authorization", b"").decode("latin-1")
        if not self.tokens.is_good(said.partition(" ")[2]):
            raise Refusal(objects.v1_error(401, "Unauthorized", "Authentication Failure"))
        if visit.op in self.denied_ops:
            raise Refusal(objects.v1_error(401, "Unauthorized", "Insufficient Permission"))

    def _stamp(self, answer: Answer, *, is_v1: bool) -> Answer:
        if is_v1 and answer.status == 200:
            answer.headers += self.quota.headers()
        answer.headers += [
            (b"date", self.clock.http_date()),
            (b"x-request-id", b"sim%017d" % self.served),
        ]
        return answer


def _page_of(request: Request) -> int:
    """Which page of a list this is."""
    args = request.args
    if args.get("page", "").isdecimal():
        return int(args["page"])
    if args.get("cursor"):
        try:
            return unpack(args["cursor"])[1]
        except Refusal:
            return 1
    return 2 if args.get("after_cursor") else 1
