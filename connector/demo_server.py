"""The program as the demo serves it: from a thread, while the story is told."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from connector.app import App
from connector.web.asgi import application
from sync.model.errors import Misconfigured

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0


def listen(port: int, *, must: bool) -> socket.socket:
    """A loopback socket that listens; a free port when this one is taken, unless it ``must`` be it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as error:
            if must:
                raise Misconfigured(
                    f"port {port} cannot be used: {error.strerror}; choose another"
                ) from error
            sock.bind(("127.0.0.1", 0))
        sock.listen(128)
    except BaseException:
        sock.close()
        raise
    return sock


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.began = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.began.set()


class Served:
    """The web application served from a daemon thread.

    The socket listens already; it stays open for whoever serves on it next.
    """

    def __init__(self, app: App, sock: socket.socket) -> None:
        config = uvicorn.Config(
            application(app),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            ws="none",
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [sock.dup()]}, daemon=True, name="web"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._server.began.wait(START_TIMEOUT_S):
            raise RuntimeError("the web server did not start in time")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(STOP_TIMEOUT_S)
