from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from connector.app import App
from connector.settings import Seats, Settings
from connector.web.asgi import application
from providers.simulator.server import Simulator, start
from tests.flows.keys import key_of
from tests.serving import serving

HOSTILE = "<script>alert('x')</script>"
KEY = "a-key-for-tests"


def make_app(database_url: str, **settings: Any) -> App:
    given: dict[str, Any] = {"database_url": database_url, "seats": Seats(limit=50)}
    return App(Settings(**(given | settings)))


@pytest.fixture
def app(sqlite_url: str) -> Iterator[App]:
    """The program over an empty database."""
    with make_app(sqlite_url) as made:
        yield made


@pytest.fixture
def client(app: App) -> Iterator[httpx.Client]:
    """A program with an API key that may do everything."""
    with (
        serving(application(app), proxy_headers=False) as url,
        httpx.Client(base_url=url, trust_env=False, headers=key_of(app)) as http,
    ):
        yield http


@pytest.fixture
def idp() -> Iterator[Simulator]:
    """A small directory, one of whose groups has a hostile name."""
    with start("okta", users=12, groups=3) as simulator:
        group = {"name": HOSTILE}
        httpx.post(f"{simulator.base_url}/_sim/groups", json=group, trust_env=False).raise_for_status()
        yield simulator


@pytest.fixture
def held(app: App, idp: Simulator) -> dict[str, Any]:
    """A connection whose first run is held."""
    app.connections.add("okta", "okta", {"base_url": idp.base_url, **idp.credentials})
    run, _ = app.runs.request("okta", by="test")
    app.runs.finish(run.id)
    (plan,) = app.plans.listed(states=["held"])
    return plan


def test_with_a_key_the_key_decides(sqlite_url: str) -> None:
    """No key or a wrong one is 401 even from here; the right one is let in from anywhere."""
    with make_app(sqlite_url, api_key=KEY) as app, serving(application(app)) as url:
        asked = [
            httpx.get(f"{url}/api/v1/seats", headers=headers, trust_env=False)
            for headers in (
                {},
                {"Authorization": "Bearer wrong"},
                {"Authorization": f"Bearer {KEY}", "X-Forwarded-For": "203.0.113.9"},
            )
        ]
    assert [answer.status_code for answer in asked] == [401, 401, 200]
    assert asked[0].headers["www-authenticate"] == "Bearer"


def test_lists_have_the_shapes_the_command_line_has(
    client: httpx.Client, app: App, held: dict[str, Any]
) -> None:
    """Every list answers JSON under its own noun, people with names, tags and connections."""
    app.runs.finish(app.plans.approve(held["plan_id"], by="test").id)
    for noun in ("users", "groups", "events", "runs", "plans", "connections"):
        found = client.get(f"/api/v1/{noun}").json()[noun]
        assert found, noun
    user = client.get("/api/v1/users?limit=1&active=true").json()["users"][0]
    assert user.keys() == {
        "id", "email", "first_name", "last_name", "picture_url", "active", "managed", "tags", "connections",
    }  # fmt: skip
    assert client.get(f"/api/v1/users/{user['email']}").json()["id"] == user["id"]
    assert client.get("/api/v1/seats").json().keys() >= {"limit", "used", "waiting", "by_connection"}
    assert "api_token" not in client.get("/api/v1/connections").json()["connections"][0]["settings"]


def test_users_are_read_to_the_end_by_cursor(client: httpx.Client, app: App) -> None:
    """Following ``next`` meets everybody once."""
    app.people.add([{"email": f"p{number}@example.com"} for number in range(5)], by="test")
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = client.get("/api/v1/users", params={"limit": 2, "after": after}).json()
        seen += [user["email"] for user in page["users"]]
        after = page["next"]
    assert sorted(seen) == [f"p{number}@example.com" for number in range(5)]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/users?limt=3", 400, "did you mean limit"),
        ("/api/v1/users?limit=0", 400, "from 1 to 500"),
        ("/api/v1/users?limit=501", 400, "from 1 to 500"),
        ("/api/v1/events?after=-1", 400, "from 0"),
        ("/api/v1/users?active=maybe", 400, "one of true, false"),
        ("/api/v1/plans?state=hold", 400, "one of preview"),
        ("/api/v1/users/nobody@example.com", 404, "nobody@example.com"),
        ("/api/v1/runs?connection=nowhere", 404, "nowhere"),
        ("/api/v1/nothing", 404, "nothing here"),
    ],
)
def test_a_mistake_is_answered_with_a_problem_that_names_it(
    client: httpx.Client, path: str, status: int, words: str
) -> None:
    """Errors are problem details whose detail says what is wrong."""
    answer = client.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert words in body["detail"]


