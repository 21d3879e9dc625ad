"""Doing a run: claim it under a lease, keep the lease alive, let the engine pull."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from connector.usecases.wires import Wires
from sync.model.errors import ConnectorError, LeaseLost, recovery_of
from sync.model.run import Lease, Run, RunState
from sync.model.source import Effort, Source
from sync.pull import Pull, Silent
from sync.resolution import retry_waiting
from sync.store import connections, runs

LEASE_S: Final = 30.0
"""How long a killed process keeps a run from others."""

log = structlog.get_logger("connector.work")


def owner_name() -> str:
    """Who holds a lease, as people find it: host, process and a random part (pids are used again)."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{os.urandom(4).hex()}"


class Watcher(Silent):
    """Hears how far a run is, and what its read has cost; this one does nothing with it."""

    def effort(self, effort: Effort) -> None: ...


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

    def __init__(self, wires: Wires, *, lease_s: float = LEASE_S) -> None:
        self._wires = wires
        self._lease_s = lease_s
        self.owner = owner_name()

    def work_one(
        self,
        *,
        run_id: str | None = None,
        stop: threading.Event | None = None,
        watcher: Watcher | None = None,
    ) -> Run | None:
        """Claim a run (the named one, or any that waits) and do it; None when there is nothing to claim."""
        now = self._wires.clock()
        claimed = self._wires.database.submit(
            lambda conn: runs.claim(conn, owner=self.owner, lease_s=self._lease_s, now=now, run_id=run_id)
        )
        if claimed is None:
            return None
        lease, run = claimed
        with structlog.contextvars.bound_contextvars(run=run.id, connection=run.connection):
            ended = self._do(lease, run, Stop(stop), watcher or Watcher())
            self.fill_seats()
            log.info("run ended", state=ended.state.value, error=ended.error, duration_s=ended.duration_s)
        return ended

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
        except LeaseLost as error:
            log.warning("run taken over", error=error.message)
        except ConnectorError as error:
            self._fail(lease, error.message, recovery_of(error))
        except Exception as error:
            # The outermost loop of a run: a mistake of ours fails this run and says where to look.
            log.exception("run failed by a mistake in this program")
            self._fail(
                lease,
                f"a mistake in this program ({type(error).__name__}); its log has the details",
                "mistake",
            )
        with self._wires.database.read() as conn:
            return runs.get(conn, run.id)

    def _fail(self, lease: Lease, sentence: str, kind: str) -> None:
        now = self._wires.clock()
        try:
            with self._wires.database.write() as conn:
                runs.finish(conn, lease, state=RunState.FAILED, now=now, error=sentence, error_kind=kind)
        except LeaseLost as error:
            log.warning("run taken over", error=error.message)

    @contextmanager
    def _kept_alive(self, lease: Lease, stop: Stop) -> Iterator[None]:
        """Renew the lease every third of it, and hear whether somebody wants the run to end."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(self._lease_s / 3):
                try:
                    if self._beat(lease):
                        stop.set()
                except LeaseLost:
                    stop.set()
                    return
                except ConnectorError as error:
                    # The database is out of reach for now; the lease tells whether that was too long.
                    log.warning("lease not renewed", error=error.message)

        thread = threading.Thread(target=beat, name=f"lease of {lease.run_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _beat(self, lease: Lease) -> bool:
        with self._wires.database.write() as conn:
            runs.heartbeat(conn, lease, self._lease_s, self._wires.clock())
            return runs.stop_requested(conn, lease.run_id)
