"""Start a simulated IdP: in a thread for tests and the demo, in the foreground for `connector simulate`."""

import asyncio
import concurrent.futures
import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import uvicorn

from providers.simulator import seeding
from providers.simulator.clock import Clock
from providers.simulator.control import Control
from providers.simulator.directory import Directory
from providers.simulator.faults import Board
from providers.simulator.hooks import Hooks
from providers.simulator.prompt import PromptServer
from providers.simulator.vendor import Vendor, chosen
from providers.simulator.wire import Line, Receive, Scope, Send, read_request

T = TypeVar("T")
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0


class Application:
    """The ASGI application of one simulated IdP: its API, and the control plane beside it."""

    def __init__(self, vendor: Vendor, *, latency_s: float = 0.0) -> None:
        self.vendor, self.control, self.line = vendor, Control(vendor), Line()
        self.latency_s = latency_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await read_request(scope, receive)
        if request.path.startswith("/_sim/"):
            await self.line.deliver(self.control.answer(request), receive, send)
            return
        self.vendor.running += 1
        try:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            answer = self.vendor.answer(request)
        finally:
            self.vendor.running -= 1
        await self.line.deliver(answer, receive, send)


def build(
    type: str,
    *,
    users: int = 1000,
    groups: int = 40,
    seed: int = 1,
    memberships: int | None = None,
    scenario: str | None = None,
    rate_limits: str = "generous",
    latency_s: float = 0.0,
    faults: Sequence[str] = (),
    domain: str | None = None,
) -> Application:
    """A seeded IdP, not yet serving. ValueError for an unknown type, scenario, limit or fault.

    ``domain`` is that of its people's e-mails, for directories that share nobody.
    """
    vendor_class = chosen(type)
    clock = Clock()
    directory = Directory(ids=vendor_class.ids, seed=seed, clock=clock)
    if domain is not None:
        directory.domains = (domain, f"mail.{domain}")
    seeding.fill(directory, users=users, groups=groups, memberships=memberships, scenario=scenario)
    vendor: Vendor = vendor_class(
        directory=directory, clock=clock, board=Board(clock), rate_limits=rate_limits
    )
    app = Application(vendor, latency_s=latency_s)
    for spec in faults:
        app.control.add_fault({"name": spec})
    return app


def _listen(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(256)
    return sock


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        interface="asgi3",
        ws="none",
    )


class _Thread:
    """An ASGI application served by a daemon thread on a socket that already listens."""

    def __init__(self, app: Any, sock: socket.socket) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._server, self._sock = PromptServer(_config(app)), sock
        self._thread = threading.Thread(target=self._run, daemon=True, name="simulator")
        self._begun = threading.Event()
        self._thread.start()
        if not self._begun.wait(START_TIMEOUT_S):
            raise RuntimeError("the simulator did not start in time")

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._begun.set()
        await self._server.serve(sockets=[self._sock])

    def stop(self, before: Callable[[], None] = lambda: None) -> None:
        if self.loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(before)
        self._server.end()
        self._thread.join(STOP_TIMEOUT_S)
        self._sock.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


@contextlib.contextmanager
def running(app: Any) -> Iterator[str]:
    """Serve any ASGI application on a free loopback port; gives its base URL."""
    sock = _listen(0)
    thread = _Thread(app, sock)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        thread.stop()


