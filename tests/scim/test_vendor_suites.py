"""The vendors' own test suites step by step, as far as we know them: Okta's SPEC and CRUD, Entra's validator.

The suites themselves run on the vendors' sites; here is what they send and look at, with their types.
"""

from typing import Any
from urllib.parse import quote

import pytest

from tests.scim.client import CORE, ENT, ERROR, GROUP, Scim, ids, op
from tests.scim.conftest import Connect

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@pytest.fixture
def okta(connect: Connect) -> Scim:
    """A fresh connection of Okta's type."""
    return connect("okta")


def okta_person(name: str) -> dict[str, Any]:
    return {
        "schemas": [CORE],
        "userName": f"{name}@atko.com",
        "name": {"givenName": "Runscope", "familyName": "Givenname"},
        "emails": [{"primary": True, "value": f"{name}@atko.com", "type": "work"}],
        "displayName": "Runscope Givenname",
        "locale": "en-US",
        "externalId": f"00u{name}",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }


def listed(scim: Scim, path: str) -> Any:
    """A list answer with the envelope that the suites check."""
    answer = scim.get(path)
    assert answer["schemas"] == [LIST]
    for number in ("totalResults", "startIndex", "itemsPerPage"):
        assert isinstance(answer[number], int)
    assert isinstance(answer["Resources"], list)
    return answer


def find(scim: Scim, text: str) -> Any:
    return listed(scim, f"/Users?filter={quote(text)}")


def test_okta_spec_reads(okta: Scim) -> None:
    """SPEC: a listed user has id, names, userName, active, e-mail; strangers are an empty list or 404."""
    okta.post("/Users", okta_person("first"))
    page = listed(okta, "/Users?count=1&startIndex=1")
    assert page["itemsPerPage"] == 1
    (one,) = page["Resources"]
    assert one["id"]
    assert one["name"]["familyName"]
    assert one["name"]["givenName"]
    assert one["userName"]
    assert one["active"] is True
    assert one["emails"][0]["value"]
    read = okta.get(f"/Users/{one['id']}")
    assert read == one
    assert find(okta, 'userName eq "invalid-user@atko.com"')["totalResults"] == 0
    missing = okta.get("/Users/010101001010101011001010101011", status=404)
    assert missing["schemas"] == [ERROR]
    assert missing["detail"]


def test_okta_spec_creates(okta: Scim) -> None:
    """SPEC: a new user is 201 with names echoed, found by name, and 409 the second time."""
    body = okta_person("random")
    assert find(okta, f'userName eq "{body["userName"]}"')["totalResults"] == 0
    made = okta.post("/Users", body)
    assert made["active"] is True
    assert made["id"]
    assert CORE in made["schemas"]
    for name in ("userName", "name", "emails", "displayName", "externalId"):
        assert made[name] == body[name]
    assert "password" not in made
    read = okta.get(f"/Users/{made['id']}")
    assert (read["userName"], read["name"]) == (body["userName"], body["name"])
    again = okta.post("/Users", body, status=409)
    assert again["scimType"] == "uniqueness"
    found = find(okta, f'userName eq "{body["userName"].upper()}"')
    assert [each["id"] for each in found["Resources"]] == [made["id"]]


def test_okta_crud_of_users(okta: Scim) -> None:
    """CRUD: create, read, replace with everything, deactivate by both ways, come back."""
    made = okta.post("/Users", okta_person("crud"))
    read = okta.get(f"/Users/{made['id']}")
    changed = okta.put(
        f"/Users/{made['id']}", read | {"name": {"givenName": "Another", "familyName": "Name"}}
    )
    assert changed["name"] == {"givenName": "Another", "familyName": "Name"}
    off = okta.patch(f"/Users/{made['id']}", op("replace", value={"active": False}))
    assert off["active"] is False
    assert find(okta, f'userName eq "{made["userName"]}"')["Resources"][0]["active"] is False
    on = okta.put(f"/Users/{made['id']}", changed | {"active": True})
    assert on["active"] is True
    assert on["id"] == made["id"]


