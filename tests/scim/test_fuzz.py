"""Whatever a client sends, the answer is SCIM and never a server error.

`make fuzz` sends more than 100,000 requests to each kind of database.
"""

from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scim.client import ENT, Scim

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "x", "true", "False", "1", "\0", "é", "a@x", '"', "bulkId:a", "2011-05-13T04:42:34Z"]
    ),
)
NAMES = st.one_of(
    st.sampled_from(
        [
            "userName",
            "displayName",
            "emails",
            "name",
            "active",
            "roles",
            "members",
            "groups",
            "id",
            "meta",
            "schemas",
        ]
    ),
    st.sampled_from(
        [ENT, f"{ENT}:manager", "externalId", "value", "type", "primary", "$ref", "x.y", "emails.value"]
    ),
    st.sampled_from(
        ['emails[type eq "work"].value', "members[value eq x]", "addresses[", "urn:x:y", "password"]
    ),
    TEXTS,
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, width=32), TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
BODIES = st.one_of(VALUES, st.dictionaries(NAMES, VALUES, max_size=6))
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "Replace", "remove", "move"])},
        optional={"path": st.one_of(NAMES, VALUES), "value": VALUES},
    ),
    max_size=4,
)
WORDS = st.sampled_from(
    [
        *("userName", "emails", "active", "meta.created", "members", "manager", "schemas", ".value"),
        *("(", ")", "[", "]", "and", "or", "not", "eq", "ne", "co", "gt", "pr"),
        *("true", "null", "1e999", "2011-05-13", '"x"', "'", '"', "\\"),
    ]
)
FILTERS = st.one_of(st.lists(WORDS, max_size=9).map(" ".join), st.text(max_size=20))

TRIES = settings().max_examples * 3 // 2
"""As the profile says, and half as many again."""

LIMITED = settings(
    max_examples=TRIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
ANY_BUT_5XX = tuple(range(200, 500))


def _sendable(body: Any) -> Any:
    """JSON that any client could write: integers of 64 bits, no half surrogates."""
    if isinstance(body, dict):
        return {_sendable(key): _sendable(value) for key, value in body.items()}
    if isinstance(body, list):
        return [_sendable(value) for value in body]
    if isinstance(body, str):
        return body.encode("utf-8", "replace").decode()
    return body


@LIMITED
@given(body=BODIES)
def test_bodies(scim: Scim, body: Any) -> None:
    """Any JSON at all may be posted and put."""
    for collection in ("/Users", "/Groups"):
        answer = scim.send("POST", collection, _sendable(body), ANY_BUT_5XX)
        if answer.status_code == 201:
            path = answer.headers["location"].removeprefix(scim.base)
            assert scim.put(path, answer.json()) == answer.json()
            scim.delete(path)
    scim.send("POST", "/Bulk", _sendable(body), ANY_BUT_5XX)
    scim.send("POST", "/.search", _sendable(body), ANY_BUT_5XX)


@LIMITED
@given(operations=OPERATIONS)
def test_patches(scim: Scim, operations: Any) -> None:
    """Any operations may be sent; what is refused has changed nothing."""
    for resource, collection in ((scim.user(), "/Users"), (scim.group(), "/Groups")):
        path = f"{collection}/{resource['id']}"
        answer = scim.send("PATCH", path, {"Operations": _sendable(operations)}, ANY_BUT_5XX)
        if answer.status_code >= 400:
            assert scim.get(path) == resource
        elif answer.content:
            assert scim.get(path) == answer.json()
        scim.delete(path)


@LIMITED
@given(text=FILTERS, sort_by=st.one_of(NAMES, st.just("userName")), start=TEXTS)
def test_queries(scim: Scim, text: str, sort_by: str, start: str) -> None:
    """Any filter, order, page and projection may be asked for."""
    asked = {"filter": text, "sortBy": sort_by, "startIndex": start, "attributes": sort_by}
    query = "&".join(
        f"{name}={quote(value.encode('utf-8', 'replace'))}" for name, value in asked.items() if value
    )
    for path in ("/Users", "/Groups", "/"):
        scim.send("GET", f"{path}?{query}", status=ANY_BUT_5XX)


@LIMITED
@given(
    segments=st.lists(TEXTS, min_size=1, max_size=3),
    method=st.sampled_from(["GET", "PUT", "PATCH", "DELETE"]),
)
def test_paths(scim: Scim, segments: list[str], method: str) -> None:
    """Any address may be asked for."""
    path = "/".join(quote(each.encode("utf-8", "replace"), safe="") for each in segments)
    for start in ("/", "/Users/", "/Groups/"):
        scim.send(method, f"{start}{path}", b"{}", (*ANY_BUT_5XX, 501))


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(values)
        for name, values in {
            "If-Match": ['W/"1"', '"1", "2"', "*", "x", 'W/"999999999999999999999"'],
            "If-None-Match": ['W/"1"', "*", '"', "1"],
            "Prefer": ["return=minimal", "return=representation", "respond-async, wait=1", ";;=", "return"],
            "Content-Type": ["application/json", "text/xml", "application/scim+json; charset=utf-8", ";"],
            "Accept": ["*/*", "text/html", "application/scim+json;q=0"],
            "Authorization": ["Bearer", "Basic eA==", "Bearer " + "x" * 2000, "bearer x"],
        }.items()
    },
)
COLLECTIONS = ("/Users", "/Groups", "/Users/{id}", "/Groups/{id}", "/Users/.search", "/v2/Users", "/v1/Users")
OTHERS = ("/Bulk", "/Me", "/.search", "/", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/Nothing")
ENDPOINTS = st.sampled_from([*COLLECTIONS, *OTHERS])
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])


@LIMITED
@given(endpoint=ENDPOINTS, method=METHODS, headers=HEADERS, body=st.one_of(st.none(), BODIES))
def test_endpoints(scim: Scim, endpoint: str, method: str, headers: dict[str, str], body: Any) -> None:
    """Any method with any headers may be sent to any endpoint."""
    user = scim.user()
    path = endpoint.replace("{id}", user["id"])
    content = None if body is None else _sendable(body)
    scim.send(method, path, content, (*ANY_BUT_5XX, 501), headers)
    scim.send("DELETE", f"/Users/{user['id']}", status=(204, 404))
