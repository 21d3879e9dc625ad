"""Everything on one screen: connections, what waits, queues, replicas, freezes, seats."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connector.durations import text_of
from connector.usecases import shapes
from connector.usecases.connections import Connections
from connector.usecases.expiries import Expiry, expiries
from connector.usecases.people import People
from connector.usecases.replicas import Replicas
from connector.usecases.wires import Wires
from sync.model.connection import Connection, Mode
from sync.model.errors import ConnectorError
from sync.model.run import PlanState, RunState
from sync.store import connections, deliveries, endpoints, freezes, notices, outbox, plans, runs, standing
from sync.store.database import Conn


class Overview:
    """What an operator looks at first."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def status(self) -> dict[str, Any]:
        """Every connection with its schedule, reads and ends; what waits; queues, replicas, seats."""
        rows, now = Connections(self._wires).listed(), self._wires.clock()
        with self._wires.database.latest() as conn:
            held = plans.listed(conn, states=[PlanState.HELD])
            recent = runs.listed(conn, limit=10)
            ends, standings = expiries(self._wires, conn), standing.of_all(conn)
            known = {each.id: each for each in connections.listed(conn)}
            for row in rows:
                row.update(self._further(known[row["id"]]) | shapes.standing(standings[row["id"]]))
                row.update(_ends([each for each in ends if _is_of(each, row["id"])], now))
            queues = _queues(conn)
            frozen = [each.sentence for each in freezes.listed(conn, now)]
            wanting = len(notices.open_keys(conn))
        return {
            "connections": rows,
            "held_plans": [shapes.plan(plan) for plan in held],
            "runs": [shapes.run(run) for run in recent],
            "queues": queues,
            "replicas": Replicas(self._wires).alive(),
            "freezes": frozen,
            "notices": wanting,
            "seats": People(self._wires).seats(),
        }

    def _further(self, one: Connection) -> dict[str, Any]:
        age = None if one.last_complete_at is None else self._wires.clock() - one.last_complete_at
        return {
            "schedule": self._schedule(one),
            "last_complete_age": None if age is None else text_of(max(0.0, age.total_seconds())),
            "last_complete_age_s": None if age is None else max(0, round(age.total_seconds())),
        }

    def _schedule(self, one: Connection) -> dict[str, str] | None:
        """When it is pulled; None when it is not, or its settings are wrong, which its runs say."""
        if one.mode is Mode.PUSH:
            return None
        try:
            chosen = self._wires.settings_of(one).schedule
        except ConnectorError:
            return None
        return {"full": chosen.full, "delta": chosen.delta, "timezone": chosen.timezone}


def _is_of(one: Expiry, connection_id: str) -> bool:
    return one.connection is not None and one.connection.id == connection_id


def _ends(ends: list[Expiry], now: datetime) -> dict[str, Any]:
    """When the connection's token or credentials end, the sooner; and a sentence once that is soon."""
    first = min(ends, key=lambda each: each.at, default=None)
    if first is None:
        return {"credentials_end_at": None, "ends_soon": None}
    soon = first.threshold_d(now) is not None
    return {"credentials_end_at": shapes.at(first.at), "ends_soon": first.sentence(now) if soon else None}


def _queues(conn: Conn) -> dict[str, int]:
    """What waits for a worker."""
    counted = runs.counts(conn)
    return {
        "runs_queued": counted.get(RunState.QUEUED.value, 0),
        "runs_running": counted.get(RunState.RUNNING.value, 0),
        "deliveries": deliveries.open_count(conn),
        "events_behind": endpoints.behind(conn, outbox.last_sequence(conn)),
    }
