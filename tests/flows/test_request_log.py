"""The incoming log, through every door: what an IdP asked, how it ended, and no word about anybody."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.app import App
from connector.settings import Settings
from connector.web.asgi import application
from scim_server.app import Served
from scim_server.exchange import Answer, Request
from tests.serving import serving

SECRET_NAME = "ada.lovelace@example.com"


class _Now:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def now() -> _Now:
    return _Now()


@pytest.fixture
def app(database_url: str, tmp_path: Path, now: _Now) -> Iterator[App]:
    settings = Settings(database_url=database_url, key_file=str(tmp_path / "key"))
    with App(settings, clock=now) as app:
        yield app


def _push(app: App, made: dict[str, Any], *requests: tuple[str, str, Any], token: str | None = None) -> None:
    """Send requests to the connection's endpoint."""
    with serving(application(app)) as url, httpx.Client(trust_env=False) as http:
        for method, path, body in requests:
            http.request(
                method,
                f"{url}/scim/v2/{made['id']}{path}",
                json=body,
                headers={"Authorization": f"Bearer {token or made['token']}", "User-Agent": "IdP 1.0"},
            )


def test_requests_are_listed_newest_first(app: App) -> None:
    """Each has method, path, status, time, the client, and the quirks it needed; names are masked."""
    made = app.connections.add("acme", "scim", {"mode": "push"})
    _push(
        app,
        made,
        ("POST", "/Users", {"userName": SECRET_NAME, "active": "True"}),
        ("GET", f'/Users?filter=userName eq "{SECRET_NAME}"&count=1', None),
        ("POST", "/Users", {"userName": SECRET_NAME}),
    )
    again, found, first = app.request_log.listed("acme")
    assert (first["method"], first["path"], first["status"]) == ("POST", "/Users", 201)
    assert first["quirks"] == ["entra_string_booleans"]
    assert first["client"] == "IdP 1.0"
    assert first["ms"] > 0
    assert found["path"] == '/Users?filter=userName eq "…"&count=1'
    assert again["status"] == 409
    assert "taken" in again["detail"]
    assert all(row["request_body"] is None and row["answer_body"] is None for row in (again, found, first))
    assert [row["status"] for row in app.request_log.listed("acme", failed=True)] == [409]
    assert app.request_log.listed("acme", limit=1)[0]["seq"] == again["seq"]
    assert app.request_log.listed("acme", limit=1, before=again["seq"])[0]["seq"] == found["seq"]


def test_bodies_are_kept_only_when_asked_for_and_masked(app: App) -> None:
    """With scim.log_bodies the shape of a body is kept, and no value in it."""
    made = app.connections.add("acme", "scim", {"mode": "push", "scim": {"log_bodies": True}})
    _push(app, made, ("POST", "/Users", {"userName": SECRET_NAME, "active": True, "password": "hunter2"}))
    (row,) = app.request_log.listed("acme")
    assert row["request_body"] == '{"userName":"…","active":true,"password":"…"}'
    assert '"userName":"…"' in row["answer_body"]
    assert SECRET_NAME not in str(row)
    assert "hunter2" not in str(row)


def test_a_wrong_token_shows_but_an_unknown_connection_does_not(app: App) -> None:
    """An admin sees that the IdP knocks with an old token; nobody can fill the log for nothing."""
    made = app.connections.add("acme", "scim", {"mode": "push"})
    _push(app, made, ("GET", "/Users", None), token="wrong")
    _push(app, {"id": "nobody", "token": "x"}, ("GET", "/Users", None))
    assert [(row["status"], row["path"]) for row in app.request_log.listed("acme")] == [(401, "/Users")]


def test_requests_are_forgotten_in_time(app: App, now: _Now) -> None:
    """What is older than scim.log_kept goes, whoever asks next."""
    made = app.connections.add("acme", "scim", {"mode": "push", "scim": {"log_kept": "2h"}})
    _push(app, made, ("GET", "/Users?count=0", None))
    assert len(app.request_log.listed("acme")) == 1
    now.now += timedelta(hours=3)
    assert app.request_log.listed("acme") == []


def test_a_new_connection_has_an_empty_log(app: App) -> None:
    """Nothing asked yet is an empty list."""
    app.connections.add("acme", "scim", {"mode": "push"})
    assert app.request_log.listed("acme") == []


def test_a_note_holds_no_answer(app: App) -> None:
    """Until the entries of a second are written, the bodies that nobody wants kept take no memory."""
    page = bytes(70_000)
    held = sys.getrefcount(page)
    _note(app, page)
    assert sys.getrefcount(page) == held


def _note(app: App, body: bytes) -> None:
    request = Request(method="POST", connection_id="c", path=["Users"], body=body)
    answer = Answer(body=body)
    app.request_log.note(Served(request=request, answer=answer, seconds=0.1, quirks=(), settings={}))
