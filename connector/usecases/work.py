"""Doing a run: claim it under a lease, keep the lease alive, let the engine pull."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, Self

import structlog

from connector.durations import span as span_of
from connector.usecases.photos import Photos
from connector.usecases.wires import Wires
from sync import quarantine
from sync.apply.context import Context
from sync.model.connection import Connection
from sync.model.errors import ConnectorError, LeaseLost, recovery_of
from sync.model.run import Lease, Phase, Run, RunState
from sync.model.source import Effort, Source
from sync.model.span import span
from sync.pull import READS, Pull, Silent
from sync.resolution import retry_waiting
from sync.store import connections, runs
from sync.store.database import OutOfReach
from sync.store.times import to_text

LOOK_S: Final = 1.0
"""How long a running run goes on at most after somebody has cancelled it, between two pages or batches."""

log = structlog.get_logger("connector.work")


def owner_name() -> str:
    """Who holds a lease, as people find it: host, process and a random part (pids are used again)."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{os.urandom(4).hex()}"


class Watcher(Silent):
    """Hears how far a run is, and what its read has cost; this one does nothing with it."""

    def effort(self, effort: Effort) -> None: ...

    def seen(self, run: Run) -> None:
        """A run that another process does, as it stands in the database."""


class Phases(Watcher):
    """Makes a span of each phase, beside the one who watches; the last one ends with the block."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher, self._open = watcher, ExitStack()

    def phase(self, run: Run, phase: Phase) -> None:
        self._open.close()
        self._open.enter_context(span(phase.value))
        self._watcher.phase(run, phase)

    def pages(self, run: Run, pages: int, users: int) -> None:
        self._watcher.pages(run, pages, users)

    def applied(self, run: Run, done: int) -> None:
        self._watcher.applied(run, done)

    def effort(self, effort: Effort) -> None:
        self._watcher.effort(effort)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


class Stop:
    """Tells a running pull to end between two pages: asked for here or elsewhere, or the lease is lost."""

    def __init__(self, outer: threading.Event | None = None) -> None:
        self._outer = outer
        self._set = threading.Event()

    def __call__(self) -> bool:
        return self._set.is_set() or (self._outer is not None and self._outer.is_set())

    def set(self) -> None:
        self._set.set()


class Worker:
    """One process's right hand: takes queued runs and does them, one at a time per call."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._lease_s = span_of(wires.settings.runs.lease).total_seconds()
        self._photos = Photos(wires)
        self.owner = owner_name()

    def work_one(
        self,
        *,
        run_id: str | None = None,
        stop: threading.Event | None = None,
        watcher: Watcher | None = None,
    ) -> Run | None:
        """Claim a run (the named one, or any that waits) and do it; None when there is nothing to claim."""
        claimed = self._claimed(run_id)
        if claimed is None:
            return None
        lease, run = claimed
        known = {"run": run.id, "connection": run.connection, "connection_id": run.connection_id}
        told = {"mode": run.mode.value, "trigger": run.trigger}
        with structlog.contextvars.bound_contextvars(**known), span("run", **known, **told) as note:
            with Phases(watcher or Watcher()) as phases:
                ended = self._do(lease, run, Stop(stop), phases)
            note(state=ended.state.value, pages=ended.pages, requests=ended.requests)
            self.fill_seats()
            following = self._photos.follow(ended, Stop(stop))
            if ended.state.ended:
                self._wires.meters.run_ended(ended)
                log.info("run ended", state=ended.state.value, error=ended.error, duration_s=ended.duration_s)
            else:
                log.info("run left to another process", phase=ended.phase)
        if following is not None:
            self.work_one(run_id=following, stop=stop)
        return ended

    def is_any_waiting(self) -> bool:
        """Whether a claim would find a run; cheap enough to be asked after every commit."""
        return self._wires.database.look(lambda conn: runs.is_claimable(conn, self._wires.clock()))

    def _claimed(self, run_id: str | None) -> tuple[Lease, Run] | None:
        if not self.is_any_waiting():
            return None
        now = self._wires.clock()
        return self._wires.database.submit(
            lambda conn: runs.claim(conn, owner=self.owner, lease_s=self._lease_s, now=now, run_id=run_id)
        )

    def fill_seats(self) -> int:
        """Let in who waits for a seat since a push, as far as seats are free; how many came."""
        came = retry_waiting(self._wires.database, self._wires.policy_of, clock=self._wires.clock)
        if came:
            log.info("people who waited have a seat now", came=came)
        return came

    def _do(self, lease: Lease, run: Run, stop: Stop, watcher: Watcher) -> Run:
        log.info("run started", mode=run.mode.value, trigger=run.trigger, resumed=lease.fence > 1)
        with self._wires.database.read() as conn:
            connection = connections.get(conn, run.connection_id)

        def open_source() -> Source:
            return self._wires.open_source(connection, observer=watcher.effort, stop=stop)

        try:
            with self._kept_alive(lease, stop):
                return Pull(
                    database=self._wires.database,
                    lease=lease,
                    run=run,
                    connection=connection,
                    policy=self._wires.policy_of(connection),
                    open_source=open_source,
                    clock=self._wires.clock,
                    observer=watcher,
                    stop=stop,
                ).execute()
        except (LeaseLost, OutOfReach) as error:
            return _let_go(run, error)
        except ConnectorError as error:
            self._fail(connection, lease, run, error.message, recovery_of(error))
        except Exception as error:
            # The outermost loop of a run: a mistake of ours fails this run and says where to look.
            log.exception("run failed by a mistake in this program")
            self._fail(
                connection,
                lease,
                run,
                f"a mistake in this program ({type(error).__name__}); its log has the details",
                "mistake",
            )
        with self._wires.database.read() as conn:
            return runs.get(conn, run.id)

    def _fail(self, connection: Connection, lease: Lease, run: Run, sentence: str, kind: str) -> None:
        now = self._wires.clock()
        context = Context(
            connection=connection, at=to_text(now), actor=f"run:{run.trigger}", origin="pull", run_id=run.id
        )
        try:
            with self._wires.database.write() as conn:
                runs.finish(conn, lease, state=RunState.FAILED, now=now, error=sentence, error_kind=kind)
                if run.mode in READS and not run.dry_run:
                    quarantine.failed(conn, sentence, kind, context=context, now=now)
        except LeaseLost as error:
            log.warning("run taken over", error=error.message)

    @contextmanager
    def _kept_alive(self, lease: Lease, stop: Stop) -> Iterator[None]:
        """Renew the lease every third of it, and look every second whether somebody cancelled the run."""
        over = threading.Event()
        pulse = Pulse(self._wires, lease, self._lease_s, stop)

        def beat() -> None:
            while not over.wait(min(LOOK_S, self._lease_s / 3)):
                if not pulse.beat():
                    return

        thread = threading.Thread(target=beat, name=f"lease of {lease.run_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _let_go(run: Run, error: LeaseLost | OutOfReach) -> Run:
    """The run as it was claimed: whoever has it now, or takes it when its lease has ended, tells its end."""
    said = "run taken over" if isinstance(error, LeaseLost) else "run left to its lease"
    log.warning(said, error=error.message)
    return run


class Pulse:
    """Keeps one lease alive, and tells the run to stop when it is lost or the run was cancelled."""

    def __init__(self, wires: Wires, lease: Lease, lease_s: float, stop: Stop) -> None:
        self._wires, self._lease, self._lease_s, self._stop = wires, lease, lease_s, stop
        self._renewed_at = time.monotonic()

    def beat(self) -> bool:
        """Whether to go on; False once the lease is another's."""
        try:
            if time.monotonic() - self._renewed_at >= self._lease_s / 3:
                self._renew()
            with self._wires.database.read() as conn:
                if runs.stopped_by(conn, self._lease.run_id) is not None:
                    self._stop.set()
        except LeaseLost:
            self._stop.set()
            return False
        except ConnectorError as error:
            # The database is out of reach for now; the lease tells whether that was too long.
            log.warning("lease not renewed", run=self._lease.run_id, error=error.message)
        return True

    def _renew(self) -> None:
        with self._wires.database.write() as conn:
            runs.heartbeat(conn, self._lease, self._lease_s, self._wires.clock())
        self._renewed_at = time.monotonic()
