"""The wire by itself: retries, waits, the budget, page guards and the pace."""

import socket

import httpx
import pytest

from providers.answers import Answer, http_date, retry_after_s
from providers.budget import Budget, Timeouts
from providers.failures import OutOfTime, Stopped, Throttled, TooSlow
from providers.http import Ask, FixedAuth, RenewedAuth, Wire
from providers.okta import Okta
from providers.okta_dialect import OktaDialect
from providers.pace import Allowance, Bucket, Lanes
from providers.pages import PageGuard, links
from providers.rows import tolerant_json
from providers.simulator.server import Simulator
from providers.transport import broken_line, checked_origin
from sync.model.errors import Incomplete, Misconfigured, Transient
from sync.model.source import Page
from tests.providers.reading import Time, opened, read


def _wire(simulator: Simulator, time: Time, **options: object) -> Wire:
    budget = Budget(600.0, monotonic=time.monotonic, sleep=time.skip)
    auth = FixedAuth({"authorization": f"SSWS {simulator.credentials['api_token']}"})
    return Wire(simulator.base_url, auth, OktaDialect(), budget, **options)  # type: ignore[arg-type]


_USERS = Ask("/api/v1/users?limit=5", "users", "/api/v1/users")


def _body(answer: Answer) -> bytes:
    tolerant_json(answer.body)
    return answer.body


@pytest.mark.parametrize(
    ("fault", "least_s", "most_s"),
    [
        ("throttle(wait=8)", 7, 9),
        ("throttle(wait=-30)", 1, 1),
        ("throttle(wait=0)", 1, 1),
        ("throttle(header=none)", 0, 60),
        ("throttle(kind=concurrency)", 0, 60),
    ],
)
def test_waits_as_told(simulator: Simulator, fault: str, least_s: float, most_s: float) -> None:
    """A 429 is waited out by the server's own clock, never less than a second when it names a time."""
    simulator.fault("clock(skew=7200)")
    simulator.fault(fault)
    time = Time(simulator)
    wire = _wire(simulator, time)
    wire.ask(_USERS, _body)
    wire.close()
    assert least_s <= time.slept_s <= most_s
    assert wire.effort.throttled_s == pytest.approx(time.slept_s)
    assert wire.effort.requests == 2


def test_long_waits_end_the_read(simulator: Simulator) -> None:
    """A reset hours ahead is not waited for; the error says when to come back."""
    simulator.fault("throttle(wait=7200)")
    time = Time(simulator)
    wire = _wire(simulator, time)
    with pytest.raises(Throttled) as caught:
        wire.ask(_USERS, _body)
    wire.close()
    assert caught.value.retry_after_s == pytest.approx(7200, abs=2)
    assert time.slept_s == 0


def test_endless_throttling_ends(simulator: Simulator) -> None:
    """A server that always says 429 is asked a bounded number of times."""
    simulator.fault("throttle(wait=2)@times=always")
    wire = _wire(simulator, Time(simulator))
    with pytest.raises(Throttled):
        wire.ask(_USERS, _body)
    wire.close()
    assert wire.effort.requests == 6


def test_client_errors_are_not_repeated(simulator: Simulator) -> None:
    """A 4xx other than 429 and 423 is asked once."""
    simulator.fault("fail(400)@times=always")
    wire = _wire(simulator, Time(simulator))
    with pytest.raises(Incomplete):
        wire.ask(_USERS, _body)
    wire.close()
    assert wire.effort.requests == 1


@pytest.mark.parametrize(
    "fault",
    ["reset(before)", "reset(after)", "reset(mid)", "gzip(broken)", "truncate(length=wrong)", "fail(504)"],
)
def test_broken_answers_are_asked_again(simulator: Simulator, fault: str) -> None:
    """One broken answer costs one more request, and waiting for it is not throttling."""
    simulator.fault(fault)
    wire = _wire(simulator, Time(simulator))
    wire.ask(_USERS, _body)
    wire.close()
    assert wire.effort.requests == 2
    assert wire.effort.throttled_s == 0


def test_dripping_answer_is_cut_off(simulator: Simulator) -> None:
    """A byte a second, headers included, does not outlast the time for one answer."""
    simulator.fault("drip@times=always")
    wire = _wire(simulator, Time(simulator), timeouts=Timeouts(read_s=5.0, whole_s=0.1))
    with pytest.raises(TooSlow):
        wire.ask(_USERS._replace(gives_up_when_slow=True), _body)
    wire.close()


