"""Requests of OneLogin, JumpCloud, Google, Rippling, Ping and of clients in general."""

from typing import Any

import pytest

from tests.scim.client import CORE, ENT, GROUP, Scim, ids, op


def test_onelogin_trailing_query(scim: Scim) -> None:
    """A plus is a space, and stray & and ? do no harm."""
    user = scim.user(userName="ana@example.com")
    assert scim.get('/Users?filter=userName+eq+"ana@example.com"&')["totalResults"] == 1
    scim.put(f"/Users/{user['id']}?", user)


def test_onelogin_legacy_urns(scim: Scim) -> None:
    """Older URNs are understood; answers carry those of the RFC."""
    for urn in ("urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0"):
        user = scim.user(schemas=[urn, "urn:scim:schemas:extension:enterprise:2.0"])
        assert user["schemas"] == [CORE]
    read = scim.put(
        f"/Users/{user['id']}",
        {
            "schemas": ["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"],
            "userName": user["userName"],
            "urn:scim:schemas:extension:enterprise:2.0": {"department": "D"},
        },
    )
    assert (read["schemas"], read[ENT]) == ([CORE, ENT], {"department": "D"})


def test_onelogin_template_strings(scim: Scim) -> None:
    """Texts for booleans, nulls and an extension nobody listed come in well."""
    user = scim.post(
        "/Users",
        {
            "schemas": [CORE],
            "id": None,
            "userName": "ana@example.com",
            "active": "true",
            ENT: {"department": "D", "manager": {"managerId": "", "displayName": " "}},
        },
    )
    assert user["active"] is True
    assert user[ENT] == {"department": "D"}


@pytest.mark.parametrize(("sent", "stored"), [("0", False), ("1", True), (0, False), (1, True)])
def test_onelogin_numeric_booleans(scim: Scim, sent: Any, stored: bool) -> None:
    """0 and 1 are booleans, as numbers and as texts."""
    assert scim.user(active=sent)["active"] is stored


def test_onelogin_empty_strings(scim: Scim) -> None:
    """Empty texts mean unset, and entries left with a type alone are dropped."""
    user = scim.user(
        title="",
        externalId="",
        addresses=[{"locality": "", "type": "work"}],
        phoneNumbers=[{"value": "", "type": "work"}],
    )
    assert not {"title", "externalId", "addresses", "phoneNumbers"} & user.keys()


def test_onelogin_suspend_delete(scim: Scim) -> None:
    """Suspension by PUT or PATCH and deletion all work."""
    user = scim.user()
    path = f"/Users/{user['id']}"
    assert scim.put(path, user | {"active": False})["active"] is False
    assert scim.patch(path, op("replace", "active", value=True))["active"] is True
    scim.delete(path)


def test_onelogin_role_groups(scim: Scim) -> None:
    """A group made without members gains and loses one by PATCH."""
    user = scim.user()
    group = scim.post("/Groups", {"schemas": [GROUP], "displayName": "Role"})
    scim.patch(f"/Groups/{group['id']}", op("add", "members", value=[{"value": user["id"]}]))
    assert scim.members(group) == ids(user)
    scim.patch(f"/Groups/{group['id']}", op("remove", f'members[value eq "{user["id"]}"]'))
    assert scim.members(group) == []


def test_jumpcloud_test_connection(scim: Scim) -> None:
    """The whole life of a test user and a test group leaves nothing behind."""
    assert scim.find("Users", 'userName eq "test@example.com"') == []
    user = scim.user(userName="test@example.com")
    path = f"/Users/{user['id']}"
    scim.put(path, scim.get(path) | {"title": "T"})
    scim.patch(path, op("replace", "active", value=False))
    assert scim.find("Groups", 'displayName eq "Test"') == []
    group = scim.group(displayName="Test")
    group_path = f"/Groups/{group['id']}"
    scim.patch(group_path, op("add", "members", value=[{"value": user["id"]}]))
    scim.patch(group_path, op("remove", "members", value=[{"value": user["id"]}]))
    scim.put(group_path, {"schemas": [GROUP], "displayName": "Renamed", "members": [{"value": user["id"]}]})
    scim.delete(group_path)
    scim.delete(path)
    scim.get(path, 404)


