import pytest
import sqlalchemy as sa

from sync.model.connection import Policy
from sync.model.run import RunState
from sync.store import schema
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.words import active, crowd, happened


def test_too_many_leavers_are_held_and_newcomers_come_in(house: House, ledger: Ledger) -> None:
    """While held the harmless part is applied; approving suspends exactly the held; then nothing is left."""
    connection = crowd(house, ledger, 44)
    for number in range(7):
        ledger.suspend(f"P{number:03}")
    ledger.add("NEW")
    run = house.pull(connection, ledger.source)
    assert (run.state, len(active(house))) == (RunState.HELD, 51)
    assert "7 people would be suspended" in run.reasons[0]
    assert "new@example.com" in active(house)
    approved = house.approve(run)
    assert (approved.state, len(active(house))) == (RunState.SUCCEEDED, 44)
    assert happened(house.pull(connection, ledger.source)) == {}


def test_few_leavers_of_a_small_directory_pass(house: House, ledger: Ledger) -> None:
    """Five of six is under the floor; the fall by more than half is what holds them."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    for name in "ABC":
        ledger.suspend(name)
    run = house.pull(connection, ledger.source)
    assert (run.state, len(active(house))) == (RunState.SUCCEEDED, 3)


def test_an_emptied_directory_is_held(house: House, ledger: Ledger) -> None:
    """Every person confirmed gone by id, and still somebody looks before all are suspended."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    for name in "ABCDEF":
        ledger.remove(name)
    run = house.pull(connection, ledger.source)
    assert (run.state, len(active(house))) == (RunState.HELD, 6)
    assert "nobody" in " ".join(run.reasons)


def test_people_suspended_before_do_not_count(house: House, ledger: Ledger) -> None:
    """Yesterday's approved leavers do not trip today's limit."""
    connection = crowd(house, ledger, 44)
    for number in range(7):
        ledger.suspend(f"P{number:03}")
    house.approve(house.pull(connection, ledger.source))
    ledger.suspend("P010")
    assert house.pull(connection, ledger.source).state is RunState.SUCCEEDED


def test_a_connection_may_hold_everything(house: House, ledger: Ledger) -> None:
    """Set so, not even newcomers come in while a plan waits."""
    connection = crowd(house, ledger, 44, Policy(apply_harmless_when_held=False))
    for number in range(7):
        ledger.suspend(f"P{number:03}")
    ledger.add("NEW")
    house.pull(connection, ledger.source)
    assert "new@example.com" not in active(house)


def test_a_mass_of_newcomers_is_held(house: House, ledger: Ledger) -> None:
    """A wrong scope creates a whole tenant: more than max(50, 50 %) waits."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    for number in range(51):
        ledger.add(f"P{number:03}")
    run = house.pull(connection, ledger.source)
    assert (run.state, len(active(house))) == (RunState.HELD, 6)
    assert "51 people would be created" in run.reasons[0]


def test_a_mass_of_rewritten_profiles_is_held(house: House, ledger: Ledger) -> None:
    """A changed mapping shows before it is everywhere."""
    connection = crowd(house, ledger, 54)
    for name in list(ledger.people):
        ledger.change(name, last_name="Mapped")
    run = house.pull(connection, ledger.source)
    assert (run.state, house.managed(connection)["A"].last_name) == (RunState.HELD, "Person")


def test_a_large_group_that_loses_most_members_is_held(house: House, ledger: Ledger) -> None:
    """Null instead of a list once emptied a team; here somebody looks first."""
    connection = house.connect()
    for number in range(24):
        ledger.add(f"P{number:03}")
    ledger.team("G3", "Everybody here", *ledger.people)
    house.settle(connection, ledger.source)
    ledger.groups["G3"].members = {"A"}
    run = house.pull(connection, ledger.source)
    assert run.state is RunState.HELD
    assert "Everybody here would lose 29 of 30" in run.reasons[0]
    assert "Group:Everybody here" in house.managed(connection)["B"].tags


def test_a_protected_person_is_not_suspended_but_shown(house: House, ledger: Ledger) -> None:
    """The directory's word about her is on the list of what needs attention."""
    connection = house.connect(policy=Policy(protected=frozenset({"a@example.com"})))
    house.settle(connection, ledger.source)
    ledger.suspend("A")
    house.pull(connection, ledger.source)
    assert "a@example.com" in active(house)
    assert [row["kind"] for row in house.attention()] == ["protected"]


@pytest.mark.parametrize("way", ["nesting", "group"])
def test_tags_lost_through_nesting_or_with_a_group_count(house: House, way: str) -> None:
    """Sixty people who would lose a tag hold the plan, though one membership or one group ends."""
    ledger = Ledger()
    for number in range(60):
        ledger.add(f"P{number:02}")
    ledger.team("ALL", "All").groups |= {"NORTH"}
    ledger.team("NORTH", "North", *ledger.people)
    acme = house.connect()
    house.settle(acme, ledger.source)
    assert "Group:All" in house.users()["p00@example.com"]["tags"]
    if way == "nesting":
        ledger.groups["ALL"].groups.clear()
    else:
        del ledger.groups["ALL"]
    run = house.pull(acme, ledger.source)
    assert run.state is RunState.HELD
    assert any("60 tags would be removed" in reason for reason in run.reasons)
    assert "Group:All" in house.users()["p00@example.com"]["tags"]


def _link_by_email(house: House, ledger: Ledger) -> None:
    """A person's word for all of a directory: its people are the accounts with their e-mails."""
    users = house.users()
    rows = [row for row in house.rows("directory_user") if row["external_id"] in ledger.people]
    links = [
        {"directory_user_id": row["id"], "user_id": users[row["email"]]["id"], "how": "confirmed"}
        | {"rule": "by hand", "linked_at": row["created_at"]}
        for row in rows
    ]
    with house.database.write() as conn:
        conn.execute(sa.insert(schema.link), links)


@pytest.mark.parametrize("way", ["hand", "connection"])
def test_tags_that_come_by_another_way_are_not_lost(house: House, way: str) -> None:
    """Sixty people may leave a group whose tag a hand or another connection's group gives them as well."""
    ledger, other = Ledger(), Ledger(tenant="tenant-b")
    for number in range(60):
        ledger.add(f"P{number:02}")
    ledger.team("SALES", "Sales", *ledger.people)
    acme = house.connect()
    house.settle(acme, ledger.source)
    if way == "hand":
        for row in house.users().values():
            house.tag_by_hand(row["id"], "Group:Sales")
    else:
        for number in range(60):
            other.add(f"Q{number:02}", email=f"p{number:02}@example.com")
        other.team("SALES", "Sales", *other.people)
        second = house.connect("Second")
        house.settle(second, other.source)
        _link_by_email(house, other)
        house.pull(second, other.source)
    del ledger.groups["SALES"]
    run = house.pull(acme, ledger.source)
    assert not any("tags would be removed" in reason for reason in run.reasons)
    assert "Group:Sales" in house.users()["p00@example.com"]["tags"]
