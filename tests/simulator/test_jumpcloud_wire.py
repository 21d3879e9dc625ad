"""What a client of the simulated JumpCloud sees."""

import base64
from collections.abc import Iterator

import httpx
import pytest

from providers.simulator.server import Simulator, start


@pytest.fixture(scope="module")
def jumpcloud() -> Iterator[Simulator]:
    with start("jumpcloud", users=130, groups=6, seed=7) as simulator:
        yield simulator


@pytest.fixture
def client(jumpcloud: Simulator) -> Iterator[httpx.Client]:
    headers = {"x-api-key": jumpcloud.credentials["api_key"]}
    with httpx.Client(base_url=jumpcloud.base_url, headers=headers, trust_env=False) as client:
        yield client
    jumpcloud.clear_faults()


def _group(jumpcloud: Simulator) -> dict:
    return max(jumpcloud.state()["groups"], key=lambda group: len(group["members"]))


def test_a_list_is_ten_rows_unless_somebody_says(client):
    """Ten by default, a hundred at most, and the vendor's own text for more."""
    body = client.get("/api/systemusers").json()
    assert (body["totalCount"], len(body["results"])) == (130, 10)
    assert len(client.get("/api/v2/usergroups").json()) == 6
    refused = client.get("/api/systemusers?limit=101")
    assert refused.status_code == 400
    assert refused.json()["message"] == (
        'Bad Request: request parameter "limit" exceeds maximum value of 100'
    )
    assert client.get("/api/systemusers?skip=130").json() == {"totalCount": 130, "results": []}


def test_an_unsorted_list_is_shuffled_and_a_sorted_one_is_not(client):
    """Pages fit each other only by a unique field."""

    def ids(query):
        return [row["_id"] for row in client.get(f"/api/systemusers?limit=100{query}").json()["results"]]

    assert ids("") != ids("")
    assert ids("&sort=_id") == ids("&sort=_id") == sorted(ids("&sort=_id"))
    rest = [r["_id"] for r in client.get("/api/systemusers?limit=100&skip=100&sort=_id").json()["results"]]
    assert len({*ids("&sort=_id"), *rest}) == 130


def test_a_user_has_every_field_and_a_chosen_few_by_fields(client):
    """Unset texts are empty, some fields null, and records of old have no state."""
    rows = client.get("/api/systemusers?limit=100&sort=_id").json()["results"]
    assert rows[0]["_id"] == rows[0]["id"]
    assert rows[0]["employeeIdentifier"] is None
    assert rows[0]["alternateEmail"] == ""
    assert {row.get("state") for row in rows} >= {None, "ACTIVATED"}
    some = client.get("/api/systemusers?limit=1&sort=_id&fields=email state").json()["results"][0]
    assert set(some) <= {"_id", "id", "email", "state"}


def test_filters_are_written_with_a_dollar_on_v1_and_without_on_v2(client):
    """The other way round is refused."""
    some = client.get("/api/systemusers?limit=1&sort=_id").json()["results"][0]
    found = client.get(f"/api/systemusers?filter=email:$eq:{some['email']}").json()["results"]
    assert [row["_id"] for row in found] == [some["_id"]]
    assert client.get("/api/systemusers?filter=email:eq:x").status_code == 400
    group = client.get("/api/v2/usergroups?sort=name&limit=1").json()[0]
    found = client.get("/api/v2/usergroups", params={"filter": f"name:eq:{group['name']}"}).json()
    assert [row["id"] for row in found] == [group["id"]]
    body = {"filter": {"and": [{"email": some["email"]}]}, "limit": 1000}
    assert client.post("/api/search/systemusers", json=body).json()["totalCount"] == 1
    assert client.post("/api/search/systemusers", json={"limit": 1001}).status_code == 400