def test_asking_twice_for_a_pull_queues_one_run(client: httpx.Client, app: App, idp: Simulator) -> None:
    """The first is 202 with the run's address, the second is 200 with the same run."""
    app.connections.add("okta", "okta", {"base_url": idp.base_url, **idp.credentials})
    first, second = (client.post("/api/v1/connections/okta/sync") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["run_id"] == second.json()["run_id"]
    assert client.get(first.headers["location"]).json()["state"] == "queued"


def test_metrics_say_what_a_dashboard_needs(client: httpx.Client, held: dict[str, Any]) -> None:
    """The exposition parses, and counts connections, held plans, runs, seats and the age of the last read."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["connector_connections", "active"] == 1
    assert found["connector_plans_held",] == 1
    assert found["connector_runs", "held"] == 1
    assert found["connector_runs", "failed"] == 0
    assert (found["connector_seats_used",], found["connector_seats_limit",]) == (0, 50)
    assert found["connector_users", "true", "true"] == 0
    assert 0 <= found["connector_last_complete_read_age_seconds", "okta"] < 3600


def test_ready_means_the_database_answers_and_nobody_is_stopping(app: App) -> None:
    """A program that drains is alive and not ready."""
    running = {"draining": False}
    with serving(application(app, running=running)) as url:
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        running["draining"] = True
        stopping = httpx.get(f"{url}/readyz", trust_env=False)
        assert (stopping.status_code, stopping.json()["detail"]) == (503, "The program is stopping.")
        assert httpx.get(f"{url}/livez", trust_env=False).status_code == 200


def test_scim_is_answered_ahead_of_everything(client: httpx.Client, app: App) -> None:
    """A pushed user is there for the API at once."""
    made = app.connections.add("partners", "scim", {"mode": "push"})
    path = httpx.URL(made["scim_base_url"]).path
    person: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ada@example.com",
    }
    person |= {"emails": [{"value": "ada@example.com", "primary": True}]}
    refused = client.post(f"{path}/Users", json=person)
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/scim+json")
    headers = {"Authorization": f"Bearer {made['token']}", "Content-Type": "application/scim+json"}
    assert client.post(f"{path}/Users", json=person, headers=headers).status_code == 201
    assert client.get("/api/v1/users").json()["users"][0]["email"] == "ada@example.com"


def test_the_first_page_is_read_alike_on_both_databases(
    database_url: str, tmp_path: Path, idp: Simulator
) -> None:
    """Held items, changes and figures come out of SQLite and PostgreSQL the same."""
    key_file = str(tmp_path / "connector.key")
    with App(Settings(database_url=database_url, key_file=key_file)) as app:
        app.connections.add("okta", "okta", {"base_url": idp.base_url, **idp.credentials})
        run = app.runs.finish(app.runs.request("okta", by="test")[0].id)
        (plan,) = app.dashboard.page()["held_plans"]
        assert plan["waiting"] == {action: count for action, count in run.counts.items() if count}
        app.runs.finish(app.plans.approve(plan["plan_id"], by="test").id)
        page, figures = app.dashboard.page(), app.dashboard.figures()
        assert page["held_plans"] == []
        created = next(change for change in page["changes"] if change["action"] == "create")
        assert (len(created["subjects"]), created["further"]) == (3, run.counts["create"] - 3)
        assert figures["people"]["active_managed"] == page["seats"]["used"] == run.counts["create"]
        assert figures["runs"]["held"] == figures["runs"]["succeeded"] == 1
