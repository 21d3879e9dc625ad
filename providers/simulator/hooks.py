"""Event hooks of a simulated IdP: posts what happens in the directory to whoever was registered for it."""

import http.client
import json
import queue
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from providers.simulator.directory import Event
from providers.simulator.faults import Board, Kind

BATCH = 10
TRIES = 3
FLOOD = 50
TIMEOUT_S = 5.0
AGAIN = frozenset({408, 429, *range(500, 600)})
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
Render = Callable[[Sequence[Event]], Sequence[bytes]]
"""A vendor's bodies for some events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """An address on this machine, and the headers its admin set."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Hooks:
    """Sends events in the order they happened, from a thread of its own; a failing call is made thrice.

    ``noise`` makes a body about nothing that matters to a directory; ``proves`` raises ValueError for an
    address that does not answer the vendor's challenge. The board's faults: ``forged``, ``duplicate``,
    ``late`` (after the next one), ``flood(n)`` and ``verify``. ``forge`` makes a body show another secret,
    for a vendor that has it there; ``more`` makes bodies that only a fault of that name sends.
    """

    def __init__(
        self,
        render: Render,
        *,
        board: Board,
        noise: Callable[[], bytes],
        proves: Callable[[str], None] | None = None,
        forge: Callable[[bytes], bytes] = lambda body: body,
        more: Mapping[str, Callable[[], bytes]] = MappingProxyType({}),
    ) -> None:
        self._render, self._board, self._noise, self._proves = render, board, noise, proves
        self._forge, self._more = forge, more
        self._hooks: list[Hook] = []
        self._events: queue.SimpleQueue[Event | threading.Event] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._end = threading.Event()
        self._late: list[bytes] = []
        self.answers: list[int] = []

    def add(self, hook: Hook) -> None:
        """Register an address. ValueError for one that is not on this machine, or does not prove itself."""
        self.prove(hook.url)
        self.call(hook)

    def prove(self, url: str) -> None:
        """Send the vendor's challenge. ValueError when the address does not answer it."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not _is_here(parts.hostname or ""):
            raise ValueError(f"{url!r}: a simulator calls this machine only, by http or https")
        if self._proves:
            self._proves(url)

    def remove(self, hook: Hook) -> None:
        """Call this address no more, after what has happened until now."""
        self.sent()
        self._hooks.remove(hook)

    def call(self, hook: Hook) -> None:
        """Call a proved address from now on."""
        self._hooks.append(hook)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True, name="simulated hooks")
            self._thread.start()

    def tell(self, event: Event) -> None:
        """Take an event to be sent, when anybody wants it."""
        if self._hooks:
            self._events.put(event)

    def sent(self) -> list[int]:
        """The status of every call so far, once everything that happened until now is sent."""
        if self._thread is not None:
            reached = threading.Event()
            self._events.put(reached)
            reached.wait(TRIES * TIMEOUT_S)
        return list(self.answers)

    def stop(self) -> None:
        """Send what is waiting, and no more."""
        if self._thread is not None:
            self._events.put(self._end)
            self._thread.join(TIMEOUT_S)

    def _work(self) -> None:
        while not self._end.is_set():
            batch, reached = self._gathered()
            for body in self._render(batch) if batch else ():
                for hook in tuple(self._hooks):
                    self._send(hook, body)
            if reached is not None:
                reached.set()

    def _gathered(self) -> tuple[list[Event], threading.Event | None]:
        """Events for one call, and whoever waits for what was before."""
        batch: list[Event] = []
        while isinstance(item := self._events.get(), Event):
            batch.append(item)
            if len(batch) == BATCH or self._events.empty():
                return batch, None
        return batch, item

    def _send(self, hook: Hook, body: bytes) -> None:
        struck = {armed.arg(): armed for armed in self._board.due(Kind.HOOK) if armed.strikes()}
        if "verify" in struck and self._proves:
            self._proves(hook.url)
        if "forged" in struck:
            hook, body = replace(hook, headers=dict.fromkeys(hook.headers, "forged")), self._forge(body)
        bodies = [body] * (2 if "duplicate" in struck else 1)
        bodies += [make() for name, make in self._more.items() if name in struck]
        if "flood" in struck:
            bodies = [self._noise()] * FLOOD + bodies
        if "late" in struck:
            self._late += bodies
            return
        for each in [*bodies, *self._late]:
            self.answers.append(_post(hook, each))
        self._late.clear()


def _post(hook: Hook, body: bytes) -> int:
    """The last status; 0 when nobody answered."""
    headers = {"content-type": "application/json", **hook.headers}
    status = 0
    for _ in range(TRIES):
        request = urllib.request.Request(hook.url, data=body, headers=headers, method="POST")  # noqa: S310 - loopback
        try:
            with _DIRECT.open(request, timeout=TIMEOUT_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            status = error.code
        except (OSError, http.client.HTTPException):
            status = 0
        if status and status not in AGAIN:
            break
    return status


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def prove_to_okta(url: str) -> None:
    """Okta's GET before it calls an address. ValueError when the challenge does not come back."""
    wanted = secrets.token_hex(16)
    request = urllib.request.Request(url, headers={"x-okta-verification-challenge": wanted})  # noqa: S310 - loopback
    try:
        with _DIRECT.open(request, timeout=TIMEOUT_S) as answer:
            told = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ValueError(f"{url} does not answer the verification: {error}") from None
    if told != {"verification": wanted}:
        raise ValueError(f"{url} does not give the verification challenge back")


def prove_to_graph(url: str) -> None:
    """Graph's POST before it takes a subscription. ValueError when the token does not come back as text."""
    wanted = f"Validation: Testing <client> & {secrets.token_hex(16)}"
    mark = "&" if urlsplit(url).query else "?"
    asked = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}{mark}validationToken={quote(wanted)}", data=b"", method="POST"
    )
    try:
        with _DIRECT.open(asked, timeout=TIMEOUT_S) as answer:
            told, kind = answer.read().decode(), answer.headers.get_content_type()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ValueError(f"{url} does not answer the validation: {error}") from None
    if told != wanted or kind != "text/plain":
        raise ValueError(f"{url} does not give the validation token back")
