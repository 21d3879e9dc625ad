from datetime import timedelta

import pytest

from providers.simulator.server import Simulator
from sync.explain import explain
from sync.model.connection import Policy
from sync.model.resources import UserRecord
from sync.model.run import RunState, Verdict
from sync.model.source import SetAside
from tests.engine.house import House, Reader, truth
from tests.engine.ledger import Ledger
from tests.engine.words import active, control, first, happened

GRACE = Policy(grace=timedelta(days=3))


@pytest.mark.parametrize(
    "fault",
    [
        "fail(500)@page=2,times=always,op=users.list",
        "page(empty)@page=2",
        "next(self)@op=users.list",
        "next(loop=3)@op=users.list",
        "next(host=evil.test)@op=users.list",
        "body({})@op=users.list,times=always",
        "body(empty)@op=users.list,times=always",
        "body(null)@op=users.list,times=always",
        "drop_key@op=users.list,times=always",
        "key_type(string)@op=users.list,times=always",
        "truncate(length=right)@op=users.list,times=always",
        "login_page@op=users.list,times=always",
        "rows_without_id(1)",
        "half(0.5)",
        "half(0.9)",
        "empty_users",
        "no_admin_role",
        "deny(401,times=always)@page=2",
        "fail(500)@op=groups.list,times=always",
        "other_org",
    ],
)
def test_a_read_that_is_less_than_everything_suspends_nobody_and_says_why(
    quick_house: House, simulator: Simulator, reader: Reader, fault: str
) -> None:
    """Whatever goes wrong with the list, people and tags stay as they are, and the run tells the reason."""
    connection = first(quick_house, reader)
    before, access = quick_house.managed(connection), active(quick_house)
    simulator.fault(fault)
    run = quick_house.pull(connection, reader)
    assert quick_house.managed(connection) == before
    assert active(quick_house) == access
    assert run.state in {RunState.PARTIAL, RunState.FAILED} or fault == "page(empty)@page=2"
    assert run.reasons or run.error or happened(run) == {}
    simulator.clear_faults()


@pytest.mark.parametrize(
    "fault",
    ["fail(500)@page=2,times=always,op=users.list", "key_type(string)@page=2,op=users.list,times=always"],
)
def test_a_partial_read_still_creates_and_updates(
    quick_house: House, simulator: Simulator, reader: Reader, fault: str
) -> None:
    """What was read before the trouble counts; removals wait for the next complete read."""
    connection = first(quick_house, reader)
    somebody = min(truth(simulator))
    control(simulator, "PATCH", f"users/{somebody}", {"last_name": "Renamed"})
    control(simulator, "PATCH", f"users/{max(truth(simulator))}", {"status": "SUSPENDED"})
    simulator.fault(fault)
    run = quick_house.pull(connection, reader)
    assert run.state is RunState.PARTIAL
    assert quick_house.managed(connection)[somebody].last_name == "Renamed"
    assert happened(run) == {"update": 1}


def test_a_read_without_its_end_is_partial(house: House, ledger: Ledger) -> None:
    """Pages that just stop prove nothing."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.remove("A")
    ledger.ends = False
    run = house.pull(connection, ledger.source)
    assert (run.state, happened(run), run.complete) == (RunState.PARTIAL, {}, False)
    assert len(active(house)) == 6


def test_fewer_than_the_directory_counts_is_partial(house: House, ledger: Ledger) -> None:
    """An exact count by the API that is higher than what came holds every removal back."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.remove("A")
    ledger.stated_users = 6
    run = house.pull(connection, ledger.source)
    assert (run.state, happened(run)) == (RunState.PARTIAL, {})
    assert "6" in run.reasons[0]


def test_nobody_is_looked_up_after_a_partial_read(house: House, ledger: Ledger) -> None:
    """A list that broke off makes nobody absent."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.breaks_after = 1
    house.pull(connection, ledger.source)
    assert ledger.asked == []


def test_a_broken_first_run_creates_nobody_unasked(house: House, ledger: Ledger) -> None:
    """Partial or not, the first plan waits."""
    connection = house.connect()
    ledger.breaks_after = 1
    run = house.pull(connection, ledger.source)
    assert house.users() == {}
    assert house.plan(run).verdict is Verdict.PARTIAL


def test_somebody_hidden_by_the_list_is_not_suspended(
    house: House, simulator: Simulator, reader: Reader
) -> None:
    """Still there when asked by id: the snapshot lied, so the run removes nothing at all."""
    connection = first(house, reader)
    before = active(house)
    leaver = min(truth(simulator))
    control(simulator, "PATCH", f"users/{leaver}", {"status": "SUSPENDED"})
    simulator.fault(f"hide({max(truth(simulator))})")
    run = house.pull(connection, reader)
    assert house.plan(run).verdict is Verdict.INCONSISTENT
    assert run.state is RunState.PARTIAL
    assert "still there" in run.reasons[0]
    assert active(house) == before


def test_somebody_gone_by_id_is_suspended_with_the_reason(
    house: House, simulator: Simulator, reader: Reader
) -> None:
    """Absent from the list and unknown by id: suspended, and the reason says both."""
    connection = first(house, reader)
    leaver = min(truth(simulator))
    email = truth(simulator)[leaver].email
    control(simulator, "DELETE", f"users/{leaver}")
    run = house.pull(connection, reader)
    assert happened(run)["suspend"] == 1
    (told,) = [event for event in house.events() if event["type"] == "user.suspended"]
    assert "looked up by id" in told["reason"]
    assert email not in active(house)
    assert house.managed(connection)[leaver].tags == {"scim"}


def test_somebody_disabled_by_id_is_suspended(house: House, ledger: Ledger) -> None:
    """The list leaves the disabled out; the look-up says that she is."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.suspend("A")
    ledger.hidden.add("A")
    run = house.pull(connection, ledger.source)
    assert happened(run) == {"suspend": 1}


