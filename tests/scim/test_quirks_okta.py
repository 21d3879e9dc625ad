"""Okta's requests, as its catalogue apps and its wizard apps send them."""

import pytest

from tests.scim.client import CORE, GROUP, PATCH, Scim, ids, op


def test_okta_test_credentials(scim: Scim) -> None:
    """The connection test reads lists whose counts are numbers, present though empty."""
    users = scim.get("/Users?startIndex=1&count=2")
    groups = scim.get("/Groups?startIndex=1&count=100")
    for listed in (users, groups):
        assert (listed["totalResults"], listed["startIndex"], listed["itemsPerPage"]) == (0, 1, 0)
        assert listed["Resources"] == []


def test_okta_lookup_username(scim: Scim) -> None:
    """Nobody found is an empty list; somebody is found in any case, inactive too, @ encoded or not."""
    empty = scim.get("/Users?filter=userName%20eq%20%22a.b@x.io%22&startIndex=1&count=100")
    assert (empty["totalResults"], empty["Resources"]) == (0, [])
    user = scim.user(userName="A.B@x.io", active=False)
    for spelling in ("a.b@x.io", "A.b%40X.io"):
        listed = scim.get(f"/Users?filter=userName%20eq%20%22{spelling}%22&startIndex=1&count=100")
        assert [each["id"] for each in listed["Resources"]] == [user["id"]]


