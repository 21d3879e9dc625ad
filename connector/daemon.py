"""The daemon: serves the doors, does queued runs, keeps the schedule, and ends cleanly on SIGTERM."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any, Final

import structlog
import uvicorn

from connector.app import App
from connector.scheduler import Crew, Loop
from connector.settings import Settings
from sync.model.errors import Misconfigured

WORKERS: Final = 2
"""Runs this process does at a time; each is of another connection."""

POLL_S: Final = 0.5
"""How long a run that another process asked for waits at most to be noticed."""

TICK_S: Final = 1.0
DRAIN_S: Final = 4.0
"""How long running work has to come to a point where it can be left."""

log = structlog.get_logger("connector.daemon")


class _Server(uvicorn.Server):
    """Uvicorn that tells when a signal asks it to end, before it begins to."""

    def __init__(self, config: uvicorn.Config, draining: threading.Event, running: dict[str, Any]) -> None:
        super().__init__(config)
        self._draining, self._running = draining, running

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._running["draining"] = True
        self._draining.set()
        super().handle_exit(sig, frame)


def listen(settings: Settings) -> tuple[socket.socket, Settings]:
    """A listening socket, and the settings with the port it got; port 0 takes a free one.

    Raises Misconfigured.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except OSError as error:
        raise Misconfigured(
            f"cannot listen on {settings.listen}: {error.strerror}; choose another address (listen, --port)"
        ) from error
    host = f"[{settings.host}]" if family is socket.AF_INET6 else settings.host
    return listener, settings.model_copy(update={"listen": f"{host}:{listener.getsockname()[1]}"})


@contextlib.contextmanager
def working(app: App, draining: threading.Event, *, workers: int = WORKERS) -> Iterator[threading.Event]:
    """The schedule and the workers, until the block ends; the event that is given wakes the workers."""
    wake = threading.Event()

    def tick() -> bool:
        if app.schedules.request_due():
            wake.set()
        app.worker.fill_seats()
        return False

    loops = [Loop("schedule", tick, rest_s=TICK_S, stop=draining)]
    loops += [
        Loop(
            f"worker {number}",
            lambda: app.worker.work_one(stop=draining) is not None,
            rest_s=POLL_S,
            stop=draining,
            wake=wake,
        )
        for number in range(1, workers + 1)
    ]
    rung = threading.Event()
    post = Crew("webhook", lambda: app.webhooks.claim(draining.is_set), hands=app.webhooks.at_once, wake=rung)
    loops.append(Loop("webhooks", post.turn, rest_s=POLL_S, stop=draining, wake=rung))
    try:
        yield wake
    finally:
        draining.set()
        for loop in loops:
            if not loop.join(DRAIN_S / len(loops)):
                log.warning("work is left to its lease", loop=loop)


def serve(app: App, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, then drain: no new runs, and the running one stops where it can."""
    from connector.web.asgi import application

    draining, running = threading.Event(), {"draining": False}
    config = uvicorn.Config(
        application(app, running=running),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )
    # Uvicorn raises the signal again when it has ended; by then there is nothing more to do for it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: draining.set())
    touched = app.connections.keep_equal_to_file()
    with working(app, draining):
        log.info("serving", url=app.settings.url, from_file=touched)
        _tell_systemd("READY=1")
        _Server(config, draining, running).run(sockets=[listener])
        _tell_systemd("STOPPING=1")
    log.info("stopped")


def _tell_systemd(state: str) -> None:
    """Type=notify: one datagram to the socket that systemd names, if it names one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, contextlib.suppress(OSError):
        notify.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        notify.send(state.encode())
