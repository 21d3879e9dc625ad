"""JumpCloud on the wire: who may call what, by which key and organisation; the reads are elsewhere."""

import base64
import binascii
import random
import re
from collections import Counter
from collections.abc import Callable

import orjson

from providers.simulator import jumpcloud_objects as objects
from providers.simulator.calls import Refusal, Visit, endpoint, visit_of
from providers.simulator.clock import Clock
from providers.simulator.directory import ALPHABET, Directory
from providers.simulator.faults import Armed, Board, Kind
from providers.simulator.hooks import Hooks
from providers.simulator.jumpcloud_faults import JumpCloudFaults
from providers.simulator.jumpcloud_insights import Insights
from providers.simulator.jumpcloud_reads import LIMIT, Reads
from providers.simulator.rates import Buckets
from providers.simulator.sight import Sight
from providers.simulator.wire import JSON, Answer, Request

LIMITS = {"generous": 1_000_000, "tight": 600}
"""Calls a minute; the vendor publishes none, so the second is our invention."""

TOKEN_LIFE_S = 3600
ENDPOINTS = (
    endpoint("/api/systemusers", "users.list"),
    endpoint("/api/systemusers/{}", "users.get"),
    endpoint("/api/search/systemusers", "users.search", "POST"),
    endpoint("/api/organizations", "orgs.list"),
    endpoint("/api/applications", "apps.list"),
    endpoint("/api/v2/usergroups", "groups.list"),
    endpoint("/api/v2/usergroups/{}", "groups.get"),
    endpoint("/api/v2/usergroups/{}/members", "members"),
    endpoint("/api/v2/usergroups/{}/membership", "membership"),
    endpoint("/api/v2/users/{}/memberof", "users.groups"),
    endpoint("/api/v2/applications/{}/users", "apps.users"),
    endpoint("/api/v2/applications/{}/usergroups", "apps.groups"),
    endpoint("/insights/directory/v1/events", "events", "POST"),
    endpoint("/insights/directory/v1/events/count", "events.count", "POST"),
    endpoint("/oauth2/token", "token", "POST"),
)


