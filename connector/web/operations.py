"""What keeps the program running: is it alive, is it ready, how does it do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connector.app import App
from connector.web.problems import problem
from sync.model.errors import ConnectorError


def routes(app: App, running: Mapping[str, Any]) -> list[Route]:
    return [
        Route("/livez", _livez),
        Route("/readyz", _readyz(app, running)),
        Route("/metrics", _metrics(app)),
    ]


def _livez(_request: Request) -> Response:
    return PlainTextResponse("alive\n")


def _readyz(app: App, running: Mapping[str, Any]) -> Callable[[Request], Response]:
    def readyz(_request: Request) -> Response:
        if running.get("draining"):
            return problem(503, "The program is stopping.", {"Retry-After": "5"})
        try:
            missing = app.dashboard.ready()
        except ConnectorError as error:
            missing = error.message
        return problem(503, missing, {"Retry-After": "5"}) if missing else PlainTextResponse("ready\n")

    return readyz


def _metrics(app: App) -> Callable[[Request], Response]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(app))

    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    return metrics


class Figures(Collector):
    """Reads the gauges anew for every scrape: they are the database's, whichever replica is asked."""

    def __init__(self, app: App) -> None:
        self._app = app

    def describe(self) -> Iterator[Metric]:
        """Nothing: the names are known once they are read."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        found = self._app.dashboard.figures()
        people, seats = found["people"], found["seats"]
        yield _labelled("connector_connections", "Connections by state", "state", found["connections"])
        yield _users(people)
        yield _gauge("connector_groups", "Groups over all connections", people["groups"])
        yield _gauge("connector_seats_used", "Active users that count against the licence", seats["used"])
        if seats["limit"] is not None:
            yield _gauge("connector_seats_limit", "Active users that the licence allows", seats["limit"])
        yield _gauge("connector_seats_waiting", "People who wait for a seat", seats["waiting"])
        yield _gauge("connector_plans_held", "Plans that wait for a person", found["held_plans"])
        yield _gauge("connector_attention_open", "Questions that wait for a person", found["attention"])
        yield _labelled(
            "connector_last_complete_read_age_seconds",
            "Time since the directory was last read to its end",
            "connection",
            found["ages_s"],
        )
        yield _labelled("connector_runs", "Runs kept, by state", "state", found["runs"])
        yield _gauge("connector_events", "Events kept in the feed", found["events"])


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=value)


def _labelled(name: str, says: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _users(people: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(
        "connector_users", "Users by whether they have access and are managed", labels=["active", "managed"]
    )
    managed_inactive = people["managed"] - people["active_managed"]
    unmanaged_active = people["active"] - people["active_managed"]
    neither = people["total"] - people["active_managed"] - managed_inactive - unmanaged_active
    family.add_metric(["true", "true"], people["active_managed"])
    family.add_metric(["false", "true"], managed_inactive)
    family.add_metric(["true", "false"], unmanaged_active)
    family.add_metric(["false", "false"], neither)
    return family