def test_who_cannot_be_looked_up_stays(house: House, ledger: Ledger) -> None:
    """No answer is no confirmation; the run says so and the next one asks again."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.remove("A")
    ledger.mute = True
    run = house.pull(connection, ledger.source)
    assert happened(run).get("suspend") is None
    assert "could not be looked up" in " ".join(run.reasons)
    assert len(active(house)) == 6
    ledger.tell_truth()
    assert happened(house.pull(connection, ledger.source))["suspend"] == 1


def test_who_is_gone_already_is_not_asked_about_again(house: House, ledger: Ledger) -> None:
    """Yesterday's leavers cost nothing today, and count nowhere."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.remove("A")
    house.pull(connection, ledger.source)
    ledger.asked.clear()
    run = house.pull(connection, ledger.source)
    assert (ledger.asked, happened(run)) == ([], {})


def test_a_hidden_group_keeps_its_tag(house: House, ledger: Ledger) -> None:
    """A group that answers by id was left out by a list that lied."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.hidden.add("G1")
    run = house.pull(connection, ledger.source)
    assert house.plan(run).verdict is Verdict.INCONSISTENT
    assert "Group:Sales" in house.managed(connection)["A"].tags


def test_an_unusable_record_counts_as_present(house: House, ledger: Ledger) -> None:
    """One bad record is skipped and shown; its person is not absent."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.hidden.add("A")
    ledger.set_aside.append(SetAside(kind="user", external_id="A", why="no userName"))
    run = house.pull(connection, ledger.source)
    assert (run.state, happened(run), ledger.asked) == (RunState.SUCCEEDED, {}, [])
    assert "no userName" in " ".join(run.reasons)


def test_without_the_right_to_look_up_two_complete_reads_must_miss_somebody(
    house: House, ledger: Ledger
) -> None:
    """The first complete read without A keeps her; the second in a row suspends her, and says why."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.denied = True
    ledger.remove("A")
    first = house.pull(connection, ledger.source)
    assert "a@example.com" in active(house)
    assert "two complete reads" not in " ".join(house.plan(first).reasons)
    assert "another complete read" in " ".join(house.plan(first).reasons)
    second = house.pull(connection, ledger.source)
    assert happened(second)["suspend"] == 1
    assert "two complete reads in a row" in house.items(second)[0].reason


def test_who_was_seen_in_between_is_missed_anew(house: House, ledger: Ledger) -> None:
    """Two reads that miss A, with one between that shows her, are not two in a row."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.denied = True
    for hidden in ({"A"}, set(), {"A"}):
        ledger.hidden = hidden
        house.pull(connection, ledger.source)
    assert "a@example.com" in active(house)


def test_a_dry_run_is_no_read_of_the_two(house: House, ledger: Ledger) -> None:
    """A preview leaves no mark that a later read could count on."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.denied = True
    ledger.remove("A")
    house.pull(connection, ledger.source, dry_run=True)
    house.pull(connection, ledger.source)
    assert "a@example.com" in active(house)


def _after(house: House, **time: float) -> None:
    house.now += timedelta(**time)


def test_a_grace_period_gives_an_absence_time(house: House, ledger: Ledger) -> None:
    """Whom the directory has deleted stays for the grace period, is explained, and is then suspended."""
    connection = house.connect(policy=GRACE)
    house.settle(connection, ledger.source)
    ledger.remove("A")
    first = house.pull(connection, ledger.source)
    assert "suspend" not in happened(first)
    assert "grace period" in " ".join(house.plan(first).reasons)
    with house.database.read() as conn:
        assert "does not show this person since" in explain(conn, "a@example.com").as_text()
    _after(house, days=2)
    assert happened(house.pull(connection, ledger.source)) == {}
    _after(house, days=1)
    assert happened(house.pull(connection, ledger.source))["suspend"] == 1


def test_who_comes_back_within_the_grace_has_all_of_it_again(house: House, ledger: Ledger) -> None:
    """A read that shows somebody ends the row; the next absence has the whole grace."""
    connection = house.connect(policy=GRACE)
    house.settle(connection, ledger.source)
    kept = dict(ledger.people)
    for people in (_without_a(kept), kept, _without_a(kept)):
        ledger.people = people
        house.pull(connection, ledger.source)
        _after(house, days=2)
    assert "a@example.com" in active(house)


def _without_a(people: dict[str, UserRecord]) -> dict[str, UserRecord]:
    return {id_: record for id_, record in people.items() if id_ != "A"}


def test_what_a_directory_says_of_somebody_needs_no_grace(house: House, ledger: Ledger) -> None:
    """Disabled is a statement and no absence: it counts at once."""
    connection = house.connect(policy=GRACE)
    house.settle(connection, ledger.source)
    ledger.suspend("A")
    assert happened(house.pull(connection, ledger.source))["suspend"] == 1


def test_a_dry_run_does_not_begin_the_grace(house: House, ledger: Ledger) -> None:
    """A preview leaves no mark from which the grace would count."""
    connection = house.connect(policy=GRACE)
    house.settle(connection, ledger.source)
    ledger.remove("A")
    house.pull(connection, ledger.source, dry_run=True)
    _after(house, days=3)
    house.pull(connection, ledger.source)
    assert "a@example.com" in active(house)
