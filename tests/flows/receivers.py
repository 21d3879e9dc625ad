"""A webhook receiver on loopback: keeps a journal of what came and answers as it is told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """One POST as it came."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def event(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Reply = tuple[int, dict[str, str], bytes]


def accept(_call: Call) -> Reply:
    return 204, {}, b""


def refuse(status: int, body: bytes = b"", **headers: str) -> Callable[[Call], Reply]:
    """Always this answer; underscores in header names are dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _call: (status, named, body)


@dataclass
class Receiver:
    """``calls`` came, ``accepted`` were answered with 2xx, in the order of their ends."""

    url: str = ""
    reply: Callable[[Call], Reply] = accept
    calls: list[Call] = field(default_factory=list)
    accepted: list[Call] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def answer(self, call: Call) -> Reply:
        with self.changed:
            self.calls.append(call)
            self.changed.notify_all()
        reply = self.reply(call)
        with self.changed:
            if 200 <= reply[0] < 300:
                self.accepted.append(call)
            self.changed.notify_all()
        return reply

    def wait(self, condition: Callable[[], bool], limit_s: float = 30) -> None:
        """Until the condition holds; an assertion when it does not in time."""
        with self.changed:
            assert self.changed.wait_for(condition, limit_s), f"{len(self.calls)} calls came"


@contextmanager
def receiving(
    reply: Callable[[Call], Reply] = accept, *, tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """A receiver at ``url`` until the block ends, behind TLS when a context is given."""
    receiver = Receiver(reply=reply)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length).decode()
            if len(body.encode()) < length:  # who called was killed in the middle of it
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, further, said = receiver.answer(Call(self.path, headers, body))
            self.send_response(status)
            for name, value in further.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/hooks"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
