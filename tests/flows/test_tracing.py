"""Traces of a run, and a program that does without."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connector.app import App
from connector.settings import Settings
from connector.tracing import record_spans
from providers.simulator.server import start
from sync.model import span as spans

WITHOUT_THE_EXTRA = """
import sys
sys.modules["opentelemetry"] = None
from connector.telemetry import configure_logs
from connector.tracing import start_tracing
from sync.model.span import span
configure_logs("json")
end = start_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
with span("run", connection="acme") as note:
    note(state="succeeded")
end()
"""


@pytest.fixture
def recorded() -> Iterator[InMemorySpanExporter]:
    """Every span of the test, once it has ended."""
    exporter = InMemorySpanExporter()
    end = record_spans(SimpleSpanProcessor(exporter))
    yield exporter
    end()
    assert spans.here() is None


def path_of(each: ReadableSpan, by_id: dict[int, ReadableSpan]) -> list[str]:
    above = by_id.get(each.parent.span_id) if each.parent else None
    return [*(path_of(above, by_id) if above else []), each.name]


def test_a_run_is_one_trace_of_phases_and_requests(tmp_path: Path, recorded: InMemorySpanExporter) -> None:
    """Run, phases and requests nest, whatever thread sends them, and say how they ended."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'connector.db'}")
    with start("okta", users=30, groups=6) as idp, App(settings) as app:
        app.connections.add("acme", "okta", {"base_url": idp.base_url, **idp.credentials})
        recorded.clear()
        ended = app.runs.finish(app.runs.request("acme", by="test")[0].id)
        secrets = list(idp.credentials.values())
    found = recorded.get_finished_spans()
    by_id = {each.context.span_id: each for each in found}
    assert len({each.context.trace_id for each in found}) == 1
    paths = [path_of(each, by_id) for each in found]
    assert ["run", "reading"] in paths
    assert ["run", "planning"] in paths
    assert ["run", "applying"] in paths
    assert paths.count(["run", "reading", "request"]) == ended.requests
    (run,) = (each for each in found if each.name == "run")
    told = dict(run.attributes or {})
    assert (told["run"], told["connection"], told["state"]) == (ended.id, "acme", "held")
    requests = [each for each in found if each.name == "request"]
    assert {(each.attributes or {})["status"] for each in requests} == {200}
    text = "".join(each.to_json() for each in found)
    assert not [secret for secret in secrets if secret in text]
    assert "@" not in text


def test_an_error_ends_a_span_by_its_kind_alone(recorded: InMemorySpanExporter) -> None:
    """What an exception says stays out of the trace."""
    with pytest.raises(ValueError, match="secret"), spans.span("run"):
        raise ValueError("a secret")
    (found,) = recorded.get_finished_spans()
    assert found.status.description == "ValueError"
    assert "secret" not in found.to_json()


def test_without_the_extra_the_program_goes_on() -> None:
    """Asked for traces it cannot record, it says once what to install, and spans do nothing."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    (line,) = done.stderr.splitlines()
    assert "directory-connector[otel]" in line
