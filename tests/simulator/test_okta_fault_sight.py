"""What a simulated Okta keeps from whoever asks."""

from email.utils import parsedate_to_datetime

from tests.simulator.calls import answer, ids, seen


def test_without_an_admin_role_users_are_empty_and_the_rest_forbidden(okta, client):
    """A07."""
    okta.fault("A07")
    assert answer(client).json() == []
    assert client.get("/api/v1/groups").json()["errorCode"] == "E0000006"


def test_a_scoped_role_sees_its_groups_only(okta, client):
    """A08: three groups, their people, and no Everyone."""
    okta.fault("A08")
    groups = client.get("/api/v1/groups?limit=200").json()
    assert len(groups) == 3
    assert {group["type"] for group in groups} == {"OKTA_GROUP"}
    truth = {g["id"]: g["members"] for g in okta.state()["groups"]}
    assert seen(client) == {i for group in groups for i in truth[group["id"]]}


def test_another_org_answers(okta, client):
    """A20: another org id, other people, the truth untouched."""
    org = "/.well-known/okta-organization"
    mine = client.get(org).json()["id"]
    okta.fault("A20")
    assert client.get(org).json()["id"] != mine
    assert not seen(client) & {user["id"] for user in okta.state()["users"]}
    assert len(seen(client)) == 500
    okta.clear_faults()
    assert client.get(org).json()["id"] == mine


def test_people_are_missing_from_the_list(okta, client):
    """C05 hides one who is still found by id; C11 hides all; C12 hides 40 %, by id too."""
    truth = {user["id"] for user in okta.state()["users"]}
    hidden = okta.fault("C05")["touched"]
    assert truth - seen(client) == set(hidden)
    assert client.get(f"/api/v1/users/{hidden[0]}").status_code == 200
    okta.fault("C11")
    assert seen(client) == set()
    okta.clear_faults()
    lost = okta.fault("C12")["touched"]
    assert truth - seen(client) == set(lost)
    assert 150 < len(lost) < 200
    assert client.get(f"/api/v1/users/{lost[0]}").status_code == 404


def test_the_index_lags_and_the_list_does_not(okta, client):
    """C06: search shows the person as before, the plain list as now."""
    okta.fault("C06")
    person = okta.state()["users"][0]["id"]
    client.patch(f"/_sim/users/{person}", json={"last_name": "Newly"})
    search = {"search": f'id eq "{person}"'}
    assert client.get("/api/v1/users", params=search).json()[0]["profile"]["lastName"] != "Newly"
    assert answer(client).json()[0]["profile"]["lastName"] == "Newly"
    okta.clock(advance=11)
    assert client.get("/api/v1/users", params=search).json()[0]["profile"]["lastName"] == "Newly"


def test_last_membership_updated_comes_late(okta, client):
    """C07: the members are there, the stamp follows six seconds later, in rows and in filters."""
    okta.fault("C07")
    okta.clock(frozen=True)
    group = next(g for g in okta.state()["groups"] if g["kind"] == "ordinary" and g["members"])
    client.delete(f"/_sim/members/{group['id']}/{group['members'][0]}")
    delta = {"filter": 'lastMembershipUpdated gt "2026-01-02T00:00:00.000Z"'}
    assert group["members"][0] not in seen(client, f"/api/v1/groups/{group['id']}/users")
    assert client.get("/api/v1/groups", params=delta).json() == []
    okta.clock(advance=7)
    assert ids(client.get("/api/v1/groups", params=delta).json()) == [group["id"]]


def test_the_clock_is_askew(okta, client):
    """C09: Date and reset are both two hours ahead, so their difference holds."""
    before = parsedate_to_datetime(answer(client).headers["date"])
    okta.fault("C09")
    headers = answer(client).headers
    after = parsedate_to_datetime(headers["date"])
    assert 7190 <= (after - before).total_seconds() <= 7230
    assert 0 < int(headers["x-rate-limit-reset"]) - after.timestamp() <= 61


def test_a_neighbour_spends_from_the_bucket(okta, client):
    """T13: what remains falls although nobody here calls, and runs out."""
    okta.clock(frozen=True)
    okta.fault("neighbour(rpm=600)")
    first = int(answer(client).headers["x-rate-limit-remaining"])
    okta.clock(advance=20)
    assert int(answer(client).headers["x-rate-limit-remaining"]) <= first - 200
    okta.clock(advance=20)
    assert answer(client).status_code == 429
