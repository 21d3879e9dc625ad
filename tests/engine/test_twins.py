"""Two people of one directory with one e-mail: nobody picks one of them, however often it is read."""

from __future__ import annotations

from sync.model.run import RunMode
from sync.model.source import Page
from tests.engine.house import House
from tests.engine.ledger import Ledger


def _twins(ledger: Ledger) -> None:
    ledger.add("T1", "twin@example.com")
    ledger.add("T2", "twin@example.com", user_name="twin-2@example.com")


def test_a_dispute_is_one_at_every_run(house: House, ledger: Ledger) -> None:
    """Newcomers who share an e-mail get no account at the second run either."""
    _twins(ledger)
    connection = house.connect()
    house.settle(connection, ledger.source)
    run = house.pull(connection, ledger.source)
    assert not any(run.counts.values())
    assert "twin@example.com" not in house.users()
    assert len(house.attention()) == 2


def test_a_delta_with_one_of_them_picks_nobody(house: House, ledger: Ledger) -> None:
    """A change feed that speaks of one twin alone does not settle whose the e-mail is."""
    _twins(ledger)
    ledger.cursor = "here"
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.change("T1", first_name="Other")
    ledger.delta = [Page(users=[ledger.people["T1"]])]
    house.pull(connection, ledger.source, mode=RunMode.DELTA)
    assert "twin@example.com" not in house.users()


def test_the_dispute_ends_when_one_of_them_leaves_the_e_mail(house: House, ledger: Ledger) -> None:
    """As soon as only one person claims the e-mail, she gets her account."""
    _twins(ledger)
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.change("T2", email="other@example.com", user_name="other@example.com")
    house.pull(connection, ledger.source)
    assert {"twin@example.com", "other@example.com"} <= house.users().keys()
