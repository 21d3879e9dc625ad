"""What we announce of ourselves, and that it is true."""

import pytest

from tests.scim.client import CORE, ENT, GROUP, Scim


def test_service_provider_config(scim: Scim) -> None:
    """The configuration names what works, without a token and for any connection alike."""
    read = scim.get("/ServiceProviderConfig")
    for feature in ("patch", "bulk", "filter", "sort", "etag"):
        assert read[feature]["supported"] is True
    assert read["changePassword"] == {"supported": False}
    assert read["pagination"]["cursor"] is True
    assert read["filter"]["maxResults"] == read["pagination"]["maxPageSize"] >= 200
    assert read["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    assert read["meta"]["location"] == f"{scim.base}/ServiceProviderConfig"
    elsewhere = scim.http.get(f"{scim.base}x/serviceproviderconfig")
    assert elsewhere.status_code == 200


def test_no_request_is_answered_later(scim: Scim) -> None:
    """Nothing of RFC 9967 is announced, and who asks for a later answer gets it at once."""
    assert "securityEvents" not in scim.get("/ServiceProviderConfig")
    body = {"schemas": [CORE], "userName": "ana@example.com"}
    answer = scim.send("POST", "/Users", body, 201, headers={"Prefer": "respond-async, wait=5"})
    assert "respond-async" not in answer.headers.get("preference-applied", "")
    assert "set-txn" not in answer.headers
    assert scim.get(f"/Users/{answer.json()['id']}")["userName"] == "ana@example.com"


def test_resource_types(scim: Scim) -> None:
    """Both types are listed, and each is found by its name."""
    listed = scim.get("/ResourceTypes")
    assert [each["id"] for each in listed["Resources"]] == ["User", "Group"]
    user = scim.get("/ResourceTypes/User")
    assert (user["endpoint"], user["schema"]) == ("/Users", CORE)
    assert user["schemaExtensions"] == [{"schema": ENT, "required": False}]
    assert user["meta"]["location"] == f"{scim.base}/ResourceTypes/User"


def test_schemas(scim: Scim) -> None:
    """Three schemas are listed; passwords are not announced, since none is kept."""
    listed = scim.get("/Schemas")
    assert {each["id"] for each in listed["Resources"]} == {CORE, GROUP, ENT}
    user = scim.get(f"/Schemas/{CORE}")
    attributes = {each["name"]: each for each in user["attributes"]}
    assert "password" not in attributes
    assert attributes["userName"]["required"] is True
    assert attributes["userName"]["caseExact"] is False
    assert user["meta"]["location"] == f"{scim.base}/Schemas/{CORE}"


@pytest.mark.parametrize("path", ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"])
def test_discovery_is_read_whole(scim: Scim, path: str) -> None:
    """Discovery cannot be filtered or written; paging is ignored."""
    scim.get(f'{path}?filter=id+eq+"x"', 403)
    scim.send("POST", path, b"{}", 405)
    assert scim.get(f"{path}?startIndex=9&count=1") == scim.get(path)


def test_extensions_by_configuration(connect: object) -> None:
    """A schema of the connection's settings is announced, stored, shown and filtered."""
    urn = "urn:example:params:scim:schemas:badge:2.0:User"
    schema = {
        "id": urn,
        "name": "Badge",
        "attributes": [{"name": "badgeNumber", "type": "integer"}, {"name": "floors", "multiValued": True}],
    }
    scim: Scim = connect(extensions={"User": [schema]})  # type: ignore[operator]
    assert urn in {each["id"] for each in scim.get("/Schemas")["Resources"]}
    user = scim.user(**{urn: {"badgenumber": "17", "Floors": ["1", "2", "1"], "other": 1}})
    assert user["schemas"] == [CORE, urn]
    assert user[urn] == {"badgeNumber": 17, "floors": ["1", "2"]}
    assert len(scim.find("Users", f"{urn}:badgeNumber gt 16")) == 1
    assert scim.find("Users", "badgeNumber gt 17") == []
    assert len(scim.find("Users", f'{urn}:floors eq "2"')) == 1


def test_discovery_is_not_sent_twice(scim: Scim) -> None:
    """A client that has a document already, by its entity tag, gets 304 and no body."""
    for path in ("/ServiceProviderConfig", "/Schemas", "/ResourceTypes/User"):
        first = scim.send("GET", path)
        tag = first.headers["etag"]
        again = scim.send("GET", path, status=304, headers={"If-None-Match": tag})
        assert again.content == b""
        assert scim.send("GET", path, headers={"If-None-Match": 'W/"other"'}).content == first.content