def test_huge_answer_is_refused(simulator: Simulator) -> None:
    """An answer over the size cap ends the read before it fills the memory."""
    wire = _wire(simulator, Time(simulator), page_cap_bytes=100)
    with pytest.raises(Incomplete, match="MiB"):
        wire.ask(_USERS, _body)
    wire.close()


def test_budget_ends_the_read(simulator: Simulator) -> None:
    """A wait that does not fit the budget is not begun."""
    time = Time()
    budget = Budget(10.0, monotonic=time.monotonic, sleep=time.skip)
    budget.wait(4.0, "x")
    with pytest.raises(OutOfTime) as caught:
        budget.wait(7.0, "x")
    assert caught.value.retry_after_s == 7.0
    time.skip(6.0)
    with pytest.raises(OutOfTime):
        budget.check()


def test_stop_ends_a_wait() -> None:
    """A request to stop is noticed within one nap of a long wait."""
    time = Time()
    budget = Budget(100.0, monotonic=time.monotonic, sleep=time.skip, stop=lambda: time.slept_s > 3)
    with pytest.raises(Stopped):
        budget.wait(60.0, "x")
    assert time.slept_s < 5


def test_stop_ends_a_read(simulator: Simulator) -> None:
    """A read that is told to stop ends between two pages, without an End."""
    seen: list[Page] = []
    time = Time(simulator)
    budget = Budget(600.0, monotonic=time.monotonic, sleep=time.skip, stop=lambda: len(seen) > 1)
    source = Okta({"base_url": simulator.base_url, **simulator.credentials}, budget)
    with pytest.raises(Stopped):
        seen.extend(source.full())
    source.close()
    assert 1 < len(seen) < 5
    assert seen[-1].end is None


def test_observer_sees_progress(simulator: Simulator) -> None:
    """The observer is told the effort after every page."""
    seen: list[int] = []
    wire = _wire(simulator, Time(simulator), observer=lambda effort: seen.append(effort.pages))
    wire.ask(_USERS, _body)
    wire.ask(_USERS, _body)
    wire.close()
    assert seen == [1, 2]


def test_renewed_credential_is_fetched_once_for_all() -> None:
    """Two callers refused with the same credential cause one fetch."""
    fetched: list[int] = []

    def fetch() -> tuple[dict[str, str], float]:
        fetched.append(1)
        return {"authorization": f"Bearer {len(fetched)}"}, 3600.0

    auth = RenewedAuth(fetch, lambda: 0.0)
    first = auth.headers()
    assert auth.renew(first)
    assert auth.renew(first)
    assert len(fetched) == 2


@pytest.mark.parametrize(
    "line",
    [
        '<https://h/x?after=1>; rel="next"',
        "<https://h/x?after=1>; rel=next",
        '<https://h/x>; rel="self", <https://h/x?after=1>; rel="next"',
        '<https://h/x?after=1>; title="a, b; rel=self"; REL="next"',
        '<https://h/x?after=1>;rel="prev next"',
    ],
)
def test_next_link_in_every_legal_form(line: str) -> None:
    """Merged, unquoted, reordered and several relations: the next page is found."""
    assert [address for relation, address in links([line]) if relation == "next"] == ["https://h/x?after=1"]


def test_comma_inside_an_address() -> None:
    """A comma inside the angle brackets does not end the link."""
    found = dict(links(['<https://h/x?a=1,2>; rel="self"', '<https://h/x?a=1,2&after=3>; rel="next"']))
    assert found == {"self": "https://h/x?a=1,2", "next": "https://h/x?a=1,2&after=3"}


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/list?after=2",
        "http://h.test/list?after=2",
        "https://h.test:8443/list?after=2",
        "//evil.test/list?after=2",
        "https://h.test@evil.test/list",
        "https://h.test/other?after=2",
        "https://h.test/list?limit=1",
    ],
)
def test_next_link_that_leads_astray_is_refused(address: str) -> None:
    """Another host, scheme, port or path, or the page itself, ends the walk."""
    guard = PageGuard("https://h.test", "/list?limit=1", "users")
    with pytest.raises(Incomplete):
        guard.next([f'<{address}>; rel="next"'])


