"""A dry run done right here: it is claimed where it is asked for, so that nobody else takes it.

Every record is decided anew, whether it changed or not: the policy may be one that nobody saved.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sync.diff import Attention
from sync.model.connection import Connection, Policy
from sync.model.errors import (
    BadRecord,
    Conflict,
    ConnectorError,
    CursorExpired,
    Denied,
    Incomplete,
    LeaseLost,
    Misconfigured,
    Refused,
    Transient,
)
from sync.model.run import Lease, Run, RunMode, RunState
from sync.model.source import Source
from sync.pull import Observer, Pull, Silent
from sync.store import runs
from sync.store.database import Conn, Database
from sync.store.ids import new_id

LEASE_S: Final = 60.0
"""How long a rehearsal whose process was killed stays claimed."""

_KINDS: Final = {
    kind.__name__.lower(): kind
    for kind in (BadRecord, Conflict, CursorExpired, Denied, Incomplete, Misconfigured, Refused, Transient)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One dry run of a connection under a policy; ``trigger`` says what for (16 characters at most)."""

    database: Database
    connection: Connection
    policy: Policy
    open_source: Callable[[], Source]
    trigger: str
    clock: Callable[[], datetime]
    by: str
    observer: Observer = field(default_factory=Silent)
    stop: Callable[[], bool] = lambda: False
    questions: Callable[[Sequence[Attention]], None] = lambda _: None
    settings_are_saved: bool = True

    def execute(self) -> Run:
        """The ended run, its plan stored as a preview. Nothing else is written.

        Raises Conflict when another run of the connection is queued or running, and the run's own
        error when it failed or was stopped.
        """
        with self.database.write() as conn:
            lease, run = self._claimed(conn)
        ended: Run | None = None
        try:
            with self._kept_alive(lease) as lost:
                ended = self._pull(lease, run, lost).execute()
        finally:
            if ended is None:
                self._give_up(lease)
        if ended.state in (RunState.FAILED, RunState.CANCELLED):
            raise _error(ended)
        return ended

    def _claimed(self, conn: Conn) -> tuple[Lease, Run]:
        """Ask and claim in one transaction; a run that cannot begin at once is not even queued."""
        now = self.clock()
        run, queued = runs.request(
            conn,
            self.connection.id,
            id=new_id(),
            mode=RunMode.FULL,
            trigger=self.trigger,
            by=self.by,
            now=now,
            dry_run=True,
        )
        claimed = None
        if queued:
            claimed = runs.claim(
                conn, owner=f"{self.trigger}:{run.id}", lease_s=LEASE_S, now=now, run_id=run.id
            )
        if claimed is None:
            raise Conflict(
                f"another run of {self.connection.name} is queued or running; try again when it has ended "
                "(connector runs list shows it)"
            )
        return claimed

    def _pull(self, lease: Lease, run: Run, lost: threading.Event) -> Pull:
        return Pull(
            database=self.database,
            lease=lease,
            run=run,
            connection=self.connection,
            policy=replace(self.policy, salt=f"{self.policy.salt}\x1f{run.id}"),
            open_source=self.open_source,
            clock=self.clock,
            observer=self.observer,
            stop=lambda: lost.is_set() or self.stop(),
            questions=self.questions,
            settings_are_saved=self.settings_are_saved,
            others_go_on=False,
        )

    @contextmanager
    def _kept_alive(self, lease: Lease) -> Iterator[threading.Event]:
        """Renew the lease every third of it; the event tells that the run is to end."""
        over, lost = threading.Event(), threading.Event()

        def beat() -> None:
            while not over.wait(LEASE_S / 3):
                try:
                    with self.database.write() as conn:
                        runs.heartbeat(conn, lease, LEASE_S, self.clock())
                        if runs.stopped_by(conn, lease.run_id) is not None:
                            lost.set()
                except Transient:
                    # The database is out of reach for now; the lease tells whether that was too long.
                    continue
                except LeaseLost:
                    lost.set()
                    return

        thread = threading.Thread(target=beat, name=f"lease of {lease.run_id}", daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            over.set()
            thread.join()

    def _give_up(self, lease: Lease) -> None:
        """End a run that broke off, so that the connection is free at once."""
        try:
            with self.database.write() as conn:
                runs.finish(conn, lease, state=RunState.FAILED, now=self.clock(), error="it broke off")
        except LeaseLost:
            return


def _error(run: Run) -> ConnectorError:
    """What ended the run, as the error it was."""
    return _KINDS.get(run.error_kind or "", Incomplete)(run.error or "the run was stopped")
