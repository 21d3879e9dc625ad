"""The scenarios on the wire, by a simulated Okta: 1, 2, 8, 17, 18, 20 (test_scenarios.py lists them all)."""

from collections.abc import Iterator

import pytest

from providers.registry import open_source
from providers.simulator.server import Simulator, start
from sync.model.connection import Connection, Policy
from sync.model.run import PlanState, RunState, Verdict
from sync.model.source import Source
from tests.engine.house import House, Reader, truth
from tests.engine.ledger import Ledger
from tests.engine.words import active, control, first, happened


@pytest.fixture
def five_pages() -> Iterator[Simulator]:
    """900 people: five pages of Okta's."""
    with start("okta", users=900, groups=4, seed=11) as running:
        yield running


@pytest.fixture
def many_groups() -> Iterator[Simulator]:
    """60 people in 300 groups."""
    with start("okta", users=60, groups=300, seed=11) as running:
        yield running


def _settled(house: House, simulator: Simulator) -> tuple[Connection, Reader]:
    reader = Reader(simulator)
    return first(house, reader), reader


# --- what a list may do ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        "fail(500)@page=3,times=always,op=users.list",
        "body({})@page=3,times=always,op=users.list",
        "body([])@page=3,times=always,op=users.list",
        "body(empty)@page=3,times=always,op=users.list",
        "next(self)@page=3,op=users.list",
        "next(loop=3)@op=users.list",
    ],
    ids=["500 for ever", "no key", "empty page", "empty body", "repeated link", "endless"],
)
def test_01_page_three_of_five_fails(house: House, five_pages: Simulator, fault: str) -> None:
    """Page 3 of 5 is not what it must be: the run is partial, nobody is removed, the bookmark stays."""
    connection, reader = _settled(house, five_pages)
    before, bookmark = active(house), house.reread(connection).cursor
    assert bookmark is not None
    control(five_pages, "PATCH", f"users/{min(truth(five_pages))}", {"status": "SUSPENDED"})
    five_pages.fault(fault)
    run = house.pull(connection, reader)
    assert (run.state, run.complete) == (RunState.PARTIAL, False)
    assert happened(run).get("suspend") is None
    assert active(house) == before
    assert house.reread(connection).cursor == bookmark
    assert run.reasons[0].startswith("The read is incomplete")


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [("half(0.5)", Verdict.PARTIAL), ("half(0.9)", Verdict.INCONSISTENT)],
    ids=["half, and the vendor's own count tells", "a tenth is missing"],
)
def test_02_less_than_everybody(house: House, simulator: Simulator, fault: str, verdict: Verdict) -> None:
    """The list leaves people out with 200, asking by id finds them: no removal, one alert, nothing owed."""
    connection, reader = _settled(house, simulator)
    before, told = active(house), len(house.events())
    simulator.fault(fault)
    run = house.pull(connection, reader)
    assert (run.state, house.plan(run).verdict) == (RunState.PARTIAL, verdict)
    assert active(house) == before
    assert [event["type"] for event in house.events()[told:]] == ["run.partial"]
    simulator.clear_faults()
    assert happened(house.pull(connection, reader)) == {}


