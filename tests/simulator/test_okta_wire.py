"""What a client of the simulated Okta sees when nothing is wrong."""

import re
from email.utils import parsedate_to_datetime

import pytest

from providers.simulator.server import start
from tests.simulator.calls import connect, ids


@pytest.mark.parametrize("limit", [1000, 200, 37])
def test_users_are_listed_once_each_in_the_order_of_their_ids(okta, walk, limit):
    """Every page size gives everybody, once, by id."""
    assert ids(walk("/api/v1/users", limit=limit)) == [user["id"] for user in okta.state()["users"]]


def test_groups_and_members_read_as_the_truth_has_them(okta, walk):
    """The groups, their names and all members agree with the state."""
    truth = {group["id"]: group for group in okta.state()["groups"]}
    groups = walk("/api/v1/groups", limit=5, expand="stats")
    assert ids(groups) == sorted(truth)
    for group in groups:
        assert group["profile"]["name"] == truth[group["id"]]["name"]
        assert group["_embedded"]["stats"]["usersCount"] == len(truth[group["id"]]["members"])
        assert ids(walk(f"/api/v1/groups/{group['id']}/users", limit=50)) == truth[group["id"]]["members"]


def test_a_page_carries_two_link_lines_on_its_own_host(okta, client):
    """Self comes first, next second, each a header of its own."""
    response = client.get("/api/v1/users?limit=10")
    lines = response.headers.get_list("link")
    assert [re.sub(r".*rel=", "", line) for line in lines] == ['"self"', '"next"']
    assert all(line.startswith(f"<{okta.base_url}/api/v1/users?") for line in lines)
    assert (
        response.links["next"]["url"]
        == f"{okta.base_url}/api/v1/users?after=0{response.json()[-1]['id']}&limit=10"
    )


def test_the_last_page_has_no_next_link(client):
    """A list that fits one page ends there."""
    assert list(client.get("/api/v1/groups?limit=200").links) == ["self"]


def test_the_limit_is_clamped(client):
    """Users come 200 at most at a time, members 1000."""
    assert len(client.get("/api/v1/users?limit=100000").json()) == 200
    assert client.get("/api/v1/users?limit=0").json()["errorCode"] == "E0000001"
    assert client.get("/api/v1/users?after=nonsense").status_code == 400


