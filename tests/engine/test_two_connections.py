import pytest
import sqlalchemy as sa

from sync.model.connection import Connection
from sync.store import headcount, schema
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.words import happened

MAIL = "a@example.com"


def _other(*names: str) -> Ledger:
    ledger = Ledger(tenant="tenant-b")
    for name in names:
        ledger.add(f"B-{name}", email=f"{name.lower()}@example.com", first_name=name)
    return ledger


@pytest.fixture
def first(house: House, ledger: Ledger) -> Connection:
    """The connection through which A came."""
    connection = house.connect("First")
    house.settle(connection, ledger.source)
    return connection


def _link(house: House, connection: Connection, external_id: str) -> None:
    """A person's word: this directory user is that account."""
    row = next(row for row in house.rows("directory_user") if row["external_id"] == external_id)
    values = {"directory_user_id": row["id"], "user_id": house.users()[MAIL]["id"], "how": "confirmed"}
    values |= {"rule": "by hand", "linked_at": row["created_at"]}
    with house.database.write() as conn:
        conn.execute(sa.insert(schema.link).values(values))


def test_another_connections_person_is_not_adopted_unasked(house: House, first: Connection) -> None:
    """Linked elsewhere goes to confirm: a question, no second account, no link."""
    second = house.connect("Second")
    house.settle(second, _other("A", "X").source)
    assert [row["kind"] for row in house.attention()] == ["confirm_adoption"]
    assert "First" in house.attention()[0]["why"]
    assert house.users()[MAIL]["connections"] == ["First"]
    assert len(house.users()) == 7


def test_who_is_active_in_one_of_two_stays_active(house: House, first: Connection, ledger: Ledger) -> None:
    """Suspended only when no live link says active; and then she is."""
    second, there = house.connect("Second"), _other("A", "X")
    house.settle(second, there.source)
    _link(house, second, "B-A")
    ledger.suspend("A")
    run = house.pull(first, ledger.source)
    assert "suspend" not in happened(run)
    assert house.users()[MAIL]["active"]
    (note,) = [row for row in house.history(run) if row["label"] == MAIL]
    assert "kept active by Second" in note["reason"]
    there.suspend("B-A")
    assert happened(house.pull(second, there.source)) == {"suspend": 1}
    assert not house.users()[MAIL]["active"]
    ledger.restore("A")
    house.pull(first, ledger.source)
    assert house.users()[MAIL]["active"]


def test_tags_are_the_union_of_both_directories(house: House, first: Connection, ledger: Ledger) -> None:
    """A tag of two sources goes with the last of them."""
    second, there = house.connect("Second"), _other("A", "X")
    house.settle(second, there.source)
    _link(house, second, "B-A")
    there.team("BG", "Sales", "B-A")
    house.pull(second, there.source)
    assert set(house.users()[MAIL]["tags"]) == {"scim", "Group:Sales"}
    ledger.groups["G1"].members.discard("A")
    house.pull(first, ledger.source)
    assert set(house.users()[MAIL]["tags"]) == {"scim", "Group:Sales"}
    there.groups["BG"].members.clear()
    house.pull(second, there.source)
    assert set(house.users()[MAIL]["tags"]) == {"scim"}


def test_a_person_of_two_directories_takes_one_seat(house: House, first: Connection) -> None:
    """Two links, one account, one seat."""
    second = house.connect("Second")
    house.settle(second, _other("A", "X").source)
    _link(house, second, "B-A")
    with house.database.read() as conn:
        assert headcount.seats_used(conn) == 7


def test_two_directories_do_not_rewrite_each_other_for_ever(
    house: House, first: Connection, ledger: Ledger
) -> None:
    """When they disagree on a name, a second round of runs changes nothing."""
    second, there = house.connect("Second"), _other("A", "X")
    there.change("B-A", first_name="Augusta", picture_url="https://pictures.example.com/a.jpg")
    house.settle(second, there.source)
    _link(house, second, "B-A")
    there.change("B-A", last_name="Lovelace")
    for _ in range(2):
        house.pull(first, ledger.source)
        house.pull(second, there.source)
    before = house.users()[MAIL]
    assert happened(house.pull(first, ledger.source)) == {}
    assert happened(house.pull(second, there.source)) == {}
    assert house.users()[MAIL] == before


def test_ones_absent_people_are_not_the_others(house: House, first: Connection, ledger: Ledger) -> None:
    """A connection never suspends whom it does not know."""
    second, there = house.connect("Second"), _other("X", "Y")
    house.settle(second, there.source)
    there.people.clear()
    there.add("B-Z", email="z@example.com")
    house.pull(second, there.source)
    assert all(person.active for person in house.managed(first).values())
