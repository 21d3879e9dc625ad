"""What a client of the simulated OneLogin sees."""

import base64
from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest

from providers.simulator.server import Simulator, start


@pytest.fixture
def onelogin() -> Iterator[Simulator]:
    with start("onelogin", users=130, groups=6, seed=7) as simulator:
        yield simulator


def _token(onelogin: Simulator, path: str = "/auth/oauth2/v2/token", **changed: str) -> httpx.Response:
    known = onelogin.credentials | changed
    packed = base64.b64encode(f"{known['client_id']}:{known['client_secret']}".encode()).decode()
    return httpx.post(
        f"{onelogin.base_url}{path}",
        json={"grant_type": "client_credentials"},
        headers={"authorization": f"Basic {packed}"},
        trust_env=False,
    )


@pytest.fixture
def client(onelogin: Simulator) -> Iterator[httpx.Client]:
    headers = {"authorization": f"bearer {_token(onelogin).json()['access_token']}"}
    with httpx.Client(base_url=onelogin.base_url, headers=headers, trust_env=False) as client:
        yield client


def _moment(text):
    return datetime.fromisoformat(text).timestamp()


def test_the_same_token_is_handed_out_until_it_ends(onelogin):
    """With the time it was made, so that its life shrinks from answer to answer."""
    first = _token(onelogin).json()
    onelogin.clock(advance=2160)
    again = _token(onelogin).json()
    assert (again["access_token"], again["created_at"]) == (first["access_token"], first["created_at"])
    assert (first["expires_in"], first["token_type"]) == (36_000, "bearer")
    onelogin.clock(advance=36_000)
    other = _token(onelogin).json()
    assert other["access_token"] != first["access_token"]
    assert _moment(other["created_at"]) > _moment(first["created_at"])


def test_the_old_token_endpoint_wraps_its_answer_and_ends_the_token_that_was(onelogin, client):
    """So a client of v1 puts out one of v2."""
    wrapped = _token(onelogin, "/auth/oauth2/token").json()
    assert wrapped["status"]["code"] == 200
    assert wrapped["data"][0]["access_token"]
    assert client.get("/api/2/users").status_code == 401


def test_a_wrong_credential_is_401_and_a_storm_the_balancers_page(onelogin):
    """117 bytes of HTML without any hint."""
    assert _token(onelogin, client_secret="wrong").json()["status"]["type"] == "Unauthorized"
    onelogin.clock(frozen=True)
    storm = [_token(onelogin) for _ in range(60)][-1]
    assert (storm.status_code, storm.headers["content-type"], len(storm.content)) == (429, "text/html", 117)
    assert "retry-after" not in storm.headers
    onelogin.clock(frozen=False, advance=2)
    assert _token(onelogin).status_code == 200


def test_users_come_in_pages_with_eight_headers(client):
    """The cursor is a page number in disguise, and the last page has none to follow."""
    first = client.get("/api/2/users?limit=100")
    assert len(first.json()) == 100
    assert {name: first.headers[name] for name in ("current-page", "total-count", "total-pages")} == {
        "current-page": "1",
        "total-count": "130",
        "total-pages": "2",
    }
    told = base64.b64decode(first.headers["after-cursor"]).decode()
    assert told == "limit=100&sort=id&page=2&sort_direction=asc"
    assert "/api/v5/" in first.headers["link"]
    last = client.get("/api/2/users", params={"cursor": first.headers["after-cursor"]})
    assert len(last.json()) == 30
    assert "after-cursor" not in last.headers
    assert len(client.get("/api/2/users").json()) == 50


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("cursor=bGltaXQ9MTAw&limit=5", 400, "cursor xor pagination"),
        ("cursor=nonsense", 400, "Invalid pagination cursor"),
        ("after_cursor=x", 400, "not allowed: after_cursor"),
        ("sort=shoe", 422, "Validation Failed"),
    ],
)
def test_what_is_not_known_is_refused(client, query, status, said):
    """In three of the vendor's five shapes."""
    answer = client.get(f"/api/2/users?{query}")
    assert answer.status_code == status
    assert said in answer.text


def test_the_list_keeps_roles_and_custom_attributes_to_itself_unless_asked(onelogin, client):
    """Twenty-two fields by default, those named otherwise, everything by id."""
    row = client.get("/api/2/users?limit=1").json()[0]
    assert len(row) == 22
    assert not {"role_ids", "custom_attributes", "manager_user_id", "directory_id"} & set(row)
    some = client.get("/api/2/users?limit=1&fields=role_ids,email").json()[0]
    assert set(some) == {"id", "role_ids", "email"}
    whole = client.get(f"/api/2/users/{row['id']}").json()
    assert set(row) | {"role_ids", "custom_attributes"} <= set(whole)
    onelogin.fault("fields(ignored)")
    assert "role_ids" not in client.get("/api/2/users?limit=1&fields=role_ids").json()[0]