class JumpCloud:
    """One JumpCloud organisation; console, Insights and token endpoint share its address."""

    type = "jumpcloud"
    ids = objects.IDS
    statuses = objects.STATUSES
    status_names = objects.STATUS_NAMES
    scopes = frozenset({"api"})

    def __init__(
        self, *, directory: Directory, clock: Clock, board: Board, rate_limits: str = "generous"
    ) -> None:
        if rate_limits not in LIMITS:
            raise ValueError(f"unknown rate limits {rate_limits!r}: choose one of {', '.join(LIMITS)}")
        self.directory, self.clock, self.board = directory, clock, board
        self._rng = random.Random(f"jumpcloud {directory.seed}")
        self.api_key = "jca_" + "".join(self._rng.choices(ALPHABET, k=36))
        self.org_id = objects.hexadecimal(self._rng)
        self.reads = Reads(directory=directory, org_id=self.org_id)
        self.insights = Insights(directory=directory, clock=clock, org_id=self.org_id)
        self.keys = {self.api_key}
        self.secrets: dict[str, list[str]] = {}
        self.tokens: dict[str, float] = {}
        self.org_mode = "plain"
        self.lost_rights: set[str] = set()
        limits = {"all": LIMITS[rate_limits]}
        self.buckets = Buckets(limits=limits, clock=clock, enforced=rate_limits != "generous")
        self.base_url = "http://127.0.0.1"
        self.requests: Counter[str] = Counter()
        self.running = 0
        self.stand_in: JumpCloud | None = None
        self.hooks = Hooks(
            lambda events: [objects.notice(each, self.org_id) for each in events],
            board=board,
            noise=lambda: objects.sign_in_notice(self.org_id),
        )
        directory.listeners.append(self.hooks.tell)
        self._faults = JumpCloudFaults(self)
        self._endpoints: dict[str, Callable[[Visit], Answer]] = {
            "token": self._token,
            "events": self.insights.serve,
            "events.count": self.insights.serve,
        }

    @property
    def sight(self) -> Sight:
        """What the caller gets to see."""
        return self.reads.sight

    @property
    def credentials(self) -> dict[str, str]:
        """The settings a connection needs to be let in."""
        return {"api_key": self.api_key}

    def register(self, *, dpop: bool, scopes: frozenset[str]) -> dict[str, str]:  # noqa: ARG002 - not the vendor's
        """A new service account: its client id and its two secrets."""
        client_id = objects.hexadecimal(self._rng)
        first, second = ("".join(self._rng.choices(ALPHABET, k=40)) for _ in range(2))
        self.secrets[client_id] = [first, second]
        return {"client_id": client_id, "client_secret": first, "second_client_secret": second}

    def prepare(self, armed: Armed) -> None:
        """Complete a fault as it is switched on."""
        self._faults.prepare(armed)

    def apply(self, armed: Armed) -> None:
        """Let a fault that acts once act."""
        self._faults.apply(armed)

    def forget_faults(self) -> None:
        """Undo every fault that is not a change of the truth."""
        self.reads.sight = Sight(revision=self.sight.revision + 1)
        self.reads.ghosts = 0
        self.keys.add(self.api_key)
        self.org_mode = "plain"
        self.lost_rights.clear()
        self.insights.denied, self.insights.retention_days, self.insights.late_s = False, 90.0, 0.0
        self.clock.skew_s = 0.0
        self.stand_in = None

    def twin(self, directory: Directory) -> "JumpCloud":
        """Another organisation at the same address, with the same keys."""
        other = JumpCloud(directory=directory, clock=self.clock, board=Board(self.clock))
        other.requests, other.keys, other.tokens = self.requests, self.keys, self.tokens
        other.secrets = self.secrets
        return other

    # ---- the way of a request

    def answer(self, request: Request) -> Answer:
        """The answer to any request that is not for the control plane."""
        if self.board.armed:
            self._faults.settle()
        if self.stand_in is not None:
            return self.stand_in.answer(request)
        visit = visit_of(request, ENDPOINTS)
        if visit is None:
            return self._stamp(objects.error(404, "Not Found"))
        self.requests[visit.op] += 1
        visit.page = _page_of(request)
        allowed, bucket, _ = self.buckets.take("all", _caller(request))
        if not allowed:
            wait_s = max(1, bucket.reset_at - int(self.clock.now()))
            refused = objects.error(429, "Too Many Requests", error="Too Many Requests")
            refused.headers.append((b"retry-after", b"%d" % wait_s))
            return self._stamp(refused)
        return self._stamp(self._meet(visit))

    def _meet(self, visit: Visit) -> Answer:
        """Serve a call, unless a fault answers it, and let faults at the answer."""
        if not self.board.armed:
            return self._guarded(visit)
        for armed in self.board.hits(_ops(visit), visit.page, visit.ident, Kind.ANSWER):
            answer = self._faults.answer(armed, visit)
            if answer is not None:
                return answer
        answer = self._guarded(visit)
        for armed in self.board.hits(_ops(visit), visit.page, visit.ident, Kind.SHAPE):
            if answer.status == 200:
                answer = self._faults.shape(armed, visit, answer)
        return answer

    def _guarded(self, visit: Visit) -> Answer:
        try:
            if visit.op != "token":
                self._authorize(visit)
            return self._endpoints.get(visit.op, self.reads.serve)(visit)
        except Refusal as refusal:
            return refusal.answer

    def _stamp(self, answer: Answer) -> Answer:
        answer.headers += [(b"date", self.clock.http_date()), (b"server", b"nginx")]
        return answer

    # ---- who is asking

    def _authorize(self, visit: Visit) -> None:
        headers = visit.request.headers
        key = headers.get(b"x-api-key", b"").decode("latin-1")
        token = headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
        if not (key in self.keys or self.tokens.get(token, 0) > self.clock.now()):
            said = "api key user not found" if key else "token is expired or unknown"
            raise Refusal(objects.error(401, f"Unauthorized: {said}", error="Unauthorized"))
        self._choose_organization(visit, headers.get(b"x-org-id", b"").decode("latin-1"))
        is_service = key not in self.keys
        if visit.op in self.lost_rights or (visit.op == "orgs.list" and is_service):
            raise Refusal(objects.error(403, "Forbidden: insufficient permissions", error="Forbidden"))

    def _choose_organization(self, visit: Visit, org_id: str) -> None:
        """The matrix of the organisation header, for one organisation and for admins of many."""
        if org_id and visit.op == "orgs.list":
            said = "Forbidden: organization selection not allowed via header"
            raise Refusal(objects.error(403, said, error="Forbidden"))
        if self.org_mode == "missing" and not org_id and visit.op != "orgs.list":
            raise Refusal(objects.error(401, "Unauthorized: no organization selected"))
        if self.org_mode == "forbidden":
            said = "Forbidden: organization selection not allowed via header"
            raise Refusal(objects.error(403, said, error="Forbidden"))
        if self.org_mode == "malformed" or (org_id and not re.fullmatch("[0-9a-f]{24}", org_id)):
            raise Refusal(objects.error(400, "Bad Request: invalid organization id"))
        if self.org_mode == "unknown" or (org_id and org_id != self.org_id):
            raise Refusal(objects.error(404, "Not Found: organization not found"))

    def _token(self, visit: Visit) -> Answer:
        """A token of an hour for a service account, by Basic alone, with either of its secrets."""
        client_id, secret = _basic(visit.request)
        if visit.request.form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "only client_credentials is offered")
        if not secret or secret not in self.secrets.get(client_id, ()):
            return _oauth_error(401, "invalid_client", "Client authentication failed")
        if visit.request.form.get("scope") != "api":
            return _oauth_error(400, "invalid_scope", "The scope is api")
        text = "".join(self._rng.choices(ALPHABET, k=43))
        self.tokens[text] = self.clock.now() + TOKEN_LIFE_S
        told = {"access_token": text, "expires_in": TOKEN_LIFE_S - 1, "scope": "api", "token_type": "bearer"}
        return Answer(body=orjson.dumps(told), headers=[JSON])


def _oauth_error(status: int, error: str, description: str) -> Answer:
    body = orjson.dumps({"error": error, "error_description": description})
    return Answer(status=status, body=body, headers=[JSON])


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, packed = request.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    try:
        text = base64.b64decode(packed, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    client_id, _, secret = text.partition(":")
    return client_id, secret


def _caller(request: Request) -> str:
    return (request.headers.get(b"x-api-key") or request.headers.get(b"authorization", b"")).decode("latin-1")


def _ops(visit: Visit) -> tuple[str, ...]:
    return ("members",) if visit.op == "membership" else visit.ops


def _page_of(request: Request) -> int:
    """Which page of a list this is, as its reader counts; pages may overlap by a row."""
    skip, limit = request.args.get("skip", ""), request.args.get("limit", "")
    if not skip.isdecimal():
        return 1
    size = int(limit) if limit.isdecimal() and int(limit) > 0 else LIMIT
    return -(-int(skip) // size) + 1
