"""Traces by OpenTelemetry, where its extra is installed and a collector is named by its usual variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

from sync.model.span import Note, Value, trace_with

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Tracer

COLLECTORS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Where traces go, by OpenTelemetry's own variables; without either nothing is recorded."""

_NAME: Final = "directory-connector"

log = structlog.get_logger("connector.tracing")


def start_tracing(environ: Mapping[str, str]) -> Callable[[], None]:
    """Record spans if the environment names a collector; what comes back is to be called at the end."""
    named = next((name for name in COLLECTORS if environ.get(name)), None)
    if named is None or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        log.warning("no traces: install the extra, pip install 'directory-connector[otel]'", set=named)
        return lambda: None
    return record_spans(BatchSpanProcessor(OTLPSpanExporter()))


def record_spans(processor: SpanProcessor) -> Callable[[], None]:
    """Hand every span to the processor until what comes back is called."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over the name given here.
    resource = Resource.create() if _is_named() else Resource.create({"service.name": _NAME})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(processor)
    trace_with(Recorded(provider.get_tracer(_NAME)))

    def end() -> None:
        trace_with(None)
        provider.shutdown()

    return end


def _is_named() -> bool:
    from os import environ

    return "OTEL_SERVICE_NAME" in environ or "service.name" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")


class Recorded:
    """The engine's spans as OpenTelemetry's."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def here(self) -> object:
        """OpenTelemetry's context of this thread."""
        from opentelemetry import context

        return context.get_current()

    @contextmanager
    def span(self, name: str, inside: object, attributes: dict[str, Value]) -> Iterator[Note]:
        """An exception is told by its kind alone: its words belong into the log."""
        from opentelemetry.context import Context
        from opentelemetry.trace import Status, StatusCode

        with self._tracer.start_as_current_span(
            name,
            context=inside if isinstance(inside, Context) else None,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as opened:
            try:
                yield lambda **further: opened.set_attributes(further)
            except BaseException as error:
                opened.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise
