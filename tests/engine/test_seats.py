"""Seats: suspensions free them, additions wait in the open, nobody is put out."""

import pytest

from sync.model.connection import Policy
from sync.model.errors import Refused
from sync.resolution import retry_waiting
from sync.store import waiting
from sync.store.text import from_json
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.scim import Pusher, person

SIX = Policy(seat_limit=6)


def _waiting(house: House) -> int:
    with house.database.read() as conn:
        return waiting.count(conn)


def test_freed_seats_are_taken_first_and_the_rest_waits(house: House, ledger: Ledger) -> None:
    """Six seats, two leave, four come: two get in, two wait, and get in when seats are free."""
    connection = house.connect(policy=SIX)
    house.settle(connection, ledger.source)
    for name in "AB":
        ledger.suspend(name)
    for name in "WXYZ":
        ledger.add(name)
    run = house.pull(connection, ledger.source)
    assert sum(row["active"] for row in house.users().values()) == 6
    assert {"w@example.com", "x@example.com"} <= house.users().keys()
    assert _waiting(house) == 2
    assert "2 people wait for a seat" in " ".join(house.plan(run).reasons)
    for name in "CD":
        ledger.suspend(name)
    house.pull(connection, ledger.source)
    assert {"y@example.com", "z@example.com"} <= house.users().keys()
    assert _waiting(house) == 0


def test_nobody_is_put_out_when_the_limit_falls(house: House, ledger: Ledger) -> None:
    """A limit below what is in use suspends nobody."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    house.policies[connection.id] = Policy(seat_limit=3)
    house.pull(connection, ledger.source)
    assert sum(row["active"] for row in house.users().values()) == 6


def test_a_push_without_a_seat_is_refused_and_waits(house: House, ledger: Ledger) -> None:
    """403 for the client, a waiting row for the admin; the same POST gets in when a seat is free."""
    connection = house.connect(policy=SIX)
    house.settle(connection, ledger.source)
    pusher = Pusher(house, connection)
    with pytest.raises(Refused, match="No seat is free"):
        pusher.create(person("new@example.com", "N"))
    assert [row["kind"] for row in house.attention()] == ["waiting_for_seat"]
    assert "new@example.com" not in house.users()
    with pytest.raises(Refused, match="No seat is free"):
        pusher.create(person("new@example.com", "N"))
    house.policies[connection.id] = Policy(seat_limit=7)
    pusher.create(person("new@example.com", "N"))
    assert house.users()["new@example.com"]["active"]


def test_running_short_is_said_once_per_rise(house: House, ledger: Ledger) -> None:
    """At 80, 90 and 100 % an event tells it, and no second one while nothing rises."""
    connection = house.connect(policy=Policy(seat_limit=7))
    house.settle(connection, ledger.source)
    house.pull(connection, ledger.source)
    ledger.add("X")
    house.pull(connection, ledger.source)
    told = [event for event in house.events() if event["type"] == "seats.threshold_reached"]
    assert [event["threshold"] for event in told] == [80, 100]


def _retry(house: House) -> int:
    return retry_waiting(house.database, house.policy_of, clock=house.clock)


def test_who_waits_since_a_push_gets_in_by_herself(house: House) -> None:
    """The oldest first, as many as there are seats; with her groups, and the question is closed."""
    connection = house.connect(policy=Policy(seat_limit=1))
    pusher = Pusher(house, connection)
    first = pusher.create(person("first@example.com", "S0"))
    for number in (1, 2):
        with pytest.raises(Refused):
            pusher.create(person(f"new{number}@example.com", f"S{number}"))
    (waits, _) = (row["detail"] for row in house.attention())
    pusher.create_group("Sales", [from_json(waits)["directory_user_id"]])
    assert (_waiting(house), _retry(house)) == (2, 0)
    pusher.replace(first.id, person("first@example.com", "S0", active=False))
    assert (_retry(house), _retry(house)) == (1, 0)
    assert house.users()["new1@example.com"]["tags"] == ["Group:Sales", "scim"]
    assert "new2@example.com" not in house.users()
    assert _waiting(house) == 1
    house.policies[connection.id] = Policy()
    assert (_retry(house), _waiting(house)) == (1, 0)
    told = [event["type"] for event in house.changes_told() if event["type"].startswith("user.")]
    assert told == ["user.created", "user.suspended", "user.created", "user.created"]


def test_who_left_while_she_waited_takes_no_seat(house: House) -> None:
    """The directory took her access back before there was a seat: nothing happens, nobody waits."""
    connection = house.connect(policy=Policy(seat_limit=0))
    pusher = Pusher(house, connection)
    with pytest.raises(Refused):
        pusher.create(person("new@example.com", "S1"))
    (question,) = house.attention()
    pusher.replace(
        from_json(question["detail"])["directory_user_id"], person("new@example.com", "S1", active=False)
    )
    house.policies[connection.id] = Policy()
    assert (_retry(house), _waiting(house)) == (0, 0)
    assert house.users() == {}
