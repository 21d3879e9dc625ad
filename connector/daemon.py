"""The daemon: serves the doors, does queued runs, keeps the schedule, and ends cleanly on SIGTERM."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import structlog
import uvicorn

from connector import memory
from connector.app import App
from connector.scheduler import Crew, Loop
from connector.settings import Settings
from sync.model.errors import ConnectorError, Misconfigured

POLL_S: Final = 0.5
"""How long work waits at most to be noticed where the doorbell is out of order."""

BELL_S: Final = 1.0
"""How long one wait for the doorbell lasts; a process that ends is not held up longer."""

TICK_S: Final = 1.0
PULSE_S: Final = 10.0
"""How often a process says that it is alive."""

LEAVE_S: Final = 0.5
RETENTION_S: Final = 2.0
"""Time between two steps of forgetting what is old; others write in between."""

NOTICE_S: Final = 15.0
"""How long what wants a person waits at most to be told."""
SUBSCRIBE_S: Final = 5.0
"""How soon a directory is asked to tell of changes, once somebody switched that on."""

DRAIN_S: Final = 4.0
"""How long after the signal running work has to come to a point where it can be left."""

END_S: Final = 4.7
"""After so long the process ends whatever hangs; its work is left to its lease, as when it is killed."""

log = structlog.get_logger("connector.daemon")


class _Server(uvicorn.Server):
    """Uvicorn that tells when a signal asks it to end, before it begins to."""

    def __init__(self, config: uvicorn.Config, draining: threading.Event, running: dict[str, Any]) -> None:
        super().__init__(config)
        self._draining, self._running = draining, running
        self.told_at: float | None = None

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.told_at is None:
            self.told_at = time.monotonic()
            _end_for_certain()
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


class Role(StrEnum):
    """What one process does: everything, only answer, or only work."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"

    @property
    def works(self) -> bool:
        return self is not Role.WEB


class Crowd:
    """The loops of one process that does runs, keeps the schedule and delivers, and what wakes them."""

    def __init__(self, app: App, draining: threading.Event) -> None:
        self._app, self._draining = app, draining
        self._bell = app.doorbell()
        self._workers: list[threading.Event] = []
        self._postman = threading.Event()
        self._everything = threading.Event()
        self._ticks = threading.Event()
        self._loops = [self._loop("schedule", self._tick, TICK_S, self._ticks)]
        self._loops += [
            self._loop(f"worker {number}", self._work, POLL_S, self._woken())
            for number in range(1, app.settings.runs.at_once + 1)
        ]
        post = Crew(
            "webhook",
            lambda: app.webhooks.claim(draining.is_set),
            hands=app.webhooks.at_once,
            wake=self._postman,
        )
        self._loops += [
            self._loop("webhooks", post.turn, POLL_S, self._postman),
            self._loop("retention", app.retention.turn, RETENTION_S, threading.Event()),
            self._loop("notices", self._notice, NOTICE_S, threading.Event()),
            self._loop("subscriptions", self._subscribe, SUBSCRIBE_S, threading.Event()),
            self._loop("doorbell", self._hear, TICK_S, threading.Event()),
        ]

    def pull_everything(self) -> None:
        """Ask for a run of every connection; safe in a signal handler."""
        self._everything.set()
        self._ticks.set()

    def end(self, told_at: float) -> None:
        """Tell every loop to end, and wait for each until ``DRAIN_S`` after the signal (monotonic)."""
        self._draining.set()
        ends_at = told_at + DRAIN_S
        for loop in self._loops:
            if not loop.join(max(0.0, ends_at - time.monotonic())):
                log.warning("work is left to its lease", loop=loop.name)
        self._bell.close()

    def _loop(self, name: str, turn: Callable[[], bool], rest_s: float, wake: threading.Event) -> Loop:
        return Loop(name, turn, rest_s=rest_s, stop=self._draining, wake=wake)

    def _woken(self) -> threading.Event:
        self._workers.append(threading.Event())
        return self._workers[-1]

    def _hear(self) -> bool:
        """Wake whoever has something to do; on SQLite the bell rings for every commit there is."""
        if self._bell.wait(BELL_S):
            if self._app.worker.is_any_waiting():
                for worker in self._workers:
                    worker.set()
            if self._app.webhooks.is_anything_ready():
                self._postman.set()
        return True

    def _work(self) -> bool:
        return self._app.worker.work_one(stop=self._draining) is not None

    def _notice(self) -> bool:
        """Look what wants a person, and tell it; slow mail servers hold up nothing else."""
        self._app.notices.look()
        return self._app.notices.tell_one()

    def _subscribe(self) -> bool:
        self._app.subscriptions.keep_due()
        return False

    def _tick(self) -> bool:
        if self._everything.is_set():
            self._everything.clear()
            asked = self._app.runs.request_all(by="signal", trigger="signal")
            log.info("asked for a run of every connection", runs=len(asked))
        self._app.schedules.request_due()
        self._app.worker.fill_seats()
        return False


def serve(app: App, listener: socket.socket, *, role: Role = Role.ALL) -> None:
    """Serve until SIGTERM or SIGINT, then drain: no new runs, and the running one is left where it can be."""
    from connector.web.asgi import application, probes

    draining, running = threading.Event(), {"draining": False}
    answers = probes if role is Role.WORKER else application
    config = uvicorn.Config(
        answers(app, running=running),
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
    server = _Server(config, draining, running)
    # From now on, for work begins before uvicorn listens to signals; it raises the signal again at its end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    touched = app.connections.keep_equal_to_file()
    crowd = Crowd(app, draining) if role.works else None
    pulse = _pulse(app, role, draining)
    signal.signal(signal.SIGUSR1, lambda *_: crowd.pull_everything() if crowd else None)
    try:
        memory.settle()
        log.info("serving", url=app.settings.url, role=role.value, from_file=touched)
        _tell_systemd("READY=1")
        server.run(sockets=[listener])
        _tell_systemd("STOPPING=1")
    finally:
        draining.set()
        if crowd is not None:
            crowd.end(server.told_at or time.monotonic())
        if pulse.join(LEAVE_S):
            with contextlib.suppress(ConnectorError):
                app.replicas.leave()
    log.info("stopped")


def _pulse(app: App, role: Role, draining: threading.Event) -> Loop:
    """Says every few seconds that this process is alive, whatever its role."""

    def beat() -> bool:
        app.replicas.beat(role.value)
        return False

    return Loop("pulse", beat, rest_s=PULSE_S, stop=draining)


def _end_for_certain() -> None:
    """Nothing holds the process up beyond ``END_S``: not a library's thread, not a request that hangs."""

    def leave() -> None:
        log.warning("ended with work under way; it is left to its lease")
        os._exit(0)

    timer = threading.Timer(END_S, leave)
    timer.daemon = True
    timer.start()


def _tell_systemd(state: str) -> None:
    """Type=notify: one datagram to the socket that systemd names, if it names one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, contextlib.suppress(OSError):
        notify.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        notify.send(state.encode())
