"""The incoming log: what each identity provider asked lately, how it ended, and which quirks it needed.

Requests are noted in memory and written together about once a second, so that no request waits for
its own entry. A crash loses the entries of that second, nothing else.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson
import structlog

from connector.durations import span
from connector.usecases.wires import Wires
from scim_server.app import Served
from scim_server.exchange import Request
from scim_server.redaction import redacted_body, redacted_path
from sync.model.errors import ConnectorError
from sync.store import connections, scim_requests
from sync.store.times import to_text

REST_S: Final = 1.0
WAITING_MAX: Final = 1000
"""Requests of one connection noted within a rest; of more, the last ones are kept."""

CONNECTIONS_MAX: Final = 1000
FORGET_EVERY: Final = timedelta(minutes=1)
KEPT: Final = "7d"
BODY_MAX_BYTES: Final = 16 * 1024

log = structlog.get_logger("connector.request_log")


class RequestLog:
    """The last SCIM requests of each connection."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._waiting: dict[str, deque[Noted]] = defaultdict(lambda: deque(maxlen=WAITING_MAX))
        self._forgot_at: datetime | None = None
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def note(self, served: Served) -> None:
        """Count and remember a request; waits for nothing."""
        self._wires.meters.served(served.request.method, served.answer.status, served.seconds)
        connection_id = served.request.connection_id
        if connection_id not in self._waiting and len(self._waiting) >= CONNECTIONS_MAX:
            return
        self._waiting[connection_id].append(_noted(self._wires.clock(), served))
        if self._thread is None:
            self._begin()

    def listed(self, ref: str, *, limit: int = 100, **wanted: Any) -> list[dict[str, Any]]:
        """The newest requests of a connection first; ``wanted`` are before, failed and search."""
        self.write()
        with self._wires.database.read() as conn:
            found = connections.find(conn, ref)
            rows = scim_requests.listed(conn, found.id, limit=limit, **wanted)
        return [{name: value for name, value in row.items() if name != "connection_id"} for row in rows]

    def write(self) -> None:
        """Write what was noted; now and then, drop what is too old."""
        taken = [(key, self._waiting.pop(key)) for key in list(self._waiting)]
        now = self._wires.clock()
        is_time = self._forgot_at is None or now - self._forgot_at >= FORGET_EVERY
        if not taken and not is_time:
            return

        def unit(conn: Any) -> None:
            settings = scim_requests.settings_of(conn)
            entries = [entry for key, noted in taken if key in settings for entry in noted]
            entries.sort(key=lambda entry: entry.at)
            scim_requests.add(conn, [_row(entry) for entry in entries])
            for key, chosen in settings.items() if is_time else ():
                scim_requests.forget(conn, key, now - span(chosen.get("log_kept") or KEPT))

        self._wires.database.submit(unit)
        if is_time:
            self._forgot_at = now

    def close(self) -> None:
        """Write what is left, and end."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _begin(self) -> None:
        with self._starting:
            if self._thread is None and not self._ending.is_set():
                self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._ending.wait(REST_S)
            try:
                self.write()
            except ConnectorError as error:
                log.warning("requests could not be noted", why=error.message)


class Noted(NamedTuple):
    """What the entry of a request is made of, and no more: a second's answers would fill the memory.

    ``refusal`` is the body of an answer that refused; the other two bodies are there where they are kept.
    """

    at: datetime
    request: Request
    status: int
    seconds: float
    quirks: tuple[str, ...]
    client: str | None
    refusal: bytes | None
    asked: bytes | str | None
    answered: bytes | str | None


def _noted(at: datetime, served: Served) -> Noted:
    request, answer = served.request, served.answer
    keeps = bool(served.settings.get("log_bodies"))
    return Noted(
        at=at,
        request=Request(
            method=request.method, connection_id=request.connection_id, path=request.path, query=request.query
        ),
        status=answer.status,
        seconds=served.seconds,
        quirks=served.quirks,
        client=request.headers.get("user-agent"),
        refusal=answer.body if answer.status >= 400 else None,
        asked=_unless_large(request.body) if keeps else None,
        answered=_unless_large(answer.body) if keeps else None,
    )


def _row(noted: Noted) -> dict[str, Any]:
    request = noted.request
    return {
        "connection_id": request.connection_id,
        "at": to_text(noted.at),
        "method": request.method[:16],
        "path": redacted_path(request),
        "status": noted.status,
        "ms": round(noted.seconds * 1000, 2),
        "detail": _detail(noted.refusal),
        "quirks": orjson.dumps(sorted(set(noted.quirks))).decode(),
        "client": _client(noted.client),
        "request_body": _body(noted.asked),
        "answer_body": _body(noted.answered),
    }


def _detail(body: bytes | None) -> str | None:
    """The sentence the client was told."""
    said = orjson.loads(body).get("detail") if body else None
    return str(said) if said else None


def _client(header: str | None) -> str | None:
    return header[:200].replace("\0", "") if header else None


def _unless_large(body: bytes | None) -> bytes | str | None:
    """A body, or how large it was where that is too much to keep."""
    if not body or len(body) <= BODY_MAX_BYTES:
        return body
    return f"{len(body)} bytes, too many to keep"


def _body(body: bytes | str | None) -> str | None:
    if isinstance(body, str):
        return body
    return redacted_body(body) if body else None
