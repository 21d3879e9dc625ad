"""What a client of the simulated Microsoft Graph and its login authority sees."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from providers.simulator.server import Simulator, start


@pytest.fixture
def azure() -> Iterator[Simulator]:
    with start("azure", users=240, groups=14, seed=7) as simulator:
        yield simulator


def _token(azure: Simulator, **changed: str) -> httpx.Response:
    known = azure.credentials | changed
    form = {
        "grant_type": "client_credentials",
        "client_id": known["client_id"],
        "client_secret": known["client_secret"],
        "scope": "https://graph.microsoft.com/.default",
    }
    return httpx.post(
        f"{azure.base_url}/{known['tenant_id']}/oauth2/v2.0/token", data=form | changed, trust_env=False
    )


@pytest.fixture
def client(azure: Simulator) -> Iterator[httpx.Client]:
    token = _token(azure).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{azure.base_url}/v1.0", headers=headers, trust_env=False) as client:
        yield client


def _walk(client: httpx.Client, path: str) -> tuple[list[dict[str, Any]], str | None]:
    """All rows of a list or round, and the bookmark at its end."""
    rows: list[dict[str, Any]] = []
    for _ in range(200):
        body = client.get(path).raise_for_status().json()
        rows += body["value"]
        if "@odata.nextLink" not in body:
            return rows, body.get("@odata.deltaLink")
        path = body["@odata.nextLink"]
    raise AssertionError("the list never ends")


def test_a_token_lasts_an_hour_and_is_refused_in_microsofts_words(azure: Simulator) -> None:
    """A good secret gets a Bearer token; each wrong part has its own AADSTS number."""
    told = _token(azure).json()
    assert (told["token_type"], told["expires_in"], told["ext_expires_in"]) == ("Bearer", 3599, 3599)
    wrong = {
        "client_secret": (401, 7000215),
        "client_id": (400, 700016),
        "tenant_id": (400, 90002),
        "scope": (400, 1002012),
    }
    for part, (status, number) in wrong.items():
        answer = _token(azure, **{part: "wrong"})
        assert (answer.status_code, answer.json()["error_codes"]) == (status, [number])
        assert answer.json()["error_description"].startswith(f"AADSTS{number}: ")


def test_discovery_names_https_endpoints_and_the_issuer(azure: Simulator) -> None:
    """As clients want them, who accept no other."""
    tenant = azure.credentials["tenant_id"]
    found = httpx.get(f"{azure.base_url}/{tenant}/v2.0/.well-known/openid-configuration", trust_env=False)
    assert found.json()["token_endpoint"].startswith("https://")
    assert tenant in found.json()["issuer"]
    unknown = httpx.get(f"{azure.base_url}/none/v2.0/.well-known/openid-configuration", trust_env=False)
    assert unknown.json()["error_codes"] == [90002]


def test_calls_without_a_good_token_are_refused(azure: Simulator, client: httpx.Client) -> None:
    """401 in Graph's envelope, also after an hour."""
    azure.clock(advance=3700)
    for headers in ({}, {"Authorization": "Bearer none"}):
        answer = client.get("/users", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
        assert answer.json()["error"]["innerError"]["request-id"] == answer.headers["request-id"]


def test_lists_give_what_was_selected_in_pages(azure: Simulator, client: httpx.Client) -> None:
    """A hundred rows unless asked otherwise, eleven properties unless selected, everybody once."""
    plain = client.get("/users").json()
    assert len(plain["value"]) == 100
    assert "accountEnabled" not in plain["value"][0]
    assert len(plain["value"][0]) == 11
    rows, _ = _walk(client, "/users?$select=id,accountEnabled&$top=70")
    assert [row["id"] for row in rows] == [
        user["id"] for user in azure.state()["users"] if user["status"] != "deleted"
    ]
    assert set(rows[0]) == {"id", "accountEnabled"}
    assert client.get("/users?$select=id,aboutMe").json()["error"]["code"] == "NotImplemented"
    assert client.get("/users?$skip=5").json()["error"]["code"] == "Request_BadRequest"


def test_counts_and_casts_want_the_consistency_header(client: httpx.Client) -> None:
    """The count comes on the first page alone, and a cast without the header is refused."""
    eventual = {"ConsistencyLevel": "eventual"}
    assert "@odata.count" not in client.get("/users?$count=true&$top=5").json()
    first = client.get("/users?$count=true&$top=5", headers=eventual).json()
    assert first["@odata.count"] == 240
    assert "@odata.count" not in client.get(first["@odata.nextLink"], headers=eventual).json()
    group = client.get("/groups?$top=1").json()["value"][0]["id"]
    path = f"/groups/{group}/members/microsoft.graph.user?$count=true"
    assert client.get(path).json()["error"]["code"] == "Request_UnsupportedQuery"
    assert client.get(path, headers=eventual).status_code == 200


def test_groups_and_members_read_as_the_truth_has_them(azure: Simulator, client: httpx.Client) -> None:
    """No built-in group of everybody, and each member with its type."""
    truth = {group["id"]: group for group in azure.state()["groups"] if group["kind"] != "built_in"}
    groups, _ = _walk(client, "/groups?$select=id,displayName&$top=5")
    assert {group["id"]: group["displayName"] for group in groups} == {
        key: group["name"] for key, group in truth.items()
    }
    for key, group in truth.items():
        members, _ = _walk(client, f"/groups/{key}/members?$select=id&$top=30")
        assert [member["id"] for member in members] == group["members"]
        assert {member["@odata.type"] for member in members} <= {"#microsoft.graph.user"}


def test_nested_groups_are_members_and_lead_on(azure: Simulator, client: httpx.Client) -> None:
    """A group inside is a member of its own type; the transitive list goes round circles once."""
    outer, inner = azure.fault("nested(cycle)")["touched"]
    kinds = {row["@odata.type"] for row in _walk(client, f"/groups/{outer}/members?$select=id")[0]}
    assert kinds == {"#microsoft.graph.user", "#microsoft.graph.group"}
    people = {key: set(group["members"]) for key, group in ((g["id"], g) for g in azure.state()["groups"])}
    deep, _ = _walk(client, f"/groups/{outer}/transitiveMembers?$select=id&$top=999")
    assert {row["id"] for row in deep} - {outer, inner} == people[outer] | people[inner]


def test_a_batch_answers_each_item_by_itself(azure: Simulator, client: httpx.Client) -> None:
    """In any order, each with its own status; an image comes as base64; twenty at most."""
    people = [user["id"] for user in azure.state()["users"] if user["picture_url"]]
    urls = [f"/users/{people[0]}?$select=id", "/users/nobody", f"/users/{people[0]}/photo/$value"]
    asked = [{"id": str(n), "method": "GET", "url": url} for n, url in enumerate(urls)]
    answer = client.post("/$batch", json={"requests": asked})
    found = {item["id"]: item for item in answer.json()["responses"]}
    assert [found[key]["status"] for key in "012"] == [200, 404, 200]
    assert found["1"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert found["2"]["body"].startswith("/9j/")
    assert found["2"]["headers"]["content-type"] == "image/jpeg"
    many = [{"id": str(n), "method": "GET", "url": "/users"} for n in range(21)]
    assert client.post("/$batch", json={"requests": many}).status_code == 400


def test_a_round_tells_what_happened_since_its_bookmark(azure: Simulator, client: httpx.Client) -> None:
    """Changed people whole, deleted ones as removed; groups with who came and went."""
    _, users = _walk(client, "/users/delta?$select=id,accountEnabled&$deltatoken=latest")
    _, groups = _walk(client, "/groups/delta?$select=displayName,members&$deltatoken=latest")
    soft, hard = (azure.fault(name)["touched"][0] for name in ("soft_delete", "hard_delete"))
    told, onward = _walk(client, str(users))
    assert {row["id"]: row["@removed"]["reason"] for row in told} == {soft: "changed", hard: "deleted"}
    assert _walk(client, str(onward))[0] == []
    changed, _ = _walk(client, str(groups))
    gone = {member["id"] for row in changed for member in row["members@delta"] if "@removed" in member}
    assert gone <= {soft, hard}


def test_an_initial_round_tells_everything(azure: Simulator, client: httpx.Client) -> None:
    """Groups carry all members; an empty one has no key for them at all."""
    rows, bookmark = _walk(client, "/groups/delta?$select=displayName,members")
    assert bookmark
    members: dict[str, list[str]] = {}
    for row in rows:
        members.setdefault(row["id"], []).extend(member["id"] for member in row.get("members@delta", ()))
    truth = [group for group in azure.state()["groups"] if group["kind"] != "built_in"]
    assert members == {group["id"]: group["members"] for group in truth}
    assert client.get("/users/delta?$top=5").json()["error"]["code"] == "Request_UnsupportedQuery"


def test_bookmarks_end_after_a_week(azure: Simulator, client: httpx.Client) -> None:
    """410 with the address of a new round."""
    _, bookmark = _walk(client, "/users/delta?$select=id&$deltatoken=latest")
    azure.clock(advance=8 * 86_400)
    client.headers["Authorization"] = f"Bearer {_token(azure).json()['access_token']}"
    answer = client.get(str(bookmark))
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "resyncRequired")
    assert client.get(answer.headers["location"]).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("400", 400, "syncStateNotFound"), ("410", 410, "resyncRequired"), ("404", 404, "UnknownError")],
)
def test_expired_bookmarks_on_demand(
    azure: Simulator, client: httpx.Client, kind: str, status: int, code: str
) -> None:
    """In each form that has been seen."""
    _, bookmark = _walk(client, "/users/delta?$select=id&$deltatoken=latest")
    azure.fault(f"delta_expired({kind})")
    answer = client.get(str(bookmark))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_resource_units_are_told_and_run_out() -> None:
    """Each answer tells its cost; a small tenant's app is throttled for the rest of ten seconds."""
    with start("azure", users=20, groups=2, rate_limits="small") as azure:
        azure.clock(frozen=True)
        token = _token(azure).json()["access_token"]
        with httpx.Client(
            base_url=f"{azure.base_url}/v1.0", headers={"Authorization": f"Bearer {token}"}, trust_env=False
        ) as client:
            assert client.get("/users?$select=id&$top=999").headers["x-ms-resource-unit"] == "1"
            group = client.get("/groups").json()["value"][0]["id"]
            item = {"method": "GET", "url": f"/groups/{group}/transitiveMembers"}
            batch = {"requests": [{"id": str(n), **item} for n in range(20)]}
            statuses: set[int] = set()
            for _ in range(40):
                found = client.post("/$batch", json=batch).json()["responses"]
                statuses |= {each["status"] for each in found}
            for _ in range(9):
                answer = client.get("/users?$select=id")
        assert statuses == {200, 429}
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 11
        assert answer.headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
        assert float(answer.headers["x-ms-throttle-limit-percentage"]) > 0.8


