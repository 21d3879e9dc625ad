"""All outgoing HTTP of the providers: one client with retries, a time budget, pace and a size cap."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from providers.answers import Answer, Dialect, web_page
from providers.blacked_out import blacked_out
from providers.budget import Budget, Timeouts
from providers.deadline import watched_transport, within
from providers.failures import Garbled, ServerFault, Throttled, TooSlow
from providers.pace import DEFAULT_SHARE, WIDEST, bucket, lanes
from providers.transport import broken_line, checked_origin, tls
from sync.model.errors import ConnectorError, Incomplete
from sync.model.source import Effort
from sync.model.span import Note, here, span

T = TypeVar("T")

PAGE_CAP_BYTES: Final = 64 * 1024 * 1024
LONGEST_WAIT_S: Final = 900.0
_TRIES: Final = 6
_TRIES_TO_CONNECT: Final = 3
_BACK_OFF = wait_random_exponential(multiplier=1, max=60)
_WEIGHT: Final = 0.2
_AGENT: Final = "directory-connector"


class Auth(Protocol):
    """Headers that prove who asks; ``renew`` is told which headers were refused and says if it has better."""

    def headers(self) -> Mapping[str, str]: ...

    def renew(self, refused: Mapping[str, str]) -> bool: ...


class FixedAuth:
    """A credential that never changes by itself, such as an API token."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def headers(self) -> Mapping[str, str]:
        return self._headers

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 - there is nothing newer to offer
        return False


class Signs(Protocol):
    """Headers made for one request alone, from its credential, method and target (path and query)."""

    def __call__(self, credential: Mapping[str, str], method: str, target: str, /) -> Mapping[str, str]: ...


class RenewedAuth:
    """A credential fetched when needed and again when refused; one fetch serves all threads.

    ``fetch`` returns the headers and the seconds they are good for; renewed ``skew_s`` earlier.
    """

    def __init__(
        self,
        fetch: Callable[[], tuple[Mapping[str, str], float]],
        monotonic: Callable[[], float],
        *,
        skew_s: float = 60.0,
    ) -> None:
        self._fetch, self._monotonic, self._skew_s = fetch, monotonic, skew_s
        self._lock = threading.Lock()
        self._current: Mapping[str, str] | None = None
        self._good_until = 0.0

    def headers(self) -> Mapping[str, str]:
        with self._lock:
            if self._current is None or self._monotonic() >= self._good_until:
                self._current, lifetime_s = self._fetch()
                self._good_until = self._monotonic() + max(0.0, lifetime_s - self._skew_s)
            return self._current

    def renew(self, refused: Mapping[str, str]) -> bool:
        with self._lock:
            if self._current is refused:
                self._current = None
        return self.headers() is not refused


class _Again(Exception):
    """One failed try that may be repeated: what to report in the end, how often, after which wait."""

    def __init__(self, fault: ConnectorError, *, tries: int = _TRIES, wait_s: float | None = None) -> None:
        super().__init__(fault.message)
        self.fault, self.tries, self.wait_s = fault, tries, wait_s


class Ask(NamedTuple):
    """One question: path and query on the host, what it is about (for people), its rate bucket.

    With a ``body`` it is POSTed, unless ``method`` says otherwise; a body that serves once is a
    function, called for every try. A question changes nothing that matters at the directory, so it
    may be repeated.
    ``cost`` is what it takes out of its bucket, in the vendor's own units.
    """

    target: str
    what: str
    bucket: str
    headers: Mapping[str, str] = {}
    is_anonymous: bool = False
    gives_up_when_slow: bool = False
    body: bytes | Callable[[], bytes] | None = None
    cost: int = 1
    method: str | None = None