def test_filters_by_time_text_role_and_group(onelogin, client):
    """Stars stand for anything."""
    rows = client.get("/api/2/users?limit=100&fields=email,updated_at,group_id").json()
    some = rows[0]
    assert [r["id"] for r in client.get(f"/api/2/users?email={some['email']}").json()] == [some["id"]]
    assert len(client.get("/api/2/users?email=*example.com&limit=100").json()) > 1
    joiner = onelogin.churn(joiners=1)["joiners"][0]
    since = client.get("/api/2/users?updated_since=2026-01-02T00:00:00Z").json()
    assert [str(row["id"]) for row in since] == [joiner]
    group = client.get(f"/api/2/users?limit=100&group_id={some['group_id']}&fields=group_id").json()
    assert {row["group_id"] for row in group} == {some["group_id"]}
    role = max(onelogin.state()["groups"], key=lambda each: len(each["members"]))
    users = client.get(f"/api/2/users?role_id={role['id']}&limit=1")
    assert users.headers["total-count"] == str(len(role["members"]))


def test_roles_and_their_users(onelogin, client):
    """The list names no users unless switched; a role's users say how they came."""
    truth = {group["id"]: group for group in onelogin.state()["groups"]}
    roles = client.get("/api/2/roles?limit=650").json()
    assert {str(role["id"]): role["name"] for role in roles} == {i: g["name"] for i, g in truth.items()}
    assert all(set(role) == {"id", "name"} for role in roles)
    onelogin.fault("roles(with_users)")
    assert "users" in client.get("/api/2/roles").json()[0]
    role = max(truth.values(), key=lambda each: len(each["members"]))
    users = client.get(f"/api/2/roles/{role['id']}/users?limit=100")
    assert users.headers["total-count"] == str(len(role["members"]))
    assert {"id", "assigned", "added_by", "added_at"} <= set(users.json()[0])
    assert client.get("/api/2/roles/1/users").json()["error"] == "NotFoundError"


def test_v1_has_envelopes_cursors_and_the_hours_limit(onelogin, client):
    """Its answers alone carry rate headers, in seconds left; groups are there, and on v2 by switch."""
    first = client.get("/api/1/users?after_cursor=")
    assert 0 < int(first.headers["x-ratelimit-reset"]) <= 3600
    assert "x-ratelimit-limit" not in client.get("/api/2/users").headers
    after = first.json()["pagination"]["after_cursor"]
    rest = client.get("/api/1/users", params={"after_cursor": after}).json()
    assert len(first.json()["data"]) == len(rest["data"]) == 50
    assert client.get("/api/1/groups").json()["data"][0]["reference"] is None
    assert client.get("/api/2/groups").status_code == 404
    onelogin.fault("groups(v2)")
    assert client.get("/api/2/groups").status_code == 200
    left = client.get("/auth/rate_limit").json()["data"]
    onelogin.fault("quota(remaining=0)")
    assert left["X-RateLimit-Remaining"] > 0
    assert client.get("/auth/rate_limit").json()["data"]["X-RateLimit-Remaining"] == 0
    assert client.get("/api/2/users").json()["name"] == "TooManyRequests"


def test_events_are_filtered_by_a_list_of_types(onelogin, client):
    """Created, changed, put into a role: by number."""
    onelogin.churn(joiners=1, renames=1)
    events = client.get("/api/1/events").json()["data"]
    assert {13, 14, 147} <= {event["event_type_id"] for event in events}
    some = client.get("/api/1/events?event_type_id=13,147&since=2020-01-01T00:00:00Z").json()["data"]
    assert {event["event_type_id"] for event in some} == {13, 147}
    assert client.get("/api/1/events/types").json()["data"]
    onelogin.fault("A05")
    denied = client.get("/api/1/events")
    assert (denied.status_code, denied.json()["status"]["message"]) == (401, "Insufficient Permission")
    assert client.get("/api/2/roles").status_code == 401
    assert client.get("/api/2/users").status_code == 200


def test_a_burst_over_the_limit_is_502(onelogin, client):
    """One request at a time is never too many."""
    onelogin.fault("burst_fail(over=0)")
    assert client.get("/api/2/users").status_code == 502
    onelogin.clear_faults()
    onelogin.fault("burst_fail(over=4)")
    assert client.get("/api/2/users").status_code == 200
