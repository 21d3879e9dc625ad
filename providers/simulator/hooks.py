"""Event hooks of a simulated IdP: posts what happens in the directory to whoever was registered for it."""

import http.client
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from providers.simulator.directory import Event

BATCH = 10
TRIES = 3
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
    """Sends events in the order they happened, from a thread of its own; a failing call is made thrice."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._hooks: list[Hook] = []
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.answers: list[int] = []

    def add(self, hook: Hook) -> None:
        """Register an address. ValueError for one that is not on this machine."""
        parts = urlsplit(hook.url)
        if parts.scheme not in ("http", "https") or not _is_here(parts.hostname or ""):
            raise ValueError(f"{hook.url!r}: a simulator calls this machine only, by http or https")
        self._hooks.append(hook)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True, name="simulated hooks")
            self._thread.start()

    def tell(self, event: Event) -> None:
        """Take an event to be sent, when anybody wants it."""
        if self._hooks:
            self._events.put(event)

    def stop(self) -> None:
        """Send what is waiting, and no more."""
        if self._thread is not None:
            self._events.put(None)
            self._thread.join(TIMEOUT_S)

    def _work(self) -> None:
        while (event := self._events.get()) is not None:
            batch = [event]
            while len(batch) < BATCH and not self._events.empty():
                more = self._events.get()
                if more is None:
                    self._events.put(None)
                    break
                batch.append(more)
            for body in self._render(batch):
                for hook in tuple(self._hooks):
                    self.answers.append(_post(hook, body))


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
