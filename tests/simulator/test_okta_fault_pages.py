"""Pages, links and rows of a simulated Okta that are not what they should be."""

import pytest

from tests.simulator.calls import USERS, answer, ids, rows


def test_a_next_link_may_lead_nowhere_new(okta, client):
    """P01 is the page itself; P02 comes back to the start; loop=0 always has another cursor."""
    okta.fault("P01")
    links = answer(client).links
    assert links["next"]["url"] == links["self"]["url"]
    okta.clear_faults()
    okta.fault("P02")
    seen = [answer(client)]
    for _ in range(3):
        seen.append(client.get(seen[-1].links["next"]["url"]))
    assert ids(seen[3].json()) == ids(seen[0].json())
    okta.clear_faults()
    okta.fault("next(loop=0)")
    urls = [USERS]
    for _ in range(20):
        urls.append(client.get(urls[-1]).links["next"]["url"])
    assert len(set(urls)) == 21


def test_a_next_link_may_name_another_host(okta, client):
    """P05."""
    okta.fault("P05")
    assert answer(client).links["next"]["url"].startswith("http://evil.test/api/v1/users?after=")


def test_an_empty_page_loses_nobody(okta, client):
    """P06: no rows and a next link that goes on at the same place."""
    okta.fault("P06")
    second = client.get(answer(client).links["next"]["url"])
    assert second.json() == []
    okta.clear_faults()
    okta.fault("page(empty)")
    assert ids(rows(client, USERS)) == [user["id"] for user in okta.state()["users"]]


def test_a_cursor_expires(okta, client):
    """P08: the third page is 400, and a fresh walk works."""
    okta.fault("P08")
    second = client.get(answer(client).links["next"]["url"])
    assert client.get(second.links["next"]["url"]).status_code == 400
    assert len(list(rows(client, USERS))) == 500


FORMS = [
    ("merged", 1, ", <"),
    ("unquoted", 2, ";rel=next"),
    ("comma", 2, "trace=a,b"),
    ("upper", 2, ""),
    ("reordered", 2, 'title="page, of people"'),
]


@pytest.mark.parametrize(("form", "lines", "has"), FORMS)
def test_link_headers_come_in_legal_forms(okta, client, form, lines, has):
    """P13: the next page is still there to be found."""
    okta.fault(f"link(form={form})")
    found = answer(client).headers.get_list("link")
    assert len(found) == lines
    assert any(has in line for line in found)
    assert any("next" in line for line in found)
    raw = [name for name, _ in answer(client).headers.raw if name.lower() == b"link"]
    assert raw[0] == (b"LINK" if form == "upper" else b"link")


def test_filters_are_refused_while_lists_go_on(okta, client):
    """P26."""
    okta.fault("P26")
    assert (
        client.get("/api/v1/users", params={"filter": 'status eq "ACTIVE"'}).json()["errorCode"] == "E0000031"
    )
    assert answer(client).status_code == 200


def test_half_the_people_look_like_all(okta, client):
    """The list ends legally with half of them, and the others are still found by id."""
    okta.fault("half(0.5)")
    found = ids(rows(client, USERS))
    everybody = [user["id"] for user in okta.state()["users"]]
    assert found == everybody[:250]
    assert client.get(f"/api/v1/users/{everybody[-1]}").status_code == 200


def test_rows_are_damaged_one_by_one(okta, client):
    """P19, null rows and U10 touch a single row of the page."""
    okta.fault("P19")
    assert sum("id" not in row for row in answer(client).json()) == 1
    okta.fault("null_rows(2)")
    assert answer(client).json().count(None) == 2
    okta.fault("U10")
    bad = [row for row in answer(client).json() if not isinstance(row["profile"], dict)]
    assert [bool(row["id"]) for row in bad] == [True]


def test_a_row_comes_twice(okta, client):
    """C01 equal, C02 as an older copy with other content."""
    for spec, equal in (("C01", True), ("C02", False)):
        okta.fault(spec)
        found = list(rows(client, USERS))
        doubled = [row for row in found if ids(found).count(row["id"]) == 2]
        assert len(found) == 501
        assert (doubled[0]["profile"] == doubled[1]["profile"]) is equal
        assert equal or doubled[1]["lastUpdated"] < doubled[0]["lastUpdated"]
        okta.clear_faults()


def test_somebody_goes_between_two_pages(okta, client):
    """C03 removes one, C04 exchanges one; cursors by id lose nobody else."""
    for spec, change in (("C03", -1), ("C04", 0)):
        before = {user["id"] for user in okta.state()["users"]}
        okta.fault(spec)
        found = set(ids(rows(client, USERS)))
        after = {user["id"] for user in okta.state()["users"]}
        assert len(after) - len(before) == change
        assert before & after <= found
        okta.clear_faults()


def test_somebody_flaps(okta, client):
    """C13: suspended at first, active at the end, and the truth is active."""
    okta.fault("C13")
    found = list(rows(client, USERS))
    doubled = [row for row in found if ids(found).count(row["id"]) == 2]
    assert [row["status"] for row in doubled] == ["SUSPENDED", "ACTIVE"]
    assert doubled[0]["lastUpdated"] < doubled[1]["lastUpdated"]


def test_dates_are_odd_and_ids_are_not(okta, client):
    """C10: forms differ from row to row, null among them."""
    okta.fault("C10")
    stamps = [row["lastUpdated"] for row in answer(client).json()]
    assert {type(stamp) for stamp in stamps} == {str, int, type(None)}


def test_a_page_may_be_huge(okta, client):
    """B15: as many rows as asked for, each of another id."""
    okta.fault("page_rows(5000)")
    found = ids(answer(client).json())
    assert len(set(found)) == len(found) == 5000
