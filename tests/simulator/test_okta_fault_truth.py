"""Odd people and groups that are so in a simulated Okta's directory."""

from tests.simulator.calls import rows, seen


def changed(okta, spec):
    """The people or groups a fault touched, before and after it."""
    before = {row["id"]: row for kind in ("users", "groups") for row in okta.state()[kind]}
    touched = okta.fault(spec)["touched"]
    after = {row["id"]: row for kind in ("users", "groups") for row in okta.state()[kind]}
    return [(before.get(i), after.get(i)) for i in touched]


def test_emails_are_missing_invalid_doubled_reused_and_swapped(okta, client):
    """U01 to U06, in the truth and on the wire."""
    [(_, nobody)] = changed(okta, "U01")
    assert nobody["email"] is None
    [(_, absent)] = changed(okta, "email(none,form=absent)")
    assert "email" not in client.get(f"/api/v1/users/{absent['id']}").json()["profile"]
    assert "not an address" in [after["email"] for _, after in changed(okta, "U02")]
    one, two = (after for _, after in changed(okta, "U03"))
    assert one["email"].upper() == two["email"]
    (old, gone), (missing, new) = changed(okta, "U04")
    assert (gone, missing) == (None, None)
    assert new["email"] == old["email"]
    [(was, now)] = changed(okta, "U05")
    assert was["email"] != now["email"]
    (a, a2), (b, b2) = changed(okta, "U06")
    assert (a["email"], b["email"]) == (b2["email"], a2["email"])


def test_profiles_hold_anything(okta, client):
    """U07 to U09 and F05: hard names survive byte for byte, nulls and absences differ, types are odd."""
    for _, after in changed(okta, "U07"):
        profile = client.get(f"/api/v1/users/{after['id']}").json()["profile"]
        assert (profile["firstName"], profile["lastName"]) == (after["first_name"], after["last_name"])
    nulls, absent = (client.get(f"/api/v1/users/{i}").json() for i in okta.fault("U08")["touched"])
    assert nulls["profile"]["firstName"] is None
    assert "firstName" not in absent["profile"]
    odd = client.get(f"/api/v1/users/{okta.fault('U09')['touched'][0]}").json()["profile"]
    assert odd["employeeNumber"] == 12345
    pictures = [
        client.get(f"/api/v1/users/{i}").json()["profile"]["picture"] for i in okta.fault("F05")["touched"]
    ]
    assert "javascript:alert(1)" in pictures
    assert 12345 in pictures


def test_statuses_are_unknown_staged_and_locked(okta, client):
    """S01 is a word of no table, S06 loses access, S07 keeps it."""
    [unknown] = okta.fault("S01")["touched"]
    assert client.get(f"/api/v1/users/{unknown}").json()["status"] == "ACTIVATING"
    [(_, staged)] = changed(okta, "S06")
    assert (staged["status"], staged["active"]) == ("STAGED", False)
    locked = [after for _, after in changed(okta, "S07")]
    assert {row["status"] for row in locked} == {"LOCKED_OUT", "PASSWORD_EXPIRED", "RECOVERY"}
    assert all(row["active"] for row in locked)


def test_groups_are_renamed_recreated_and_doubled(okta, client):
    """G01 to G04."""
    (_, one), (_, two) = changed(okta, "G01")
    assert one["name"] == two["name"]
    [(was, now)] = changed(okta, "G02")
    assert (was["id"], was["name"] != now["name"]) == (now["id"], True)
    (old, gone), (_, new) = changed(okta, "G03")
    assert (gone, new["name"], new["members"]) == (None, old["name"], old["members"])
    hard = [after["name"] for _, after in changed(okta, "G04")]
    assert set(hard) <= {g["profile"]["name"] for g in client.get("/api/v1/groups").json()}
    assert "two\nlines" in hard


def test_a_group_can_be_made_large(okta, client):
    """G05: the group has the members asked for, with people invented for it."""
    group = okta.fault("members(800)")["touched"][0]
    assert len(list(rows(client, f"/api/v1/groups/{group}/users", limit=200))) == 800


def test_a_group_is_deleted_before_its_members_are_read(okta, client):
    """G06: 404, and gone from the truth."""
    okta.fault("G06")
    group = next(g["id"] for g in okta.state()["groups"] if g["kind"] == "ordinary")
    assert client.get(f"/api/v1/groups/{group}/users").json()["errorCode"] == "E0000007"
    assert group not in {g["id"] for g in okta.state()["groups"]}


def test_the_members_of_one_group_cannot_be_read(okta, client):
    """G07: the second group asked for is 403, the others are served."""
    okta.fault("G07")
    groups = [g["id"] for g in okta.state()["groups"]][:3]
    assert [client.get(f"/api/v1/groups/{g}/users").status_code for g in groups] == [200, 403, 200]


def test_a_member_may_be_unknown(okta, client):
    """G11: somebody in a group whom no list of users has."""
    group, stranger = okta.fault("G11")["touched"]
    assert stranger in seen(client, f"/api/v1/groups/{group}/users")
    assert stranger not in seen(client)
    assert client.get(f"/api/v1/users/{stranger}").status_code == 404
