"""HTTP around resources: methods, types, limits, tokens, conditions, preferences, projections."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from scim_server.app import scim_app
from sync.push import Push
from tests.scim.client import CORE, ENT, GROUP, PATCH, Scim, op


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/Users", "GET, POST"),
        ("DELETE", "/Groups", "GET, POST"),
        ("POST", "/Users/x", "GET, PUT, PATCH, DELETE"),
        ("GET", "/Users/.search", "POST"),
        ("GET", "/Bulk", "POST"),
        ("POST", "/Schemas", "GET"),
        ("POST", "", "GET"),
    ],
)
def test_wrong_method(scim: Scim, method: str, path: str, allowed: str) -> None:
    """A wrong method is 405 and says which are right."""
    assert scim.send(method, path, b"{}", 405).headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/Nothing", "/Users/a/b", "/Bulk/x", "/Schemas/urn:none", "/ResourceTypes/None"]
)
def test_unknown_endpoints(scim: Scim, path: str) -> None:
    """An unknown address is a SCIM 404."""
    scim.get(path, 404)


@pytest.mark.parametrize(
    "odd", ["%00", "a%0d%0aX-Evil:1", "x" * 300, "%F0%9F%98%80", "%ff", "..%2f", "bulkId:1"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_odd_ids(scim: Scim, odd: str, method: str) -> None:
    """Odd ids are nobody's, whatever is to be done with them."""
    body = {"userName": "a", "Operations": [op("add", "title", value="T")]}
    answer = scim.send(method, f"/Users/{odd}", body, 404)
    assert "x-evil" not in answer.headers


def test_behind_a_router(scim: Scim, push: Push, served: Callable[..., str]) -> None:
    """Mounted in a router the endpoint finds its paths and gives addresses as when it stands alone."""
    app = Starlette(routes=[Mount("/scim/v2", app=scim_app(push, "https://directory.example.com/"))])
    answer = scim.http.get(f"{served(app)}/scim/v2/c1/ServiceProviderConfig")
    assert answer.status_code == 200
    location = "https://directory.example.com/scim/v2/c1/ServiceProviderConfig"
    assert answer.json()["meta"]["location"] == location