def _okta_user(name: str = "ana@example.com") -> dict[str, object]:
    return {
        "schemas": [CORE],
        "userName": name,
        "name": {"givenName": "Ana", "familyName": "Lopez"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "displayName": "Ana Lopez",
        "locale": "en-US",
        "externalId": f"00u{name}",
        "groups": [],
        "password": "placeholder-Secret-1",
        "active": True,
    }


def test_okta_create(scim: Scim) -> None:
    """A created user comes back whole, with id and Location, without the password."""
    answer = scim.send("POST", "/Users", _okta_user(), 201)
    user = answer.json()
    assert answer.headers["location"] == user["meta"]["location"] == f"{scim.base}/Users/{user['id']}"
    assert "placeholder-Secret-1" not in answer.text
    assert user["emails"] == [{"primary": True, "value": "ana@example.com", "type": "work"}]
    assert scim.get(f"/Users/{user['id']}") == user


def test_okta_duplicate(scim: Scim) -> None:
    """The same POST again is 409 uniqueness, and the row stays as it was."""
    first = scim.post("/Users", _okta_user())
    assert scim.post("/Users", _okta_user(), 409)["scimType"] == "uniqueness"
    assert scim.get(f"/Users/{first['id']}") == first


def test_okta_put_merged(scim: Scim) -> None:
    """Our own answer sent back with one new value changes that value only."""
    user = scim.post("/Users", _okta_user())
    scim.group(user)
    read = scim.get(f"/Users/{user['id']}")
    changed = scim.put(f"/Users/{user['id']}", read | {"nickName": "Annie", "id": "other", "meta": {}})
    assert changed["id"] == user["id"]
    assert changed["nickName"] == "Annie"
    assert changed["groups"] == read["groups"] != []
    assert changed["meta"]["created"] == user["meta"]["created"]


def test_okta_deactivate_patch(scim: Scim) -> None:
    """A replace without path deactivates; the user stays readable and findable."""
    user = scim.post("/Users", _okta_user())
    assert scim.patch(f"/Users/{user['id']}", op("replace", value={"active": False}))["active"] is False
    assert scim.find("Users", 'userName eq "ana@example.com"')[0]["active"] is False


def test_okta_deactivate_put(scim: Scim) -> None:
    """PUT deactivates and activates again, the boolean echoed."""
    user = scim.post("/Users", _okta_user())
    for active in (False, True):
        assert scim.put(f"/Users/{user['id']}", _okta_user() | {"active": active})["active"] is active


@pytest.mark.parametrize("by", ["patch", "put"])
def test_okta_reactivate(scim: Scim, by: str) -> None:
    """The inactive row is found by userName and made active."""
    scim.post("/Users", _okta_user() | {"active": False})
    found = scim.find("Users", 'userName eq "ana@example.com"')[0]
    path = f"/Users/{found['id']}"
    if by == "patch":
        assert scim.patch(path, op("replace", value={"active": True}))["active"] is True
    else:
        assert scim.put(path, found | {"active": True})["active"] is True


def test_okta_reprovision_post(scim: Scim) -> None:
    """A POST with an inactive row's externalId answers 201 with the same id, active again."""
    user = scim.post("/Users", _okta_user())
    scim.patch(f"/Users/{user['id']}", op("replace", value={"active": False}))
    again = scim.post("/Users", _okta_user())
    assert (again["id"], again["active"]) == (user["id"], True)


def test_okta_password_sync(scim: Scim) -> None:
    """A pushed password changes nothing and comes back nowhere."""
    user = scim.post("/Users", _okta_user())
    body = {"schemas": [PATCH], "Operations": [op("replace", value={"password": "canary-Secret-2"})]}
    answer = scim.send("PATCH", f"/Users/{user['id']}", body, (200, 204))
    assert "canary" not in answer.text
    assert scim.get(f"/Users/{user['id']}") == user


def test_okta_no_delete(scim: Scim) -> None:
    """Somebody Okta does not mention stays as they are."""
    silent, user = scim.user(), scim.user()
    scim.patch(f"/Users/{user['id']}", op("replace", value={"active": False}))
    assert scim.get(f"/Users/{silent['id']}") == silent


def test_okta_import_pages(scim: Scim) -> None:
    """Pages keep one order, repeat nobody, never exceed count, and end in an empty page."""
    made = [scim.user()["id"] for _ in range(7)]
    seen: list[str] = []
    for start in (1, 4, 7, 10):
        page = scim.get(f"/Users?startIndex={start}&count=3")
        assert page["totalResults"] == 7
        assert len(page["Resources"]) <= 3
        seen += [each["id"] for each in page["Resources"]]
    assert seen == made


def test_okta_photo(scim: Scim) -> None:
    """A picture is stored, returned and changed by its value path."""
    photo = {"value": "https://pics.example.com/1.png", "type": "photo", "primary": True}
    user = scim.user(photos=[photo], profileUrl="https://people.example.com/ana")
    assert user["photos"] == [photo]
    new = scim.patch(
        f"/Users/{user['id']}",
        op("replace", 'photos[type eq "photo"].value', value="https://pics.example.com/2.png"),
    )
    assert new["photos"] == [photo | {"value": "https://pics.example.com/2.png"}]
    assert new["profileUrl"] == "https://people.example.com/ana"


def test_okta_group_lookup(scim: Scim) -> None:
    """A group is looked up by name before it is pushed."""
    query = "/Groups?filter=displayName%20eq%20%22Eng%22&startIndex=1&count=100"
    assert scim.get(query)["totalResults"] == 0
    group = scim.group(displayName="Eng")
    assert [each["id"] for each in scim.get(query)["Resources"]] == [group["id"]]


def test_okta_group_create(scim: Scim) -> None:
    """A group without externalId and with an empty member list is created."""
    group = scim.post("/Groups", {"schemas": [GROUP], "displayName": "Eng", "members": []})
    assert (group["displayName"], group["members"]) == ("Eng", [])
    assert "externalId" not in group


def test_okta_member_without_type(scim: Scim) -> None:
    """A member without type is resolved by its id, and the display text sent is kept."""
    user, inner = scim.user(), scim.group()
    group = scim.post(
        "/Groups",
        {
            "schemas": [GROUP],
            "displayName": "Eng",
            "members": [{"value": user["id"], "display": "ana@x"}, {"value": inner["id"]}],
        },
    )
    members = {member["value"]: member for member in group["members"]}
    assert members[user["id"]]["type"] == "User"
    assert members[user["id"]]["display"] == "ana@x"
    assert members[user["id"]]["$ref"] == user["meta"]["location"]
    assert members[inner["id"]]["type"] == "Group"
    assert members[inner["id"]]["$ref"] == inner["meta"]["location"]


def test_okta_push_membership(scim: Scim) -> None:
    """A removal and an addition in one PATCH leave all other members alone."""
    gone, stays, comes = scim.user(), scim.user(), scim.user()
    group = scim.group(gone, stays)
    read = scim.patch(
        f"/Groups/{group['id']}",
        op("replace", value={"id": group["id"], "displayName": "Eng"}),
        op("remove", f'members[value eq "{gone["id"]}"]'),
        op("add", "members", value=[{"value": comes["id"], "display": "a@x"}]),
    )
    assert read["displayName"] == "Eng"
    assert scim.members(group) == ids(stays, comes)


def test_okta_push_now(scim: Scim) -> None:
    """A replace of members sets exactly that list."""
    one, two, three = scim.user(), scim.user(), scim.user()
    group = scim.group(one, two)
    scim.patch(
        f"/Groups/{group['id']}",
        op("replace", "members", value=[{"value": two["id"]}, {"value": three["id"]}]),
    )
    assert scim.members(group) == ids(two, three)


@pytest.mark.parametrize("with_path", [True, False])
def test_okta_empty_group(scim: Scim, with_path: bool) -> None:
    """Replacing members with [] empties the group, in either shape."""
    group = scim.group(scim.user(), scim.user())
    whole = {"members": [], "id": group["id"], "displayName": group["displayName"]}
    how = op("replace", "members", value=[]) if with_path else op("replace", value=whole)
    scim.patch(f"/Groups/{group['id']}", how)
    assert scim.members(group) == []


def test_okta_group_rename(scim: Scim) -> None:
    """A rename without path keeps id and members."""
    user = scim.user()
    group = scim.group(user)
    read = scim.patch(f"/Groups/{group['id']}", op("replace", value={"id": "g", "displayName": "New"}))
    assert (read["id"], read["displayName"]) == (group["id"], "New")
    assert scim.members(group) == ids(user)


def test_okta_group_put(scim: Scim) -> None:
    """A group sent back under its own name is no conflict and no change."""
    group = scim.group(scim.user())
    assert scim.put(f"/Groups/{group['id']}", group) == group


def test_okta_member_add_twice(scim: Scim) -> None:
    """Adding a member who is there succeeds, keeps one row and the version."""
    user = scim.user()
    group = scim.group(user)
    again = scim.patch(f"/Groups/{group['id']}", op("add", "members", value=[{"value": user["id"]}] * 2))
    assert again == group


def test_okta_member_remove_absent(scim: Scim) -> None:
    """Removing somebody who is no member succeeds and changes nothing."""
    user, other = scim.user(), scim.user()
    group = scim.group(user)
    assert scim.patch(f"/Groups/{group['id']}", op("remove", f'members[value eq "{other["id"]}"]')) == group


def test_okta_unknown_member(scim: Scim) -> None:
    """One unknown id among the members loses nobody else; it stays visible as pending."""
    user, group = scim.user(), scim.group()
    scim.patch(
        f"/Groups/{group['id']}", op("add", "members", value=[{"value": user["id"]}, {"value": "nobody"}])
    )
    members = {member["value"]: member for member in scim.get(f"/Groups/{group['id']}")["members"]}
    assert members[user["id"]]["type"] == "User"
    assert "type" not in members.get("nobody", {})


def test_okta_group_delete(scim: Scim) -> None:
    """A group is deleted once, then it is 404."""
    group = scim.group(scim.user())
    scim.delete(f"/Groups/{group['id']}")
    scim.delete(f"/Groups/{group['id']}", 404)


@pytest.mark.parametrize("name", ['say "hi"', "back\\slash", "(x] [y)", "é&+ü", "50%_off"])
def test_okta_odd_display_names(scim: Scim, name: str) -> None:
    """A filter with odd characters, escaped as JSON, finds exactly that name."""
    group = scim.group(displayName=name)
    scim.group(displayName=name + "x")
    literal = name.replace("\\", "\\\\").replace('"', '\\"')
    assert [each["id"] for each in scim.find("Groups", f'displayName eq "{literal}"')] == [group["id"]]


def test_okta_user_groups(scim: Scim) -> None:
    """A user shows the groups they are in, each with name and address."""
    user = scim.user()
    group = scim.group(user)
    assert scim.get(f"/Users/{user['id']}")["groups"] == [
        {
            "value": group["id"],
            "$ref": group["meta"]["location"],
            "display": group["displayName"],
            "type": "direct",
        }
    ]


def test_okta_error_bodies(scim: Scim) -> None:
    """No token, another scheme and an unknown id get SCIM errors, the first two with a challenge."""
    for authorization in ("", "Basic dTpw", "Bearer wrong"):
        answer = scim.send("GET", "/Users", status=401, headers={"Authorization": authorization})
        assert answer.headers["www-authenticate"] == "Bearer"
    scim.get("/Users/unknown", 404)


def test_okta_no_content_type(scim: Scim) -> None:
    """A body without Content-Type is read as JSON."""
    scim.send("POST", "/Users", _okta_user(), 201, {"Content-Type": ""})


def test_okta_bad_filter(scim: Scim) -> None:
    """One bare word is an invalid filter."""
    assert scim.get("/Users?filter=garbage", 400)["scimType"] == "invalidFilter"