def test_okta_crud_of_groups(okta: Scim) -> None:
    """CRUD: groups are listed, made, filled, renamed, emptied and deleted."""
    assert listed(okta, "/Groups?startIndex=1&count=100")["Resources"] == []
    people = [okta.post("/Users", okta_person(name)) for name in ("one", "two")]
    group = okta.post("/Groups", {"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []})
    assert okta.get(f"/Groups/{group['id']}")["displayName"] == "Test SCIMv2"
    path = f"/Groups/{group['id']}"
    everybody = [{"value": each["id"], "display": each["userName"]} for each in people]
    okta.patch(path, op("add", "members", value=everybody))
    assert okta.members(group) == ids(*people)
    okta.patch(path, op("replace", value={"id": group["id"], "displayName": "Updated SCIMv2"}))
    assert okta.members(group) == ids(*people)
    read = okta.get(path)
    assert read["displayName"] == "Updated SCIMv2"
    assert okta.put(path, read | {"members": everybody[:1]})["members"][0]["value"] == people[0]["id"]
    okta.patch(path, op("remove", f'members[value eq "{people[0]["id"]}"]'))
    assert okta.members(group) == []
    okta.delete(path)
    okta.get(path, status=404)


def entra_person(name: str) -> dict[str, Any]:
    """What the validator generates from our own schemas."""
    return {
        "schemas": [CORE, ENT],
        "externalId": f"external-{name}",
        "userName": f"{name}@contoso.com",
        "active": True,
        "displayName": "BOB",
        "title": "Engineer",
        "preferredLanguage": "en",
        "name": {"formatted": "Bob F", "familyName": "F", "givenName": "Bob"},
        "emails": [{"type": "work", "value": f"{name}@contoso.com", "primary": True}],
        "phoneNumbers": [
            {"type": "work", "value": "1-555-0100", "primary": True},
            {"type": "mobile", "value": "1-555-0101"},
            {"type": "fax", "value": "1-555-0102"},
        ],
        "addresses": [
            {
                "type": "work",
                "formatted": "F",
                "streetAddress": "S",
                "locality": "L",
                "region": "R",
                "postalCode": "P",
                "country": "C",
                "primary": True,
            }
        ],
        "roles": [{"primary": True, "display": "D", "value": "V", "type": "T"}],
        ENT: {
            "employeeNumber": "1",
            "costCenter": "c",
            "organization": "o",
            "division": "d",
            "department": "e",
        },
    }


def sent_back(body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The part of an answer that the body spoke of."""
    return {name: answer.get(name) for name in body}


def test_entra_validator_creates_and_filters(entra: Scim) -> None:
    """Create, refuse a duplicate, find by each matching attribute in any case, find nobody."""
    body = entra_person("ada")
    made = entra.post("/Users", body)
    assert sent_back(body, made) == body
    assert entra.get(f"/Users/{made['id']}") == made
    entra.post("/Users", body, status=409)
    for text in (
        'userName eq "ada@contoso.com"',
        'userName eq "ADA@CONTOSO.COM"',
        'externalId eq "external-ada"',
        'emails[type eq "work"].value eq "ada@contoso.com"',
        f'id eq "{made["id"]}"',
    ):
        assert [each["id"] for each in find(entra, text)["Resources"]] == [made["id"]], text
    assert find(entra, 'userName eq "non-existing"')["Resources"] == []


VERBOSE = [
    ("displayName", "N"),
    ("title", "N"),
    ("preferredLanguage", "N"),
    ("name.givenName", "N"),
    ("name.familyName", "N"),
    ("name.formatted", "N"),
    ('emails[type eq "work"].value', "new@contoso.com"),
    ('phoneNumbers[type eq "work"].value', "2-555"),
    ('phoneNumbers[type eq "mobile"].value', "2-556"),
    ('phoneNumbers[type eq "fax"].value', "2-557"),
    ('addresses[type eq "work"].formatted', "N"),
    ('addresses[type eq "work"].streetAddress', "N"),
    ('addresses[type eq "work"].locality', "N"),
    ('addresses[type eq "work"].region', "N"),
    ('addresses[type eq "work"].postalCode', "N"),
    ('addresses[type eq "work"].country', "N"),
    ('roles[primary eq "True"].display', "N"),
    ('roles[primary eq "True"].value', "N"),
    ('roles[primary eq "True"].type', "N"),
    (f"{ENT}:employeeNumber", "N"),
    (f"{ENT}:costCenter", "N"),
    (f"{ENT}:organization", "N"),
    (f"{ENT}:division", "N"),
    (f"{ENT}:department", "N"),
]


@pytest.mark.parametrize("start", ["full", "bare"])
@pytest.mark.parametrize("name", ["add", "replace", "Add", "Replace"])
def test_entra_validator_patches_every_attribute(entra: Scim, start: str, name: str) -> None:
    """One PATCH of all attributes, on a user who has them all and on one who has none, gives the same."""
    body = entra_person("bea") if start == "full" else {"schemas": [CORE], "userName": "bea@contoso.com"}
    made = entra.post("/Users", body)
    path = f"/Users/{made['id']}"
    read = entra.patch(path, *(op(name, where, value=value) for where, value in VERBOSE))
    assert read["name"] == {"givenName": "N", "familyName": "N", "formatted": "N"}
    assert [each["value"] for each in read["emails"]] == ["new@contoso.com"]
    assert {each["type"]: each["value"] for each in read["phoneNumbers"]} == {
        "work": "2-555",
        "mobile": "2-556",
        "fax": "2-557",
    }
    (address,) = read["addresses"]
    assert {address[part] for part in ("formatted", "streetAddress", "locality", "region", "country")} == {
        "N"
    }
    (role,) = read["roles"]
    assert role == {"primary": True, "display": "N", "value": "N", "type": "N"}
    assert set(read[ENT].values()) == {"N"}
    assert (read["displayName"], read["title"], read["userName"]) == ("N", "N", "bea@contoso.com")


def test_entra_validator_removes_every_attribute(entra: Scim) -> None:
    """Removing all that can be removed leaves userName, and no empty shells."""
    made = entra.post("/Users", entra_person("cas"))
    gone = entra.patch(
        f"/Users/{made['id']}", *(op("remove", where) for where, _ in VERBOSE if "type" not in where)
    )
    for name in ("displayName", "title", "preferredLanguage", "name", "roles", ENT):
        assert name not in gone
    assert ENT not in gone["schemas"]


def test_entra_validator_changes_one_attribute_several_times(entra: Scim) -> None:
    """Remove, add and replace of one attribute in one PATCH come in this order."""
    made = entra.post("/Users", entra_person("dot"))
    read = entra.patch(
        f"/Users/{made['id']}",
        op("remove", "displayName"),
        op("add", "displayName", value="first"),
        op("replace", "displayName", value="last"),
    )
    assert read["displayName"] == "last"


def test_entra_validator_manager(entra: Scim) -> None:
    """A manager is added, replaced and removed by the bare id."""
    boss, other, made = (entra.post("/Users", entra_person(name)) for name in ("eve", "fay", "gus"))
    path = f"/Users/{made['id']}"
    added = entra.patch(path, op("Add", f"{ENT}:manager", value=boss["id"]))
    assert added[ENT]["manager"]["value"] == boss["id"]
    assert added[ENT]["manager"]["$ref"].endswith(f"/Users/{boss['id']}")
    replaced = entra.patch(path, op("Replace", f"{ENT}:manager", value=other["id"]))
    assert replaced[ENT]["manager"]["value"] == other["id"]
    assert "manager" not in entra.patch(path, op("Remove", f"{ENT}:manager"))[ENT]


def test_entra_validator_life_of_a_user(entra: Scim) -> None:
    """Rename, disable, enable, delete; the deleted one is 404 and can be made anew."""
    made = entra.post("/Users", entra_person("hal"))
    path = f"/Users/{made['id']}"
    assert entra.patch(path, op("Replace", "userName", value="hal2@contoso.com"))["userName"].startswith(
        "hal2"
    )
    assert find(entra, 'userName eq "hal@contoso.com"')["totalResults"] == 0
    assert entra.patch(path, op("Replace", "active", value="False"))["active"] is False
    assert entra.patch(path, op("Replace", "active", value="True"))["active"] is True
    entra.delete(path)
    entra.get(path, status=404)
    entra.delete(path, status=404)
    assert entra.post("/Users", entra_person("hal"))["id"] != made["id"]


def test_entra_validator_groups(entra: Scim) -> None:
    """Groups: create, find in any case, read without members, rename, members in and out, delete."""
    people = [entra.post("/Users", entra_person(name)) for name in ("ida", "jim", "kay")]
    body = {"schemas": [GROUP], "externalId": "g-1", "displayName": "Admins"}
    group = entra.post("/Groups", body)
    assert (group["externalId"], group["displayName"]) == ("g-1", "Admins")
    path = f"/Groups/{group['id']}"
    for text in ('displayName eq "Admins"', 'displayName eq "aDMINS"', 'externalId eq "g-1"'):
        answer = listed(entra, f"/Groups?excludedAttributes=members&filter={quote(text)}")
        assert [each["id"] for each in answer["Resources"]] == [group["id"]]
        assert "members" not in answer["Resources"][0]
    nobody = quote('displayName eq "none"')
    assert listed(entra, f"/Groups?excludedAttributes=members&filter={nobody}")["Resources"] == []
    entra.patch(path, op("Replace", "displayName", value="Owners"), op("Replace", "externalId", value="g-2"))
    read = entra.get(f"{path}?excludedAttributes=members")
    assert (read["displayName"], read["externalId"]) == ("Owners", "g-2")
    everybody = [{"$ref": None, "value": each["id"]} for each in people]
    entra.patch(path, op("Add", "members", value=everybody))
    assert entra.members(group) == ids(*people)
    entra.patch(path, op("Remove", "members", value=everybody[:1]))
    assert entra.members(group) == ids(*people[1:])
    entra.patch(path, op("Remove", f'members[value eq "{people[1]["id"]}"]'))
    assert entra.members(group) == ids(people[2])
    entra.delete(path)
    entra.get(path, status=404)
