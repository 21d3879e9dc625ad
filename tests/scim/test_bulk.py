"""Bulk: references forwards, backwards and in circles, failures and their dependants, limits."""

from typing import Any

import pytest

from tests.scim.client import CORE, GROUP, Scim, ids, op

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def run(scim: Scim, *operations: dict[str, Any], status: int = 200, **more: Any) -> Any:
    answer = scim.post("/Bulk", {"schemas": [REQUEST], "Operations": list(operations), **more}, status)
    if status == 200:
        assert answer["schemas"] == [RESPONSE]
        return answer["Operations"]
    return answer


def user(bulk_id: str, name: str | None = None) -> dict[str, Any]:
    data = {"schemas": [CORE], "userName": name or f"{bulk_id}@x"}
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data}


def group(bulk_id: str, *members: str) -> dict[str, Any]:
    listed = [{"value": f"bulkId:{each}"} for each in members]
    data = {"schemas": [GROUP], "displayName": f"Group {bulk_id}", "members": listed}
    return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data}


def statuses(results: Any) -> list[str]:
    return [each["status"] for each in results]


def fetched(scim: Scim, result: Any) -> Any:
    return scim.get(result["location"].removeprefix(scim.base))


def test_forward_reference(scim: Scim) -> None:
    """A group listed before its user gets its member; results stand in request order."""
    results = run(scim, group("g", "u"), user("u"))
    assert statuses(results) == ["201", "201"]
    assert [each["bulkId"] for each in results] == ["g", "u"]
    made, member = (fetched(scim, each) for each in results)
    assert scim.members(made) == ids(member)
    assert results[1]["version"] == member["meta"]["version"]


def test_circular_reference(scim: Scim) -> None:
    """Two groups in each other, and one in itself, are made."""
    results = run(scim, group("a", "b"), group("b", "a"), group("c", "c"))
    assert statuses(results) == ["201", "201", "201"]
    a, b, c = (fetched(scim, each) for each in results)
    assert (scim.members(a), scim.members(b), scim.members(c)) == (ids(b), ids(a), ids(c))


def test_all_methods_with_references_in_paths(scim: Scim) -> None:
    """What was made in the request can be changed and deleted in it."""
    kept = scim.user()
    results = run(
        scim,
        user("u"),
        {
            "method": "patch",
            "path": "/Users/bulkId:u",
            "data": {"Operations": [op("add", "title", value="T")]},
        },
        {"method": "PUT", "path": f"/Users/{kept['id']}", "data": {"userName": "kept@x"}},
        group("g", "u"),
        {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"Operations": [op("remove", "members")]}},
        {"method": "DELETE", "path": "/Groups/bulkId:g"},
    )
    assert statuses(results) == ["201", "200", "200", "201", "200", "204"]
    assert fetched(scim, results[0])["title"] == "T"
    assert fetched(scim, results[2])["userName"] == "kept@x"
    assert scim.get("/Groups")["totalResults"] == 0


def test_failures_and_dependants(scim: Scim) -> None:
    """Who refers to a failed operation fails with 409, the rest goes on."""
    scim.user(userName="taken@x")
    results = run(scim, user("u", "taken@x"), group("g", "u"), user("v"), group("h", "nobody"))
    assert statuses(results) == ["409", "409", "201", "409"]
    assert results[0]["response"]["scimType"] == "uniqueness"
    assert "location" not in results[0]
    assert results[1]["response"]["status"] == "409"
    assert "response" not in results[2]


def test_fail_on_errors(scim: Scim) -> None:
    """After so many errors the rest is left undone and unmentioned."""
    scim.user(userName="taken@x")
    results = run(scim, user("a"), user("b", "taken@x"), user("c"), failOnErrors=1)
    assert statuses(results) == ["201", "409"]
    assert scim.find("Users", 'userName eq "c@x"') == []


def test_version_is_a_condition(scim: Scim) -> None:
    """The version of an operation works as If-Match."""
    one = scim.user()
    path = f"/Users/{one['id']}"
    results = run(
        scim, {"method": "DELETE", "path": path, "version": 'W/"99"'}, {"method": "DELETE", "path": path}
    )
    assert statuses(results) == ["412", "204"]


@pytest.mark.parametrize(
    "operation",
    [
        7,
        {},
        {"method": "GET", "path": "/Users/x"},
        {"method": "POST", "path": "/Bulk", "data": {}},
        {"method": "POST", "path": "/Users/x", "data": {}},
        {"method": "DELETE", "path": "/Users"},
        {"method": "DELETE", "path": 7},
        {"method": "POST", "path": "/Users", "bulkId": 7, "data": {}},
    ],
)
def test_malformed_operations(scim: Scim, operation: Any) -> None:
    """An operation that cannot be meant refuses the whole request."""
    run(scim, user("a"), operation, status=400)
    assert scim.get("/Users")["totalResults"] == 0


def test_limits(scim: Scim) -> None:
    """Too many operations are 413 and say the limit; a bulkId twice is 400."""
    many = [{"method": "DELETE", "path": "/Users/x"}] * 1001
    assert "1000" in run(scim, *many, status=413)["detail"]
    run(scim, user("a"), user("a"), status=400)
    run(scim, status=400, failOnErrors="x")
    assert run(scim) == []


@pytest.mark.parametrize("data", [None, 7, [], {"userName": {"a": 1}}, {"userName": "bulkId:zzz"}])
def test_odd_data(scim: Scim, data: Any) -> None:
    """Odd data fails its own operation only."""
    results = run(scim, {"method": "POST", "path": "/Users", "data": data}, user("b"))
    assert results[0]["status"] in {"400", "409"}
    assert results[1]["status"] == "201"
