"""Microsoft Entra's requests, with and without the flag that changes its PATCH shapes."""

from typing import Any

import pytest

from tests.scim.client import CORE, ENT, GROUP, Scim, ids, op

WORK = 'emails[type eq "work"].value'


@pytest.mark.parametrize(
    "query",
    [
        '/Users?filter=userName+eq+"6f0e"',
        '/Users?filter=externalId+eq+"6f0e"',
        '/Users?filter=emails[type+eq+"work"].value+eq+"6f0e"',
        '/Groups?excludedAttributes=members&filter=displayName+eq+"6f0e"',
    ],
)
def test_entra_test_connection(scim: Scim, query: str) -> None:
    """A look-up of a random name is an empty list."""
    assert scim.get(query)["Resources"] == []


def test_entra_content_type(scim: Scim) -> None:
    """A charset beside the content type is accepted."""
    body = {"schemas": [CORE], "userName": "ana@example.com"}
    scim.send("POST", "/Users", body, 201, {"Content-Type": "application/scim+json; charset=utf-8"})


def test_entra_create(scim: Scim) -> None:
    """The enterprise schema listed without data does no harm, and name.formatted is kept."""
    user = scim.post(
        "/Users",
        {
            "schemas": [CORE, ENT],
            "externalId": "jyoung",
            "userName": "ana@example.com",
            "active": True,
            "emails": [{"primary": True, "type": "work", "value": "ana@example.com"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Ana L", "familyName": "Lopez", "givenName": "Ana"},
            "roles": [],
        },
    )
    assert user["schemas"] == [CORE]
    assert user["name"]["formatted"] == "Ana L"
    assert "roles" not in user


def test_entra_null_attributes(scim: Scim) -> None:
    """Nulls, even of names we do not know, are ignored."""
    user = scim.user(addresses=None, title=None, department=None, manager=None, nothing=None)
    assert not {"addresses", "title", "department", "manager", "nothing", ENT} & user.keys()


def test_entra_string_booleans(scim: Scim) -> None:
    """Booleans sent as texts are stored and returned as booleans."""
    user = scim.user(active="True", roles=[{"value": "r", "primary": "True"}])
    assert user["active"] is True
    assert user["roles"][0]["primary"] is True
    read = scim.patch(f"/Users/{user['id']}", op("Replace", "active", value="False"))
    assert read["active"] is False


def test_entra_op_casing(scim: Scim) -> None:
    """Operations count in any case."""
    user = scim.user()
    path = f"/Users/{user['id']}"
    assert scim.patch(path, op("Add", "title", value="A"))["title"] == "A"
    assert scim.patch(path, op("Replace", "title", value="B"))["title"] == "B"
    assert "title" not in scim.patch(path, op("REMOVE", "title"))


@pytest.mark.parametrize("how", ["Add", "Replace"])
@pytest.mark.parametrize(
    ("attribute", "kind"),
    [("emails", "work"), ("phoneNumbers", "work"), ("phoneNumbers", "mobile"), ("phoneNumbers", "fax")],
)
def test_entra_value_path_creates(scim: Scim, how: str, attribute: str, kind: str) -> None:
    """A value path that matches nothing makes the entry it describes."""
    user = scim.user()
    read = scim.patch(f"/Users/{user['id']}", op(how, f'{attribute}[type eq "{kind}"].value', value="n@x"))
    assert read[attribute] == [{"type": kind, "value": "n@x"}]


def test_entra_value_path_primary(scim: Scim) -> None:
    """An entry made primary by a value path demotes the others."""
    user = scim.user(
        emails=[{"value": "h@x", "type": "home", "primary": True}, {"value": "w@x", "type": "work"}]
    )
    read = scim.patch(f"/Users/{user['id']}", op("Replace", 'emails[type eq "work"].primary', value="True"))
    assert {each["type"]: each.get("primary") for each in read["emails"]} == {"home": False, "work": True}


def test_entra_path_casing(scim: Scim) -> None:
    """Sub-attributes in paths count in any case."""
    user = scim.user()
    read = scim.patch(
        f"/Users/{user['id']}",
        op("add", 'emails[type eq "other"].Value', value="o@x"),
        op("add", 'addresses[type eq "other"].Formatted', value="Street 1"),
    )
    assert read["emails"] == [{"type": "other", "value": "o@x"}]
    assert read["addresses"] == [{"type": "other", "formatted": "Street 1"}]


def test_entra_body_casing(scim: Scim) -> None:
    """Names in capitals are stored under their canonical names."""
    user = scim.user(emails=[{"Primary": True, "Type": "work", "Value": "a@x"}], **{ENT: {"Department": "D"}})
    assert user["emails"] == [{"primary": True, "type": "work", "value": "a@x"}]
    assert user[ENT] == {"department": "D"}


@pytest.mark.parametrize("roles", [[], [{"primary": True, "value": "old"}]])
def test_entra_roles_primary_string(scim: Scim, roles: list[Any]) -> None:
    """The text True selects the primary role, which is made once and then hit."""
    user = scim.user(roles=roles)
    read = scim.patch(
        f"/Users/{user['id']}",
        op("Add", 'roles[primary eq "True"].value', value="admin"),
        op("Add", 'roles[primary eq "True"].display', value="Admin"),
        op("Add", 'roles[primary eq "True"].type', value="WindowsAzureActiveDirectoryRole"),
    )
    assert read["roles"] == [
        {"primary": True, "value": "admin", "display": "Admin", "type": "WindowsAzureActiveDirectoryRole"}
    ]


def test_entra_pathless_keys(scim: Scim) -> None:
    """Dotted, bracketed and URN keys of a value without path are paths."""
    user = scim.user()
    value = {"displayName": "x", "name.givenName": "A", WORK: "n@x", f"{ENT}:department": "D"}
    read = scim.patch(f"/Users/{user['id']}", op("replace", value=value))
    assert read["displayName"] == "x"
    assert read["name"] == {"givenName": "A"}
    assert read["emails"] == [{"type": "work", "value": "n@x"}]
    assert read[ENT] == {"department": "D"}
    assert read["schemas"] == [CORE, ENT]
    assert "name.givenName" not in read


def test_entra_pathless_extension(scim: Scim) -> None:
    """The extension as an object is merged; null clears one attribute of it."""
    path = f"/Users/{scim.user()['id']}"
    scim.patch(path, op("add", value={ENT: {"department": "D", "costCenter": "C"}}))
    assert scim.patch(path, op("replace", value={ENT: {"costCenter": None}}))[ENT] == {"department": "D"}
    read = scim.patch(path, op("replace", value={ENT: {"department": None}}))
    assert ENT not in read
    assert read["schemas"] == [CORE]


@pytest.mark.parametrize("flag", ["aadOptscim062020", "AzureAdScimPatch2017", "aadOptscim062020="])
def test_entra_flag_query(scim: Scim, flag: str) -> None:
    """Unknown query parameters never fail."""
    scim.get(f'/Users?{flag}&filter=userName+eq+"x"')
    scim.get(f'/Users?filter=userName+eq+"x"&{flag}')
    scim.post(f"/Users?{flag}", {"userName": "ana@example.com"})


@pytest.mark.parametrize("how", ["Add", "Replace"])
def test_entra_manager_string(scim: Scim, how: str) -> None:
    """A manager given as a bare id becomes a reference with our address and their name."""
    boss, user = scim.user(displayName="Boss"), scim.user()
    read = scim.patch(f"/Users/{user['id']}", op(how, f"{ENT}:manager", value=boss["id"]))
    assert read[ENT]["manager"] == {
        "value": boss["id"],
        "$ref": boss["meta"]["location"],
        "displayName": "Boss",
    }


def test_entra_manager_shapes(scim: Scim) -> None:
    """A list of one, a bare text and an object without $ref are all managers; unknown ids are kept."""
    user = scim.user()
    read = scim.patch(
        f"/Users/{user['id']}", op("Add", "manager", value=[{"$ref": "../Users/7", "value": "7"}])
    )
    assert read[ENT]["manager"] == {"value": "7"}
    assert scim.user(**{ENT: {"manager": "123"}})[ENT]["manager"] == {"value": "123"}
    assert scim.user(manager="123")[ENT]["manager"] == {"value": "123"}
    assert scim.user(**{ENT: {"manager": {"value": "9"}}})[ENT]["manager"] == {"value": "9"}


@pytest.mark.parametrize("how", [op("Remove", f"{ENT}:manager"), op("Replace", f"{ENT}:manager", value="")])
def test_entra_manager_remove(scim: Scim, how: dict[str, Any]) -> None:
    """The manager goes by remove or by an empty text."""
    user = scim.user(**{ENT: {"manager": {"value": "9"}}})
    assert ENT not in scim.patch(f"/Users/{user['id']}", how)


def test_entra_group_create(scim: Scim) -> None:
    """A schema of Entra's own is ignored; a group needs no members."""
    own = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
    group = scim.post("/Groups", {"schemas": [GROUP, own], "externalId": "8aa1", "displayName": "Eng"})
    assert group["schemas"] == [GROUP]
    assert group["externalId"] == "8aa1"


def test_entra_member_null_ref(scim: Scim) -> None:
    """A member whose $ref is null is a member."""
    user, group = scim.user(), scim.group()
    scim.patch(f"/Groups/{group['id']}", op("Add", "members", value=[{"$ref": None, "value": user["id"]}]))
    assert scim.members(group) == ids(user)


@pytest.mark.parametrize("shape", ["list", "object", "text", "path"])
def test_entra_remove_value_list(scim: Scim, shape: str) -> None:
    """Removing members by value removes those named and nobody else."""
    gone, stays = scim.user(), scim.user()
    group = scim.group(gone, stays)
    entry = {"$ref": None, "value": gone["id"]}
    value = {"list": [entry], "object": entry, "text": gone["id"]}.get(shape)
    by_path = op("Remove", f'members[value eq "{gone["id"]}"]')
    scim.patch(f"/Groups/{group['id']}", by_path if shape == "path" else op("Remove", "members", value=value))
    assert scim.members(group) == ids(stays)


@pytest.mark.parametrize("value", [[], [{}], {"id": "x"}, 7, True, [None]])
def test_generic_unreadable_members(scim: Scim, value: Any) -> None:
    """A list nobody can read removes nobody, whether by remove or by replace."""
    user = scim.user()
    group = scim.group(user)
    scim.patch(f"/Groups/{group['id']}", op("remove", "members", value=value))
    assert scim.members(group) == ids(user)
    if value != []:
        scim.patch(f"/Groups/{group['id']}", op("replace", "members", value=value))
        scim.put(f"/Groups/{group['id']}", {"displayName": "Eng", "members": value})
        assert scim.members(group) == ids(user)


def test_entra_exclude_members(scim: Scim) -> None:
    """Excluded members are not in the answer, of one group or of a list."""
    group = scim.group(scim.user())
    assert "members" not in scim.get(f"/Groups/{group['id']}?excludedAttributes=members")
    assert "members" not in scim.get("/Groups?excludedAttributes=members")["Resources"][0]


def test_entra_reference_check(scim: Scim) -> None:
    """Membership and manager can be asked by filter, with the id alone in the answer."""
    boss, other = scim.user(), scim.user()
    user = scim.user(**{ENT: {"manager": {"value": boss["id"]}}})
    group = scim.group(user)
    found = scim.find("Groups", f'id eq "{group["id"]}" and members eq "{user["id"]}"', attributes="id")
    assert found == [{"schemas": [GROUP], "id": group["id"]}]
    assert scim.find("Groups", f'id eq "{group["id"]}" and members eq "{other["id"]}"') == []
    assert (
        len(scim.find("Users", f'id eq "{user["id"]}" and manager eq "{boss["id"]}"', attributes="id")) == 1
    )
    assert scim.find("Users", f'id eq "{user["id"]}" and manager eq "{other["id"]}"') == []


def test_entra_filter_work_email(scim: Scim) -> None:
    """Work e-mail and externalId find a user; displayName finds a group in another case."""
    user = scim.user(
        externalId="Jy", emails=[{"type": "work", "value": "J@x.io"}, {"type": "home", "value": "h@x"}]
    )
    group = scim.group(displayName="Eng")
    assert scim.find("Users", 'emails[type eq "work"].value eq "j@X.io"')[0]["id"] == user["id"]
    assert scim.find("Users", 'emails[type eq "work"].value eq "h@x"') == []
    assert scim.find("Users", 'externalId eq "Jy"')[0]["id"] == user["id"]
    assert scim.find("Users", 'externalId eq "jy"') == []
    assert scim.find("Groups", 'displayName eq "ENG"')[0]["id"] == group["id"]


def test_entra_unquoted_literals(scim: Scim) -> None:
    """Literals without quotation marks are read as texts and dates."""
    user = scim.user(externalId="jyoung")
    assert scim.find("Users", "externalId eq jyoung")[0]["id"] == user["id"]
    assert scim.find("Users", "meta.created gt 2015-10-10T14:38:21.8617979-07:00")[0]["id"] == user["id"]


def test_entra_soft_delete(scim: Scim) -> None:
    """Somebody inactive is still returned by id and by filter."""
    user = scim.user(externalId="e1")
    scim.patch(f"/Users/{user['id']}", op("Replace", "active", value=False))
    assert scim.get(f"/Users/{user['id']}")["active"] is False
    assert len(scim.find("Users", 'externalId eq "e1"')) == 1


def test_entra_hard_delete(scim: Scim) -> None:
    """A deleted user is 404, again too, and has left every group."""
    user, other = scim.user(), scim.user()
    group = scim.group(user, other)
    scim.delete(f"/Users/{user['id']}")
    scim.delete(f"/Users/{user['id']}", 404)
    assert scim.members(group) == ids(other)


def test_entra_duplicate_group(entra: Scim) -> None:
    """Under Entra's profile a second group of a name, in any case, is a duplicate; renaming to it too."""
    entra.group(displayName="Eng")
    body = {"schemas": [GROUP], "displayName": "ENG"}
    assert entra.post("/Groups", body, 409)["scimType"] == "uniqueness"
    other = entra.group(displayName="Other")
    renamed = entra.patch(f"/Groups/{other['id']}", op("replace", "displayName", value="eng"), status=409)
    assert renamed["scimType"] == "uniqueness"


def test_entra_patch_group_ids(scim: Scim) -> None:
    """A group changes its externalId and displayName together."""
    group = scim.group()
    read = scim.patch(
        f"/Groups/{group['id']}",
        op("Replace", "externalId", value="e"),
        op("Replace", "displayName", value="N"),
    )
    assert (read["externalId"], read["displayName"]) == ("e", "N")


def test_entra_patch_sequence(scim: Scim) -> None:
    """Operations on one attribute count in their order."""
    user = scim.user(nickName="A")
    read = scim.patch(
        f"/Users/{user['id']}",
        op("Remove", "nickName"),
        op("Add", "nickName", value="B"),
        op("Replace", "nickName", value="C"),
    )
    assert read["nickName"] == "C"


def test_entra_empty_operations(scim: Scim) -> None:
    """No operations at all change nothing."""
    user = scim.user()
    assert scim.patch(f"/Users/{user['id']}") == user


def test_entra_patch_envelope(scim: Scim) -> None:
    """Missing schemas and names of Entra's own are passed over."""
    user, group = scim.user(), scim.group()
    member = {"value": user["id"], "displayName": "Ana"}
    operation = {"name": "addMember", "op": "Add", "path": "members", "value": [member]}
    scim.send("PATCH", f"/Groups/{group['id']}", {"id": "x", "Operations": [operation]}, (200, 204))
    assert scim.members(group) == ids(user)


def test_entra_remove_with_value(scim: Scim) -> None:
    """The value of a removal is ignored, and an e-mail without value goes as a whole."""
    user = scim.user(nickName="N", emails=[{"type": "work", "value": "w@x", "primary": True}])
    read = scim.patch(
        f"/Users/{user['id']}", op("Remove", "nickName", value="N"), op("Remove", WORK, value="anything")
    )
    assert not {"nickName", "emails"} & read.keys()


def test_entra_unknown_attribute(scim: Scim) -> None:
    """Misspelt attributes are ignored in POST, PUT and PATCH."""
    user = scim.user(dispalyName="x", title="T")
    assert "dispalyName" not in user
    assert "dispalyName" not in scim.put(f"/Users/{user['id']}", user | {"dispalyName": "x"})
    assert scim.patch(f"/Users/{user['id']}", op("add", "dispalyName", value="x")) == scim.get(
        f"/Users/{user['id']}"
    )


def test_entra_attributes_with_filter(scim: Scim) -> None:
    """A value path among the attributes means the attribute."""
    user = scim.user(emails=[{"type": "work", "value": "w@x"}], title="T")
    read = scim.get(f'/Users/{user["id"]}?attributes=emails[type eq "work"]')
    assert read == {"schemas": [CORE], "id": user["id"], "emails": [{"type": "work", "value": "w@x"}]}


def test_entra_schemas_read(scim: Scim) -> None:
    """The schemas hold no null, and User is described as Entra's portal expects."""
    listed = scim.get("/Schemas")
    described = {each["id"]: each["description"] for each in listed["Resources"]}
    assert described[CORE] == "User Account"
    assert "None" not in str(listed)


def test_entra_lowercase_route(scim: Scim) -> None:
    """Collections are found in any case."""
    assert scim.get("/users")["totalResults"] == scim.get("/USERS")["totalResults"] == 0


def test_entra_display_not_invented(scim: Scim) -> None:
    """E-mails come back with the sub-attributes that were sent and no others."""
    assert scim.user(emails=[{"value": "a@x", "type": "work"}])["emails"] == [
        {"value": "a@x", "type": "work"}
    ]


def test_entra_addresses_list(scim: Scim) -> None:
    """Six value paths make one address, and addresses are a list."""
    user = scim.user()
    names = ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
    read = scim.patch(
        f"/Users/{user['id']}",
        *(op("Add", f'addresses[type eq "work"].{name}', value=name) for name in names),
    )
    assert read["addresses"] == [{"type": "work"} | {name: name for name in names}]


def test_entra_roles_json_string(scim: Scim) -> None:
    """A JSON document inside a text stays that text."""
    text = '{"id":"1","displayName":"Admin"}'
    assert scim.user(roles=[{"value": text}])["roles"] == [{"value": text}]
    assert scim.user(roles=[text])["roles"] == [{"value": text}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b'{"userName": 7}',
        b'{"userName": {"a": 1}}',
        b'{"userName": ["a", "b"]}',
        b'{"userName": "a\\u0000b"}',
        b'{"userName": "\\ud800"}',
        b'{"userName": "a", "emails": [[[]]]}',
        b'{"userName": "a", "name": "text"}',
        b'{"userName": "a", "active": "perhaps"}',
        b'{"userName": "a", "emails": {"value": {"value": 1}}}',
        b'{"userName": "b", "x": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"userName": "c", "schemas": 7, "meta": 7, "id": 7, "groups": 7}',
        b'{"userName": "d", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": 7}',
        b'{"userName": 1e400}',
    ],
)
def test_entra_never_500(scim: Scim, body: bytes) -> None:
    """Odd bodies are created or refused, never a server error."""
    scim.send("POST", "/Users", body, (201, 400))
    user = scim.user()
    scim.send("PUT", f"/Users/{user['id']}", body, (200, 400, 409))
    scim.send("PATCH", f"/Users/{user['id']}", body, (200, 204, 400))
    operation = b'{"Operations":[{"op":"add","value":' + (body or b"1") + b"}]}"
    scim.send("PATCH", f"/Users/{user['id']}", operation, (200, 204, 400, 409))
