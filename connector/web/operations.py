"""What keeps the program running: is it alive, is it ready, how does it do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connector.app import App
from connector.metrics import BY_NAME, SUM, Kind
from connector.metrics import Metric as Described
from connector.usecases.figures import Values
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
    registry.register(Exposition(app))
    ProcessCollector(registry=registry)

    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    return metrics


class Exposition(Collector):
    """This process's counters, and the database's figures read anew for every scrape."""

    def __init__(self, app: App) -> None:
        self._app = app

    def describe(self) -> Iterator[Metric]:
        """Nothing: the names are known once they are read."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The database's figures are left out while it does not answer; that it does not is told."""
        try:
            found = self._app.figures.read()
        except ConnectorError:
            found = {}
        told = found | {
            "connector_build_info": {(version("directory-connector"),): 1},
            "connector_database_up": {(): float(bool(found))},
        }
        yield from (_family(BY_NAME[name], values) for name, values in told.items())
        yield from self._app.wires.meters.collect()


def _family(metric: Described, values: Values) -> Metric:
    if metric.kind is Kind.HISTOGRAM:
        counts = accumulate(values.get((bound,), 0) for bound in metric.bounds)
        buckets = list(zip(metric.bounds, counts, strict=True))
        family = HistogramMetricFamily(metric.name, metric.says)
        family.add_metric([], buckets=buckets, sum_value=values.get((SUM,), 0))
        return family
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    told = kind(metric.name, metric.says, labels=metric.labels)
    for labels, value in values.items():
        told.add_metric(labels, value)
    return told
