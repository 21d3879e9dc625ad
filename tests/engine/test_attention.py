"""What only a person can settle: it is asked once, the answer is carried out and remembered."""

import pytest

from sync import resolution
from sync.model.connection import Adopt, Connection, Policy
from sync.model.errors import Conflict, Misconfigured, NotFound
from sync.store import attention
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.words import happened

CONFIRM = Policy(adopt=Adopt.CONFIRM)


def _answer(house: House, connection: Connection, how: str, user_ref: str | None = None) -> str | None:
    (question,) = house.attention()
    with house.database.write() as conn:
        return resolution.resolve(
            conn,
            connection,
            house.policy_of(connection),
            question["id"],
            how=how,
            user_ref=user_ref,
            by="an admin",
            now=house.clock(),
        )


@pytest.fixture
def asked(house: House, ledger: Ledger) -> Connection:
    """A connection that adopts nobody unasked, and A who came by SSO before."""
    house.add_user("a@example.com", origin="sso")
    connection = house.connect(policy=CONFIRM)
    house.settle(connection, ledger.source)
    return connection


def test_a_question_is_asked_once(house: House, asked: Connection, ledger: Ledger) -> None:
    """The same doubt at the next run adds nothing to the list and writes nothing."""
    before = house.dump("run", "plan", "plan_item", "outbox", "connection")
    house.pull(asked, ledger.source)
    assert [row["kind"] for row in house.attention()] == ["confirm_adoption"]
    assert house.dump("run", "plan", "plan_item", "outbox", "connection") == before


def test_link_adopts_at_once_and_for_good(house: House, asked: Connection, ledger: Ledger) -> None:
    """The account is adopted by the answer, and the next run finds nothing to do or to ask."""
    assert _answer(house, asked, "link") == "adopt"
    assert house.users()["a@example.com"]["managed"]
    assert house.attention() == []
    assert happened(house.pull(asked, ledger.source)) == {}
    assert house.attention() == []


def test_separate_makes_an_account_of_its_own(house: House, asked: Connection, ledger: Ledger) -> None:
    """Two accounts share the e-mail then, and the one that was there is untouched."""
    before = house.rows("users")
    assert _answer(house, asked, "separate") == "create"
    after = house.rows("users")
    assert [row for row in before if row["origin"] == "sso"] == [
        row for row in after if row["origin"] == "sso"
    ]
    assert sum(row["email"] == "a@example.com" for row in after) == 2
    assert happened(house.pull(asked, ledger.source)) == {}


def test_ignore_leaves_it_and_asks_no_more(house: House, asked: Connection, ledger: Ledger) -> None:
    """An ignored question neither links nor comes again."""
    assert _answer(house, asked, "ignore") is None
    house.pull(asked, ledger.source)
    assert house.attention() == []
    assert not house.users()["a@example.com"]["managed"]


def test_an_answer_that_makes_no_sense_is_refused(house: House, ledger: Ledger) -> None:
    """Nobody can be linked to nobody: who has no e-mail can only be ignored."""
    ledger.add("K", email="", user_name="kiosk-4")
    connection = house.connect()
    house.settle(connection, ledger.source)
    with pytest.raises(Misconfigured, match="say ignore, not 'link'"):
        _answer(house, connection, "link")
    assert _answer(house, connection, "ignore") is None


def test_an_answer_is_given_once(house: House, asked: Connection) -> None:
    """A second answer to the same question says that it is resolved already."""
    (question,) = house.attention()
    _answer(house, asked, "ignore")
    with house.database.write() as conn, pytest.raises(Conflict, match="resolved already"):
        resolution.resolve(conn, asked, CONFIRM, question["id"], how="link", by="an admin", now=house.clock())


def test_two_newcomers_with_one_e_mail_are_a_dispute(house: House, ledger: Ledger) -> None:
    """Nobody is picked; told which account each one is, both go their way."""
    ledger.add("X", email="same@example.com", user_name="x1@example.com")
    ledger.add("Y", email="Same@Example.com", user_name="y1@example.com")
    connection = house.connect()
    house.settle(connection, ledger.source)
    assert [row["kind"] for row in house.attention()] == ["disputed", "disputed"]
    assert "same@example.com" not in house.users()
    for question in house.attention():
        with house.database.write() as conn:
            resolution.resolve(
                conn, connection, Policy(), question["id"], how="separate", by="an admin", now=house.clock()
            )
    assert happened(house.pull(connection, ledger.source)) == {}
    assert sum(row["email"].lower() == "same@example.com" for row in house.rows("users")) == 2


def test_a_link_to_nobody_in_particular_names_the_choices(house: House, ledger: Ledger) -> None:
    """With several accounts the answer must say which one."""
    house.add_user("a@example.com")
    house.add_user("A@example.com")
    connection = house.connect()
    house.settle(connection, ledger.source)
    with pytest.raises(NotFound, match="--user"):
        _answer(house, connection, "link")


def test_an_e_mail_reused_while_the_old_link_lives_is_a_dispute(house: House, ledger: Ledger) -> None:
    """A new id with A's e-mail waits; once A is gone it is an ordinary match."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.add("A2", email="a@example.com", user_name="a2@example.com")
    house.pull(connection, ledger.source)
    assert [row["kind"] for row in house.attention()] == ["disputed"]
    assert house.users()["a@example.com"]["active"]
    ledger.remove("A")
    house.pull(connection, ledger.source)
    house.pull(connection, ledger.source)
    assert house.users()["a@example.com"]["active"]
    assert len(house.users()) == 6


def test_an_e_mail_of_another_account_is_not_taken(house: House, ledger: Ledger) -> None:
    """A changed e-mail that somebody has already leaves both accounts as they are, and asks."""
    house.add_user("boss@example.com", origin="manual")
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.change("A", email="boss@example.com")
    house.pull(connection, ledger.source)
    assert "a@example.com" in house.users()
    assert [row["kind"] for row in house.attention()] == ["email_taken"]


def test_two_people_may_swap_their_e_mails(house: House, ledger: Ledger) -> None:
    """A swap within one read is two updates and no question."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    a, b = house.users()["a@example.com"]["id"], house.users()["b@example.com"]["id"]
    ledger.change("A", email="b@example.com")
    ledger.change("B", email="a@example.com")
    assert happened(house.pull(connection, ledger.source)) == {"update": 2}
    assert (house.users()["b@example.com"]["id"], house.users()["a@example.com"]["id"]) == (a, b)
    assert house.attention() == []


def test_a_question_that_answers_itself_goes_away(house: House, ledger: Ledger) -> None:
    """An e-mail set at the directory settles the question that its lack had raised."""
    ledger.add("K", email="", user_name="kiosk-4")
    connection = house.connect()
    house.settle(connection, ledger.source)
    assert [row["kind"] for row in house.attention()] == ["no_email"]
    ledger.change("K", email="kiosk@example.com")
    assert happened(house.pull(connection, ledger.source)) == {"create": 1}
    assert house.attention() == []
    with house.database.read() as conn:
        assert [row["kind"] for row in attention.listed(conn, state="settled")] == ["no_email"]
