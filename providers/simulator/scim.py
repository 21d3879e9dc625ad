"""A SCIM 2.0 service provider on the wire: who may call what; what is read is in scim_reads."""

from __future__ import annotations

import base64
import random
import re
from collections import Counter
from collections.abc import Callable

from providers.simulator import scim_objects as objects
from providers.simulator.clock import Clock
from providers.simulator.directory import ALPHABET, Directory
from providers.simulator.faults import Armed, Board, Kind
from providers.simulator.rates import Buckets
from providers.simulator.scim_faults import ScimFaults
from providers.simulator.scim_reads import Call, Failed, Reads, Traits
from providers.simulator.sight import Sight
from providers.simulator.wire import Answer, Request

LIMITS: dict[str, int] = {"generous": 1_000_000, "enterprise": 600, "integrator": 100}
USER_NAME = "connector"
"""The name to sign in by with Basic; the password is the token."""

_PREFIX = "/scim/v2"
_ROUTES = (
    ("Users", ("users.list",)),
    ("Users/([^/]+)", ("users.get",)),
    ("Groups", ("groups.list",)),
    ("Groups/([^/]+)", ("members", "groups.get")),
    ("ServiceProviderConfig", ("config",)),
    ("ResourceTypes", ("types",)),
    ("Schemas", ("schemas",)),
)


class Scim:
    """One SCIM service over one directory, at its root and under /scim/v2."""

    type = "scim"
    ids = objects.IDS
    statuses = objects.STATUSES
    status_names = objects.STATUS_NAMES
    scopes = frozenset[str]()

    def __init__(
        self, *, directory: Directory, clock: Clock, board: Board, rate_limits: str = "generous"
    ) -> None:
        if rate_limits not in LIMITS:
            raise ValueError(f"unknown rate limits {rate_limits!r}: choose one of {', '.join(LIMITS)}")
        self.directory, self.clock, self.board = directory, clock, board
        self.reads = Reads(directory=directory, clock=clock)
        rng = random.Random(f"scim {directory.seed}")
        self.token = "".join(rng.choices(ALPHABET, k=40))
        self.tokens = {self.token}
        self.buckets = Buckets(
            limits={"all": LIMITS[rate_limits]}, clock=clock, enforced=rate_limits != "generous"
        )
        self.rate_limits = rate_limits
        self.requests: Counter[str] = Counter()
        self.stand_in: Scim | None = None
        self.running = 0
        self._faults = ScimFaults(self)

    @property
    def sight(self) -> Sight:
        """What the caller gets to see."""
        return self.reads.sight

    @property
    def traits(self) -> Traits:
        """How this service departs from the usual."""
        return self.reads.traits

    @property
    def base_url(self) -> str:
        """Where this service is reached."""
        return self.reads.root

    @base_url.setter
    def base_url(self, url: str) -> None:
        self.reads.root = url

    @property
    def credentials(self) -> dict[str, str]:
        """The settings a connection needs to be let in."""
        return {"token": self.token}

    def register(self, *, dpop: bool, scopes: frozenset[str]) -> dict[str, str]:  # noqa: ARG002 - the protocol's
        """There are no OAuth clients here. ValueError."""
        raise ValueError("a SCIM service knows a token and a password, no OAuth clients")

    def prepare(self, armed: Armed) -> None:
        """Complete a fault as it is switched on."""
        self._faults.prepare(armed)

    def apply(self, armed: Armed) -> None:
        """Let a fault that changes the directory or the sight take effect."""
        self._faults.apply(armed)

    def forget_faults(self) -> None:
        """Undo every fault that is not a change of the truth."""
        self.reads.sight = Sight(revision=self.sight.revision + 1)
        self.reads.traits = Traits()
        self.tokens.add(self.token)
        self.clock.skew_s = 0.0
        self.stand_in = None

    def twin(self, directory: Directory) -> Scim:
        """Another service at the same address, with the same keys."""
        other = Scim(
            directory=directory, clock=self.clock, board=Board(self.clock), rate_limits=self.rate_limits
        )
        other.requests, other.tokens, other.base_url = self.requests, self.tokens, self.base_url
        return other

    # ---- the way of a request

    def answer(self, request: Request) -> Answer:
        """The answer to any request that is not for the control plane."""
        if self.board.armed:
            self._faults.settle()
        if self.stand_in is not None:
            return self.stand_in.answer(request)
        try:
            call = self._call(request)
            answer = self._limited(call)
        except Failed as failed:
            answer = objects.error(failed.status, failed.detail, failed.scim_type)
        if answer.status == 401:
            answer.headers.append((b"www-authenticate", b'Bearer realm="scim"'))
        answer.headers.append((b"date", self.clock.http_date()))
        return answer

    def _call(self, request: Request) -> Call:
        path = request.path.removeprefix(_PREFIX).strip("/")
        found = next(((m, ops) for pattern, ops in _ROUTES if (m := re.fullmatch(pattern, path))), None)
        if found is None:
            raise Failed(404, f"There is no {request.path}.")
        match, ops = found
        self.requests[ops[0]] += 1
        if request.method != "GET":
            raise Failed(405, f"{request.method} is not offered here.")
        ident = match[1] if match.groups() else None
        if "lastModified" in request.args.get("filter", ""):
            ops = (*ops, "delta")
        return Call(request=request, ops=ops, ident=ident, page=self._page_of(request))

    def _page_of(self, request: Request) -> int:
        try:
            if request.args.get("cursor"):
                return objects.read_cursor(request.args["cursor"])[0]
            return (int(request.args.get("startIndex", 1)) - 1) // self.traits.page_size + 1
        except ValueError:
            return 1

    def _limited(self, call: Call) -> Answer:
        caller = call.request.headers.get(b"authorization", b"").decode("latin-1")
        allowed, bucket, _ = self.buckets.take("all", caller)
        if not allowed:
            answer = objects.error(429, "Too many requests.")
            wait_s = max(1, int(bucket.reset_at - self.clock.now()) + 1)
            answer.headers.append((b"retry-after", b"%d" % wait_s))
            return answer
        if not self.board.armed:
            return self._guarded(call, self._serve)
        for armed in self.board.hits(call.ops, call.page, call.ident, Kind.ANSWER):
            instead = self._faults.answer(armed, call)
            if instead is not None:
                return instead
        answer = self._guarded(call, self._serve)
        for armed in self.board.hits(call.ops, call.page, call.ident, Kind.SHAPE):
            if answer.status == 200:
                answer = self._faults.shape(armed, call, answer)
        return answer

    @staticmethod
    def _guarded(call: Call, serve: Callable[[Call], Answer]) -> Answer:
        try:
            return serve(call)
        except Failed as failed:
            return objects.error(failed.status, failed.detail, failed.scim_type)

    def _serve(self, call: Call) -> Answer:
        self._authorize(call)
        return self.reads.serve(call)

    def _authorize(self, call: Call) -> None:
        if call.request.headers.get(b"x-api-key", b"").decode("latin-1") in self.tokens:
            return self._permit(call)
        scheme, _, said = call.request.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "basic":
            expected = {base64.b64encode(f"{USER_NAME}:{token}".encode()).decode() for token in self.tokens}
        else:
            expected = self.tokens if scheme.lower() == "bearer" else set()
        if said.strip() not in expected:
            raise Failed(401, "The credential is not valid.")
        return self._permit(call)

    def _permit(self, call: Call) -> None:
        if call.op in self.sight.lost_rights:
            raise Failed(403, "This credential may not read it.")
