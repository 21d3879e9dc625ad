"""The scenarios this suite owns, by number, where the source is a directory in memory: 3 to 7, 9, 10, 13, 14.

The others: 1, 2, 8, 17, 18 and 20 in test_scenarios_wire.py, 11, 12, 22 and the push of 14 in
test_scenarios_push.py, 15, 16, 21 and 23 in test_scenarios_runs.py, 19 in tests/flows/test_webhooks.py.
"""

import pytest

from sync.model.connection import Connection, Policy
from sync.model.errors import Conflict
from sync.model.resources import GroupRecord, Status
from sync.model.run import ItemState, PlanState, Run, RunMode, RunState
from sync.model.source import MemberChange, Page
from sync.store import waiting as seats_waited_for
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.scim import Pusher, document_of
from tests.engine.words import active, crowd, happened


def _leave(ledger: Ledger, first: int, past: int) -> set[str]:
    """These people of the crowd are gone from the directory; their e-mails."""
    names = [f"P{number:03}" for number in range(first, past)]
    for name in names:
        ledger.remove(name)
    return {f"{name.lower()}@example.com" for name in names}


def _small(house: House, size: int) -> tuple[Connection, Ledger]:
    ledger = Ledger()
    connection = crowd(house, ledger, size)
    return connection, ledger


# --- how many may leave ---------------------------------------------------------------------------


def test_03_eleven_percent_leavers_are_held_and_approved(house: House) -> None:
    """11 % leavers of 500: held, creations applied; approve does exactly those; the next run does nothing."""
    connection, ledger = _small(house, 500)
    before, leavers = active(house), _leave(ledger, 0, 55)
    ledger.add("NEW1")
    ledger.add("NEW2")
    held = house.pull(connection, ledger.source)
    joined = before | {"new1@example.com", "new2@example.com"}
    assert (held.state, active(house)) == (RunState.HELD, joined)
    assert "55 people would be suspended" in held.reasons[0]
    assert house.approve(held).state is RunState.SUCCEEDED
    assert active(house) == joined - leavers
    after = house.pull(connection, ledger.source)
    assert (after.state, happened(after)) == (RunState.SUCCEEDED, {})


def test_05_three_of_eight_may_leave(house: House) -> None:
    """3 of 8 users leave: applied, for the floor is 5."""
    connection, ledger = _small(house, 8)
    leavers = _leave(ledger, 0, 3)
    assert house.pull(connection, ledger.source).state is RunState.SUCCEEDED
    assert len(active(house)) == 5
    assert not leavers & active(house)


def test_05_all_eight_may_not(house: House) -> None:
    """All 8 leave: held, although each was confirmed gone."""
    connection, ledger = _small(house, 8)
    _leave(ledger, 0, 8)
    assert house.pull(connection, ledger.source).state is RunState.HELD
    assert len(active(house)) == 8


def test_06_people_suspended_earlier_are_not_counted(house: House) -> None:
    """200 people suspended earlier are still absent: five more are five, not 205."""
    connection, ledger = _small(house, 500)
    _leave(ledger, 0, 200)
    house.approve(house.pull(connection, ledger.source))
    assert len(active(house)) == 300
    leavers = _leave(ledger, 200, 205)
    run = house.pull(connection, ledger.source)
    assert (run.state, run.counts["suspend"]) == (RunState.SUCCEEDED, 5)
    assert not leavers & active(house)


# --- between hold and approval --------------------------------------------------------------------


@pytest.fixture
def waiting(house: House, ledger: Ledger) -> Connection:
    """A crowd of 50, settled at a bookmark, of whom seven were suspended in the directory since."""
    ledger.cursor = "one"
    connection = crowd(house, ledger, 44)
    for number in range(7):
        ledger.suspend(f"P{number:03}")
    return connection