def test_jumpcloud_recreate(scim: Scim) -> None:
    """Who was deleted comes back under the same name with a new id."""
    user = scim.user(userName="ana@example.com", externalId="e")
    scim.delete(f"/Users/{user['id']}")
    assert scim.user(userName="ana@example.com", externalId="e")["id"] != user["id"]


def test_jumpcloud_repeat_add(scim: Scim) -> None:
    """The same member added again and again is there once."""
    user, group = scim.user(), scim.group()
    for _ in range(3):
        scim.patch(f"/Groups/{group['id']}", op("add", "members", value=[{"value": user["id"]}]))
    assert scim.members(group) == ids(user)


def test_jumpcloud_groups_put(scim: Scim) -> None:
    """PUT without members keeps them, an empty list clears them."""
    user = scim.user()
    group = scim.group(user)
    path = f"/Groups/{group['id']}"
    scim.put(path, {"schemas": [GROUP], "displayName": "Renamed"})
    assert scim.members(group) == ids(user)
    scim.put(path, {"schemas": [GROUP], "displayName": "Renamed", "members": []})
    assert scim.members(group) == []


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8"])
def test_google_json_content_type(scim: Scim, content_type: str) -> None:
    """Plain JSON and any Accept are fine."""
    body = {"schemas": [CORE], "userName": "ana@example.com"}
    scim.send("POST", "/Users", body, 201, {"Content-Type": content_type, "Accept": "*/*"})


def test_google_inactive_create(scim: Scim) -> None:
    """Somebody created inactive is inactive."""
    user = scim.user(active=False)
    assert scim.get(f"/Users/{user['id']}")["active"] is False


def test_google_mixed_urns(scim: Scim) -> None:
    """Old and new URNs together are fine."""
    assert scim.user(schemas=["urn:scim:schemas:core:1.0", CORE])["schemas"] == [CORE]


def test_rippling_spc_first(scim: Scim) -> None:
    """ServiceProviderConfig says that PATCH works, and needs no token."""
    read = scim.send("GET", "/ServiceProviderConfig", headers={"Authorization": ""}).json()
    assert read["patch"] == {"supported": True}


def test_rippling_retried_post(rippling: Scim) -> None:
    """Under Rippling's profile one externalId with another userName is a duplicate, never a second user."""
    rippling.user(userName="ana@example.com", externalId="e")
    for name in ("ana@example.com", "other@example.com"):
        body = {"schemas": [CORE], "userName": name, "externalId": "e"}
        assert rippling.post("/Users", body, 409)["scimType"] == "uniqueness"
    assert rippling.get("/Users")["totalResults"] == 1


@pytest.mark.parametrize("filter", ['userName Eq "ana@example.com"', 'emails.value EQ "ANA@x"'])
def test_ping_operator_case(scim: Scim, filter: str) -> None:
    """Operators count in any case."""
    scim.user(userName="ana@example.com", emails=[{"value": "ana@x"}])
    assert len(scim.find("Users", filter)) == 1


def test_ping_complex_without_sub(scim: Scim) -> None:
    """Comparing emails compares their values."""
    scim.user(emails=[{"value": "ana@x"}])
    assert len(scim.find("Users", 'emails eq "ana@x"')) == 1
    assert scim.find("Users", 'emails eq "x"') == []


def test_generic_core_wrapped(scim: Scim) -> None:
    """Core attributes inside an object under their URN are unwrapped."""
    user = scim.post("/Users", {"schemas": [CORE], CORE: {"userName": "ana@example.com", "title": "T"}})
    assert (user["userName"], user["title"]) == ("ana@example.com", "T")
    assert CORE not in user


def test_generic_lowercase_operations(scim: Scim) -> None:
    """``operations`` is Operations."""
    user = scim.user()
    scim.send("PATCH", f"/Users/{user['id']}", {"operations": [op("add", "title", value="T")]}, (200, 204))
    assert scim.get(f"/Users/{user['id']}")["title"] == "T"


