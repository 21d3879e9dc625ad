"""Each fault does on the wire what its row says."""

import gzip
import json
import zlib
from email.utils import parsedate_to_datetime

import httpx
import pytest

from providers.simulator.faults import ALWAYS, CATALOGUE, SWITCHES, BadFault, Kind, parse
from providers.simulator.server import build
from providers.simulator.vendor import TYPES
from tests.simulator.calls import connect, ids, rows

USERS = "/api/v1/users?limit=100"


def answer(client, path=USERS, **params):
    return client.get(path, params=params or None)


# ---- the text of a fault


def test_a_spec_is_read_with_arguments_and_selectors():
    """Positional and named arguments, and selectors both inside and after @."""
    armed = parse("deny(401,times=always)@page=3,nth=2@op=users.list")
    assert (armed.name, armed.args, armed.page, armed.nth) == ("deny", ("401",), 3, 2)
    assert (armed.times, armed.op) == (ALWAYS, "users.list")
    assert parse("body({})").args == ("{}",)
    assert parse("throttle(wait=-30)").named == {"wait": "-30"}
    assert parse("fail(500)", page=2, times="always", after=5).after_s == 5


def test_an_id_brings_its_rows_own_spec():
    """P21 is a 500 on page two for ever; what is said beside it wins."""
    armed = parse("P21")
    assert (armed.name, armed.args, armed.page, armed.times) == ("fail", ("500",), 2, ALWAYS)
    assert parse("p21@page=4").page == 4
    assert parse("T01(wait=2)").named == {"wait": "2"}


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.id)
def test_every_row_of_the_catalogue_can_be_switched_on(row):
    """Its spec parses, its switch exists, and the simulators accept those that apply to them."""
    assert parse(row.id).name == row.name
    assert row.name in SWITCHES
    for type in row.applies_to & TYPES.keys() if row.id != "G05" else ():
        build(type, users=60, groups=20, faults=[row.id])


def test_an_unknown_fault_is_named_with_the_nearest():
    """A typo is answered with the name that was meant."""
    with pytest.raises(BadFault, match="did you mean 'throttle'"):
        parse("throtle(wait=1)")
    with pytest.raises(BadFault, match="selector"):
        parse("fail(500)@pages=2")
    with pytest.raises(BadFault, match="whole numbers"):
        parse("fail(500)@page=two")


def test_the_control_plane_answers_400_to_a_bad_fault(client):
    """The same parser, as HTTP."""
    for name in ("throtle", "error(E1)", "drop_permission(everything)", "email(wrong)"):
        response = client.post("/_sim/faults", json={"name": name})
        assert response.status_code == 400, name
        assert response.json()["error"]
    assert client.get("/_sim/faults").json()["armed"] == []


def test_a_fault_acts_as_often_as_it_was_told_and_can_be_cleared(okta, client):
    """Once by default, n times, from the nth match on, later; and not at all once cleared."""
    okta.fault("fail(503)")
    assert [answer(client).status_code for _ in range(2)] == [503, 200]
    okta.fault("fail(503)", times=2, nth=2)
    assert [answer(client).status_code for _ in range(4)] == [200, 503, 503, 200]
    okta.fault("fail(503)", times="always")
    assert answer(client).status_code == 503
    okta.clear_faults()
    assert answer(client).status_code == 200
    okta.fault("fail(503)", after=60)
    assert answer(client).status_code == 200
    okta.clock(advance=61)
    assert answer(client).status_code == 503


def test_a_fault_keeps_to_its_operation_page_and_id(okta, client):
    """Other calls go on."""
    okta.fault("fail(500)@op=members,times=always")
    group = okta.state()["groups"][0]["id"]
    assert answer(client).status_code == 200
    assert client.get(f"/api/v1/groups/{group}/users").status_code == 500
    okta.clear_faults()
    okta.fault("P21")
    first = answer(client)
    assert [first.status_code, client.get(first.links["next"]["url"]).status_code] == [200, 500]
    okta.clear_faults()
    okta.fault(f"fail(500)@id={group}")
    assert client.get(f"/api/v1/groups/{group}").status_code == 500


