"""The admin API's manners: roles, repeats, ETags, bodies, and that it does what the command line does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.app import App
from connector.settings import Settings
from connector.web.asgi import application
from sync.model.access import Role
from tests.flows.keys import key_of
from tests.serving import serving


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    """The program over an empty database of each kind."""
    with App(Settings(database_url=database_url, key_file=str(tmp_path / "connector.key"))) as made:
        yield made


@pytest.fixture
def client(app: App) -> Iterator[httpx.Client]:
    """A program with an admin's key."""
    with (
        serving(application(app), proxy_headers=False) as url,
        httpx.Client(base_url=f"{url}/api/v1", headers=key_of(app), trust_env=False, timeout=30) as http,
    ):
        yield http


def test_a_write_that_is_asked_for_twice_is_done_once(client: httpx.Client, app: App) -> None:
    """The same key gets the same answer, its secret included; nothing of it lies open in the database."""
    headers = {"Idempotency-Key": "make-partners"}
    wanted = {"name": "partners", "type": "scim", "settings": {"mode": "push"}}
    first, again = (client.post("/connections", json=wanted, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(app.connections.listed()) == 1
    other = client.post("/connections", json=wanted | {"name": "others"}, headers=headers)
    assert (other.status_code, other.json()["kind"]) == (422, "misconfigured")


def test_repeats_at_the_same_moment_are_one_or_a_conflict(client: httpx.Client, app: App) -> None:
    """Of writes under one key at once exactly one is done; the others hear its answer or to ask again."""

    def ask(_: int) -> int:
        wanted = {"users": [{"email": "ada@example.com"}]}
        return client.post("/users", json=wanted, headers={"Idempotency-Key": "ada"}).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(ask, range(6)))
    assert set(statuses) <= {201, 409}
    assert statuses.count(201) >= 1
    assert len(app.people.every_user()["users"]) == 1


def test_a_write_that_failed_may_be_tried_again_under_its_key(client: httpx.Client) -> None:
    """A refusal is not kept: once its cause is gone the same request goes through."""
    headers = {"Idempotency-Key": "protect"}
    assert client.post("/users/ada@example.com/protect", headers=headers).status_code == 404
    client.post("/users", json={"users": [{"email": "ada@example.com"}]})
    assert client.post("/users/ada@example.com/protect", headers=headers).status_code == 200


def test_a_read_that_did_not_change_has_no_body(client: httpx.Client) -> None:
    """If-None-Match with the answer's ETag is 304 until something changes."""
    first = client.get("/users")
    known = {"If-None-Match": first.headers["etag"]}
    assert client.get("/users", headers=known).status_code == 304
    client.post("/users", json={"users": [{"email": "ada@example.com"}]})
    assert client.get("/users", headers=known).status_code == 200


def test_a_change_of_what_somebody_else_changed_is_refused(client: httpx.Client, app: App) -> None:
    """If-Match with the ETag that was read: 412 after another change, fine after a mere count moved."""
    app.connections.add("partners", "scim", {"mode": "push"})
    read = client.get("/connections/partners").headers["etag"]
    changed = client.patch(
        "/connections/partners", json={"settings": {"rank": 5}}, headers={"If-Match": read}
    )
    assert changed.status_code == 200
    stale = client.patch("/connections/partners", json={"settings": {"rank": 6}}, headers={"If-Match": read})
    assert stale.status_code == 412
    assert "look at it again" in stale.json()["detail"]
    assert app.connections.show("partners")["settings"]["rank"] == 5


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"{", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 400, "JSON object"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "application/json"),
        (b'{"name": "x", "type": "scim", "colour": 1}', "application/json", 400, "no parameter colour"),
        (b'{"type": "scim"}', "application/json", 400, "name is missing"),
        (b'{"name": "x", "type": "oktaa"}', "application/json", 422, "did you mean okta"),
    ],
)
def test_a_body_that_cannot_be_used_is_told_why(
    client: httpx.Client, body: bytes, kind: str, status: int, words: str
) -> None:
    """The sentence names what is wrong."""
    answer = client.post("/connections", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)


def test_each_role_may_what_it_says(client: httpx.Client, app: App) -> None:
    """Viewers read, operators decide, admins change the set-up; and nobody more than that."""
    app.people.add([{"email": "ada@example.com"}], by="test")
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/users", {}),
        ("POST", "/users/ada@example.com/suspend", {"json": {"reason": "left"}}),
        ("POST", "/keys", {"json": {"name": "more"}}),
    ]
    allowed = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}
    for role, many in allowed.items():
        headers = key_of(app, role, name=role.value)
        statuses = [
            client.request(method, path, headers=headers, **given).status_code
            for method, path, given in attempts
        ]
        assert [status < 300 for status in statuses] == [True] * many + [False] * (3 - many)
        assert set(statuses[many:]) <= {403}


def test_what_is_done_by_key_is_audited_under_its_name(client: httpx.Client, app: App) -> None:
    """Actor, door and address of a change stand in the audit, and the key's text nowhere."""
    client.post("/freezes", json={"reason": "moving", "until": "2h"})
    row = client.get("/audit", params={"action": "freeze"}).json()["audit"][0]
    assert (row["by"], row["via"], row["address"]) == ("api:tests", "api", "127.0.0.1")
    assert row["after"]["reason"] == "moving"
    assert client.delete("/freezes").json() == {"ended": True}
    key = client.headers["authorization"].removeprefix("Bearer ")
    assert key not in str(list(app.audit.every()))


def test_names_with_slashes_are_found(client: httpx.Client, app: App) -> None:
    """A person's reference may hold a slash; what is asked of her stands behind it."""
    answer = client.get("/users/cn=ada%2Fou=people/explain")
    assert (answer.status_code, "cn=ada/ou=people" in answer.json()["detail"]) == (404, True)
    assert "cn=ada/ou=people" in client.get("/users/cn=ada%2Fou=people").json()["detail"]


def test_settings_are_shown_without_secrets(client: httpx.Client, database_url: str) -> None:
    """Neither the password of the database nor a key is in them."""
    shown = client.get("/settings").json()["settings"]
    assert shown["listen"] == "127.0.0.1:8080"
    assert "key" not in shown or shown["key"] in (None, "(secret)", "**********")