class Wire:
    """A keep-alive line to one directory host; safe for a few threads at once.

    ``origin`` is scheme, host and port; ``latency_s`` is the recent time per answer. A line
    ``beside`` another counts into the same effort: a vendor may have several hosts. ``tenant`` names
    whose limits apply, where one host serves many tenants; ``signs`` adds to every request what is
    good for it alone. Nothing of httpx leaves this class: results are Answer objects, failures those
    of ``sync.model.errors`` and ``providers.failures``. Requests under way are never cancelled, since
    httpx 0.28 loses pool slots that way.
    """

    def __init__(
        self,
        origin: str,
        auth: Auth,
        dialect: Dialect,
        budget: Budget,
        *,
        share: float = DEFAULT_SHARE,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
        observer: Callable[[Effort], None] | None = None,
        page_cap_bytes: int = PAGE_CAP_BYTES,
        beside: Wire | None = None,
        tenant: str | None = None,
        signs: Signs | None = None,
    ) -> None:
        self.origin = checked_origin(origin)
        self.host = urlsplit(self.origin).netloc
        self.budget = budget
        self.effort: Effort = beside.effort if beside else Effort()
        self.count: threading.Lock = beside.count if beside else threading.Lock()
        self._auth, self._dialect, self._share = auth, dialect, share
        self._signs = signs
        self._timeouts, self._observer, self._page_cap_bytes = timeouts, observer, page_cap_bytes
        self._tenant = f"{self.host}/{tenant}" if tenant else self.host
        self._opened_in = here()  # requests are sent from several threads, which know no open span
        self._lanes = lanes(self._tenant)
        self._waited_until = 0.0
        self.latency_s = 0.0
        self._is_proven = False
        self._client = httpx.Client(
            base_url=self.origin,
            transport=watched_transport(tls(), connections=2 * WIDEST),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(timeouts.read_s, connect=timeouts.connect_s, pool=None),
            headers={"accept": "application/json", "user-agent": _AGENT},
        )

    def close(self) -> None:
        self._client.close()

    def ask(self, ask: Ask, decode: Callable[[Answer], T]) -> tuple[Answer, T]:
        """The answer and what ``decode`` made of it; ``decode`` raises Garbled for no JSON."""
        retrying = Retrying(
            retry=retry_if_exception_type(_Again),
            stop=_is_enough,
            wait=_pause_s,
            before_sleep=self._back_off,
            sleep=_already_slept,
            reraise=True,
        )
        try:
            return retrying(self._try, ask, decode)
        except _Again as again:
            raise again.fault from again.__cause__

    def _try(self, ask: Ask, decode: Callable[[Answer], T]) -> tuple[Answer, T]:
        answer = self._send(ask)
        if not 200 <= answer.status < 300:
            raise self._rejected(answer, ask)
        if answer.is_web_page():
            raise web_page(self.host, is_proven=self._is_proven)
        try:
            result = decode(answer)
        except Garbled as garbled:
            raise _Again(
                Incomplete(
                    f"{self.host} answered for {ask.what} with a body that is empty or cut off: {garbled}. "
                    "Nothing was concluded from it; the next run tries again."
                ),
                tries=3,
            ) from garbled
        self._is_proven = True
        self._lanes.calm()
        with self.count:
            self.effort.pages += 1
        if self._observer is not None:
            self._observer(self.effort)
        return answer, result

    def _send(self, ask: Ask) -> Answer:
        credential: Mapping[str, str] = {} if ask.is_anonymous else self._auth.headers()
        answer = self._send_once(ask, credential)
        if answer.status == 401 and not ask.is_anonymous and self._auth.renew(credential):
            answer = self._send_once(ask, self._auth.headers())
        return answer

    def _send_once(self, ask: Ask, credential: Mapping[str, str]) -> Answer:
        self.budget.check()
        rate = bucket(self._tenant, ask.bucket)
        wait_s = rate.claim_s(self.budget.monotonic(), self._share, ask.cost)
        if wait_s > 0:
            self._wait_as_told(wait_s, f"Our share of the rate limit of {self.host} is used up")
            rate.reopen(ask.cost)
        with self._lanes, _translated(self.host, ask), self._traced(ask) as note:
            with self.count:
                self.effort.requests += 1
            began = time.monotonic()
            answer = self._receive(ask, credential)
            note(status=answer.status, bytes=len(answer.body))
        self.latency_s += _WEIGHT * (time.monotonic() - began - self.latency_s)
        allowance = self._dialect.allowance(answer)
        if allowance is not None:
            rate.learn(allowance, self.budget.monotonic())
        return answer

    def _traced(self, ask: Ask) -> AbstractContextManager[Note]:
        return span("request", inside=self._opened_in, host=self.host, bucket=ask.bucket)

    def _receive(self, ask: Ask, credential: Mapping[str, str]) -> Answer:
        whole_s = min(self._timeouts.whole_s, max(0.001, self.budget.left_s()))
        body = ask.body() if callable(ask.body) else ask.body
        method = ask.method or ("GET" if body is None else "POST")
        headers = {**ask.headers, **credential}
        if self._signs is not None:
            headers |= self._signs(credential, method, ask.target)
        opened = self._client.stream(method, ask.target, headers=headers, content=body)
        with within(whole_s), opened as response:
            chunks, size = [], 0
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                if size > self._page_cap_bytes:
                    raise Incomplete(
                        f"{self.host} sent more than {self._page_cap_bytes // 2**20} MiB "
                        f"for one page of {ask.what}; the read was ended."
                    )
            read, is_refusal = b"".join(chunks), response.status_code >= 400
            answer = Answer(
                status=response.status_code,
                headers=response.headers,
                links=response.headers.get_list("link"),
                body=blacked_out(read, headers, body) if is_refusal else read,
            )
            if self.effort.told_at is None:
                self.effort.told_at = answer.date
            return answer

    def _rejected(self, answer: Answer, ask: Ask) -> Exception:
        status = answer.status
        if status == 429:
            return self._limited(answer)
        if (status >= 500 and status != 501) or self._dialect.is_momentary(answer):
            told_s = self._dialect.told_wait_s(answer)
            return _Again(
                ServerFault(
                    f"{self.host} answers {status} when asked for {ask.what}, again and again. "
                    "That is trouble on its side; the next run tries again.",
                    status=status,
                    retry_after_s=told_s,
                ),
                wait_s=told_s,
            )
        return self._dialect.refusal(answer, ask.what, self.host)

    def _limited(self, answer: Answer) -> Exception:
        fault = f"{self.host} asks us to slow down (429)"
        if self._dialect.is_crowded(answer):
            self._lanes.narrow()
            return _Again(Throttled(f"{fault}: too many requests at once, from this or other programs."))
        told_s = self._dialect.told_wait_s(answer)
        if told_s is not None and told_s > LONGEST_WAIT_S:
            return Throttled(
                f"{fault} for {told_s / 60:.0f} minutes; it is tried again then.", retry_after_s=told_s
            )
        return _Again(
            Throttled(f"{fault} without end; the next run tries again.", retry_after_s=told_s), wait_s=told_s
        )

    def _back_off(self, state: RetryCallState) -> None:
        """Waits before the next try; only what a rate limit costs counts as throttled."""
        error = state.outcome.exception() if state.outcome else None
        seconds = float(state.next_action.sleep) if state.next_action else 0.0
        if isinstance(error, _Again) and isinstance(error.fault, Throttled):
            self._wait_as_told(seconds, f"{self.host} is to be left alone")
        else:
            self.budget.wait(seconds, f"{self.host} is in trouble; it is to be left alone")

    def pause(self, seconds: float, *, is_limit: bool) -> None:
        """Waits because a part of an answer asked for it; only a limit counts as throttled."""
        why = f"{self.host} is to be left alone"
        if is_limit:
            self._wait_as_told(seconds, why)
        else:
            self.budget.wait(seconds, why)

    def _wait_as_told(self, seconds: float, why: str) -> None:
        """Waits, and counts the time once even when several threads wait side by side."""
        now = self.budget.monotonic()
        with self.count:
            self.effort.throttled_s += max(0.0, now + seconds - max(now, self._waited_until))
            self._waited_until = max(self._waited_until, now + seconds)
        self.budget.wait(seconds, why)


@contextmanager
def _translated(host: str, ask: Ask) -> Iterator[None]:
    """Turns httpx's errors into ours, and says how often another try makes sense."""
    try:
        yield
    except httpx.HTTPError as error:
        fault, may_help = broken_line(error, host, ask.what)
        if not may_help:
            raise fault from error
        never_connected = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        tries = _TRIES_TO_CONNECT if never_connected else _TRIES
        if ask.gives_up_when_slow and isinstance(fault, TooSlow):
            tries = 1
        raise _Again(fault, tries=tries) from error


def _already_slept(_seconds: float) -> None:
    """The wait happened in ``before_sleep``, where its reason is known."""


def _is_enough(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, _Again) and state.attempt_number >= error.tries


def _pause_s(state: RetryCallState) -> float:
    """As told, at least a second; else exponential with full jitter, at most a minute."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Again) and error.wait_s is not None:
        return max(1.0, error.wait_s)
    return float(_BACK_OFF(state))
