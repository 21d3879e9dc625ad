"""Every metric by name, and what this process has counted since it started.

What the *process* counts is its own: sum it over replicas. What the *database* tells is the same
whichever replica is asked: take one of them (``max``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sync.model.run import Run
from sync.model.webhook import DeliveryState

if TYPE_CHECKING:
    from prometheus_client import Metric as Family


class Kind(StrEnum):
    """What a number means over time."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


_ENDINGS: Final = {
    Kind.COUNTER: ("_total",),
    Kind.GAUGE: ("",),
    Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
}


class Told(StrEnum):
    """Whose number it is."""

    DATABASE = "database"
    PROCESS = "process"


class Metric(NamedTuple):
    """A metric as dashboards and alerts name it; a counter's samples end in ``_total``."""

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()
    of: Told = Told.DATABASE
    buckets: tuple[float, ...] = ()

    @property
    def bounds(self) -> tuple[str, ...]:
        """A histogram's upper bounds as they are told, the last one open."""
        return (*(str(float(each)) for each in self.buckets), "+Inf")

    @property
    def samples(self) -> tuple[str, ...]:
        """The names of its series."""
        endings = {
            Kind.COUNTER: ("_total",),
            Kind.GAUGE: ("",),
            Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
        }
        return tuple(f"{self.name}{ending}" for ending in endings[self.kind])


_RUN_S: Final = (1, 5, 15, 60, 300, 900, 3600, 14400)
_SCIM_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
LEAVER_S: Final = (1, 10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
SUM: Final = "sum"
_C, _G, _H, _OWN = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM, Told.PROCESS

METRICS: Final = (
    Metric("connector_build_info", _G, "1; the label is the version that runs", ("version",), _OWN),
    Metric("connector_database_up", _G, "1 while the database answers; without it only this process's own "
           "metrics are told", (), _OWN),
    Metric("connector_connections", _G, "Connections by state: active, paused or quarantined", ("state",)),
    Metric("connector_users", _G, "Users by whether they have access and are managed", ("active", "managed")),
    Metric("connector_groups", _G, "Groups over all connections"),
    Metric("connector_seats_used", _G, "Active users that count against the licence"),
    Metric("connector_seats_limit", _G, "Active users that the licence allows; absent without a limit"),
    Metric("connector_seats_waiting", _G, "People who wait for a seat"),
    Metric("connector_plans_held", _G, "Plans that wait for a person"),
    Metric("connector_attention_open", _G, "Questions that wait for a person"),
    Metric("connector_last_complete_read_age_seconds", _G, "Time since the directory was last read to its "
           "end; since the connection was made when it never was", ("connection",)),
    Metric("connector_runs", _G, "Runs kept, by state; queued ones wait for a worker", ("state",)),
    Metric("connector_oldest_queued_run_age_seconds", _G, "How long the run that waits longest has waited; "
           "0 when none does"),
    Metric("connector_events", _G, "Events kept in the feed"),
    Metric("connector_webhooks", _G, "Webhooks by state: well, failing or paused", ("state",)),
    Metric("connector_deliveries_open", _G, "Deliveries that are still to be made"),
    Metric("connector_events_behind", _G, "Events that the webhook furthest behind has not been given yet"),
    Metric("connector_changes", _C, "Changes written, memberships one by one, by way: pull, push or hand",
           ("action", "way")),
    Metric("connector_leaver_seconds", _H, "From the beginning of the read that showed somebody had left to "
           "the loss of access, the wait for approval included", (), Told.DATABASE, LEAVER_S),
    Metric("connector_runs_ended", _C, "Runs this process brought to their end",
           ("connection", "mode", "state"), _OWN),
    Metric("connector_run_seconds", _H, "How long those took", ("mode",), _OWN, _RUN_S),
    Metric("connector_pages", _C, "Pages read of directories", ("connection",), _OWN),
    Metric("connector_requests", _C, "Requests sent to directories", ("connection",), _OWN),
    Metric("connector_throttled_seconds", _C, "Time spent waiting because a directory asked for it",
           ("connection",), _OWN),
    Metric("connector_scim_requests", _C, "SCIM requests answered", ("method", "status"), _OWN),
    Metric("connector_scim_request_seconds", _H, "How long they took", ("method",), _OWN, _SCIM_S),
    Metric("connector_deliveries", _C, "Calls of webhooks, by what became of the event: delivered, failed "
           "(tried again later) or dead", ("outcome",), _OWN),
)  # fmt: skip
"""The catalogue: the exposition's help, the documentation and the checks of dashboards come from here."""

BY_NAME: Final = {metric.name: metric for metric in METRICS}
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class Meters:
    """What this process has done. Cheap to make: the metrics' library is loaded when something counts."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._made: dict[str, Any] | None = None
        self._counting: dict[tuple[str, ...], Any] = {}
        """By name and labels: looking them up costs more than counting."""

    def run_ended(self, run: Run) -> None:
        """A run that this process brought to its end."""
        self._of("connector_runs_ended", run.connection, run.mode.value, run.state.value).inc()
        self._of("connector_run_seconds", run.mode.value).observe(run.duration_s or 0.0)
        self._of("connector_pages", run.connection).inc(run.pages)
        self._of("connector_requests", run.connection).inc(run.requests)
        self._of("connector_throttled_seconds", run.connection).inc(run.throttled_s)

    def served(self, method: str, status: int, seconds: float) -> None:
        """A SCIM request; methods nobody uses count as one, whoever makes them up."""
        known = method if method in _METHODS else "other"
        self._of("connector_scim_requests", known, str(status)).inc()
        self._of("connector_scim_request_seconds", known).observe(seconds)

    def delivered(self, state: DeliveryState) -> None:
        """One call of a webhook."""
        self._of("connector_deliveries", state.value).inc()

    def collect(self) -> Iterator[Family]:
        """The families of this process's own metrics, for an exposition."""
        for made in self._all().values():
            yield from made.collect()

    def _of(self, name: str, *labels: str) -> Any:
        found = self._counting.get((name, *labels))
        if found is None:
            found = self._counting[name, *labels] = self._all()[name].labels(*labels)
        return found

    def _all(self) -> dict[str, Any]:
        with self._making:
            if self._made is None:
                self._made = {metric.name: _made(metric) for metric in METRICS if _is_counted(metric)}
            return self._made


def _is_counted(metric: Metric) -> bool:
    return metric.of is Told.PROCESS and metric.kind is not Kind.GAUGE


def _made(metric: Metric) -> Any:
    from prometheus_client import Counter, Histogram

    if metric.kind is Kind.COUNTER:
        return Counter(metric.name, metric.says, metric.labels, registry=None)
    return Histogram(metric.name, metric.says, metric.labels, registry=None, buckets=metric.buckets)
