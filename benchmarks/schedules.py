"""Many connections on one replica: whether their schedules hold, and what they cost.

Each directory has people of its own. All are read and applied once; then a schedule far tighter than
any real one runs for a while, and every planned start is held against the run that served it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import served
from connector.app import App
from connector.schedule import next_time
from providers.simulator.server import Simulator, start
from sync.model.run import Run, RunMode, RunState
from sync.store import runs

PEOPLE = 1000
LIMIT_S = 900.0
IDLE_S = 15.0
SCHEDULE = {RunMode.FULL: "4m", RunMode.DELTA: "1m"}
WINDOW_S = 240.0
"""One full pull of each connection and four delta ones."""

LAST_S = 5.0
"""So long the last planned starts have to become runs."""


def measure(app: App, count: int) -> dict[str, Any]:
    """First pulls of so many directories, then a daemon without work, then their schedules."""
    with ExitStack() as stack:
        directories = [stack.enter_context(_added(app, number)) for number in range(count)]
        _, process, _ = stack.enter_context(served.daemon())
        found: dict[str, Any] = {"connections": count, "people": count * PEOPLE}
        app.runs.request_all(by="benchmark", approved_beforehand=True)
        found["first_pulls"] = _cost(process.pid, lambda: _until_quiet(app, count))
        found["nothing_due"] = _cost(process.pid, lambda: time.sleep(IDLE_S))
        for each in directories:
            each.churn(joiners=5, leavers=2, movers=5, renames=1)
        for number in range(count):
            given = {mode.value: text for mode, text in SCHEDULE.items()}
            app.connections.set(_name(number), {"schedule": given})
        time.sleep(2)
        began = datetime.now(UTC)
        found["scheduled"] = _cost(process.pid, lambda: time.sleep(WINDOW_S))
        ended = datetime.now(UTC)
        time.sleep(LAST_S)
        _until_quiet(app, count, begun_before=ended)
        found["scheduled"] |= _held(app, began, ended)
        return found


def _name(number: int) -> str:
    return f"c{number}"


def _added(app: App, number: int) -> Simulator:
    """One more directory, connected and not yet scheduled."""
    idp = start("okta", users=PEOPLE, groups=20, seed=number, domain=f"company{number}.example")
    off = {"full": "off", "delta": "off"}
    app.connections.add(_name(number), "okta", {"base_url": idp.base_url, **idp.credentials, "schedule": off})
    return idp


def _cost(pid: int, do: Any) -> dict[str, float]:
    """Seconds by the clock, CPU seconds and their share of one core, and the most memory meanwhile."""
    served.forget_peak(pid)
    began, before = time.monotonic(), served.cpu_s(pid)
    do()
    seconds, cpu_s = time.monotonic() - began, served.cpu_s(pid) - before
    return {
        "seconds": round(seconds, 1),
        "cpu_s": round(cpu_s, 2),
        "cpu_share": round(cpu_s / seconds, 3),
        "peak_mib": served.mib(pid, "VmHWM"),
    }


def _until_quiet(app: App, count: int, begun_before: datetime | None = None) -> None:
    """Wait until no run is open, of those that were asked for before a moment."""
    until = time.monotonic() + LIMIT_S
    while open_ := [each for each in _runs(app, begun_before) if not each.state.ended]:
        if time.monotonic() > until:
            raise SystemExit(f"{len(open_)} runs of {count} connections did not end in {LIMIT_S:g} s")
        time.sleep(0.5)


def _runs(app: App, before: datetime | None = None) -> list[Run]:
    with app.wires.database.read() as conn:
        found = runs.listed(conn, limit=5000)
    return [each for each in found if before is None or (each.requested_at or before) < before]


@dataclass(slots=True, kw_only=True)
class _Kept:
    """How planned starts were served: how late each run was asked for and began, in seconds."""

    asked: list[float] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    shared: int = 0
    missed: int = 0
    serving: set[str] = field(default_factory=set)

    def serve(self, planned: datetime, until: datetime, ran: Sequence[Run]) -> None:
        """Note which run served the planned start; one that began after the next one's time is none."""
        run = next((each for each in ran if each.started_at and planned <= each.started_at < until), None)
        if run is None or run.requested_at is None or run.started_at is None:
            self.missed += 1
            return
        self.shared += run.id in self.serving
        self.serving.add(run.id)
        self.asked.append(max(0.0, (run.requested_at - planned).total_seconds()))
        self.begun.append((run.started_at - planned).total_seconds())


def _held(app: App, began: datetime, ended: datetime) -> dict[str, Any]:
    """Every planned start between two moments, against the runs there were."""
    kept, ran = _Kept(), _runs(app)
    scheduled = sorted((each for each in ran if each.trigger == "schedule"), key=lambda each: each.id)
    for connection in app.connections.all():
        own = [each for each in scheduled if each.connection_id == connection.id]
        for mode in SCHEDULE:
            serving = [each for each in own if each.mode in (mode, RunMode.FULL)]
            for planned, following in _planned(connection.id, mode, began, ended):
                kept.serve(planned, following, serving)
    states = [each.state for each in scheduled if each.requested_at and began <= each.requested_at < ended]
    return {
        "planned": len(kept.begun) + kept.missed,
        "runs": len(states),
        "not_succeeded": len([each for each in states if each is not RunState.SUCCEEDED]),
        "missed": kept.missed,
        "one_run_for_two": kept.shared,
        "asked_late_s": _spread(kept.asked),
        "begun_late_s": _spread(kept.begun),
    }


def _planned(
    key: str, mode: RunMode, began: datetime, ended: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The connection's planned starts of a mode, each with the one after it."""
    at = next_time(SCHEDULE[mode], began, key=key)
    while at is not None and at < ended:
        following = next_time(SCHEDULE[mode], at + timedelta(milliseconds=1), key=key)
        assert following is not None
        yield at, following
        at = following


def _spread(values: list[float]) -> dict[str, float]:
    ranked, places = sorted(values), {"p50": 0.5, "p99": 0.99, "max": 1.0}
    last = len(ranked) - 1
    return {name: round(ranked[min(last, int(len(ranked) * at))], 2) for name, at in places.items()}