@pytest.mark.parametrize("path", ["/Me", "/me"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_me_is_not_implemented(scim: Scim, path: str, method: str) -> None:
    """A token is nobody's person."""
    scim.send(method, path, b"{}", 501)


@pytest.mark.parametrize("kind", ["application/xml", "application/x-www-form-urlencoded", "text/plain"])
def test_media_types(scim: Scim, kind: str) -> None:
    """A body that says it is no JSON is 415; Accept is never a reason to refuse."""
    scim.send("POST", "/Users", b'{"userName":"a"}', 415, {"Content-Type": kind})
    scim.send("GET", "/Users", headers={"Accept": kind})


def test_body_limit(scim: Scim) -> None:
    """A body above 1 MiB is 413."""
    scim.send("POST", "/Users", b'{"userName":"' + b"x" * 2**20 + b'"}', 413)


@pytest.mark.parametrize(
    "body", [b"{", b"", b"[]", b'"text"', b'{"a":' * 40 + b"1" + b"}" * 40, b'{"userName":NaN}']
)
def test_broken_bodies(scim: Scim, body: bytes) -> None:
    """What is no JSON object of sane depth is ``invalidSyntax``."""
    assert scim.send("POST", "/Users", body, 400).json()["scimType"] == "invalidSyntax"


def test_required_attributes(scim: Scim) -> None:
    """A user needs a userName and a group a displayName, at creation and after."""
    assert scim.post("/Users", {"title": "T"}, 400)["scimType"] == "invalidValue"
    assert scim.post("/Groups", {"members": []}, 400)["scimType"] == "invalidValue"
    user = scim.user()
    assert scim.put(f"/Users/{user['id']}", {"title": "T"}, 400)["scimType"] == "invalidValue"
    assert scim.get(f"/Users/{user['id']}") == user


def test_put_clears_what_is_not_sent(scim: Scim) -> None:
    """PUT leaves only what it says, but keeps ``active``; it creates nothing."""
    user = scim.user(title="T", active=False, **{ENT: {"department": "D"}})
    read = scim.put(f"/Users/{user['id']}", {"userName": user["userName"]})
    assert (read["schemas"], read["active"]) == ([CORE], False)
    assert "title" not in read
    scim.put("/Users/nobody", {"userName": "x"}, 404)


def test_rename_frees_the_old_name(scim: Scim) -> None:
    """After a rename the new name is found and taken, the old one free."""
    user = scim.user(userName="old@x")
    scim.patch(f"/Users/{user['id']}", op("replace", "userName", value="New@x"))
    assert scim.find("Users", 'userName eq "old@x"') == []
    assert scim.find("Users", 'userName eq "new@x"')[0]["id"] == user["id"]
    scim.post("/Users", {"userName": "NEW@x"}, 409)
    other = scim.user(userName="old@x")
    taken = scim.patch(f"/Users/{other['id']}", op("replace", "userName", value="new@X"), status=409)
    assert taken["scimType"] == "uniqueness"
    recased = scim.patch(f"/Users/{user['id']}", op("replace", "userName", value="new@X"))
    assert recased["userName"] == "new@X"


def test_failed_patch_changes_nothing(scim: Scim) -> None:
    """When the last operation fails the first ones are void."""
    user = scim.user()
    scim.patch(f"/Users/{user['id']}", op("add", "title", value="T"), op("remove"), status=400)
    assert scim.get(f"/Users/{user['id']}") == user


def test_patch_without_effect_keeps_version_and_time(scim: Scim) -> None:
    """Writing what is there already changes neither version nor lastModified."""
    user = scim.user(title="T", emails=[{"value": "a@x", "type": "work"}])
    same = [op("add", "title", value="T"), op("add", "emails", value=user["emails"])]
    assert scim.patch(f"/Users/{user['id']}", *same) == user
    assert scim.put(f"/Users/{user['id']}", user) == user


def test_etag_conditions(scim: Scim) -> None:
    """If-None-Match spares a body, If-Match refuses who is late; lists and * are understood."""
    created = scim.send("POST", "/Users", {"userName": "ana@x"}, 201)
    path = f"/Users/{created.json()['id']}"
    tag = created.headers["etag"]
    assert tag == created.json()["meta"]["version"]
    not_modified = scim.send("GET", path, status=304, headers={"If-None-Match": f'"other", {tag}'})
    assert (not_modified.content, not_modified.headers["etag"]) == (b"", tag)
    body = {"schemas": [PATCH], "Operations": [op("add", "title", value="T")]}
    newer = scim.send("PATCH", path, body, 200, {"If-Match": f'W/"77", {tag}'}).headers["etag"]
    assert newer != tag
    for method in ("PATCH", "PUT", "DELETE"):
        scim.send(method, path, body | {"userName": "b"}, 412, {"If-Match": tag})
    scim.send("GET", path, headers={"If-None-Match": tag})
    scim.send("PATCH", path, body, 200, {"If-Match": "*"})
    scim.send("PATCH", path, body, 412, {"If-Match": "garbage"})
    scim.send("DELETE", path, None, 204, {"If-Match": newer})


def test_prefer(scim: Scim) -> None:
    """Clients choose between the resource and nothing, and are told what was done."""
    minimal, whole = {"Prefer": "return=minimal"}, {"Prefer": "respond-async, return=representation"}
    created = scim.send("POST", "/Users", {"userName": "ana@x"}, 201, minimal)
    assert (created.content, created.headers["preference-applied"]) == (b"", "return=minimal")
    path = created.headers["location"].removeprefix(scim.base)
    assert scim.send("PUT", path, {"userName": "ana@x"}, 204, minimal).headers["preference-applied"]
    body = {"Operations": [op("add", "title", value="T")]}
    answer = scim.send("PATCH", path, body, 200, whole)
    assert answer.headers["preference-applied"] == "return=representation"
    assert scim.send("PATCH", f"{path}?attributes=title", body, 200, minimal).json()["title"] == "T"


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("attributes=userName", {"userName"}),
        ("attributes=USERNAME,Title", {"userName", "title"}),
        ("attributes=userName&attributes=title", {"userName", "title"}),
        (f"attributes={CORE}:userName", {"userName"}),
        ("attributes=nothing", set()),
        ("attributes=password", set()),
        ("attributes=meta.location", {"meta"}),
        (f"attributes={ENT}", {ENT}),
        (f"attributes={ENT}:department", {ENT}),
        ("attributes=userName&excludedAttributes=userName", {"userName"}),
        (
            "excludedAttributes=id,schemas,emails,meta,groups,name,active",
            {"userName", "title", ENT},
        ),
        (f"excludedAttributes={ENT},emails,meta,groups,name,active", {"userName", "title"}),
    ],
)
def test_projection(scim: Scim, query: str, keys: set[str]) -> None:
    """Attributes are kept or left out as asked, in one resource, in lists and in answers to writes."""
    user = scim.user(
        title="T",
        name={"givenName": "A"},
        emails=[{"value": "a@x"}],
        **{ENT: {"department": "D", "costCenter": "C"}},
    )
    path = f"/Users/{user['id']}"
    always = {"schemas", "id"}
    assert scim.get(f"{path}?{query}").keys() == keys | always
    assert scim.get(f"/Users?{query}")["Resources"][0].keys() == keys | always
    assert scim.put(f"{path}?{query}", user).keys() == keys | always
    body = {"Operations": [op("add", "title", value="U")]}
    assert scim.send("PATCH", f"{path}?{query}", body).json().keys() == keys | always


