"""The schedule's ticks: whose time has come is asked for a run, and the next time is written down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from connector.connection_settings import ScheduleSettings
from connector.schedule import next_time
from connector.usecases.wires import Wires
from sync import quarantine
from sync.model.connection import Connection, Mode
from sync.model.errors import ConnectorError
from sync.model.run import Run, RunMode
from sync.store import connections, runs, targets
from sync.store.database import Conn
from sync.store.ids import new_id

FIRST_AFTER: Final = timedelta(minutes=5)
"""A new connection is left alone so long, for its admin to look at a plan first."""

Times = tuple[datetime | None, datetime | None]
"""When the next full and the next delta pull are due."""

log = structlog.get_logger("connector.schedule")


class Schedules:
    """When connections are pulled; the times stand in the connection's row, for every replica."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._read: dict[str, tuple[Any, ScheduleSettings | None]] = {}

    def request_due(self) -> list[Run]:
        """Queue a run for every connection whose time has come; missed times count once."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            pulled = [
                each for each in connections.listed(conn) if each.enabled and each.mode is not Mode.PUSH
            ]
        requested = []
        for connection in pulled:
            schedule = self._schedule_of(connection)
            if schedule is not None:
                requested += self._tick(connection, schedule, now)
        return requested

    def _tick(self, seen: Connection, schedule: ScheduleSettings, now: datetime) -> list[Run]:
        mode, times = due(seen, schedule, now), next_times(seen, schedule, now)
        if mode is None and times == (seen.next_full_at, seen.next_delta_at):
            return []
        with self._wires.database.write() as conn:
            # Another replica may have been here a moment ago; only one finds the row as it was seen.
            if not connections.reschedule(conn, seen, times) or mode is None:
                return []
            if seen.trouble is not None:
                quarantine.tried(conn, seen.id, seen.trouble, now)
            run, is_new = runs.request(
                conn, seen.id, id=new_id(), mode=mode, trigger="schedule", by="schedule", now=now
            )
            if not is_new and not _serves(conn, run, mode):
                # Something else goes first; the time stays due until there is room.
                stays = (seen.next_full_at, seen.next_delta_at)
                connections.update(conn, seen.id, now=now, next_full_at=stays[0], next_delta_at=stays[1])
        return [run] if is_new else []

    def _schedule_of(self, connection: Connection) -> ScheduleSettings | None:
        """The connection's schedule, checked anew when its settings change; None for wrong ones."""
        known = self._read.get(connection.id)
        if known is None or known[0] != connection.settings:
            known = (connection.settings, self._checked(connection))
            self._read[connection.id] = known
        return known[1]

    def _checked(self, connection: Connection) -> ScheduleSettings | None:
        try:
            return self._wires.settings_of(connection).schedule
        except ConnectorError as error:
            log.warning("connection is not scheduled", connection=connection.name, error=error.message)
            return None


def due(connection: Connection, schedule: ScheduleSettings, now: datetime) -> RunMode | None:
    """What is due now, a full pull before a delta one; a connection in trouble waits for its next try."""
    is_known = connection.cursor is not None
    full_due = _is_due(connection.next_full_at, now)
    if connection.trouble is not None:
        if schedule.is_off or not _is_due(connection.trouble.retry_at, now):
            return None
        return RunMode.DELTA if is_known and not full_due else RunMode.FULL
    if full_due:
        return RunMode.FULL
    return RunMode.DELTA if is_known and _is_due(connection.next_delta_at, now) else None


def next_times(connection: Connection, schedule: ScheduleSettings, now: datetime) -> Times:
    """The times to stand in the row from now on: what is due moves on, unless it waits out a trouble.

    A time that lies further ahead than the schedule says was computed under another schedule, or
    before the clock was set back.
    """
    full = next_time(schedule.full, now, key=connection.id, timezone=schedule.timezone)
    delta = next_time(schedule.delta, now, key=connection.id, timezone=schedule.timezone)
    if connection.next_full_at is None and full is not None and connection.last_complete_at is None:
        full = min(full, now + FIRST_AFTER)
    waits = connection.trouble is not None and due(connection, schedule, now) is None
    full_due = _is_due(connection.next_full_at, now) and not waits
    return (
        _kept(connection.next_full_at, full, now, waits=waits),
        # A full pull reads what the delta one would.
        delta if full_due else _kept(connection.next_delta_at, delta, now, waits=waits),
    )


def _kept(
    stored: datetime | None, computed: datetime | None, now: datetime, *, waits: bool
) -> datetime | None:
    if stored is None or computed is None or stored > computed:
        return computed
    return stored if stored > now or waits else computed


def _serves(conn: Conn, queued: Run, mode: RunMode) -> bool:
    """Whether a queued run does what is due, or can be made to."""
    if queued.dry_run:
        return False
    return queued.mode in (mode, RunMode.FULL) or targets.widen(conn, queued.id, mode)


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
