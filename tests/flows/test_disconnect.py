"""Letting a directory go, with each of the three fates for its people."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app import App
from connector.settings import Settings
from providers.simulator.server import Simulator, start
from sync.model.errors import Conflict, Misconfigured, NotFound


@pytest.fixture
def idp() -> Iterator[Simulator]:
    """A small directory."""
    with start("okta", users=12, groups=3, seed=4) as made:
        yield made


@pytest.fixture
def app(database_url: str, tmp_path: Path, idp: Simulator) -> Iterator[App]:
    """A program that pulled it, with one account of its own."""
    with App(Settings(database_url=database_url, key_file=str(tmp_path / "connector.key"))) as made:
        made.people.add([{"email": "by.hand@example.com"}], by="test")
        pull(made, idp, "old")
        yield made


def pull(app: App, idp: Simulator, name: str) -> None:
    app.connections.add(name, "okta", {"base_url": idp.base_url, **idp.credentials})
    run, _ = app.runs.request(name, by="test", approved_beforehand=True)
    ended = app.runs.finish(run.id)
    assert ended.state == "succeeded", ended


def people(app: App) -> dict[str, dict[str, Any]]:
    return {each["email"]: each for each in app.people.every_user()["users"]}


def test_kept_people_stay_as_they_are_and_are_nobodys(app: App) -> None:
    """Access stays; the directory's tags, groups and the connection are gone, and nobody is managed."""
    before = people(app)
    gone = app.connections.remove("old", "keep", by="test")
    after = people(app)
    assert {email: each["active"] for email, each in after.items()} == {
        email: each["active"] for email, each in before.items()
    }
    assert not any(each["managed"] or each["tags"] for each in after.values())
    assert app.connections.listed() == []
    assert app.people.groups(limit=1)["total"] == 0
    assert gone["people"] > 0
    assert app.audit.listed(action="connections.remove")["audit"][0]["after"]["users"] == "keep"


def test_suspended_people_lose_access_with_the_reason_but_for_protected_ones(app: App) -> None:
    """Everybody it managed is suspended and can be asked why; protected and unmanaged accounts are not."""
    managed = [each["email"] for each in app.people.every_user(managed=True, active=True)["users"]]
    app.people.protect(managed[0], protected=True, by="test")
    gone = app.connections.remove("old", "suspend", by="test")
    after = people(app)
    assert [email for email, each in after.items() if each["active"]] == ["by.hand@example.com", managed[0]]
    assert gone["suspended"] == len(managed) - 1
    assert "connection old was removed" in app.people.explain(managed[1]).as_text()
    events = app.people.events(limit=500, types=["user.suspended"])["events"]
    assert len(events) == len(managed) - 1


def test_who_another_directory_gives_access_keeps_it(app: App, idp: Simulator) -> None:
    """People of two connections stay active when one of them goes, whatever was asked for."""
    pull(app, idp, "new")
    for question in app.attention.listed("new"):
        app.attention.resolve(question["id"], "link", by="test")
    before = {email for email, each in people(app).items() if each["active"]}
    app.connections.remove("old", "suspend", by="test")
    assert {email for email, each in people(app).items() if each["active"]} == before


def test_people_are_handed_over_to_a_connection_that_knows_them(app: App) -> None:
    """The same accounts go on under the other connection; who it does not know is kept, managed by nobody."""
    made = app.connections.add("new", "scim", {"mode": "push", "matching": {"adopt": "never"}})
    managed = app.people.every_user(managed=True, active=True)["users"]
    import httpx

    from connector.web.asgi import application
    from tests.serving import serving

    with serving(application(app), proxy_headers=False) as url:
        headers = {"Authorization": f"Bearer {made['token']}"}
        for user in managed[:2]:
            person = {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": user["email"],
                "emails": [{"value": user["email"], "primary": True}],
                "active": True,
            }
            path = f"{url}/scim/v2/{made['id']}/Users"
            httpx.post(path, json=person, headers=headers, trust_env=False)
    gone = app.connections.remove("old", "handover:new", by="test")
    after = people(app)
    assert gone["handed_over"] == 2
    for user in managed[:2]:
        kept = after[user["email"]]
        assert (kept["id"], kept["active"], kept["connections"]) == (user["id"], True, ["new"])
    assert after[managed[2]["email"]]["connections"] == []


def test_what_cannot_be_removed_says_why(app: App) -> None:
    """Itself as heir, an unknown heir, and a run under way are refused, and nothing is gone."""
    with pytest.raises(Misconfigured, match="itself"):
        app.connections.remove("old", "handover:old", by="test")
    with pytest.raises(NotFound):
        app.connections.remove("old", "handover:nowhere", by="test")
    run, _ = app.runs.request("old", by="test")
    database = app.wires.database
    from sync.store import runs

    database.submit(lambda conn: runs.claim(conn, owner="another", lease_s=60, now=app.wires.clock()))
    with pytest.raises(Conflict, match=run.id):
        app.connections.remove("old", "keep", by="test")
    assert len(app.connections.listed()) == 1
