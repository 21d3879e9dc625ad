"""Microsoft Graph and its login authority on the wire: who may call what, how often, and batches."""

import base64
import random
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from providers.simulator import azure_objects as objects
from providers.simulator.azure_calls import BATCH, ROUTES, Call, Route, read_cursor
from providers.simulator.azure_delta import Deltas
from providers.simulator.azure_faults import AzureFaults
from providers.simulator.azure_login import ROLES, LoginAuthority
from providers.simulator.azure_objects import Failed
from providers.simulator.azure_reads import Reads
from providers.simulator.azure_sight import AzureSight
from providers.simulator.azure_subscriptions import Subscriptions
from providers.simulator.azure_units import LIMITS, Units, cost_of
from providers.simulator.clock import Clock
from providers.simulator.directory import Directory
from providers.simulator.faults import Armed, Board, Kind
from providers.simulator.wire import Answer, Manner, Request

BATCH_MOST = 20


class Azure:
    """One Entra tenant over one directory, with Graph and the login authority at one address."""

    type = "azure"
    ids = objects.IDS
    statuses = objects.STATUSES
    status_names = objects.STATUS_NAMES
    scopes = ROLES

    def __init__(
        self, *, directory: Directory, clock: Clock, board: Board, rate_limits: str = "generous"
    ) -> None:
        if rate_limits not in LIMITS:
            raise ValueError(f"unknown rate limits {rate_limits!r}: choose one of {', '.join(LIMITS)}")
        self.directory, self.clock, self.board = directory, clock, board
        self.login = LoginAuthority(clock=clock, seed=directory.seed)
        self.reads = Reads(directory=directory, clock=clock, tenant_id=self.login.tenant_id)
        self.deltas = Deltas(self.reads)
        self.plan = rate_limits
        self.units = Units(clock=clock, limit=LIMITS[rate_limits])
        self.base_url = "http://127.0.0.1"
        self.requests: Counter[str] = Counter()
        self.running = 0
        self.stand_in: Azure | None = None
        self.hooks = Subscriptions(clock=clock, board=board, tenant_id=self.login.tenant_id)
        directory.listeners.append(self.hooks.tell)
        self._served = 0
        self._order = random.Random(f"batch {directory.seed}")
        self._faults = AzureFaults(self)

    @property
    def sight(self) -> AzureSight:
        """What the caller gets to see."""
        return self.reads.sight

    @property
    def credentials(self) -> dict[str, str]:
        """The settings a connection needs to be let in."""
        return {
            "authority_url": self.base_url,
            "tenant_id": self.login.tenant_id,
            "client_id": self.login.client_id,
            "client_secret": self.login.secret,
        }

    def register(self, *, dpop: bool, scopes: frozenset[str]) -> dict[str, str]:  # noqa: ARG002 - Okta's words
        """A new app registration with a certificate: its client id, and the PEM of key and certificate."""
        return self.login.register_certificate()

    def prepare(self, armed: Armed) -> None:
        """Complete a fault as it is switched on."""
        self._faults.prepare(armed)

    def apply(self, armed: Armed) -> None:
        """Let a fault that changes the directory or the sight take effect."""
        self._faults.apply(armed)

    def forget_faults(self) -> None:
        """Undo every fault that is not a change of the truth."""
        self.reads.sight = AzureSight(revision=self.sight.revision + 1)
        self.clock.skew_s = 0.0
        self.stand_in = None
        self.units = Units(clock=self.clock, limit=LIMITS[self.plan])

    # ---- from a request to its answer

    def answer(self, request: Request) -> Answer:
        """The answer to any request that is not for the control plane."""
        if self.board.armed:
            self._faults.settle()
        self._served += 1
        if self.login.owns(request.path):
            return self._stamp(self._login(request))
        if self.stand_in is not None:
            return self.stand_in.answer(request)
        if request.path == "/v1.0/$batch":
            return self._stamp(self._batch(request))
        answer, cost = self._one(request, in_batch=False)
        return self._stamp(answer, cost)

    def _login(self, request: Request) -> Answer:
        op = ("token",) if request.path.endswith("/token") else ("org", "discovery")
        self.requests[op[-1]] += 1
        call = Call(request=request, route=Route(pattern=BATCH.pattern, ops=op, cost=0), ids=(), cursor={})
        return self._meet(call, lambda call: self.login.answer(call.request))

    def _one(self, request: Request, *, in_batch: bool) -> tuple[Answer, int]:
        """The answer to one call, by itself or in a batch, and its cost."""
        try:
            call = self._call(request, in_batch=in_batch)
        except Failed as failed:
            return self._error(failed), 1
        cost = cost_of(call)
        wait_s = self.units.take(cost)
        if wait_s is not None:
            answer = objects.error("TooManyRequests")
            answer.headers += self._throttled(max(1, round(wait_s + 0.5)))
            return answer, cost
        return self._meet(call, self._serve), cost

    def _throttled(self, wait_s: int | None) -> list[tuple[bytes, bytes]]:
        scope = f"Tenant_Application/ReadWrite/{self.login.client_id}/{self.login.tenant_id}"
        told = [
            (b"x-ms-throttle-scope", scope.encode()),
            (b"x-ms-throttle-information", b"ResourceUnitLimitExceeded"),
        ]
        return told if wait_s is None else [*told, (b"retry-after", b"%d" % wait_s)]

    def throttled(self, wait_s: int | None) -> Answer:
        """429 with so many seconds to wait, or with no hint."""
        answer = objects.error("TooManyRequests")
        answer.headers += self._throttled(wait_s)
        return answer

    def _call(self, request: Request, *, in_batch: bool) -> Call:
        path = self.reads.by_app_id(request.path)
        for route in ROUTES:
            match = route.pattern.fullmatch(path)
            if match is not None and route.method == request.method:
                break
        else:
            raise Failed("BadRequest", request.path)
        self.requests[route.ops[0]] += 1
        call = Call(request=request, route=route, ids=match.groups(), cursor={}, in_batch=in_batch)
        call.cursor = read_cursor(request)
        return call

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
            answer = self._error(failed)
            if failed.code == "resyncRequired":
                answer.headers.append((b"location", self.deltas.fresh_link(call).encode()))
            return answer

    def _error(self, failed: Failed) -> Answer:
        return objects.error(failed.code, failed.about, inner=failed.inner)

    def _let_in(self, call: Call) -> None:
        scheme, _, token = call.request.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not self.login.knows(token):
            raise Failed("InvalidAuthenticationToken")

    def _serve(self, call: Call) -> Answer:
        self._let_in(call)
        if call.op in self.sight.lost_rights:
            raise Failed("Authorization_RequestDenied")
        if call.op == "subscriptions":
            return self.hooks.serve(call)
        return (self.deltas if "delta" in call.route.ops else self.reads).serve(call)

    def _stamp(self, answer: Answer, cost: int = 0) -> Answer:
        request_id = str(uuid.UUID(int=self._served))
        answer.body = answer.body.replace(b"@request-id", request_id.encode(), 1)
        answer.headers += [
            (b"date", self.clock.http_date()),
            (b"request-id", request_id.encode()),
            (b"client-request-id", request_id.encode()),
            (b"cache-control", b"no-cache"),
            (b"odata-version", b"4.0"),
        ]
        if cost:
            answer.headers += self.units.headers(cost)
        return answer

    # ---- batches

    def _batch(self, request: Request) -> Answer:
        self.requests["batch"] += 1
        call = Call(request=request, route=BATCH, ids=(), cursor={})
        return self._meet(call, self._batched)

    def _batched(self, call: Call) -> Answer:
        self._let_in(call)
        if call.request.method != "POST":
            raise Failed("BadRequest", "$batch")
        try:
            asked = orjson.loads(call.request.body)["requests"]
            ids = [item["id"] for item in asked]
        except (ValueError, KeyError, TypeError):
            raise Failed("Request_BadRequest") from None
        if not 1 <= len(asked) <= BATCH_MOST or len(set(ids)) != len(ids):
            raise Failed("Request_BadRequest")
        answers = [
            (item["id"], self._one(self._inner(call.request, item), in_batch=True)[0]) for item in asked
        ]
        odd = next((answer for _, answer in answers if answer.manner is not Manner.WHOLE), None)
        if odd is not None:
            return odd  # a server that hangs over one of them hangs over all
        self._order.shuffle(answers)
        told = [self._item(item_id, answer) for item_id, answer in answers]
        return Answer(body=b'{"responses":[' + b",".join(told) + b"]}", headers=[objects.GRAPH_JSON])

    def _inner(self, outer: Request, item: dict[str, Any]) -> Request:
        path, _, query = str(item["url"]).partition("?")
        headers = {
            str(name).lower().encode(): str(value).encode()
            for name, value in dict(item.get("headers") or {}).items()
        }
        kept: dict[bytes, bytes] = {
            name: outer.headers[name] for name in (b"authorization", b"host") if name in outer.headers
        }
        return Request(
            method=str(item.get("method", "GET")).upper(),
            path="/v1.0/" + path.lstrip("/"),
            query=query.encode(),
            headers={**kept, **headers},
            body=orjson.dumps(item["body"]) if "body" in item else b"",
        )

    def _item(self, item_id: str, answer: Answer) -> bytes:
        """One response of a batch: JSON as it is, anything else as base64."""
        headers = {name.decode(): value.decode("latin-1") for name, value in answer.headers}
        head: dict[str, Any] = {"id": item_id, "status": answer.status, "headers": headers}
        if not answer.body:
            return orjson.dumps(head)
        is_json = "json" in headers.get("content-type", "")
        answer.body = answer.body.replace(b"@request-id", str(uuid.UUID(int=self._served)).encode(), 1)
        body = answer.body if is_json else orjson.dumps(base64.b64encode(answer.body).decode())
        return orjson.dumps(head)[:-1] + b',"body":' + body + b"}"

    # ---- another tenant

    def twin(self, directory: Directory) -> "Azure":
        """Another tenant at the same address that takes the same tokens."""
        other = Azure(directory=directory, clock=self.clock, board=Board(self.clock), rate_limits=self.plan)
        other.login, other.requests, other.base_url = self.login, self.requests, self.base_url
        other.reads.tenant_id = str(uuid.UUID(int=directory.seed, version=4))
        return other
