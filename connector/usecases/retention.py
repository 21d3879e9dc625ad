"""Retention: what is kept for how long, and forgetting the rest while everything goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from connector.durations import span
from connector.usecases.wires import Wires
from sync.apply import pruning
from sync.store import deliveries, retention
from sync.store.database import Conn

STEP: Final = 500
"""Rows in one transaction: a writer that waits behind it does not notice."""

LOOK_S: Final = 3600.0
"""Time between two looks, once nothing old is left."""

log = structlog.get_logger("connector.retention")

Step = Callable[[Conn], int]
"""Forgets a few rows; how many."""


class Retention:
    """Forgets what is older than the settings say."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._after = 0
        self._rests_until = 0.0

    def turn(self) -> bool:
        """One step of everything, unless all of it was done within the last hour; whether something went."""
        if time.monotonic() < self._rests_until:
            return False
        gone = self.step()
        if not any(gone.values()) and not self._after:
            self._rests_until = time.monotonic() + LOOK_S
        if any(gone.values()):
            log.info("forgot what is old", **{name: count for name, count in gone.items() if count})
        return False

    def step(self) -> dict[str, int]:
        """Forget a few rows of each kind, each in a transaction of its own; how many went."""
        gone = {}
        for name, forget in self._steps().items():
            with self._wires.database.write() as conn:
                gone[name] = forget(conn)
        return gone

    def _steps(self) -> dict[str, Step]:
        chosen, now = self._wires.settings.retention, self._wires.clock()

        def before(text: str) -> datetime:
            return now - span(text)

        return {
            "plan_items": lambda conn: retention.plan_items(conn, before(chosen.plans), STEP),
            "runs": lambda conn: retention.runs(conn, before(chosen.runs), STEP),
            "history": lambda conn: self._history(conn, before(chosen.history)),
            "events": lambda conn: pruning.events(conn, before(chosen.events), STEP),
            "deliveries": lambda conn: deliveries.prune(
                conn, settled_before=before(chosen.deliveries), limit=STEP
            ),
            "audit": lambda conn: retention.audits(conn, before(chosen.audit), STEP),
            "notices": lambda conn: retention.notices(conn, before(chosen.runs), STEP),
            "staged": lambda conn: retention.staged_pages(conn, STEP),
            "sessions": lambda conn: retention.sessions(conn, now, STEP),
        }

    def _history(self, conn: Conn, before: datetime) -> int:
        """From the oldest row to the newest, a few at a time; then from the beginning again."""
        gone, last = pruning.history(conn, before, after=self._after, limit=STEP)
        self._after = last or 0
        return gone
