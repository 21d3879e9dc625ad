"""The schedule's ticks: whose time has come is asked for a run, and the next time is written down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from connector.schedule import next_time
from connector.usecases.wires import Wires
from sync.model.connection import Connection, Mode
from sync.model.errors import ConnectorError
from sync.model.run import Run, RunMode
from sync.store import connections, runs
from sync.store.database import Conn
from sync.store.ids import new_id

FIRST_AFTER: Final = timedelta(minutes=5)
"""A new connection is left alone so long, for its admin to look at a plan first."""

log = structlog.get_logger("connector.schedule")


class Schedules:
    """When connections are pulled; the times stand in the connection's row, for every replica."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def request_due(self) -> list[Run]:
        """Queue a run for every connection whose time has come; missed times count once."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            pulled = [
                each for each in connections.listed(conn) if each.enabled and each.mode is not Mode.PUSH
            ]
        requested = []
        for connection in pulled:
            if not _waits(connection, now):
                requested += self._tick(connection.id, now)
        return requested

    def _tick(self, connection_id: str, now: datetime) -> list[Run]:
        with self._wires.database.write() as conn:
            # Read again under the write lock: another replica may have been here a moment ago.
            connection = connections.get(conn, connection_id)
            try:
                mode = self._move_on(conn, connection, now)
            except ConnectorError as error:
                log.warning("connection is not scheduled", connection=connection.name, error=error.message)
                return []
            if mode is None:
                return []
            run, is_new = runs.request(
                conn, connection_id, id=new_id(), mode=mode, trigger="schedule", by="schedule", now=now
            )
        return [run] if is_new else []

    def _move_on(self, conn: Conn, connection: Connection, now: datetime) -> RunMode | None:
        """Write the next times; what is due now, a full pull before a delta one."""
        times = self._wires.settings_of(connection).schedule
        full_due = _is_due(connection.next_full_at, now)
        delta_due = _is_due(connection.next_delta_at, now) and connection.cursor is not None
        columns: dict[str, datetime | None] = {}
        if connection.next_full_at is None or full_due:
            columns["next_full_at"] = _first(times.full, now) if not full_due else next_time(times.full, now)
        if connection.next_delta_at is None or full_due or _is_due(connection.next_delta_at, now):
            columns["next_delta_at"] = next_time(times.delta, now)
        connections.update(conn, connection.id, now=now, **columns)
        if full_due:
            return RunMode.FULL
        return RunMode.DELTA if delta_due else None


def _first(text: str, now: datetime) -> datetime | None:
    usual = next_time(text, now)
    return None if usual is None else min(usual, now + FIRST_AFTER)


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _waits(connection: Connection, now: datetime) -> bool:
    """Whether both times are set and in the future."""
    return all(at is not None and at > now for at in (connection.next_full_at, connection.next_delta_at))
