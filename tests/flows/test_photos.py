"""Photos from Entra ID, from the tenant to the address that an application shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from connector.app import App
from connector.demo_server import Served, listen
from connector.settings import Settings
from providers.simulator.server import Simulator, start
from sync.model.run import Run, RunState


@pytest.fixture
def tenant() -> Iterator[Simulator]:
    """A simulated tenant of 40 people, some of whom have a photo."""
    with start("azure", users=40, groups=3, seed=7) as running:
        yield running


@contextmanager
def served(database_url: str, tmp_path: Path) -> Iterator[App]:
    with listen(0, must=False) as sock:
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        key = str(tmp_path / "connector.key")
        settings = Settings(database_url=database_url, key_file=key, listen=address)
        with App(settings) as opened, Served(opened, sock):
            yield opened


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    """The program on each kind of database, served on loopback."""
    with served(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def app_on_sqlite(sqlite_url: str, tmp_path: Path) -> Iterator[App]:
    """The program on SQLite alone."""
    with served(sqlite_url, tmp_path) as opened:
        yield opened


def connect(app: App, tenant: Simulator) -> None:
    given = {"base_url": tenant.base_url, **tenant.credentials, "photos": True}
    app.connections.add("entra", "azure", given)
    assert pull(app).state is RunState.SUCCEEDED


def pull(app: App) -> Run:
    asked, _ = app.runs.request("entra", by="test", approved_beforehand=True)
    return app.runs.finish(asked.id)


def pictures(app: App) -> dict[str, str]:
    users = app.people.every_user(active=True)["users"]
    return {user["email"]: user["picture_url"] for user in users if user["picture_url"]}


def with_photo(tenant: Simulator) -> set[str]:
    return {user["email"] for user in tenant.state()["users"] if user["active"] and user["picture_url"]}


def test_everybody_with_a_photo_gets_its_address_and_it_is_served_with_its_etag(
    app: App, tenant: Simulator
) -> None:
    """The picture of each user is at our own address, of its type, and 304 for who has it already."""
    connect(app, tenant)
    shown = pictures(app)
    assert shown.keys() == with_photo(tenant)
    assert shown
    with httpx.Client(trust_env=False) as browser:
        address = next(iter(shown.values()))
        got = browser.get(address)
        digest = hashlib.sha256(got.content).hexdigest()
        assert (got.status_code, got.headers["content-type"]) == (200, "image/jpeg")
        assert address.endswith(f"/pictures/{digest}")
        assert got.headers["etag"] == f'"{digest}"'
        assert "max-age" in got.headers["cache-control"]
        again = browser.get(address, headers={"if-none-match": got.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert browser.get(f"{app.settings.url}/pictures/{'0' * 64}").status_code == 404


def test_a_photo_is_fetched_when_it_changed_and_taken_away_when_nobody_has_it(
    app: App, tenant: Simulator
) -> None:
    """An unchanged one is not fetched again, a new one replaces the old, a lost one is served no more."""
    connect(app, tenant)
    before = pictures(app)
    fetched = tenant.requests()["by_op"]["photo.bytes"]
    assert pull(app).state is RunState.SUCCEEDED
    assert tenant.requests()["by_op"]["photo.bytes"] == fetched
    assert pictures(app) == before

    changing, losing = list(before)[:2]
    people = {user["email"]: user["id"] for user in tenant.state()["users"]}
    tenant.change_user(people[changing], picture_url="https://pictures.example.com/new.jpg")
    tenant.change_user(people[losing], picture_url=None)
    pull(app)
    after = pictures(app)
    assert after.keys() == before.keys() - {losing}
    assert {email for email in after if after[email] != before[email]} == {changing}
    assert tenant.requests()["by_op"]["photo.bytes"] == fetched + 1
    pull(app)
    gone = {before[changing], before[losing]} - set(after.values())
    with httpx.Client(trust_env=False) as browser:
        assert {browser.get(address).status_code for address in gone} == {404}
        assert browser.get(after[changing]).status_code == 200


def test_switched_off_the_pictures_go(app_on_sqlite: App, tenant: Simulator) -> None:
    """Without the setting the next reads take the pictures from the users and from the database."""
    connect(app_on_sqlite, tenant)
    shown = next(iter(pictures(app_on_sqlite).values()))
    app_on_sqlite.connections.set("entra", {"photos": False})
    pull(app_on_sqlite)
    assert not pictures(app_on_sqlite)
    pull(app_on_sqlite)
    assert httpx.get(shown, trust_env=False).status_code == 404


@pytest.mark.parametrize(
    "fault", ["throttle(wait=7200)@op=photo,times=always", "photo(4MB)", "fail(403)@op=photo,times=always"]
)
def test_photos_that_cannot_be_had_fail_no_run(app_on_sqlite: App, tenant: Simulator, fault: str) -> None:
    """The run succeeds with everybody in it; there are no pictures, and the next run tries again."""
    tenant.fault(fault)
    connect(app_on_sqlite, tenant)
    truth = {user["email"] for user in tenant.state()["users"] if user["active"]}
    assert {user["email"] for user in app_on_sqlite.people.every_user(active=True)["users"]} == truth
    assert not pictures(app_on_sqlite)
