"""What /metrics tells after a company has lived through a day."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from connector.app import App
from connector.metrics import METRICS
from connector.settings import Seats, Settings, Webhooks
from connector.usecases.wires import utc_now
from connector.web.asgi import application
from providers.simulator.server import Simulator, start
from tests.flows.receivers import receiving
from tests.serving import serving

Found = dict[tuple[str, ...], float]


@pytest.fixture
def idp() -> Iterator[Simulator]:
    """A directory of 60 people."""
    with start("okta", users=60, groups=3, seed=11) as simulator:
        yield simulator


@pytest.fixture
def clock() -> list[timedelta]:
    """What is added to the time; a test may append."""
    return [timedelta()]


@pytest.fixture
def app(database_url: str, tmp_path: Path, clock: list[timedelta]) -> Iterator[App]:
    """The program on each kind of database, with seats and webhooks on loopback."""
    settings = Settings(
        database_url=database_url,
        key_file=str(tmp_path / "connector.key"),
        seats=Seats(limit=100),
        webhooks=Webhooks(allow_private=True),
    )
    with App(settings, clock=lambda: utc_now() + clock[-1]) as made:
        yield made


def scraped(url: str) -> Found:
    """Samples by name and the values of their labels in the order of the labels' names."""
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def climbing(found: Found) -> Found:
    """What is summed over history's rows."""
    names = ("connector_changes_total", "connector_leaver_seconds_bucket", "connector_leaver_seconds_sum")
    return {key: value for key, value in found.items() if key[0] in names}


def pulled(app: App, *, approve: bool = False) -> None:
    run = app.runs.finish(app.runs.request("acme", by="test")[0].id)
    if approve:
        app.runs.finish(app.plans.approve(run.plan_id or "", by="test").id)


def lived(app: App, idp: Simulator, url: str) -> None:
    """A first run that is approved, two leavers, a push, a delivery."""
    pulled(app, approve=True)
    idp.churn(leavers=2)
    pulled(app)
    made = app.connections.add("partners", "scim", {"mode": "push"})
    path = httpx.URL(made["scim_base_url"]).path
    headers = {"Authorization": f"Bearer {made['token']}"}
    body: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ada@example.com",
        "emails": [{"value": "ada@example.com", "primary": True}],
    }
    with httpx.Client(base_url=url, trust_env=False, headers=headers) as http:
        assert http.post(f"{path}/Users", json=body).status_code == 201
        assert http.post(f"{path}/Users", json=body).status_code == 409
    while app.webhooks.deliverer.work_one():
        pass


def test_a_day_is_told_in_figures(app: App, idp: Simulator, clock: list[timedelta]) -> None:
    """Every metric of the catalogue is there; runs, changes, leavers, pushes and deliveries are counted."""
    with serving(application(app)) as url, receiving() as receiver:
        app.webhooks.add(receiver.url, by="test")
        app.connections.add("acme", "okta", {"base_url": idp.base_url, **idp.credentials})
        scraped(url)
        lived(app, idp, url)
        found = scraped(url)
        names = {key[0] for key in found}
        assert [metric.name for metric in METRICS if not names & set(metric.samples)] == []
        assert found["connector_runs_ended_total", "acme", "full", "held"] == 1
        assert found["connector_runs_ended_total", "acme", "approval", "succeeded"] == 1
        assert found["connector_run_seconds_count", "full"] == 2
        assert found["connector_pages_total", "acme"] > 0 < found["connector_requests_total", "acme"]
        assert found["connector_changes_total", "suspend", "pull"] == 2
        assert found["connector_changes_total", "create", "push"] == 1
        assert (
            found["connector_leaver_seconds_count",] == found["connector_leaver_seconds_bucket", "+Inf"] == 2
        )
        assert found["connector_scim_requests_total", "POST", "201"] == 1
        assert found["connector_scim_requests_total", "POST", "409"] == 1
        assert found["connector_deliveries_total", "delivered"] == len(receiver.accepted) > 60
        assert (found["connector_deliveries_open",], found["connector_events_behind",]) == (0, 0)
        assert found["connector_database_up",] == 1
        clock.append(timedelta(minutes=3))
        scraped(url)
        clock.append(timedelta(minutes=6))
        later = scraped(url)
        climbing = (
            "connector_changes_total",
            "connector_leaver_seconds_count",
            "connector_leaver_seconds_sum",
        )
        assert {key: later[key] for key in later if key[0] in climbing} == {
            key: found[key] for key in found if key[0] in climbing
        }


def test_queues_are_told(app: App, idp: Simulator, clock: list[timedelta]) -> None:
    """A run that no worker takes and a receiver that refuses are seen, with their age and their backlog."""
    with serving(application(app)) as url, receiving(lambda _: (500, {}, b"")) as receiver:
        app.webhooks.add(receiver.url, by="test")
        app.connections.add("acme", "okta", {"base_url": idp.base_url, **idp.credentials})
        app.people.add([{"email": "ada@example.com"}], by="test")
        pulled(app)
        app.runs.request("acme", by="test")
        for minutes in (10, 20, 30):
            app.webhooks.deliverer.work_one()
            clock.append(timedelta(minutes=minutes))
        found = scraped(url)
        assert found["connector_runs", "queued"] == 1
        assert 1800 <= found["connector_oldest_queued_run_age_seconds",] < 2400
        assert found["connector_last_complete_read_age_seconds", "acme"] >= 1800
        assert found["connector_webhooks", "failing"] == 1
        assert found["connector_deliveries_open",] > 0
        assert found["connector_deliveries_total", "failed"] == len(receiver.calls) >= 3
