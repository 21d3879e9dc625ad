import pytest

from providers.simulator.server import Simulator
from sync import approval
from sync.model.connection import Policy, Safeguards
from sync.model.errors import LeaseLost
from sync.model.run import Phase, PlanState, Run, RunMode, RunState
from sync.store import runs
from tests.engine.house import House, Reader, truth
from tests.engine.ledger import Ledger, gone
from tests.engine.words import OWN_TABLES, active, first, happened


def test_the_first_run_waits_for_approval_and_then_equals_the_directory(
    house: House, simulator: Simulator, reader: Reader
) -> None:
    """Nothing is created before somebody approves; after it people, profiles and tags are the directory's."""
    connection = house.connect()
    run = house.pull(connection, reader)
    assert (run.state, house.plan(run).state, house.users()) == (RunState.HELD, PlanState.HELD, {})
    assert "first run" in run.reasons[0]
    approved = house.approve(run)
    assert approved.state is RunState.SUCCEEDED
    assert house.managed(connection) == truth(simulator)


def test_the_group_of_everybody_is_no_group(house: House, simulator: Simulator, reader: Reader) -> None:
    """Okta's built-in group Everyone gives no tag."""
    first(house, reader)
    names = {group["name"] for group in house.rows("directory_group")}
    assert names == {group["name"] for group in simulator.state()["groups"] if group["kind"] != "built_in"}


def test_every_creation_is_told_once(house: House, simulator: Simulator, reader: Reader) -> None:
    """One event a person and a group, in history and outbox alike, from the transaction of the change."""
    first(house, reader)
    told = [event["type"] for event in house.events()]
    assert told.count("user.created") == len(truth(simulator)) == len(house.users())
    assert told.count("group.created") == len(simulator.state()["groups"]) - 1
    assert len({event["id"] for event in house.events()}) == len(told)


def test_an_unchanged_directory_writes_nothing(house: House, reader: Reader) -> None:
    """A second pull makes an empty plan, and no row is written but the run's own."""
    connection = first(house, reader)
    unlike = ("connection", "outbox", *OWN_TABLES)
    before, told = house.dump(*unlike), house.changes_told()
    run = house.pull(connection, reader)
    assert (run.state, happened(run), house.items(run)) == (RunState.SUCCEEDED, {}, [])
    assert house.dump(*unlike) == before
    assert house.changes_told() == told


@pytest.mark.parametrize("mode", [RunMode.FULL, RunMode.DELTA])
def test_churn_is_followed(house: House, simulator: Simulator, reader: Reader, mode: RunMode) -> None:
    """Joiners, leavers, movers and renames: afterwards people and tags are the directory's again."""
    connection = first(house, reader)
    known = truth(simulator)
    simulator.churn(joiners=6, leavers=4, movers=9, renames=2)
    house.pull(connection, reader, mode=mode)
    if mode is RunMode.DELTA:
        house.pull(connection, reader)  # a delta of Okta's cannot see deletions
    now = house.managed(connection)
    expected = truth(simulator)
    assert {id_: person for id_, person in now.items() if person.active} == expected
    left = known.keys() - expected.keys()
    assert {id_ for id_, person in now.items() if not person.active} == left
    assert len(left) == 4
    assert happened(house.pull(connection, reader)) == {}


def test_a_dry_run_writes_only_the_run_and_its_plan(
    house: House, simulator: Simulator, reader: Reader
) -> None:
    """No person, no event, no cursor, no tenant: just what would happen."""
    connection = first(house, reader)
    simulator.churn(joiners=3, leavers=2)
    before = house.dump(*OWN_TABLES)
    run = house.pull(connection, reader, dry_run=True)
    assert house.dump(*OWN_TABLES) == before
    assert house.plan(run).state is PlanState.PREVIEW
    assert happened(run)["create"] == 3


def test_a_dry_first_run_writes_only_the_run_and_its_plan(house: House, ledger: Ledger) -> None:
    """Not even the organisation's id is kept."""
    connection = house.connect()
    before = house.dump(*OWN_TABLES)
    run = house.pull(connection, ledger.source, dry_run=True)
    assert house.dump(*OWN_TABLES) == before
    assert (run.state, happened(run)["create"]) == (RunState.HELD, 6)


def test_a_dry_run_asks_no_question_of_a_person(house: House, ledger: Ledger) -> None:
    """Looking what would happen puts nothing on the list of what needs attention."""
    connection = house.connect()
    ledger.add("X", email="", user_name="x")
    house.pull(connection, ledger.source, dry_run=True)
    assert house.attention() == []


def test_the_cursor_moves_with_the_changes_it_covers(house: House, ledger: Ledger) -> None:
    """A complete run moves it, a partial one does not."""
    connection = house.connect()
    ledger.cursor = "one"
    house.settle(connection, ledger.source)
    assert house.reread(connection).cursor == "one"
    ledger.cursor, ledger.breaks_after = "two", 2
    house.pull(connection, ledger.source)
    assert house.reread(connection).cursor == "one"
    ledger.tell_truth()
    house.pull(connection, ledger.source)
    assert house.reread(connection).cursor == "two"


def test_a_held_first_run_moves_no_cursor_before_its_approval(house: House, ledger: Ledger) -> None:
    """While nothing of a plan is written, a delta from its cursor would lose everybody."""
    connection = house.connect()
    ledger.cursor = "one"
    run = house.pull(connection, ledger.source)
    house.reject(run)
    again = house.pull(connection, ledger.source, mode=RunMode.DELTA)
    assert happened(again)["create"] == 6