def test_projection_of_parts(scim: Scim) -> None:
    """Sub-attributes are kept or left out on their own."""
    user = scim.user(
        name={"givenName": "A", "familyName": "L"}, **{ENT: {"department": "D", "costCenter": "C"}}
    )
    path = f"/Users/{user['id']}"
    assert scim.get(f"{path}?attributes=name.givenName")["name"] == {"givenName": "A"}
    assert scim.get(f"{path}?attributes={ENT}:costCenter")[ENT] == {"costCenter": "C"}
    assert scim.get(f"{path}?excludedAttributes=name.givenName")["name"] == {"familyName": "L"}
    assert scim.get(f"{path}?excludedAttributes={ENT}:costCenter")[ENT] == {"department": "D"}


def test_other_connections_are_invisible(scim: Scim, connect: Any) -> None:
    """A token opens its own connection only; another's users are unknown, and so are unknown connections."""
    other = connect()
    user = scim.user(userName="ana@x")
    other.get(f"/Users/{user['id']}", 404)
    other.delete(f"/Users/{user['id']}", 404)
    assert other.find("Users", "userName pr") == []
    other.user(userName="ana@x")
    wrong = Scim(scim.http, other.base, scim.token).send("GET", "/Users", status=401)
    unknown = Scim(scim.http, f"{scim.base}x", scim.token).send("GET", "/Users", status=401)
    assert wrong.content == unknown.content


def test_paused_connection_asks_to_come_back(connect: Any) -> None:
    """A paused connection answers 503 with its reason, to those only who hold its token."""
    paused = connect(paused=True)
    answer = paused.send("POST", "/Users", {"userName": "a"}, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert "paused" in answer.json()["detail"]
    paused.send("GET", "/Users", status=401, headers={"Authorization": "Bearer wrong"})


def test_protocol_version_in_the_path(scim: Scim) -> None:
    """v2 in the path is tolerated; another version is ``invalidVers``."""
    assert scim.get("/v2/Users")["totalResults"] == 0
    assert scim.get("/v1/Users", 400)["scimType"] == "invalidVers"


def test_nested_groups(scim: Scim) -> None:
    """A user shows the groups they are in through another group, even when groups go round in a circle."""
    user = scim.user()
    inner = scim.group(user)
    outer = scim.group(inner)
    scim.patch(f"/Groups/{inner['id']}", op("add", "members", value=[{"value": outer["id"]}]))
    groups = {each["value"]: each["type"] for each in scim.get(f"/Users/{user['id']}")["groups"]}
    assert groups == {inner["id"]: "direct", outer["id"]: "indirect"}


def test_deleted_group_leaves_its_members(scim: Scim) -> None:
    """When a group goes its members lose it and stay."""
    user = scim.user()
    scim.delete(f"/Groups/{scim.group(user)['id']}")
    assert scim.get(f"/Users/{user['id']}")["groups"] == []


def test_pending_member_resolves(scim: Scim) -> None:
    """A member sent before the person joins once the person comes, by externalId; the answer says so."""
    group = scim.group("ext-1")
    user = scim.user(externalId="ext-1")
    assert [each["value"] for each in user["groups"]] == [group["id"]]
    assert [each["value"] for each in scim.get(f"/Users/{user['id']}")["groups"]] == [group["id"]]


def test_large_group_is_not_sent_back(scim: Scim) -> None:
    """A PATCH of a group of more than 200 answers 204, unless the client wants it."""
    group = scim.group(*(f"pending-{number}" for number in range(201)))
    body = {"Operations": [op("add", "members", value=[{"value": "one-more"}])]}
    scim.send("PATCH", f"/Groups/{group['id']}", body, 204)
    answer = scim.send("PATCH", f"/Groups/{group['id']}", body, 200, {"Prefer": "return=representation"})
    assert len(answer.json()["members"]) == 202


def test_strict_profile(strict: Scim) -> None:
    """A strict connection refuses what only lenient ones take."""
    for body in ({"userName": "a", "dispalyName": "x"}, {"userName": "a", "active": "True"}):
        strict.post("/Users", {"schemas": [CORE], **body}, 400)
    user = strict.user(externalId="e", active=False)
    assert (
        strict.post("/Users", {"schemas": [CORE], "userName": "b", "externalId": "e"}, 409)["scimType"]
        == "uniqueness"
    )
    strict.post("/Groups", {"schemas": [GROUP], "displayName": "g", "members": [{"value": "nobody"}]}, 400)
    strict.get("/Users?filter=userName+eq+a", 400)
    strict.get("/Users?attributes=id&excludedAttributes=id", 400)
    strict.patch(f"/Users/{user['id']}", status=400)