def test_04_a_stale_checksum_is_a_conflict(house: House, ledger: Ledger, waiting: Connection) -> None:
    """Approve with the checksum of yesterday's plan: 409, and nobody is suspended."""
    yesterday = house.plan(house.pull(waiting, ledger.source))
    ledger.suspend("P007")
    today = house.pull(waiting, ledger.source)
    with pytest.raises(Conflict, match="not the one you looked at"):
        house.approve(today, expect_hash=yesterday.hash)
    assert len(active(house)) == 50


@pytest.mark.parametrize("was_pushed_before", [False, True])
def test_04_who_returns_by_a_push_is_dropped(
    house: House, ledger: Ledger, waiting: Connection, was_pushed_before: bool
) -> None:
    """The IdP pushes one of them as active while the plan waits: her item is stale, the others' apply."""
    (row,) = [row for row in house.rows("directory_user") if row["external_id"] == "P003"]
    back = ledger.people["P003"]._replace(status=Status.ACTIVE, status_text="ACTIVE")
    if was_pushed_before:
        Pusher(house, waiting).replace(row["id"], document_of(back))
    held = house.pull(waiting, ledger.source)
    ledger.restore("P003")
    Pusher(house, waiting).replace(row["id"], document_of(back))
    _approved_without_p003(house, ledger, waiting, held)


def test_04_who_returns_by_a_delta_is_dropped(house: House, ledger: Ledger, waiting: Connection) -> None:
    """A delta shows one of them as she was before: her item is stale, the others' apply."""
    held = house.pull(waiting, ledger.source)
    ledger.restore("P003")
    ledger.delta = [Page(users=[ledger.people["P003"]])]
    house.pull(waiting, ledger.source, mode=RunMode.DELTA)
    _approved_without_p003(house, ledger, waiting, held)


def _approved_without_p003(house: House, ledger: Ledger, connection: Connection, run: Run) -> None:
    assert house.plan(run).state is PlanState.HELD
    house.approve(run)
    states = {item.subject: item.state for item in house.items(run) if item.action == "suspend"}
    assert states.pop("p003@example.com") is ItemState.STALE
    assert list(states.values()) == [ItemState.APPLIED] * 6
    assert "p003@example.com" in active(house)
    assert happened(house.pull(connection, ledger.source)) == {}


# --- groups ---------------------------------------------------------------------------------------


def test_07_rename_and_members_in_one_delta(house: House, ledger: Ledger) -> None:
    """A group is renamed and changes its members in one delta: one rename told, the right people tagged."""
    ledger.cursor = "one"
    connection = house.connect()
    house.settle(connection, ledger.source)
    told = len(house.changes_told())
    ledger.groups["G1"].name = "Revenue"
    ledger.groups["G1"].members = {"B", "C", "E"}
    ledger.delta = [
        Page(members=[MemberChange(group_id="G1", added=["E"])]),
        Page(groups=[GroupRecord("G1", "Revenue")], members=[MemberChange(group_id="G1", removed=["A"])]),
    ]
    assert house.pull(connection, ledger.source, mode=RunMode.DELTA).state is RunState.SUCCEEDED
    renames = [event for event in house.changes_told()[told:] if event["type"] == "group.renamed"]
    assert len(renames) == 1
    people = house.managed(connection)
    assert {name for name in people if "Group:Revenue" in people[name].tags} == {"B", "C", "E"}
    assert not any("Group:Sales" in person.tags for person in people.values())
    assert happened(house.pull(connection, ledger.source)) == {}


# --- who is who -----------------------------------------------------------------------------------


def test_09_one_email_on_two_ids_is_a_dispute(house: House, ledger: Ledger) -> None:
    """One e-mail on two external ids, in other letters: neither becomes a user, both are asked about."""
    ledger.add("X", email="Same.Person@example.com", user_name="x")
    ledger.add("Y", email=" same.person@EXAMPLE.com", user_name="y")
    assert house.settle(house.connect(), ledger.source).state is RunState.SUCCEEDED
    assert len(house.users()) == 6
    assert sorted((row["kind"], row["key"]) for row in house.attention()) == [
        ("disputed", "X"),
        ("disputed", "Y"),
    ]