def test_an_expired_cursor_means_reading_in_full(house: House, ledger: Ledger) -> None:
    """The run goes on in full by itself."""
    connection = house.connect()
    ledger.cursor = "expired"
    house.settle(connection, ledger.source)
    ledger.add("N")
    run = house.pull(connection, ledger.source, mode=RunMode.DELTA)
    assert (run.state, house.plan(run).mode, happened(run)) == (
        RunState.SUCCEEDED,
        RunMode.FULL,
        {"create": 1},
    )


def test_a_deltas_tombstone_suspends_without_a_second_look(house: House, ledger: Ledger) -> None:
    """An explicit statement about one person is enough."""
    connection = house.connect()
    ledger.cursor = "one"
    house.settle(connection, ledger.source)
    ledger.remove("A")
    ledger.delta = [gone("user", "A")]
    run = house.pull(connection, ledger.source, mode=RunMode.DELTA)
    assert happened(run) == {"suspend": 1, "member_remove": 1}
    assert "a@example.com" not in active(house)


def test_a_delta_says_nothing_of_whom_it_does_not_name(house: House, ledger: Ledger) -> None:
    """Silence in a change feed is no absence."""
    connection = house.connect()
    ledger.cursor = "one"
    house.settle(connection, ledger.source)
    ledger.delta = []
    assert happened(house.pull(connection, ledger.source, mode=RunMode.DELTA)) == {}
    assert len(active(house)) == 6


def cancel(house: House, run: Run) -> None:
    with house.database.write() as conn:
        runs.request_stop(conn, run.id, by="ada")


def test_a_run_cancelled_while_reading_changes_nothing(house: House, ledger: Ledger) -> None:
    """It says who ended it and tells of it once, and nothing staged is left behind."""
    connection = house.connect()
    cancel(house, house.request(connection, approved_beforehand=True))
    run = house.execute(house.claim(connection), ledger.source, stop=lambda: True)
    assert (run.state, run.error, house.users()) == (RunState.CANCELLED, "cancelled by ada", {})
    assert house.rows("staged") == []
    assert [event["type"] for event in house.events()] == ["run.cancelled"]


def test_a_run_whose_process_ends_goes_on_elsewhere(house: House, ledger: Ledger) -> None:
    """Told to end without anybody having cancelled the run, a process leaves it to the next at once."""
    connection = house.connect()
    house.request(connection, approved_beforehand=True)
    left = house.execute(house.claim(connection), ledger.source, stop=lambda: True)
    assert (left.state, house.users()) == (RunState.RUNNING, {})
    done = house.execute(house.claim(connection), ledger.source)
    assert (done.id, done.state, len(house.users())) == (left.id, RunState.SUCCEEDED, 6)


def test_what_a_cancelled_run_has_written_stays_and_the_next_does_the_rest(
    house: House, ledger: Ledger
) -> None:
    """Cancelled while applying, its plan is over; the next read plans what is missing."""
    connection = house.connect()
    house.request(connection, approved_beforehand=True)
    lease, run = house.claim(connection)
    asked: list[bool] = []

    def stop() -> bool:
        """True from the moment the plan is there: what applies asks before each batch."""
        with house.database.read() as conn:
            planned = runs.get(conn, run.id).phase is Phase.APPLYING
        if planned and not asked:
            cancel(house, run)
            asked.append(True)
        return planned

    ended = house.execute((lease, run), ledger.source, stop=stop)
    assert (ended.state, ended.error) == (RunState.CANCELLED, "cancelled by ada")
    assert house.users() == {}
    assert {row["state"] for row in house.rows("plan")} == {"superseded"}
    assert house.pull(connection, ledger.source, approved_beforehand=True).state is RunState.SUCCEEDED
    assert len(house.users()) == 6


def test_an_approved_plan_whose_run_was_cancelled_waits_again(house: House, ledger: Ledger) -> None:
    """The person's word is asked for anew, on the same plan."""
    connection = house.connect()
    held = house.pull(connection, ledger.source)
    assert held.state is RunState.HELD
    with house.database.write() as conn:
        plan = house.plan(held)
        asked = approval.approve(conn, plan.id, expect_hash=plan.hash, by="ada", now=house.clock())
    cancel(house, asked)
    assert (
        house.execute(house.claim(connection), ledger.source, stop=lambda: True).state is RunState.CANCELLED
    )
    assert (house.plan(held).state, house.users()) == (PlanState.HELD, {})
    assert house.approve(held).state is RunState.SUCCEEDED
    assert len(house.users()) == 6


def test_a_run_says_how_much_of_its_plan_is_written(house: House, ledger: Ledger) -> None:
    """Items written and items there are stand on the run, in the transaction that writes them."""
    connection = house.connect()
    run = house.settle(connection, ledger.source)
    assert run.to_apply == run.applied == len(house.rows("plan_item"))


def test_a_replica_that_lost_its_lease_writes_nothing_more(house: House, ledger: Ledger) -> None:
    """The run belongs to whoever claimed it last; the other one's next write is refused."""
    connection = house.connect()
    house.request(connection, approved_beforehand=True)
    paused = house.claim(connection, lease_s=0)
    holder = house.claim(connection)
    with pytest.raises(LeaseLost):
        house.execute(paused, ledger.source)
    assert house.users() == {}
    assert house.execute(holder, ledger.source).state is RunState.SUCCEEDED
    assert len(house.users()) == 6


def test_a_second_request_is_the_same_run(house: House, ledger: Ledger) -> None:
    """Sync now, asked twice, is one run."""
    connection = house.connect()
    assert house.request(connection).id == house.request(connection).id


def test_safeguards_can_be_switched_off(house: House, ledger: Ledger) -> None:
    """An admin who wants no question asked is asked none."""
    connection = house.connect(policy=Policy(safeguards=Safeguards(first_run=False)))
    assert house.pull(connection, ledger.source).state is RunState.SUCCEEDED
    assert len(house.users()) == 6
