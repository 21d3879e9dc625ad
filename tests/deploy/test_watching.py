"""The dashboard and the alerts ask for metrics and labels that the program tells."""

import json
import re
from collections.abc import Iterator

import pytest

from connector.metrics import METRICS, Metric
from tests.deploy.manifests import DEPLOY, ROOT, yaml_documents

_OF_PROCESSES = {"process_resident_memory_bytes"}
_AGGREGATED = re.compile(r"\b(sum|max|min)\b[^(]*(?:\([^)]*\)\s*)?\((?:\w+\()?(connector_\w+)")
_LABELS = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")


def dashboard_expressions() -> Iterator[str]:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (each["query"]["query"] for each in dashboard["templating"]["list"] if each["type"] == "query")


def rules() -> list[dict[str, str]]:
    (document,) = yaml_documents("alerts.yaml")
    return [rule for group in document["groups"] for rule in group["rules"]]


EXPRESSIONS = [*dashboard_expressions(), *(rule["expr"] for rule in rules())]
BY_SAMPLE: dict[str, Metric] = {sample: metric for metric in METRICS for sample in metric.samples}


def named(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:connector|process)_[a-z_]+", expression))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_asked_for_exists(expression: str) -> None:
    """A renamed metric, or a label it has not, is noticed here and not in an outage."""
    metrics = named(expression)
    assert metrics
    assert metrics <= BY_SAMPLE.keys() | _OF_PROCESSES
    known = {"le", "job", "instance"}.union(*(BY_SAMPLE[name].labels for name in metrics - _OF_PROCESSES))
    asked = set(_LABELS.findall(expression))
    for group in re.findall(r"\bby \(([^)]*)\)", expression):
        asked |= {label.strip() for label in group.split(",")}
    assert asked <= known


def test_processes_are_added_up_and_the_database_is_asked_once() -> None:
    """Nothing the database tells is summed over replicas; nothing a process counts is taken from one."""
    for expression in EXPRESSIONS:
        for function, name in _AGGREGATED.findall(expression):
            metric = BY_SAMPLE[name]
            wanted = "max" if metric.of == "database" else "sum"
            assert function == wanted or metric.name == "connector_database_up", expression


def test_every_metric_is_on_the_dashboard() -> None:
    """What is told is shown."""
    shown = set().union(*(named(expression) for expression in dashboard_expressions()))
    assert {metric.name for metric in METRICS} == {BY_SAMPLE[name].name for name in shown - _OF_PROCESSES}


def test_every_alert_is_explained() -> None:
    """docs/operate/monitor.md names each alert, and no other."""
    page = (ROOT / "docs" / "operate" / "monitor.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`(Connector\w+)`", page))
    assert explained == {rule["alert"] for rule in rules()}