@pytest.mark.parametrize("came_as", ["NEW@Example.COM", " new@example.com"])
def test_09_case_makes_no_second_account(house: House, ledger: Ledger, came_as: str) -> None:
    """An account whose address differs in case only is hers, and keeps the address it had."""
    account = house.add_user("New@example.com", origin="sso")
    ledger.add("NEW", email=came_as)
    house.settle(house.connect(), ledger.source)
    assert len(house.users()) == 7
    assert (house.user(account)["managed"], house.user(account)["email"]) == (True, "New@example.com")


def test_09_a_plus_address_is_another_person(house: House, ledger: Ledger) -> None:
    """new+test@ and new@ are two addresses: two accounts, no dispute."""
    ledger.add("NEW", email="new@example.com")
    ledger.add("PLUS", email="new+test@example.com")
    house.settle(house.connect(), ledger.source)
    assert {"new@example.com", "new+test@example.com"} <= house.users().keys()
    assert house.attention() == []


def test_10_a_new_id_with_a_known_email(house: House, ledger: Ledger) -> None:
    """Somebody returns under a new external id: a dispute while the old link lives, then the same account."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    before = house.user("a@example.com")["id"]
    ledger.add("A2", email="a@example.com", user_name="a2")
    house.pull(connection, ledger.source)
    assert [(row["kind"], row["key"]) for row in house.attention()] == [("disputed", "A2")]
    ledger.remove("A")
    house.pull(connection, ledger.source)
    house.pull(connection, ledger.source)
    assert house.attention() == []
    assert (house.user("a@example.com")["id"], house.user("a@example.com")["active"]) == (before, True)
    assert len(house.users()) == 6
    assert happened(house.pull(connection, ledger.source)) == {}


# --- seats and protection -------------------------------------------------------------------------


def test_13_seats_are_freed_first_and_the_rest_waits(house: House, ledger: Ledger) -> None:
    """Seats full, six come and two leave: two get in, four wait visibly, and come later without help."""
    connection = house.connect(policy=Policy(seat_limit=6))
    house.settle(connection, ledger.source)
    ledger.suspend("A")
    ledger.suspend("B")
    for number in range(6):
        ledger.add(f"N{number}")
    run = house.pull(connection, ledger.source)
    assert sorted(active(house))[-2:] == ["n0@example.com", "n1@example.com"]
    assert len(active(house)) == 6
    late = [f"n{number}@example.com" for number in (2, 3, 4, 5)]
    assert [item.subject for item in house.items(run) if item.state is ItemState.WAITING] == late
    with house.database.read() as conn:
        found = seats_waited_for.listed(conn, limit=3)
        found += seats_waited_for.listed(conn, after=found[-1]["label"])
    assert [(each["label"], each["action"]) for each in found] == [(each, "create") for each in late]
    assert "4 people wait for a seat" in " ".join(house.plan(run).reasons)
    for name in "CDEF":
        ledger.suspend(name)
    house.pull(connection, ledger.source)
    assert active(house) == {f"n{number}@example.com" for number in range(6)}
    with house.database.read() as conn:
        assert seats_waited_for.count(conn) == 0


def test_14_the_last_admin_stays(house: House, ledger: Ledger) -> None:
    """The IdP disables the last active administrator: she stays, somebody is asked, the others go."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    house.set_user(house.user("a@example.com")["id"], admin=True)
    ledger.suspend("A")
    ledger.suspend("B")
    house.pull(connection, ledger.source)
    assert "a@example.com" in active(house)
    assert "b@example.com" not in active(house)
    (asked,) = house.attention()
    assert (asked["kind"], asked["label"]) == ("protected", "a@example.com")
    assert "the last active administrator" in asked["why"]
