"""Lists: index paging, sorting, cursors, totals, and the same questions by POST."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.scim.client import Scim

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


def names(listed: Any) -> list[str]:
    return [each["userName"] for each in listed["Resources"]]


@pytest.fixture
def five(scim: Scim) -> list[str]:
    """The names of five users in the order they were made."""
    return [scim.user(userName=f"{letter}@x", title=letter)["userName"] for letter in "cAebD"]


@pytest.mark.parametrize(
    ("query", "start", "places"),
    [
        ("", 1, [0, 1, 2, 3, 4]),
        ("startIndex=2&count=2", 2, [1, 2]),
        ("startIndex=0&count=1", 1, [0]),
        ("startIndex=-7&count=1", 1, [0]),
        ("startIndex=5&count=9", 5, [4]),
        ("startIndex=6&count=9", 6, []),
        ("startIndex=99999999999999999999", 2**31 - 1, []),
        ("count=0", 1, []),
        ("count=-3", 1, []),
        ("count=99999999999999999999", 1, [0, 1, 2, 3, 4]),
        ("STARTINDEX=2&Count=1", 2, [1]),
        ("startIndex=&count=", 1, [0, 1, 2, 3, 4]),
    ],
)
def test_index_paging(scim: Scim, five: list[str], query: str, start: int, places: list[int]) -> None:
    """Each page holds what RFC 7644 §3.4.2.4 says, and the total is the whole."""
    listed = scim.get(f"/Users?{query}")
    assert names(listed) == [five[place] for place in places]
    assert (listed["totalResults"], listed["itemsPerPage"]) == (5, len(places))
    assert listed["startIndex"] == start


@pytest.mark.parametrize("query", ["count=many", "startIndex=1.5", "startIndex=" + "9" * 5000, "count=%00"])
def test_numbers_must_be_numbers(scim: Scim, query: str) -> None:
    """What is no whole number is ``invalidValue``."""
    assert scim.get(f"/Users?{query}", 400)["scimType"] == "invalidValue"


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("sortBy=userName", "AbcDe"),
        ("sortBy=USERNAME&sortOrder=descending", "eDcbA"),
        ("sortBy=emails.value", "cAebD"),
        ("sortBy=nothing", "cAebD"),
        ("sortBy=meta.created&sortOrder=Descending", "DbeAc"),
    ],
)
def test_sorting(scim: Scim, five: list[str], query: str, order: str) -> None:
    """Sorting ignores case where the attribute does, and passes over what it does not know."""
    assert [name[0] for name in names(scim.get(f"/Users?{query}"))] == list(order)


@pytest.mark.parametrize(("order", "expected"), [("ascending", "ab-"), ("descending", "-ba")])
def test_missing_values_sort_last_and_descending_first(scim: Scim, order: str, expected: str) -> None:
    """Who has no value stands at the end ascending and at the beginning descending."""
    for title in ("b", None, "a"):
        scim.user(title=title)
    listed = scim.get(f"/Users?sortBy=title&sortOrder={order}")
    assert "".join(each.get("title", "-") for each in listed["Resources"]) == expected


def walk(scim: Scim, query: str) -> list[str]:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        listed = scim.get(f"/Users?{query}&cursor={cursor}")
        assert listed["totalResults"] == 5
        assert "startIndex" not in listed
        seen += names(listed)
        cursor = listed.get("nextCursor")
    return seen


@pytest.mark.parametrize(
    "query", ["count=2", "count=5", "count=2&sortBy=userName", "count=1&sortBy=title&filter=title+pr"]
)
def test_cursors_walk_everything_once(scim: Scim, five: list[str], query: str) -> None:
    """A walk by cursor sees everybody once and ends."""
    assert sorted(walk(scim, query)) == sorted(five)


def test_cursor_survives_insertions_and_removals(scim: Scim, five: list[str]) -> None:
    """Somebody deleted behind the cursor hides nobody before it."""
    first = scim.get("/Users?count=2&cursor=")
    scim.delete(f"/Users/{first['Resources'][0]['id']}")
    second = scim.get(f"/Users?count=2&cursor={first['nextCursor']}")
    assert names(first) + names(second) == five[:4]


@pytest.mark.parametrize(
    ("change", "scim_type"),
    [
        (lambda cursor: f"cursor={cursor}&filter=title+pr", "invalidCursor"),
        (lambda cursor: f"cursor={cursor}&sortBy=title", "invalidCursor"),
        (lambda cursor: f"cursor={cursor[:-2]}xx", "invalidCursor"),
        (lambda _cursor: "cursor=garbage", "invalidCursor"),
        (lambda _cursor: "cursor=%C3%A9%00", "invalidCursor"),
        (lambda cursor: f"cursor={cursor}&count=3", "invalidCount"),
    ],
)
def test_cursor_belongs_to_its_question(
    scim: Scim, five: list[str], change: Callable[[str], str], scim_type: str
) -> None:
    """Another filter, order or page size, or no cursor of ours, is refused by name."""
    cursor = scim.get("/Users?count=2&cursor=")["nextCursor"]
    assert scim.get(f"/Users?{change(cursor)}", 400)["scimType"] == scim_type


def test_search_by_post(scim: Scim, five: list[str]) -> None:
    """``/.search`` takes the parameters of a list in its body."""
    body = {
        "schemas": [SEARCH],
        "filter": 'userName sw "a" or userName sw "b"',
        "sortBy": "userName",
        "startIndex": 2,
        "count": 1,
        "attributes": ["userName"],
    }
    listed = scim.post("/Users/.search", body, 200)
    assert listed["totalResults"] == 2
    assert [each.keys() for each in listed["Resources"]] == [{"schemas", "id", "userName"}]
    assert names(listed) == ["b@x"]
    first = scim.post("/Users/.search", {"cursor": "", "count": 4}, 200)
    rest = scim.post("/Users/.search", {"cursor": first["nextCursor"], "count": 4}, 200)
    assert names(first) + names(rest) == five


@pytest.mark.parametrize("body", [[], {"filter": 7}, {"count": "x"}, {"startIndex": {}}, {"cursor": 1}])
def test_search_refuses_odd_bodies(scim: Scim, body: Any) -> None:
    """A search body of wrong types is 400."""
    scim.post("/Users/.search", body, 400)


def test_root_covers_users_and_groups(scim: Scim, five: list[str]) -> None:
    """The root lists users, then groups, under one index, by GET and by POST."""
    groups = [scim.group()["id"] for _ in range(3)]
    listed = scim.post("/.search", {"startIndex": 5, "count": 2}, 200)
    assert listed["totalResults"] == 8
    assert [each["meta"]["resourceType"] for each in listed["Resources"]] == ["User", "Group"]
    only = scim.get("/?filter=meta.resourceType+eq+Group")
    assert [each["id"] for each in only["Resources"]] == groups
    assert scim.get("?startIndex=7&count=9")["itemsPerPage"] == 2
