"""Serves an ASGI app on a real loopback port for the length of a test."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvicorn

from providers.simulator.prompt import PromptServer

_START_LIMIT_S = 30.0
_STOP_LIMIT_S = 10.0


class _Server(PromptServer):
    """Uvicorn that says when it accepts connections, or that it never will."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets)
        except SystemExit:  # uvicorn's way of saying that the app refused to start
            self.should_exit = True
        finally:
            self.settled.set()


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[str]:
    """Runs `app` as the product runs it, at the base URL `http://127.0.0.1:PORT`; `options` go to uvicorn."""
    settings: dict[str, Any] = {
        "loop": "uvloop",
        "http": "httptools",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": 3,
    }
    server = _Server(uvicorn.Config(app, **(settings | options)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="served app")
        thread.start()
        try:
            server.settled.wait(_START_LIMIT_S)
            if not server.started:
                raise RuntimeError("the app did not start; its own log says why")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.end()
            thread.join(_STOP_LIMIT_S)
    if thread.is_alive():
        raise RuntimeError(f"the app was still running {_STOP_LIMIT_S:.0f} s after it was told to stop")


@pytest.fixture
def served() -> Iterator[Callable[..., str]]:
    """A function that serves an ASGI app until the test ends and returns its base URL."""
    with ExitStack() as stack:
        yield lambda app, **options: stack.enter_context(serving(app, **options))
