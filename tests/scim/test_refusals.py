"""What an IdP's admin reads in the IdP's own log when we refuse, wait or put off: said so that it helps."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from scim_server.app import scim_app, with_scim
from sync.model.connection import Policy
from sync.push import Push
from sync.store import attention, freezes
from sync.store.database import Database
from tests.scim.client import GROUP, Scim, op
from tests.scim.conftest import add_connection
from tests.serving import serving


@pytest.fixture
def limits() -> dict[str, Any]:
    """Fields of the policy in force; tests change them between requests of different connections."""
    return {}


@pytest.fixture
def guarded(database: Database, limits: dict[str, Any]) -> Iterator[Any]:
    """Makes a connection whose policy is made of ``limits`` when it is first used."""
    push = Push(database, clock=lambda: datetime.now(UTC), policy_of=lambda _: Policy(**limits))
    address: list[str] = []
    with (
        serving(with_scim(scim_app(push, lambda: address[0]), Starlette())) as url,
        httpx.Client(trust_env=False, timeout=30) as http,
    ):
        address.append(url)

        def make(*, paused: bool = False) -> Scim:
            connection_id, token = add_connection(database, "scim", {}, enabled=not paused)
            return Scim(http, f"{url}/scim/v2/{connection_id}", token)

        yield make


def detail(answer: httpx.Response) -> str:
    return str(answer.json()["detail"])


def test_no_seat_is_free(guarded: Any, limits: dict[str, Any]) -> None:
    """A POST beyond the seats is 403, says who waits for what, and the row is there all the same."""
    limits["seat_limit"] = 0
    scim = guarded()
    answer = scim.send("POST", "/Users", {"userName": "ada@seats.example"}, 403)
    assert "No seat is free" in detail(answer)
    assert "ada@seats.example waits" in detail(answer)
    assert [each["userName"] for each in scim.find("Users", 'userName eq "ada@seats.example"')] == [
        "ada@seats.example"
    ]


def test_who_waits_is_told_so_whatever_comes(guarded: Any, limits: dict[str, Any]) -> None:
    """The POST that comes again and a PATCH hear the same sentence; what the PATCH said is kept."""
    limits["seat_limit"] = 0
    scim = guarded()
    (first, again) = (scim.send("POST", "/Users", {"userName": "eve@wait.example"}, 403) for _ in range(2))
    (eve,) = scim.find("Users", 'userName eq "eve@wait.example"')
    titled = {"Operations": [op("replace", "title", value="Clerk")]}
    patched = scim.send("PATCH", f"/Users/{eve['id']}", titled, 403)
    assert detail(first) == detail(again) == detail(patched)
    assert "all 0 are in use" in detail(first)
    assert "raise the limit or suspend somebody" in detail(first)
    assert scim.get(f"/Users/{eve['id']}")["title"] == "Clerk"


def test_the_protected_stay(guarded: Any, limits: dict[str, Any]) -> None:
    """Neither active:false nor DELETE takes access from a protected account; the answer says why."""
    limits["protected"] = frozenset({"boss@guard.example"})
    scim = guarded()
    boss = scim.user(userName="boss@guard.example")
    off = {"Operations": [op("replace", "active", value=False)]}
    for answer in (
        scim.send("PATCH", f"/Users/{boss['id']}", off, 403),
        scim.send("DELETE", f"/Users/{boss['id']}", status=403),
    ):
        assert "the account is protected" in detail(answer)
        assert "ask an admin" in detail(answer)
    assert scim.get(f"/Users/{boss['id']}")["active"] is True


def test_a_dispute_does_not_stop_the_idp(guarded: Any, database: Database) -> None:
    """A second person with one e-mail is stored and answered 201; somebody here is asked whose it is."""
    scim = guarded()
    mail = [{"value": "same@dispute.example", "type": "work", "primary": True}]
    scim.user(userName="first@dispute.example", emails=mail)
    second = scim.user(userName="second@dispute.example", emails=mail)
    assert scim.get(f"/Users/{second['id']}")["emails"] == mail
    with database.read() as conn:
        told = {each["label"]: each["why"] for each in attention.listed(conn)}
    assert told["same@dispute.example"] == (
        "the e-mail same@dispute.example is in use by first@dispute.example; say which one is right"
    )


def test_a_pause_asks_for_patience(guarded: Any) -> None:
    """A paused connection answers 503 with Retry-After and its name; nothing is lost."""
    answer = guarded(paused=True).send("GET", "/Users", status=503)
    assert int(answer.headers["retry-after"]) > 0
    assert "paused" in detail(answer)
    assert "nothing is lost" in detail(answer)


def test_a_freeze_asks_for_patience(guarded: Any, database: Database) -> None:
    """While removals are frozen a DELETE is 503 with who froze them and why; nothing is lost."""
    scim, now = guarded(), datetime.now(UTC)
    user = scim.user(userName="ada@freeze.example")
    with database.write() as conn:
        asked = {"by": "Grace", "reason": "the directory is being moved"}
        freezes.freeze(conn, connection_id=scim.base.rpartition("/")[2], until=None, now=now, **asked)
    answer = scim.send("DELETE", f"/Users/{user['id']}", status=503)
    assert int(answer.headers["retry-after"]) > 0
    assert "Grace" in detail(answer)
    assert "the directory is being moved" in detail(answer)
    assert "Nothing is lost: send this again later." in detail(answer)


def test_a_pending_member_is_shown_or_named(scim: Scim, strict: Scim) -> None:
    """A member who is not there yet is kept and shown; a strict endpoint says whom it misses."""
    group = scim.post("/Groups", {"displayName": "Sales", "members": [{"value": "not-yet"}]})
    assert group["members"] == [{"value": "not-yet"}]
    refused = strict.send(
        "POST",
        "/Groups",
        {"schemas": [GROUP], "displayName": "Sales", "members": [{"value": "not-yet"}]},
        400,
    )
    assert detail(refused) == "No user or group has the id 'not-yet'; push members before their groups."


def test_a_group_name_in_use_is_named(entra: Scim) -> None:
    """Where group names are unique, the detail says which one is taken, and what to do."""
    entra.group(displayName="Sales")
    answer = entra.send("POST", "/Groups", {"displayName": "sales"}, 409)
    assert detail(answer) == "A group named 'sales' exists already; look it up and update it."


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (("POST", "/Users", {}), 400, "userName is required; map it to a value"),
        (("POST", "/Groups", {}), 400, "displayName is required"),
        (("GET", "/Users/nobody", None), 404, "does not exist in this connection"),
        (("GET", "/Users?filter=garbage", None), 400, "an operator is missing"),
        (("GET", "/Users?count=many", None), 400, "count takes a whole number"),
        (("PUT", "/Users", {}), 405, "use GET, POST"),
        (("GET", "/Me", None), 501, "use /Users"),
    ],
)
def test_a_refusal_says_what_to_do(
    scim: Scim, request_: tuple[str, str, Any], status: int, words: str
) -> None:
    """The detail names the fault and the way out."""
    method, path, body = request_
    assert words in detail(scim.send(method, path, body, status))


def test_a_duplicate_names_the_name(scim: Scim) -> None:
    """409 says which userName is taken, so that the admin can look it up."""
    scim.user(userName="twice@dup.example")
    answer = scim.send("POST", "/Users", {"userName": "TWICE@dup.example"}, 409)
    assert "TWICE@dup.example is taken" in detail(answer)
