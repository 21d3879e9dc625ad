"""What a client of the simulated SCIM service sees."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from providers.simulator.faults import CATALOGUE
from providers.simulator.scim import USER_NAME
from providers.simulator.server import Simulator, build, start


@pytest.fixture(scope="module")
def service() -> Iterator[Simulator]:
    with start("scim", users=250, groups=8, seed=7) as running:
        yield running


@pytest.fixture(autouse=True)
def _as_new(service: Simulator) -> None:
    service.clear_faults()


@pytest.fixture
def client(service: Simulator) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {service.credentials['token']}"}
    with httpx.Client(base_url=service.base_url, headers=headers, trust_env=False) as client:
        yield client


def _told(client: httpx.Client, path: str, **params: Any) -> Any:
    return client.get(path, params=params).json()


def test_users_are_listed_by_index(service: Simulator, client: httpx.Client) -> None:
    """Pages of at most a hundred, each with the total, where it starts and how many it has."""
    found, start_index = [], 1
    for size in (100, 100, 50):
        told = _told(client, "/Users", startIndex=start_index, count=1000)
        assert (told["totalResults"], told["startIndex"], told["itemsPerPage"]) == (250, start_index, size)
        found += [row["id"] for row in told["Resources"]]
        start_index += size
    assert found == [user["id"] for user in service.state()["users"]]
    assert _told(client, "/Users", startIndex=start_index)["Resources"] == []


def test_users_are_listed_by_cursor(service: Simulator, client: httpx.Client) -> None:
    """A cursor leads on until the last page has none, ends after ten minutes, and may be nonsense."""
    service.fault("mode(both)")
    first = _told(client, "/Users", cursor="", count=100)
    second = _told(client, "/Users", cursor=first["nextCursor"], count=100)
    third = _told(client, "/Users", cursor=second["nextCursor"], count=100)
    assert "nextCursor" not in third
    rows = [*first["Resources"], *second["Resources"], *third["Resources"]]
    assert [row["id"] for row in rows] == [user["id"] for user in service.state()["users"]]
    service.clock(advance=601)
    late = client.get("/Users", params={"cursor": first["nextCursor"]})
    assert (late.status_code, late.json()["scimType"]) == (400, "expiredCursor")
    assert _told(client, "/Users", cursor="nonsense")["scimType"] == "invalidCursor"


def test_a_user_and_a_group_have_the_shapes_of_the_rfc(service: Simulator, client: httpx.Client) -> None:
    """Schemas, names, e-mails, meta; members with value, address and type, left out when excluded."""
    user = _told(client, "/Users", count=1)["Resources"][0]
    assert user["schemas"][0] == "urn:ietf:params:scim:schemas:core:2.0:User"
    assert user["emails"][0]["primary"] is True
    assert user["meta"]["location"] == f"{service.base_url}/Users/{user['id']}"
    assert _told(client, f"/Users/{user['id']}") == user
    group = next(g for g in _told(client, "/Groups")["Resources"] if g["members"])
    member = group["members"][0]
    assert member == {
        "value": member["value"],
        "$ref": f"{service.base_url}/Users/{member['value']}",
        "type": "User",
    }
    bare = _told(client, "/Groups", excludedAttributes="members")["Resources"]
    assert not [row for row in bare if "members" in row]
    assert _told(client, f"/Groups/{group['id']}") == group


def test_filter_by_time_of_change(service: Simulator, client: httpx.Client) -> None:
    """Who changed since a moment is found; a filter that does not parse is 400 invalidFilter."""
    person = service.churn(renames=1)["renames"][0]
    found = _told(client, "/Users", filter='meta.lastModified gt "2026-01-02T00:00:00Z"')["Resources"]
    assert [row["id"] for row in found] == [person]
    assert _told(client, "/Users", filter="((nonsense")["scimType"] == "invalidFilter"


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic eDp5", ""])
def test_wrong_credentials_are_401(client: httpx.Client, header: str) -> None:
    """The error is the RFC's object, its status a text, and the answer says how to ask."""
    answer = client.get("/Users", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["status"]) == (401, "401")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_name_and_password_let_in_too(service: Simulator, client: httpx.Client) -> None:
    """Basic with the token as the password, and the paths under /scim/v2."""
    said = base64.b64encode(f"{USER_NAME}:{service.credentials['token']}".encode()).decode()
    assert client.get("/scim/v2/Users", headers={"Authorization": f"Basic {said}"}).status_code == 200


def test_what_there_is_not_is_404(client: httpx.Client) -> None:
    """Unknown ids and paths are 404, other methods 405."""
    assert client.get("/Users/100000000000000").status_code == 404
    assert client.get("/Nothing").status_code == 404
    assert client.post("/Users", json={}).status_code == 405


@pytest.mark.parametrize(
    ("fault", "key", "value"),
    [
        ("count(low)", "totalResults", 125),
        ("count(high)", "totalResults", 300),
        ("count(string)", "totalResults", "250"),
        ("count(missing)", "totalResults", None),
        ("items_per_page(wrong)", "itemsPerPage", 7),
        ("case(upper)", "Resources", "UserName"),
        ("ids(text)", "Resources", "id"),
    ],
)
def test_lists_lie_as_told(
    service: Simulator, client: httpx.Client, fault: str, key: str, value: Any
) -> None:
    """Counts, page sizes, the case of names and numbers for ids are switches."""
    service.fault(fault)
    told = _told(client, "/Users", count=100)
    if key != "Resources":
        assert told.get(key) == value
    elif value == "id":
        assert isinstance(told["Resources"][0]["id"], int)
    else:
        assert value in told["Resources"][0]


def test_past_the_end_and_a_count_of_nothing(service: Simulator, client: httpx.Client) -> None:
    """An index past the end may be an error, and count=0 may bring everybody."""
    service.fault("past_end(error)")
    assert client.get("/Users?startIndex=999").status_code == 400
    assert _told(client, "/Users", count=0)["Resources"] == []
    service.fault("count_zero(all)")
    assert len(_told(client, "/Users", count=0)["Resources"]) == 250


def test_the_service_says_what_it_offers(service: Simulator, client: httpx.Client) -> None:
    """ServiceProviderConfig is true, untrue, or not there."""
    assert _told(client, "/ServiceProviderConfig")["pagination"]["cursor"] is False
    service.fault("config(lying)")
    assert _told(client, "/ServiceProviderConfig")["pagination"]["cursor"] is True
    service.fault("config(404)")
    assert client.get("/ServiceProviderConfig").status_code == 404
    assert [row["id"] for row in _told(client, "/ResourceTypes")["Resources"]] == ["User", "Group"]


@pytest.mark.parametrize(
    "row", [row for row in CATALOGUE if "scim" in row.applies_to and row.id != "G05"], ids=lambda row: row.id
)
def test_every_row_that_applies_can_be_switched_on(row: Any) -> None:
    """A SCIM service accepts each fault that the catalogue says it has."""
    build("scim", users=60, groups=20, faults=[row.id])


def test_limits_are_enforced_when_they_are_real() -> None:
    """The call beyond the limit is 429 and says how long to wait."""
    with start("scim", users=3, groups=1, rate_limits="integrator") as service:
        headers = {"Authorization": f"Bearer {service.credentials['token']}"}
        with httpx.Client(base_url=service.base_url, headers=headers, trust_env=False) as client:
            answers = [client.get("/Users") for _ in range(101)]
    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 63
