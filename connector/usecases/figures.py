"""The figures that the database tells for monitoring, read anew for every scrape."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from connector.metrics import BY_NAME, LEAVER_S, SUM
from connector.usecases.dashboard import Dashboard
from connector.usecases.wires import Wires
from sync.model.connection import Connection, Mode
from sync.model.webhook import Endpoint
from sync.store import connections, deliveries, endpoints, history, outbox, runs
from sync.store.database import Conn

Values = Mapping[Any, float]
"""A metric's values by its labels' values, a tuple of texts."""

SETTLES: Final = timedelta(minutes=2)
"""By then every change with a lower number than the newest has been committed, or never will be."""


class Figures:
    """What there is and what has happened, whichever replica is asked."""

    def __init__(self, wires: Wires, dashboard: Dashboard) -> None:
        self._wires, self._dashboard = wires, dashboard
        self._changes = Climbing(lambda conn, after, until: history.tally(conn, after=after, until=until))
        self._leavers = Climbing(_leavers)

    def read(self) -> dict[str, Values]:
        """Values by metric; a histogram's are by upper bound, not yet added up, and their ``sum``."""
        found = self._dashboard.figures()
        now = self._wires.clock()
        with self._wires.database.latest() as conn:
            known = connections.listed(conn)
            hooks = endpoints.listed(conn)
            queued_at = runs.oldest_queued_at(conn)
            return {
                "connector_connections": _by(found["connections"]),
                "connector_users": _users(found["people"]),
                "connector_groups": _one(found["people"]["groups"]),
                "connector_seats_used": _one(found["seats"]["used"]),
                "connector_seats_limit": _one(found["seats"]["limit"]),
                "connector_seats_waiting": _one(found["seats"]["waiting"]),
                "connector_plans_held": _one(found["held_plans"]),
                "connector_attention_open": _one(found["attention"]),
                "connector_last_complete_read_age_seconds": _ages(known, now),
                "connector_runs": _by(found["runs"]),
                "connector_oldest_queued_run_age_seconds": _one(_age_s(queued_at, now)),
                "connector_events": _one(found["events"]),
                "connector_webhooks": _webhooks(hooks),
                "connector_deliveries_open": _one(deliveries.open_count(conn)),
                "connector_events_behind": _one(endpoints.behind(conn, outbox.last_sequence(conn))),
                "connector_changes": self._changes.read(conn, now),
                "connector_leaver_seconds": self._leavers.read(conn, now),
            }


class Climbing:
    """A sum over history's rows since this process was first asked, which never falls.

    On PostgreSQL a row can become visible after one with a higher number. So the newest rows are summed
    anew each time, and only those older than ``SETTLES`` once and for all.
    """

    def __init__(self, tally: Callable[[Conn, int, int | None], Values]) -> None:
        self._tally = tally
        self._turn = threading.Lock()
        self._base: dict[tuple[str, ...], float] = {}
        self._from: int | None = None
        self._next: tuple[datetime, int] | None = None

    def read(self, conn: Conn, now: datetime) -> Values:
        """The sums by now."""
        newest = history.last(conn)[0]
        with self._turn:
            if self._from is None or self._next is None:
                self._from, self._next = newest, (now, newest)
            if now - self._next[0] >= SETTLES:
                self._base = _added(self._base, self._tally(conn, self._from, self._next[1]))
                self._from, self._next = self._next[1], (now, newest)
            return _added(self._base, self._tally(conn, self._from, None))


def _added(first: Values, second: Values) -> dict[tuple[str, ...], float]:
    return {key: first.get(key, 0) + second.get(key, 0) for key in first.keys() | second.keys()}


def _leavers(conn: Conn, after: int, until: int | None) -> Values:
    spans = history.leaver_spans(conn, after=after, until=until)
    bounds = BY_NAME["connector_leaver_seconds"].bounds
    counted = Counter((bounds[bisect_left(LEAVER_S, each)],) for each in spans)
    return dict(counted) | {(SUM,): sum(spans)}


def _one(value: float | None) -> Values:
    return {} if value is None else {(): value}


def _by(values: Mapping[str, float]) -> Values:
    return {(key,): value for key, value in values.items()}


def _age_s(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())


def _users(people: Mapping[str, int]) -> Values:
    managed_inactive = people["managed"] - people["active_managed"]
    unmanaged_active = people["active"] - people["active_managed"]
    neither = people["total"] - people["active_managed"] - managed_inactive - unmanaged_active
    return {
        ("true", "true"): people["active_managed"],
        ("false", "true"): managed_inactive,
        ("true", "false"): unmanaged_active,
        ("false", "false"): neither,
    }


def _ages(known: list[Connection], now: datetime) -> Values:
    """Of connections that are pulled: a paused one's age grows too, for nobody reads it."""
    pulled = [each for each in known if each.mode is not Mode.PUSH]
    return {(each.name,): _age_s(each.last_complete_at or each.created_at, now) for each in pulled}


def _webhooks(hooks: list[Endpoint]) -> Values:
    def state(each: Endpoint) -> str:
        return "paused" if not each.enabled else "failing" if each.failing_since else "well"

    counted = Counter(map(state, hooks))
    return {(name,): counted[name] for name in ("well", "failing", "paused")}