def test_generic_core_urn_path(scim: Scim) -> None:
    """The core URN before a path is taken off."""
    user = scim.user()
    assert (
        scim.patch(f"/Users/{user['id']}", op("add", f"{CORE}:displayName", value="D"))["displayName"] == "D"
    )


def test_generic_trailing_slash(scim: Scim) -> None:
    """A slash at the end names the same resource, without a redirect."""
    user = scim.user()
    assert scim.get("/Users/?count=1")["totalResults"] == 1
    assert scim.get(f"/Users/{user['id']}/")["id"] == user["id"]


def test_generic_nested_members(scim: Scim) -> None:
    """Members inside another members object are unwrapped."""
    user, group = scim.user(), scim.group()
    value = {"members": [{"value": user["id"]}]}
    scim.patch(f"/Groups/{group['id']}", op("add", "members", value=value))
    assert scim.members(group) == ids(user)


def test_generic_pathless_members(scim: Scim) -> None:
    """Without a path, add appends members and replace sets them."""
    one, two = scim.user(), scim.user()
    group = scim.group(one)
    path = f"/Groups/{group['id']}"
    scim.patch(path, op("add", value={"members": [{"value": two["id"]}]}))
    assert scim.members(group) == ids(one, two)
    scim.patch(path, op("replace", value={"members": [{"value": two["id"]}]}))
    assert scim.members(group) == ids(two)


def test_generic_bare_string_member(scim: Scim) -> None:
    """A bare text is an entry with that value."""
    user, group = scim.user(), scim.group()
    scim.patch(f"/Groups/{group['id']}", op("add", "members", value=user["id"]))
    assert scim.members(group) == ids(user)
    assert scim.patch(f"/Users/{user['id']}", op("replace", "emails", value="n@x"))["emails"] == [
        {"value": "n@x"}
    ]


def test_generic_single_object(scim: Scim) -> None:
    """One object counts as a list, a list of one as its element."""
    user = scim.user(emails={"value": "a@x"}, name=[{"givenName": "A"}])
    assert user["emails"] == [{"value": "a@x"}]
    assert user["name"] == {"givenName": "A"}


def test_generic_extra_json(scim: Scim) -> None:
    """The last of repeated keys counts, and text/json is JSON."""
    body = b'{"userName": "first@example.com", "userName": "last@example.com"}'
    user = scim.send("POST", "/Users", body, 201, {"Content-Type": "text/json"}).json()
    assert user["userName"] == "last@example.com"


def test_generic_number_and_text(scim: Scim) -> None:
    """A number where a text belongs becomes that text."""
    assert scim.user(externalId=12345)["externalId"] == "12345"


def test_generic_member_without_value(scim: Scim) -> None:
    """A member nobody can identify is left out, the others are taken; $ref alone identifies."""
    one, two, group = scim.user(), scim.user(), scim.group()
    members = [{"display": "who?"}, {"value": one["id"]}, {"$ref": f"../Users/{two['id']}"}, None]
    scim.patch(f"/Groups/{group['id']}", op("add", "members", value=members))
    assert scim.members(group) == ids(one, two)


def test_generic_null_members(scim: Scim) -> None:
    """Null members beside other values leave the membership as it is."""
    user = scim.user()
    group = scim.group(user)
    read = scim.patch(f"/Groups/{group['id']}", op("replace", value={"displayName": "N", "members": None}))
    assert read["displayName"] == "N"
    scim.put(f"/Groups/{group['id']}", {"displayName": "N", "members": None})
    assert scim.members(group) == ids(user)


def test_generic_read_only_path(scim: Scim) -> None:
    """Writing to id, meta, schemas or groups is passed over."""
    user = scim.user()
    operations = [
        op("replace", name, value="x") for name in ("id", "meta", "schemas", "groups", "meta.version")
    ]
    assert scim.patch(f"/Users/{user['id']}", *operations) == user


def test_generic_replacement_unknown(scim: Scim) -> None:
    """Replacing all members by ids nobody has removes nobody."""
    user = scim.user()
    group = scim.group(user)
    scim.patch(f"/Groups/{group['id']}", op("replace", "members", value=[{"value": "nobody"}]))
    assert user["id"] in scim.members(group)