class Simulator:
    """A simulated IdP that is being served; everything here is safe to call from any thread."""

    def __init__(self, app: Application, port: int) -> None:
        self._app = app
        self._sock = _listen(port)
        self.type = app.vendor.type
        self.base_url = f"http://127.0.0.1:{self._sock.getsockname()[1]}"
        app.vendor.base_url = self.base_url
        self._thread = _Thread(app, self._sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def credentials(self) -> dict[str, str]:
        """The settings that a connection needs to be let in."""
        return dict(self._app.vendor.credentials)

    def add_command(self, name: str) -> str:
        """The command line that connects to this simulator."""
        return add_command(self._app, name)

    def _call(self, do: Callable[[], T]) -> T:
        # all changes happen in the serving thread, between two requests
        done: concurrent.futures.Future[T] = concurrent.futures.Future()

        def work() -> None:
            try:
                done.set_result(do())
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread whole
                done.set_exception(error)

        assert self._thread.loop is not None  # noqa: S101
        self._thread.loop.call_soon_threadsafe(work)
        return done.result()

    def state(self) -> dict[str, Any]:
        """The truth, as GET /_sim/state."""
        return self._call(self._app.control.state)

    def requests(self) -> dict[str, Any]:
        """Request counts, as GET /_sim/requests."""
        return self._call(self._app.control.requests)

    def fault(self, spec: str, **selectors: Any) -> dict[str, Any]:
        """Switch a fault on, as POST /_sim/faults. BadFault for one that does not exist."""
        return self._call(lambda: self._app.control.add_fault({"name": spec, **selectors}))

    def service_app(self, *, dpop: bool = True, scopes: str | None = None) -> dict[str, str]:
        """Register an OAuth client, as POST /_sim/clients: its client_id and private_key (PEM)."""
        wanted = {"dpop": dpop} | ({} if scopes is None else {"scopes": scopes})
        return self._call(lambda: self._app.control.add_client(wanted))

    def add_app(self, label: str) -> dict[str, Any]:
        """A new application, as POST /_sim/apps."""
        return self._call(lambda: self._app.control.add_app({"label": label}))

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self._call(self._app.control.clear_faults)

    def hook(self, url: str, secret: str) -> dict[str, Any]:
        """Register an event hook with its Authorization header, as POST /_sim/hooks."""
        return self._call(
            lambda: self._app.control.add_hook({"url": url, "headers": {"Authorization": secret}})
        )

    def hooked(self) -> list[int]:
        """The status of every call of an event hook, once what happened until now is sent."""
        hooks: Hooks | None = getattr(self._app.vendor, "hooks", None)
        return hooks.sent() if hooks else []

    def churn(
        self, *, joiners: int = 0, leavers: int = 0, movers: int = 0, renames: int = 0
    ) -> dict[str, Any]:
        """Let people come, go, move and be renamed; answers their ids."""
        counts = {"joiners": joiners, "leavers": leavers, "movers": movers, "renames": renames}
        return self._call(lambda: self._app.control.churn(counts))

    def add_user(self, **values: Any) -> dict[str, Any]:
        """A new person, as POST /_sim/users."""
        return self._call(lambda: self._app.control.add_user(values))

    def change_user(self, ident: str, **values: Any) -> dict[str, Any]:
        """Change a person, as PATCH /_sim/users."""
        return self._call(lambda: self._app.control.change_user(values, ident))

    def add_member(self, group: str, user: str) -> dict[str, Any]:
        """Put a person into a group, as POST /_sim/members."""
        return self._call(lambda: self._app.control.add_member({"group": group, "user": user}))

    def clock(self, **change: Any) -> dict[str, Any]:
        """Move the simulator's time, as POST /_sim/clock."""
        return self._call(lambda: self._app.control.clock(change))

    def subscriptions(self) -> list[dict[str, Any]]:
        """What a simulated Graph was asked to tell, and until when."""
        return self._call(self._app.vendor.hooks.told)  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Stop serving; calls that were kept waiting are cut off."""
        self._thread.stop(before=self._app.line.cut)
        hooks = getattr(self._app.vendor, "hooks", None)
        if hooks is not None:
            hooks.stop()


def add_command(app: Application, name: str) -> str:
    """The `connector connections add` line for this application."""
    settings = {"base_url": app.vendor.base_url, **app.vendor.credentials}
    told = " ".join(f"--set {key}={value}" for key, value in settings.items())
    return f"connector connections add {name} --type {app.vendor.type} {told}"


def start(
    type: str,
    *,
    users: int = 1000,
    groups: int = 40,
    seed: int = 1,
    port: int = 0,
    faults: Sequence[str] = (),
    scenario: str | None = None,
    memberships: int | None = None,
    rate_limits: str = "generous",
    latency_s: float = 0.0,
    domain: str | None = None,
) -> Simulator:
    """Serve a simulated IdP from a daemon thread on loopback; port 0 takes any. ValueError as in build."""
    app = build(
        type,
        users=users,
        groups=groups,
        seed=seed,
        memberships=memberships,
        scenario=scenario,
        rate_limits=rate_limits,
        latency_s=latency_s,
        faults=faults,
        domain=domain,
    )
    return Simulator(app, port)


def run(
    type: str,
    *,
    users: int = 1000,
    groups: int = 40,
    seed: int = 1,
    port: int = 0,
    faults: Sequence[str] = (),
    scenario: str | None = None,
    memberships: int | None = None,
    rate_limits: str = "generous",
    latency_s: float = 0.0,
    name: str | None = None,
) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; one line on stdout is the command that connects."""
    app = build(
        type,
        users=users,
        groups=groups,
        seed=seed,
        memberships=memberships,
        scenario=scenario,
        rate_limits=rate_limits,
        latency_s=latency_s,
        faults=faults,
    )
    sock = _listen(port)
    app.vendor.base_url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    sys.stdout.write(add_command(app, name or type) + "\n")
    sys.stdout.flush()
    # the server raises the signal again when it has stopped; an asked-for end is no failure
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(_config(app)).run(sockets=[sock])