def test_members_are_direct_and_membership_tells_the_path(jumpcloud, client):
    """Both are bare arrays with the count in a header, and groups lists name All Users."""
    group = _group(jumpcloud)
    direct = client.get(f"/api/v2/usergroups/{group['id']}/members?limit=100")
    assert direct.headers["x-total-count"] == str(len(group["members"]))
    assert direct.json()[0]["to"]["type"] == "user"
    row = client.get(f"/api/v2/usergroups/{group['id']}/membership").json()[0]
    assert [end["to"]["type"] for end in row["paths"][0]] == ["user_group", "user"]
    assert "All Users" in {each["name"] for each in client.get("/api/v2/usergroups").json()}
    memberof = client.get(f"/api/v2/users/{group['members'][0]}/memberof?limit=100").json()
    assert group["id"] in {each["id"] for each in memberof}
    app = jumpcloud.state()["apps"][0]
    users = client.get(f"/api/v2/applications/{app['id']}/users?limit=100")
    assert users.headers["x-total-count"] == str(len(app["users"]))


def test_the_deleted_leave_short_pages_null_rows_and_rows_of_nobody(jumpcloud, client):
    """They are counted, and take their places in the middle of the list."""
    group = _group(jumpcloud)
    jumpcloud.fault("P07")
    answer = client.get(f"/api/v2/usergroups/{group['id']}/members?limit=100")
    assert int(answer.headers["x-total-count"]) == len(group["members"]) + 3
    rows = answer.json()
    assert len(rows) == 99
    assert None in rows
    assert any(row and row["to"] is None for row in rows)


def test_who_is_not_known_gets_the_vendors_sentence(jumpcloud, client):
    """A wrong key, a lost organisation, and the matrix of its header."""
    wrong = client.get("/api/systemusers", headers={"x-api-key": "jca_wrong"})
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Unauthorized: api key user not found")
    for header, path, status in (
        ("acme", "/api/systemusers", 400),
        ("0" * 24, "/api/systemusers", 404),
        ("0" * 24, "/api/organizations", 403),
    ):
        assert client.get(path, headers={"x-org-id": header}).status_code == status
    jumpcloud.fault("A16")
    lost = client.get("/api/systemusers")
    assert (lost.status_code, lost.json()["message"]) == (401, "Unauthorized: no organization selected")
    assert client.get("/api/organizations").json()["results"][0]["displayName"] is None


def test_a_service_account_gets_a_token_of_an_hour_by_basic_alone(jumpcloud, client):
    """Either secret is good; organisations are closed to it; after an hour the token ends."""
    service = jumpcloud.service_app()

    def token(secret, **form):
        packed = base64.b64encode(f"{service['client_id']}:{secret}".encode()).decode()
        body = {"grant_type": "client_credentials", "scope": "api", **form}
        return client.post("/oauth2/token", data=body, headers={"authorization": f"Basic {packed}"})

    first, second = (token(service[name]).json() for name in ("client_secret", "second_client_secret"))
    assert first["access_token"] != second["access_token"]
    assert token("wrong").status_code == 401
    assert (
        client.post("/oauth2/token", data={**service, "grant_type": "client_credentials"}).status_code == 401
    )
    bearer = {"authorization": f"Bearer {first['access_token']}", "x-api-key": ""}
    assert client.get("/api/systemusers", headers=bearer).status_code == 200
    assert client.get("/api/organizations", headers=bearer).status_code == 403
    jumpcloud.clock(advance=3601)
    assert client.get("/api/systemusers", headers=bearer).status_code == 401


def test_the_log_is_paged_by_a_mark_that_comes_on_the_last_page_too(jumpcloud, client):
    """Changes are in it with what they are about, by time."""
    path, start_time = "/insights/directory/v1/events", "2020-01-01T00:00:00Z"
    jumpcloud.churn(joiners=1, movers=1)
    asked = {"service": ["directory"], "start_time": start_time, "limit": 2, "sort": "ASC"}
    first = client.post(path, json=asked)
    rest = client.post(path, json=asked | {"limit": 1000, "search_after": [2]})
    assert first.headers["x-result-count"] == "2"
    assert rest.headers["x-search_after"]
    events = [*first.json(), *rest.json()]
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})
    assert {"user_create", "association_change"} <= {event["event_type"] for event in events}
    assert client.post(f"{path}/count", json=asked).json() == {"count": len(events)}
    wanted = asked | {"limit": 1000, "search_term": {"and": [{"event_type": "user_create"}]}}
    assert {event["event_type"] for event in client.post(path, json=wanted).json()} == {"user_create"}
    assert client.post(path, json={}).status_code == 400
    jumpcloud.fault("A21")
    assert client.post(path, json=asked).status_code == 403