def test_every_answer_tells_its_rate_limit_and_its_time(client):
    """The rate headers, request id and Date are on good answers and on errors."""
    for path in ("/api/v1/users?limit=1", "/api/v1/users/00uNobody"):
        headers = client.get(path).headers
        assert int(headers["x-rate-limit-limit"]) > int(headers["x-rate-limit-remaining"]) > 0
        wait_s = int(headers["x-rate-limit-reset"]) - parsedate_to_datetime(headers["date"]).timestamp()
        assert 0 < wait_s <= 61
        assert headers["x-okta-request-id"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/users/00uNobody", 404, "E0000007"),
        ("/api/v1/groups/00gNone/users", 404, "E0000007"),
        ("/api/v1/nothing", 404, "E0000008"),
        ('/api/v1/users?filter=status ne "ACTIVE"', 400, "E0000031"),
        ('/api/v1/users?filter=profile.title eq "x"', 400, "E0000031"),
        ("/api/v1/users?search=((status eq", 400, "E0000031"),
        ('/api/v1/groups?filter=profile.name eq "x"', 400, "E0000031"),
    ],
)
def test_errors_have_their_status_and_envelope(client, path, status, code):
    """An error names its code, a summary, an id and its causes."""
    response = client.get(path)
    assert (response.status_code, response.json()["errorCode"]) == (status, code)
    assert set(response.json()) == {"errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}
    assert response.json()["errorId"].startswith("oae")


def test_other_methods_are_refused(client):
    """The simulator only reads."""
    assert client.post("/api/v1/users", json={}).json()["errorCode"] == "E0000022"


@pytest.mark.parametrize("header", ["SSWS wrong", "Bearer wrong", "Basic eDp5", ""])
def test_wrong_credentials_get_the_error_of_a_bad_token(client, header):
    """Anything but the token is 401 E0000011."""
    response = client.get("/api/v1/users", headers={"Authorization": header})
    assert (response.status_code, response.json()["errorCode"]) == (401, "E0000011")


def test_the_scheme_may_stand_next_to_the_token(okta, client):
    """The vendor's SDK leaves the space out, so it must be let in without."""
    header = {"Authorization": "SSWS" + okta.credentials["api_token"]}
    assert client.get("/api/v1/users?limit=1", headers=header).status_code == 200


def test_a_deprovisioned_user_is_left_out_of_the_plain_list_only(okta, client, walk):
    """Filter and search show the people the plain list omits."""
    gone = walk("/api/v1/users")[0]["id"]
    client.patch(f"/_sim/users/{gone}", json={"status": "DEPROVISIONED"})
    assert gone not in ids(walk("/api/v1/users"))
    assert ids(walk("/api/v1/users", filter='status eq "DEPROVISIONED"')) == [gone]
    assert gone in ids(walk("/api/v1/users", search="status pr"))
    assert client.get(f"/api/v1/users/{gone}").json()["status"] == "DEPROVISIONED"
    assert all(gone not in group["members"] for group in okta.state()["groups"])


def test_filters_select_by_status_profile_and_time(okta, client, walk):
    """eq, the orders on lastUpdated, and, or and brackets work as documented."""
    everybody = walk("/api/v1/users")
    some = everybody[3]
    assert ids(walk("/api/v1/users", filter=f'profile.login eq "{some["profile"]["login"]}"')) == [some["id"]]
    assert walk("/api/v1/users", filter='profile.login eq "NOBODY@example.com"') == []
    at = some["lastUpdated"]
    newer = [row["id"] for row in everybody if row["lastUpdated"] > at]
    assert ids(walk("/api/v1/users", filter=f'lastUpdated gt "{at}"')) == newer
    both = f'(lastUpdated gt "{at}" or id eq "{some["id"]}") and status eq "{some["status"]}"'
    wanted = [r["id"] for r in everybody if r["status"] == some["status"] and r["lastUpdated"] >= at]
    assert ids(walk("/api/v1/users", filter=both)) == wanted


def test_groups_filter_by_type_and_by_change(okta, client, walk):
    """A rename moves lastUpdated, a member moves lastMembershipUpdated, and the delta filter finds both."""
    assert [g["profile"]["name"] for g in walk("/api/v1/groups", filter='type eq "BUILT_IN"')] == ["Everyone"]
    named, filled = [g["id"] for g in walk("/api/v1/groups") if g["type"] == "OKTA_GROUP"][:2]
    client.patch(f"/_sim/groups/{named}", json={"name": "Renamed"})
    outsider = next(u["id"] for u in okta.state()["users"] if u["id"] not in members(okta, filled))
    client.post("/_sim/members", json={"group": filled, "user": outsider})
    since = "2026-01-02T00:00:00.000Z"
    assert ids(walk("/api/v1/groups", filter=f'lastUpdated gt "{since}"')) == [named]
    assert ids(walk("/api/v1/groups", filter=f'lastMembershipUpdated gt "{since}"')) == [filled]
    either = f'lastUpdated gt "{since}" or lastMembershipUpdated gt "{since}"'
    assert ids(walk("/api/v1/groups", filter=either)) == sorted([named, filled])


def members(okta, group_id):
    return next(group["members"] for group in okta.state()["groups"] if group["id"] == group_id)


def test_stamps_are_whole_seconds_and_a_lifecycle_change_moves_them(client, walk):
    """A status change bumps lastUpdated and statusChanged; a membership change does not."""
    row = walk("/api/v1/users")[0]
    assert row["lastUpdated"].endswith(".000Z")
    client.patch(f"/_sim/users/{row['id']}", json={"status": "SUSPENDED"})
    after = client.get(f"/api/v1/users/{row['id']}").json()
    assert after["lastUpdated"] > row["lastUpdated"]
    assert after["statusChanged"] == after["lastUpdated"]


def test_search_knows_operators_and_sorting(walk):
    """sw, co and pr search, sortBy orders."""
    found = walk("/api/v1/users", search='profile.lastName sw "s"', sortBy="profile.lastName", limit=7)
    names = [row["profile"]["lastName"] for row in found]
    assert names == sorted(names)
    assert names
    assert all(name.lower().startswith("s") for name in names)


def test_q_cannot_page(client):
    """A prefix search gives ten rows and no next link."""
    response = client.get("/api/v1/users?q=a")
    assert len(response.json()) == 10
    assert "next" not in response.links


def test_the_omit_header_and_fields_make_rows_smaller(client):
    """okta-response leaves out credentials, quoted or not; fields keeps what was named, and the id."""
    full = client.get("/api/v1/users?limit=1").json()[0]
    assert {"credentials", "transitioningToStatus"} <= set(full)
    names = "omitCredentials,omitCredentialsLinks,omitTransitioningToStatus"
    for value in (f'application/json; okta-response="{names}"', f"application/json; okta-response={names}"):
        bare = client.get("/api/v1/users?limit=1", headers={"Content-Type": value}).json()[0]
        assert set(full) - set(bare) == {"credentials", "transitioningToStatus"}
    few = client.get("/api/v1/users?limit=1&fields=status,profile:(login,email)").json()[0]
    assert set(few) == {"id", "status", "profile"}
    assert set(few["profile"]) == {"login", "email"}


def test_a_user_is_found_by_id_and_by_login(okta, client):
    """Both lead to the same person, and to their groups."""
    person = okta.state()["users"][5]
    assert client.get(f"/api/v1/users/{person['login'].upper()}").json()["id"] == person["id"]
    mine = [g["id"] for g in okta.state()["groups"] if person["id"] in g["members"]]
    assert ids(client.get(f"/api/v1/users/{person['id']}/groups").json()) == mine


def test_an_app_lists_its_people_and_groups(okta, client, walk):
    """Assignments through groups count, and the account comes with expand."""
    app = okta.state()["apps"][0]
    assert app["id"] in ids(walk("/api/v1/apps"))
    found = walk(f"/api/v1/apps/{app['id']}/users", expand="user", limit=20)
    assert ids(found) == app["users"]
    assert all(row["_embedded"]["user"]["id"] == row["id"] for row in found)
    assert ids(walk(f"/api/v1/apps/{app['id']}/groups", expand="group")) == app["groups"]


def test_the_log_tells_changes_and_never_stops_offering_more(client):
    """A deletion is in the log, and polling always has a next link."""
    person = client.get("/api/v1/users?limit=1").json()[0]["id"]
    start_url = client.get("/api/v1/logs").links["next"]["url"]
    client.delete(f"/_sim/users/{person}")
    response = client.get(start_url)
    assert [event["eventType"] for event in response.json()] == ["user.lifecycle.delete.completed"]
    assert response.json()[0]["target"][0]["id"] == person
    assert client.get(response.links["next"]["url"]).json() == []


def test_the_org_says_who_it_is_without_credentials(client):
    """The organisation's id is public."""
    assert (
        client.get("/.well-known/okta-organization", headers={"Authorization": ""})
        .json()["id"]
        .startswith("00o")
    )


def test_limits_are_enforced_when_they_are_real():
    """The second half of an integrator org's hundred calls is refused."""
    with (
        start("okta", users=3, groups=1, rate_limits="integrator") as simulator,
        connect(simulator) as client,
    ):
        answers = [client.get("/api/v1/users") for _ in range(51)]
        assert [answer.status_code for answer in answers] == [200] * 50 + [429]
        assert answers[-1].json()["errorCode"] == "E0000047"
        assert answers[-1].headers["x-rate-limit-remaining"] == "0"
        client.post("/_sim/clock", json={"advance": 62})
        assert client.get("/api/v1/users").status_code == 200
