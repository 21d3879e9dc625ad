"""Accounts by hand, and what an admin's hand sets on any account."""

import pytest

from sync import accounts
from sync.accounts import Account
from sync.model.errors import BadRecord, Duplicate, Refused
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.words import happened


def test_accounts_are_added_with_their_tags(house: House) -> None:
    """Each has its e-mail, origin and tags, an event, and is unmanaged."""
    wanted = [
        Account(email="ann@example.com", origin="sso", tags=("beta",)),
        Account(email="bob@example.com"),
    ]
    with house.database.write() as conn:
        accounts.add_accounts(conn, wanted, by="an admin", now=house.clock())
    assert house.users()["ann@example.com"]["tags"] == ["beta"]
    assert not house.users()["bob@example.com"]["managed"]
    assert [event["type"] for event in house.events()] == ["user.created", "user.created"]


@pytest.mark.parametrize(
    ("second", "error"),
    [("ANN@example.com", Duplicate), ("no address", BadRecord)],
)
def test_one_bad_row_adds_nothing(house: House, second: str, error: type[Exception]) -> None:
    """All accounts of a list are made, or none, and the row is named."""
    wanted = [Account(email="ann@example.com"), Account(email=second)]
    with pytest.raises(error, match="row 2"), house.database.write() as conn:
        accounts.add_accounts(conn, wanted, by="an admin", now=house.clock())
    assert house.users() == {}


def test_suspended_by_hand_stays_suspended(house: House, ledger: Ledger) -> None:
    """No run gives back what a hand took; the hand does."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    with house.database.write() as conn:
        accounts.suspend(conn, "a@example.com", by="an admin", reason="lost laptop", now=house.clock())
    ledger.change("A", last_name="Changed")
    house.pull(connection, ledger.source)
    assert not house.users()["a@example.com"]["active"]
    with house.database.write() as conn:
        accounts.reactivate(conn, "a@example.com", by="an admin", reason="", now=house.clock())
    assert house.users()["a@example.com"]["active"]


def test_a_protected_account_outlives_its_directory(house: House, ledger: Ledger) -> None:
    """The directory suspends A, the account stays active and the admin is asked."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    with house.database.write() as conn:
        accounts.protect(conn, "a@example.com", protected=True, by="an admin", now=house.clock())
    ledger.suspend("A")
    assert "suspend" not in happened(house.pull(connection, ledger.source))
    assert house.users()["a@example.com"]["active"]
    assert [row["kind"] for row in house.attention()] == ["protected"]


def test_the_last_administrator_stays(house: House, ledger: Ledger) -> None:
    """Neither a hand nor a directory takes the last active administrator's access."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    with house.database.write() as conn:
        accounts.set_admin(conn, "a@example.com", admin=True, by="an admin", now=house.clock())
    with pytest.raises(Refused, match="last active administrator"), house.database.write() as conn:
        accounts.suspend(conn, "a@example.com", by="an admin", reason="", now=house.clock())
    ledger.suspend("A")
    house.pull(connection, ledger.source)
    assert house.users()["a@example.com"]["active"]


def test_tags_by_hand_come_and_go_alone(house: House, ledger: Ledger) -> None:
    """A tag by hand outlives every run, and taking it leaves the directory's tags."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    with house.database.write() as conn:
        accounts.set_tags(conn, "a@example.com", add=["vip"], by="an admin", now=house.clock())
    house.pull(connection, ledger.source)
    assert set(house.users()["a@example.com"]["tags"]) == {"scim", "vip", "Group:Sales"}
    with house.database.write() as conn:
        accounts.set_tags(conn, "a@example.com", remove=["vip"], by="an admin", now=house.clock())
    assert set(house.users()["a@example.com"]["tags"]) == {"scim", "Group:Sales"}
