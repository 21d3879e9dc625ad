from providers.simulator.server import Simulator
from sync.model.run import RunState
from tests.engine.house import House, Reader
from tests.engine.ledger import Ledger
from tests.engine.words import OWN_TABLES, first


def test_another_organisation_behind_the_address_changes_nothing(house: House, ledger: Ledger) -> None:
    """Every id would be new, every person absent: the run fails, and one event says what to check."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    before = house.dump("connection", "outbox", *OWN_TABLES)
    ledger.tenant = "tenant-2"
    run = house.pull(connection, ledger.source)
    assert (run.state, run.error_kind) == (RunState.FAILED, "misconfigured")
    assert house.dump("connection", "outbox", *OWN_TABLES) == before
    assert "another organisation" in house.events()[-2]["error"]


def test_a_changed_email_is_the_same_user(house: House, ledger: Ledger) -> None:
    """Her id, tags by hand and history stay."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ada = house.user("A")["id"]
    house.tag_by_hand(ada, "vip")
    ledger.change("A", email="married@example.com", user_name="married@example.com")
    house.pull(connection, ledger.source)
    assert house.user("married@example.com")["id"] == ada
    assert house.managed(connection)["A"].tags == {"scim", "Group:Sales", "vip"}
    assert len(house.users()) == 6


def test_two_newcomers_of_one_email_are_a_dispute_and_the_rest_goes_on(house: House, ledger: Ledger) -> None:
    """Neither is created; the run succeeds for everybody else."""
    ledger.add("X", email="same@example.com")
    ledger.add("Y", email="SAME@example.com")
    run = house.settle(house.connect(), ledger.source)
    assert run.state is RunState.SUCCEEDED
    assert len(house.users()) == 6
    assert sorted(row["key"] for row in house.attention()) == ["X", "Y"]


def test_an_email_given_to_a_new_person_is_a_dispute_while_the_old_one_lives(
    house: House, ledger: Ledger
) -> None:
    """Nobody inherits an account by address."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.add("A2", email="a@example.com", user_name="a2@example.com")
    house.pull(connection, ledger.source)
    assert len(house.users()) == 6
    assert [row["kind"] for row in house.attention()] == ["disputed"]


def test_questions_do_not_multiply(house: House, ledger: Ledger) -> None:
    """The same dispute at every run is one line on the list."""
    connection = house.connect()
    ledger.add("X", email="same@example.com")
    ledger.add("Y", email="same@example.com", user_name="y")
    house.settle(connection, ledger.source)
    house.pull(connection, ledger.source)
    assert len(house.attention()) == 2


def test_somebody_without_email_waits_and_the_rest_goes_on(house: House, ledger: Ledger) -> None:
    """One unusable person stops nobody."""
    ledger.add("X", email="", user_name="x")
    run = house.settle(house.connect(), ledger.source)
    assert (run.state, len(house.users())) == (RunState.SUCCEEDED, 6)
    assert [(row["kind"], row["key"]) for row in house.attention()] == [("no_email", "X")]


def test_an_sso_user_is_adopted_with_one_account(house: House, ledger: Ledger) -> None:
    """Who came before the directory is linked, keeps her id and tags, and is told as adopted."""
    ada = house.add_user("A@Example.com")
    house.tag_by_hand(ada, "vip")
    connection = house.connect()
    house.settle(connection, ledger.source)
    assert house.managed(connection)["A"].email == "A@Example.com"
    assert house.user("A")["id"] == ada
    assert house.managed(connection)["A"].tags == {"scim", "Group:Sales", "vip"}
    assert [event["type"] for event in house.events()].count("user.adopted") == 1


def test_an_administrators_account_is_not_taken_over(house: House, ledger: Ledger) -> None:
    """Matching is an authorisation decision: she waits for a person's word, untouched."""
    house.add_user("a@example.com", admin=True)
    before = [row for row in house.rows("users") if row["email"] == "a@example.com"]
    house.settle(house.connect(), ledger.source)
    assert [row for row in house.rows("users") if row["email"] == "a@example.com"] == before
    assert [row["kind"] for row in house.attention()] == ["confirm_adoption"]
    assert house.user("a@example.com")["tags"] == []


def test_unmanaged_users_are_never_touched(house: House, simulator: Simulator, reader: Reader) -> None:
    """Whoever no directory speaks of is the same to the byte after any number of runs."""
    house.add_user("guest@elsewhere.example", first_name="Guest", active=True)
    house.add_user("former@elsewhere.example", active=False)
    before = house.rows("users")
    connection = first(house, reader)
    simulator.churn(joiners=3, leavers=3, movers=3)
    house.pull(connection, reader)
    assert [row for row in house.rows("users") if "elsewhere" in row["email"]] == before