def test_02_half_the_people(house: House, ledger: Ledger) -> None:
    """A list of half the people that no count contradicts, look-up answers for the rest: inconsistent."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    told = len(house.events())
    ledger.hidden |= {"A", "C", "E"}
    ledger.suspend("B")
    run = house.pull(connection, ledger.source)
    assert (run.state, house.plan(run).verdict) == (RunState.PARTIAL, Verdict.INCONSISTENT)
    assert len(active(house)) == 6
    assert [event["type"] for event in house.events()[told:]] == ["run.partial"]


def test_08_one_group_of_300_cannot_be_read(house: House, many_groups: Simulator) -> None:
    """Its members and tags stay as they are and it is reported; all other groups follow the directory."""
    connection, reader = _settled(house, many_groups)
    before = house.managed(connection)
    groups = [each for each in many_groups.state()["groups"] if each["kind"] != "built_in"]
    broken, other = [each for each in groups if len(each["members"]) > 1][:2]
    leaves = {name: next(m for m in each["members"]) for name, each in (("broken", broken), ("other", other))}
    for name, each in (("broken", broken), ("other", other)):
        control(many_groups, "DELETE", f"members/{each['id']}/{leaves[name]}")
    many_groups.fault(f"fail(500)@op=members,id={broken['id']},times=always")
    run = house.pull(connection, reader)
    after = house.managed(connection)
    tag = f"Group:{broken['name']}"
    assert {id_ for id_ in after if tag in after[id_].tags} == {
        id_ for id_ in before if tag in before[id_].tags
    }
    assert f"Group:{other['name']}" not in after[leaves["other"]].tags
    assert any(broken["id"] in reason and "could not be read" in reason for reason in run.reasons)


def test_18_a_filter_typo_matches_no_group(house: House, simulator: Simulator) -> None:
    """An include that fits no group is held as a mistake in the settings, and takes nobody's tag."""
    connection, reader = _settled(house, simulator)
    before = house.managed(connection)
    house.policies[connection.id] = Policy(groups_include=("Enginering",))
    run = house.pull(connection, reader)
    assert (run.state, house.plan(run).state) == (RunState.HELD, PlanState.HELD)
    assert any("Enginering fits no group" in reason and "groups.include" in reason for reason in run.reasons)
    assert house.managed(connection) == before


# --- how a list may be slow -----------------------------------------------------------------------


def test_17_a_storm_of_429(house: House, five_pages: Simulator) -> None:
    """Told to wait again and again, by a clock two hours off: it waits, and ends with everybody."""
    five_pages.fault("clock(skew=7200)")
    for page in range(1, 6):
        five_pages.fault(f"throttle(wait=8)@op=users.list,page={page},times=3")
    five_pages.fault("throttle(wait=8)@op=members,times=3")
    reader = Reader(five_pages)
    connection = house.connect()
    run = house.settle(connection, reader)
    assert run.state is RunState.SUCCEEDED
    assert {id_ for id_, who in house.managed(connection).items() if who.active} == truth(five_pages).keys()
    assert 18 * 8 <= run.throttled_s < 18 * 10
    assert run.throttled_s == pytest.approx(reader.slept_s, abs=1)


def test_17_its_share_of_the_budget_is_kept(house: House, simulator: Simulator) -> None:
    """Beside a busy neighbour it leaves the rest of the limit alone: it waits for the reset instead."""
    simulator.fault("neighbour(rpm=300)")
    reader = Reader(simulator)

    def modest() -> Source:
        settings = {"base_url": simulator.base_url, "rate_share": 0.01, **simulator.credentials}
        return open_source("okta", settings, monotonic=lambda: reader.slept_s, sleep=reader._sleep)

    connection = house.connect()
    run = house.settle(connection, modest)
    assert run.state is RunState.SUCCEEDED
    assert run.throttled_s > 0
    assert len(active(house)) == len(truth(simulator))
    assert simulator.requests()["total"] == run.requests


def test_20_a_dry_run_leaves_the_database_as_it_was(house: House, simulator: Simulator) -> None:
    """Every row of every table is equal before and after, but for the run and its plan."""
    connection, reader = _settled(house, simulator)
    simulator.churn(joiners=6, leavers=4, movers=9, renames=2)
    before = house.dump("run", "plan", "plan_item")
    run = house.pull(connection, reader, dry_run=True)
    assert house.dump("run", "plan", "plan_item") == before
    assert house.plan(run).state is PlanState.PREVIEW
    assert happened(run)["create"] == 6


def test_the_last_word_of_a_read_counts(house: House, simulator: Simulator) -> None:
    """Suspended on the first page and active on the last, as stored: nothing is to be changed."""
    connection, reader = _settled(house, simulator)
    before = active(house)
    simulator.fault("flap(user)")
    run = house.pull(connection, reader)
    assert (run.state, happened(run)) == (RunState.SUCCEEDED, {})
    assert active(house) == before
