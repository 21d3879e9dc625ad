"""Runs: ask for one, wait for it, look at what became of them."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import structlog

from connector.settings import Settings
from connector.usecases import shapes
from connector.usecases.audit import note
from connector.usecases.wires import Wires
from connector.usecases.work import Watcher, Worker
from sync.model.connection import Connection, Mode
from sync.model.errors import Conflict, NotFound, Refused
from sync.model.run import Run, RunMode, Target
from sync.store import connections, history, targets
from sync.store import runs as store
from sync.store.database import Conn
from sync.store.ids import new_id

POLL_S: Final = 0.1
ANSWER_S: Final = 0.5

log = structlog.get_logger("connector.runs")


class Runs:
    """Attempts to pull."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def request(
        self,
        ref: str,
        *,
        by: str,
        trigger: str = "manual",
        mode: RunMode | None = None,
        dry_run: bool = False,
        approved_beforehand: bool = False,
    ) -> tuple[Run, bool]:
        """Queue a run, or find the one that is queued already (False).

        Without a mode it is a delta pull where a bookmark is known, else a full one. Raises Refused
        for a connection that is paused or never pulls, Conflict when what is queued is another thing.
        """
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            connection = connections.find(conn, ref)
            _must_pull(connection)
            run, is_new = store.request(
                conn,
                connection.id,
                id=new_id(),
                mode=mode or RunMode.FULL,
                trigger=trigger,
                by=by,
                now=now,
                dry_run=dry_run,
                approved_beforehand=approved_beforehand,
            )
            if not is_new and run.dry_run == dry_run and targets.widen(conn, run.id, mode or RunMode.FULL):
                run = store.get(conn, run.id)
            if not is_new and (run.dry_run != dry_run or run.mode in (RunMode.APPROVAL, RunMode.REVERT)):
                raise _in_the_way(run)
            if is_new:
                said = {
                    "mode": run.mode.value,
                    "dry_run": dry_run,
                    "approved_beforehand": approved_beforehand,
                }
                _note(conn, "runs.request", run, now=now, by=by, after=said)
        return run, is_new

    def request_named(
        self,
        ref: str,
        *,
        users: Sequence[str] = (),
        groups: Sequence[str] = (),
        by: str,
        trigger: str = "manual",
        dry_run: bool = False,
        approved_beforehand: bool = False,
    ) -> tuple[Run, bool]:
        """Queue a run that reads these people and groups by id, or have the queued one take them in (False).

        ``users`` are external ids, or ids and e-mails of our own; ``groups`` are external ids. Nothing
        asked for is lost: what is queued for the connection takes them in, covers them, or is followed
        by a run about them. Raises Refused as ``request``, and Conflict when a dry run is wanted and
        something else is queued.
        """
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            connection = connections.find(conn, ref)
            _must_pull(connection)
            target = Target(
                users=frozenset(targets.external_ids(conn, connection.id, users)), groups=frozenset(groups)
            )
            run, is_new = store.request_target(
                conn,
                connection.id,
                target,
                id=new_id(),
                trigger=trigger,
                by=by,
                now=now,
                dry_run=dry_run,
                approved_beforehand=approved_beforehand,
            )
            if dry_run and not (run.dry_run and run.mode is RunMode.TARGETED):
                raise _in_the_way(run)
            said = {"mode": run.mode.value, "dry_run": dry_run, "users": len(users), "groups": len(groups)}
            _note(conn, "runs.request", run, now=now, by=by, after=said)
        return run, is_new

    def request_all(self, *, by: str, trigger: str = "manual", **wanted: Any) -> list[Run]:
        """Queue a run for every connection that pulls and is not paused; one that cannot now is left out."""
        with self._wires.database.read() as conn:
            found = [each.id for each in connections.listed(conn) if _pulls(each)]
        requested = []
        for connection_id in found:
            try:
                requested.append(self.request(connection_id, by=by, trigger=trigger, **wanted)[0])
            except (Conflict, NotFound, Refused) as error:
                log.warning("no run asked for", why=error.message)
        return requested

    def cancel(self, run_id: str, *, by: str) -> Run:
        """End a run: at once when it waits, at its next page or batch when it is running.

        What it has written stays. Raises NotFound, and Conflict when it has ended already.
        """
        with self._wires.database.write() as conn:
            run = store.get(conn, run_id)
            if run.state.ended:
                raise Conflict(f"run {run.id} has ended already: {run.state.value}")
            now = self._wires.clock()
            store.request_stop(conn, run.id, by=by)
            store.cancel_queued(conn, run.id, now=now, error=f"cancelled by {by}")
            _note(conn, "runs.cancel", run, now=now, by=by)
            return store.get(conn, run.id)

    def revert(self, run_id: str, *, by: str, dry_run: bool = False) -> Run:
        """Queue the run that takes this one back. Raises NotFound, Conflict."""
        from sync.revert import request_revert

        now = self._wires.clock()
        with self._wires.database.write() as conn:
            run = request_revert(conn, run_id, by=by, now=now, dry_run=dry_run)
            _note(conn, "runs.revert", run, now=now, by=by, after={"reverts": run_id, "dry_run": dry_run})
        return run

    def finish(
        self,
        run_id: str,
        *,
        patience_s: float = 0.0,
        watcher: Watcher | None = None,
        stop: threading.Event | None = None,
    ) -> Run:
        """Wait until the run has ended; do it here when nobody has claimed it after ``patience_s``.

        Once ``stop`` is set the run may come back unfinished: any process goes on with it.
        """
        worker, waiting, waited_s = Worker(self._wires), stop or threading.Event(), 0.0
        while True:
            if waited_s >= patience_s:
                worker.work_one(run_id=run_id, stop=stop, watcher=watcher)
            run = self.get(run_id)
            if run.state.ended or waiting.wait(POLL_S):
                return run
            if watcher is not None:
                watcher.seen(run)
            waited_s += POLL_S

    def get(self, run_id: str) -> Run:
        with self._wires.database.read() as conn:
            return store.get(conn, run_id)

    def show(self, run_id: str) -> dict[str, Any]:
        with self._wires.database.read() as conn:
            run = store.get(conn, run_id)
            changes = history.of_run(conn, run_id)
        return shapes.run(run) | {"changes": changes}

    def changes(self, run_id: str, *, limit: int = 100, **wanted: Any) -> dict[str, Any]:
        """``{"changes", "next"}``: what the run changed, in order; ``wanted`` as ``history`` takes it."""
        with self._wires.database.read() as conn:
            run = store.get(conn, run_id)
            found = history.of_run(conn, run.id, limit=limit, **wanted)
        return {"changes": found, "next": found[-1]["seq"] if len(found) == limit else None}

    def listed(self, ref: str | None = None, **wanted: Any) -> list[dict[str, Any]]:
        """Runs, newest first, of one connection or of all; ``wanted`` as the store takes it."""
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, ref).id if ref else None
            found = store.listed(conn, connection_id=connection_id, **wanted)
        return [shapes.run(each) for each in found]


def _note(
    conn: Conn, action: str, run: Run, *, now: datetime, by: str, after: dict[str, Any] | None = None
) -> None:
    note(
        conn,
        action,
        now=now,
        kind="run",
        id=run.id,
        label=run.connection,
        connection_id=run.connection_id,
        after=after,
        by=by,
    )


def daemon_answers(settings: Settings) -> bool:
    """Whether a daemon of ours answers at the address it would listen on."""
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _in_the_way(run: Run) -> Conflict:
    return Conflict(
        f"run {run.id} is queued for {run.connection} and must go first; "
        "wait for it (connector runs list), then ask again"
    )


def _pulls(connection: Connection) -> bool:
    return connection.enabled and connection.mode is not Mode.PUSH


def _must_pull(connection: Connection) -> None:
    if not connection.enabled:
        raise Refused(
            f"{connection.name} is paused; resume it first: connector connections resume {connection.name}"
        )
    if connection.mode is Mode.PUSH:
        raise Refused(
            f"{connection.name} only receives what its IdP pushes; to pull as well, give it credentials and "
            f"mode=both: connector connections set {connection.name} mode=both …"
        )