def test_chain_without_end_is_ended() -> None:
    """Ever new cursors meet the cap, and a page served twice is noticed before."""
    guard = PageGuard("https://h.test", "/list", "users", page_cap=3)
    assert guard.next(['</list?after=1>; rel="next"']) == "/list?after=1"
    assert guard.next(['</list?after=2>; rel="next"']) == "/list?after=2"
    with pytest.raises(Incomplete, match="3 pages"):
        guard.next(['</list?after=3>; rel="next"'])
    guard.saw(("a", "z"))
    with pytest.raises(Incomplete, match="repeats"):
        guard.saw(("a", "z"))


def test_bucket_stops_at_its_share() -> None:
    """Two fifths of the advertised limit are used, then the reset is waited for."""
    bucket = Bucket()
    assert bucket.claim_s(0.0, 0.4) == 0
    bucket.learn(Allowance(100, 99, 30.0), 0.0)
    free = 0
    while bucket.claim_s(1.0, 0.4) == 0:
        free += 1
    assert free == 39
    assert bucket.claim_s(10.0, 0.4) == pytest.approx(20.0)
    assert bucket.claim_s(30.0, 0.4) == 0


def test_bucket_leaves_the_rest_to_others() -> None:
    """When other programs have all but emptied the bucket, nothing more is taken."""
    bucket = Bucket()
    bucket.learn(Allowance(100, 10, 30.0), 0.0)
    assert bucket.claim_s(0.0, 0.4) == pytest.approx(30.0)


def test_lanes_narrow_and_open_again() -> None:
    """Told that it is too crowded, fewer requests run at once; after calm answers more again."""
    lanes = Lanes(4)
    lanes.narrow()
    lanes.narrow()
    lanes.narrow()
    assert lanes.width == 1
    for _ in range(50):
        lanes.calm()
    assert lanes.width == 2


def test_share_of_real_limits_is_kept(simulator: Simulator) -> None:
    """Beside a busy neighbour the read waits for the reset and still ends whole."""
    simulator.fault("neighbour(rpm=300)")
    time = Time(simulator)
    source = opened(simulator, time, rate_share=0.01)
    reading = read(source.full())
    source.close()
    assert reading.end is not None
    assert source.effort.throttled_s > 0
    assert simulator.requests()["total"] == source.effort.requests


def test_retry_after_as_a_date() -> None:
    """A date is measured against the answer's own Date, whatever our clock says."""
    headers = {"retry-after": "Mon, 05 Jan 2026 10:00:30 GMT", "date": "Mon, 05 Jan 2026 10:00:00 GMT"}
    assert retry_after_s(Answer(status=429, headers=headers, links=(), body=b"")) == 30
    assert retry_after_s(Answer(status=429, headers={"retry-after": "soon"}, links=(), body=b"")) is None
    assert http_date("nonsense") is None


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://a.example/", "https://a.example"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_accepted_addresses(given: str, used: str) -> None:
    """Accepts https anywhere, plain http on this machine only."""
    assert checked_origin(given) == used


@pytest.mark.parametrize(
    "given", ["http://a.example", "a.example", "https://u:p@a.example", "https://a.example:x", ""]
)
def test_refused_addresses(given: str) -> None:
    """Anything else is refused before a credential is sent."""
    with pytest.raises(Misconfigured, match="base_url"):
        checked_origin(given)


def test_tls_without_trust_is_a_wrong_setting(simulator: Simulator) -> None:
    """A host that does not speak TLS as it should is no passing trouble."""
    budget = Budget(60.0, sleep=lambda _seconds: None)
    wire = Wire(simulator.base_url.replace("http://", "https://"), FixedAuth({}), OktaDialect(), budget)
    with pytest.raises((Misconfigured, Transient)) as caught:
        wire.ask(_USERS, _body)
    wire.close()
    assert isinstance(caught.value, Misconfigured)


def test_unresolved_name_is_a_passing_trouble() -> None:
    """A name that DNS does not know is tried again and named in the sentence."""
    error = httpx.ConnectError("x")
    error.__cause__ = socket.gaierror(-2, "Name or service not known")
    fault, may_help = broken_line(error, "gone.example", "users")
    assert isinstance(fault, Transient)
    assert "gone.example cannot be resolved" in fault.message
    assert may_help