def test_applications_tell_who_is_assigned(azure: Simulator, client: httpx.Client) -> None:
    """By client id or object id; people and groups as they are assigned."""
    app = azure.state()["apps"][0]
    by_id = client.get(f"/servicePrincipals/{app['id']}").json()
    by_app_id = client.get(f"/servicePrincipals(appId='{by_id['appId']}')").json()
    assert by_id == by_app_id
    rows, _ = _walk(client, f"/servicePrincipals/{app['id']}/appRoleAssignedTo?$top=3")
    assert {row["principalId"] for row in rows if row["principalType"] == "Group"} == set(app["groups"])
    people = {row["principalId"] for row in rows if row["principalType"] == "User"}
    assert people
    assert people <= set(app["users"])


def test_photos_have_an_etag_or_are_not_there(azure: Simulator, client: httpx.Client) -> None:
    """The metadata's etag changes with the picture; who has none gets 404, or a dot without an etag."""
    state = azure.state()["users"]
    with_one = next(user["id"] for user in state if user["picture_url"] and user["active"])
    without = next(user["id"] for user in state if not user["picture_url"] and user["active"])
    told = client.get(f"/users/{with_one}/photo").json()
    whole = client.get(f"/users/{with_one}/photo/$value")
    assert whole.headers["etag"] == told["@odata.mediaEtag"]
    assert client.get(f"/users/{without}/photo").json()["error"]["code"] == "ImageNotFound"
    azure.fault("photo(same_bytes)")
    again = client.get(f"/users/{with_one}/photo").json()
    assert again["@odata.mediaEtag"] != told["@odata.mediaEtag"]
    assert client.get(f"/users/{with_one}/photo/$value").content == whole.content
    azure.fault("photo(1x1)")
    assert client.get(f"/users/{without}/photo").json()["@odata.mediaEtag"] == ""
