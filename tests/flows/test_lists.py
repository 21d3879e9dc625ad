"""Lists of the API: every one is paged, and what was added to read and answer many at once."""

from collections.abc import Iterator

import httpx
import pytest

from connector.app import App
from connector.operations.table import OPERATIONS
from connector.settings import Settings
from connector.web.asgi import application
from sync.store import attention
from tests.flows.keys import key_of
from tests.serving import serving

READ_WHOLE = {"connections.list", "freeze.list"}
"""As many as there are connections and freezes: nobody pages through those."""


@pytest.fixture
def app(sqlite_url: str) -> Iterator[App]:
    with App(Settings(database_url=sqlite_url)) as made:
        made.connections.add("partners", "scim", {"mode": "push"})
        yield made


@pytest.fixture
def http(app: App) -> Iterator[httpx.Client]:
    with (
        serving(application(app), proxy_headers=False) as url,
        httpx.Client(base_url=f"{url}/api/v1", headers=key_of(app), trust_env=False, timeout=60) as client,
    ):
        yield client


def ask(app: App, kind: str, label: str) -> None:
    """Put a question on the list."""
    with app.wires.database.write() as conn:
        connection_id = app.connections.listed()[0]["id"]
        at = app.wires.clock()
        attention.raise_(conn, connection_id, kind=kind, key=label, label=label, why="?", run_id=None, now=at)


def test_every_list_is_paged() -> None:
    """Whatever list may grow takes a limit and the cursor of the page before."""
    for each in OPERATIONS:
        if each.reads and each.rows and each.name not in READ_WHOLE:
            assert {"limit", each.cursor} <= set(each.arguments.model_fields), each.name


def test_questions_come_in_pages_and_are_answered_together(app: App, http: httpx.Client) -> None:
    """Pages join to the whole list; of many answered alike one that does not take the answer stays open."""
    for label in ("ann", "bob", "cyd"):
        ask(app, "no_email", label)
    ask(app, "disputed", "dan")
    first = http.get("/attention", params={"limit": 3}).json()
    assert (first["total"], first["kinds"]) == (4, {"disputed": 1, "no_email": 3})
    rest = http.get("/attention", params={"limit": 3, "after": first["next"]}).json()
    assert [each["label"] for each in first["attention"] + rest["attention"]] == ["ann", "bob", "cyd", "dan"]
    assert rest["next"] is None
    narrowed = http.get("/attention", params={"kind": "no_email", "search": "B"}).json()
    assert [each["label"] for each in narrowed["attention"]] == ["bob"]
    ids = [each["id"] for each in first["attention"]]
    done = http.post("/attention/resolve", json={"questions": [*ids, "nobody"], "how": "ignore"}).json()
    assert [each["id"] for each in done["resolved"]] == ids
    assert "nothing with the id nobody" in done["refused"][0]["why"]
    refused = http.post("/attention/resolve", json={"questions": ids[:1], "how": "link"}).json()["refused"]
    assert "resolved already" in refused[0]["why"]
    assert http.get("/attention").json()["total"] == 1


def test_a_webhook_is_changed_and_keeps_its_secret(app: App, http: httpx.Client) -> None:
    """Address, types and note change, each by itself and with an audit row; a twin is refused."""
    made = http.post("/webhooks", json={"url": "https://one.example.com/", "types": ["user.*"]}).json()
    http.post("/webhooks", json={"url": "https://two.example.com/"})
    path = f"/webhooks/{made['id']}"
    assert http.patch(path, json={"note": "billing"}).json()["types"] == ["user.*"]
    assert http.patch(path, json={"types": []}).json()["types"] == []
    refused = http.patch(path, json={"url": "https://two.example.com/"})
    assert (refused.status_code, "already" in refused.json()["detail"]) == (409, True)
    assert http.patch(path, json={"types": ["user.flies"]}).status_code == 422
    found = http.get(path).json()
    assert (found["url"], found["note"], found["secrets"]) == ("https://one.example.com/", "billing", 1)
    row = app.audit.listed(action="webhooks.set")["audit"][-1]
    assert (row["before"], row["after"]) == ({"note": ""}, {"note": "billing"})


def test_events_are_read_from_the_newest_back(app: App, http: httpx.Client) -> None:
    """Pages go from the newest to the first, narrowed by type and by whom they are about."""
    ids = app.people.add([{"email": f"p{number}@example.com"} for number in range(5)], by="test")
    app.people.suspend(ids[0], by="test")
    feed = http.get("/events").json()["events"]
    read: list[int] = []
    before = None
    while True:
        page = http.get(
            "/events/newest", params={"limit": 4, **({"before": before} if before else {})}
        ).json()
        read += [each["sequence"] for each in page["events"]]
        before = page["next"]
        if before is None:
            break
    assert read == [each["sequence"] for each in reversed(feed)]
    about = http.get("/events/newest", params={"subject": ids[0], "types": "user.suspended"}).json()["events"]
    assert [each["type"] for each in about] == ["user.suspended"]


def test_people_are_narrowed_to_protected_and_waiting(app: App, http: httpx.Client) -> None:
    """Protected accounts, and those about whom a question is open, are found."""
    ann, bob, cyd = app.people.add(
        [{"email": f"{name}@example.com"} for name in ("Ann", "Bob", "Cyd")], by="t"
    )
    app.people.protect(ann, protected=True, by="test")
    ask(app, "disputed", "BOB@example.com")

    def found(**wanted: str) -> list[str]:
        return [each["id"] for each in http.get("/users", params=wanted).json()["users"]]

    assert (found(protected="true"), found(protected="false")) == ([ann], [bob, cyd])
    assert (found(waiting="true"), found(waiting="false")) == ([bob], [ann, cyd])