# ---- in place of an answer


def test_throttling_tells_the_reset(okta, client):
    """429 E0000047 with a reset so far from the answer's own Date."""
    for spec, wait_s in (("T01", 8), ("T03", -30), ("T04", 7200)):
        okta.fault(spec)
        response = answer(client)
        assert (response.status_code, response.json()["errorCode"]) == (429, "E0000047")
        date_s = parsedate_to_datetime(response.headers["date"]).timestamp()
        assert abs(int(response.headers["x-rate-limit-reset"]) - date_s - wait_s) <= 1
        assert response.headers["x-rate-limit-remaining"] == "0"


def test_throttling_without_a_hint_has_no_rate_headers(okta, client):
    """T02 says 429 and nothing more."""
    okta.fault("T02")
    response = answer(client)
    assert response.status_code == 429
    assert not [name for name in response.headers if name.startswith("x-rate-limit") or name == "retry-after"]


def test_a_concurrency_violation_has_a_limit_of_zero(okta, client):
    """T05: limit 0, remaining 0."""
    okta.fault("T05")
    headers = answer(client).headers
    assert (headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"]) == ("0", "0")


ANSWERS = [
    ("T12", 423, "E0000239"),
    ("A02@page=1", 401, "E0000011"),
    ("A04", 401, "E0000015"),
    ("B02", 503, "E0000010"),
    ("B01", 503, "E0000009"),
    ("fail(403)", 403, "E0000006"),
    ("fail(500)", 500, "E0000009"),
    ("expire_token", 401, "E0000011"),
    ("revoke_key", 401, "E0000011"),
]


@pytest.mark.parametrize(("spec", "status", "code"), ANSWERS)
def test_errors_come_in_oktas_envelope(okta, client, spec, status, code):
    """The fault's status with the code the vendor uses for it."""
    okta.fault(spec)
    response = answer(client)
    assert (response.status_code, response.json()["errorCode"]) == (status, code)


def test_a_revoked_key_stays_revoked(okta, client):
    """A03: from page three on every call is 401, until the fault is cleared."""
    okta.fault("A03")
    pages = [answer(client)]
    while pages[-1].status_code == 200:
        pages.append(client.get(pages[-1].links["next"]["url"]))
    assert [page.status_code for page in pages] == [200, 200, 401]
    assert client.get("/api/v1/groups").status_code == 401
    okta.clear_faults()
    assert answer(client).status_code == 200


def test_a_lost_right_touches_its_own_resource_only(okta, client):
    """A06: groups are forbidden, users go on."""
    okta.fault("A06")
    assert client.get("/api/v1/groups").json()["errorCode"] == "E0000006"
    assert client.get("/api/v1/groups").status_code == 403
    assert answer(client).status_code == 200


BODIES = [
    ("B03", 502, "text/html", b"<!DOCTYPE"),
    ("B04", 200, "text/html", b"<!DOCTYPE"),
    ("B05", 200, "application/json", b""),
    ("B06", 200, "application/json", b"{}"),
    ("body(null)", 200, "application/json", b"null"),
    ("body([])", 200, "application/json", b"[]"),
    ("body(error)", 200, "application/json", b'{"errorCode"'),
    ("drop_key", 200, "application/json", b"{}"),
    ("key_type(string)", 200, "application/json", b'"'),
    ("B07", 200, "text/plain", b'[{"id"'),
    ("B16", 404, "application/json", b'{"status":404,'),
    ("fail(503,body=text)", 503, "text/plain", b"upstream"),
    ("fail(503,body=empty)", 503, "", b""),
]


@pytest.mark.parametrize(("spec", "status", "kind", "begins"), BODIES)
def test_bodies_are_what_nobody_expected(okta, client, spec, status, kind, begins):  # noqa: PLR0917
    """Status, content type and first bytes as the row says."""
    okta.fault(spec)
    response = answer(client)
    assert response.status_code == status
    assert response.headers.get("content-type", "").startswith(kind)
    assert response.content.startswith(begins)
    assert bool(response.content) == bool(begins)


def test_a_redirect_leads_elsewhere(okta, client):
    """B14: 302 to another host."""
    okta.fault("B14")
    response = answer(client)
    assert (response.status_code, response.headers["location"]) == (302, "http://evil.test/api/v1/users")


# ---- answers that arrive badly


def test_broken_compression_does_not_decompress(okta, client):
    """B08 claims gzip and is none."""
    okta.fault("B08")
    with pytest.raises((httpx.DecodingError, zlib.error, gzip.BadGzipFile)):
        answer(client)


def test_truncated_json_does_not_parse(okta, client):
    """B09: the length is right and the JSON ends in the middle, or the length is wrong."""
    okta.fault("B09")
    with pytest.raises(json.JSONDecodeError):
        answer(client).json()
    okta.fault("truncate(length=wrong)")
    with pytest.raises(httpx.RemoteProtocolError):
        answer(client)
    assert answer(client).status_code == 200


@pytest.mark.parametrize("when", ["before", "after", "mid"])
def test_the_connection_is_reset(okta, client, when):
    """B10: before the headers, after them, in the middle of the body; the next call succeeds."""
    okta.fault(f"reset({when})")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        answer(client)
    assert answer(client).status_code == 200


@pytest.mark.parametrize("spec", ["hang", "drip", "T11@op=members"])
def test_an_answer_that_never_ends_times_out(okta, spec):
    """B11, T11: the caller gives up first; others are served meanwhile, and stopping does not wait."""
    group = okta.state()["groups"][0]["id"]
    okta.fault(spec)
    with connect(okta, timeout_s=0.2) as hurried, pytest.raises(httpx.ReadTimeout):
        hurried.get(f"/api/v1/groups/{group}/users")
    with connect(okta) as client:
        assert client.get(f"/api/v1/groups/{group}/users?limit=100").status_code == 200


# ---- pages and links


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


# ---- rows


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


# ---- what is seen


def seen(client, path=USERS):
    return set(ids(rows(client, path)))


def test_without_an_admin_role_users_are_empty_and_the_rest_forbidden(okta, client):
    """A07."""
    okta.fault("A07")
    assert answer(client).json() == []
    assert client.get("/api/v1/groups").json()["errorCode"] == "E0000006"


def test_a_scoped_role_sees_its_groups_only(okta, client):
    """A08: three groups, their people, and no Everyone."""
    okta.fault("A08")
    groups = client.get("/api/v1/groups?limit=200").json()
    assert len(groups) == 3
    assert {group["type"] for group in groups} == {"OKTA_GROUP"}
    truth = {g["id"]: g["members"] for g in okta.state()["groups"]}
    assert seen(client) == {i for group in groups for i in truth[group["id"]]}


def test_another_org_answers(okta, client):
    """A20: another org id, other people, the truth untouched."""
    org = "/.well-known/okta-organization"
    mine = client.get(org).json()["id"]
    okta.fault("A20")
    assert client.get(org).json()["id"] != mine
    assert not seen(client) & {user["id"] for user in okta.state()["users"]}
    assert len(seen(client)) == 500
    okta.clear_faults()
    assert client.get(org).json()["id"] == mine


def test_people_are_missing_from_the_list(okta, client):
    """C05 hides one who is still found by id; C11 hides all; C12 hides 40 %, by id too."""
    truth = {user["id"] for user in okta.state()["users"]}
    hidden = okta.fault("C05")["touched"]
    assert truth - seen(client) == set(hidden)
    assert client.get(f"/api/v1/users/{hidden[0]}").status_code == 200
    okta.fault("C11")
    assert seen(client) == set()
    okta.clear_faults()
    lost = okta.fault("C12")["touched"]
    assert truth - seen(client) == set(lost)
    assert 150 < len(lost) < 200
    assert client.get(f"/api/v1/users/{lost[0]}").status_code == 404


def test_the_index_lags_and_the_list_does_not(okta, client):
    """C06: search shows the person as before, the plain list as now."""
    okta.fault("C06")
    person = okta.state()["users"][0]["id"]
    client.patch(f"/_sim/users/{person}", json={"last_name": "Newly"})
    search = {"search": f'id eq "{person}"'}
    assert client.get("/api/v1/users", params=search).json()[0]["profile"]["lastName"] != "Newly"
    assert answer(client).json()[0]["profile"]["lastName"] == "Newly"
    okta.clock(advance=11)
    assert client.get("/api/v1/users", params=search).json()[0]["profile"]["lastName"] == "Newly"


def test_last_membership_updated_comes_late(okta, client):
    """C07: the members are there, the stamp follows six seconds later, in rows and in filters."""
    okta.fault("C07")
    okta.clock(frozen=True)
    group = next(g for g in okta.state()["groups"] if g["kind"] == "ordinary" and g["members"])
    client.delete(f"/_sim/members/{group['id']}/{group['members'][0]}")
    delta = {"filter": 'lastMembershipUpdated gt "2026-01-02T00:00:00.000Z"'}
    assert group["members"][0] not in seen(client, f"/api/v1/groups/{group['id']}/users")
    assert client.get("/api/v1/groups", params=delta).json() == []
    okta.clock(advance=7)
    assert ids(client.get("/api/v1/groups", params=delta).json()) == [group["id"]]


def test_the_clock_is_askew(okta, client):
    """C09: Date and reset are both two hours ahead, so their difference holds."""
    before = parsedate_to_datetime(answer(client).headers["date"])
    okta.fault("C09")
    headers = answer(client).headers
    after = parsedate_to_datetime(headers["date"])
    assert 7190 <= (after - before).total_seconds() <= 7230
    assert 0 < int(headers["x-rate-limit-reset"]) - after.timestamp() <= 61


def test_a_neighbour_spends_from_the_bucket(okta, client):
    """T13: what remains falls although nobody here calls, and runs out."""
    okta.clock(frozen=True)
    okta.fault("neighbour(rpm=600)")
    first = int(answer(client).headers["x-rate-limit-remaining"])
    okta.clock(advance=20)
    assert int(answer(client).headers["x-rate-limit-remaining"]) <= first - 200
    okta.clock(advance=20)
    assert answer(client).status_code == 429


# ---- what is true


def changed(okta, spec):
    """The people or groups a fault touched, before and after it."""
    before = {row["id"]: row for kind in ("users", "groups") for row in okta.state()[kind]}
    touched = okta.fault(spec)["touched"]
    after = {row["id"]: row for kind in ("users", "groups") for row in okta.state()[kind]}
    return [(before.get(i), after.get(i)) for i in touched]


def test_emails_are_missing_invalid_doubled_reused_and_swapped(okta, client):
    """U01 to U06, in the truth and on the wire."""
    [(_, nobody)] = changed(okta, "U01")
    assert nobody["email"] is None
    [(_, absent)] = changed(okta, "email(none,form=absent)")
    assert "email" not in client.get(f"/api/v1/users/{absent['id']}").json()["profile"]
    assert "not an address" in [after["email"] for _, after in changed(okta, "U02")]
    one, two = (after for _, after in changed(okta, "U03"))
    assert one["email"].upper() == two["email"]
    (old, gone), (missing, new) = changed(okta, "U04")
    assert (gone, missing) == (None, None)
    assert new["email"] == old["email"]
    [(was, now)] = changed(okta, "U05")
    assert was["email"] != now["email"]
    (a, a2), (b, b2) = changed(okta, "U06")
    assert (a["email"], b["email"]) == (b2["email"], a2["email"])


def test_profiles_hold_anything(okta, client):
    """U07 to U09 and F05: hard names survive byte for byte, nulls and absences differ, types are odd."""
    for _, after in changed(okta, "U07"):
        profile = client.get(f"/api/v1/users/{after['id']}").json()["profile"]
        assert (profile["firstName"], profile["lastName"]) == (after["first_name"], after["last_name"])
    nulls, absent = (client.get(f"/api/v1/users/{i}").json() for i in okta.fault("U08")["touched"])
    assert nulls["profile"]["firstName"] is None
    assert "firstName" not in absent["profile"]
    odd = client.get(f"/api/v1/users/{okta.fault('U09')['touched'][0]}").json()["profile"]
    assert odd["employeeNumber"] == 12345
    pictures = [
        client.get(f"/api/v1/users/{i}").json()["profile"]["picture"] for i in okta.fault("F05")["touched"]
    ]
    assert "javascript:alert(1)" in pictures
    assert 12345 in pictures


def test_statuses_are_unknown_staged_and_locked(okta, client):
    """S01 is a word of no table, S06 loses access, S07 keeps it."""
    [unknown] = okta.fault("S01")["touched"]
    assert client.get(f"/api/v1/users/{unknown}").json()["status"] == "ACTIVATING"
    [(_, staged)] = changed(okta, "S06")
    assert (staged["status"], staged["active"]) == ("STAGED", False)
    locked = [after for _, after in changed(okta, "S07")]
    assert {row["status"] for row in locked} == {"LOCKED_OUT", "PASSWORD_EXPIRED", "RECOVERY"}
    assert all(row["active"] for row in locked)


def test_groups_are_renamed_recreated_and_doubled(okta, client):
    """G01 to G04."""
    (_, one), (_, two) = changed(okta, "G01")
    assert one["name"] == two["name"]
    [(was, now)] = changed(okta, "G02")
    assert (was["id"], was["name"] != now["name"]) == (now["id"], True)
    (old, gone), (_, new) = changed(okta, "G03")
    assert (gone, new["name"], new["members"]) == (None, old["name"], old["members"])
    hard = [after["name"] for _, after in changed(okta, "G04")]
    assert set(hard) <= {g["profile"]["name"] for g in client.get("/api/v1/groups").json()}
    assert "two\nlines" in hard


def test_a_group_can_be_made_large(okta, client):
    """G05: the group has the members asked for, with people invented for it."""
    group = okta.fault("members(800)")["touched"][0]
    assert len(list(rows(client, f"/api/v1/groups/{group}/users", limit=200))) == 800


def test_a_group_is_deleted_before_its_members_are_read(okta, client):
    """G06: 404, and gone from the truth."""
    okta.fault("G06")
    group = next(g["id"] for g in okta.state()["groups"] if g["kind"] == "ordinary")
    assert client.get(f"/api/v1/groups/{group}/users").json()["errorCode"] == "E0000007"
    assert group not in {g["id"] for g in okta.state()["groups"]}


def test_the_members_of_one_group_cannot_be_read(okta, client):
    """G07: the second group asked for is 403, the others are served."""
    okta.fault("G07")
    groups = [g["id"] for g in okta.state()["groups"]][:3]
    assert [client.get(f"/api/v1/groups/{g}/users").status_code for g in groups] == [200, 403, 200]


def test_a_member_may_be_unknown(okta, client):
    """G11: somebody in a group whom no list of users has."""
    group, stranger = okta.fault("G11")["touched"]
    assert stranger in seen(client, f"/api/v1/groups/{group}/users")
    assert stranger not in seen(client)
    assert client.get(f"/api/v1/users/{stranger}").status_code == 404


def test_every_okta_fault_is_told_apart_by_its_kind():
    """Faults that act once need no request; the others say when they act."""
    assert {row.name for row in CATALOGUE} <= set(SWITCHES)
    assert {switch.kind for switch in SWITCHES.values()} == set(Kind)
