"""What a simulated Okta answers instead of what was asked, and answers that arrive badly."""

import gzip
import json
import zlib
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.simulator.calls import answer, connect


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
