"""Tokens are known for a second: no request reads the database for its token, and none outlives its end."""

import hashlib
from datetime import UTC, datetime, timedelta

from sync.entrance import KNOWN_S, Entrance
from sync.model.connection import Connection, Policy
from sync.store import connections
from tests.engine.house import House

HASHED = hashlib.sha256(b"secret").hexdigest()


class _Time:
    def __init__(self) -> None:
        self.ticks = 100.0
        self.now = datetime.now(UTC)


def _entrance(house: House, time: _Time) -> tuple[Entrance, Connection]:
    connection = house.connect()
    with house.database.write() as conn:
        connections.add_token(conn, connection.id, id="t1", hash=HASHED, last_four="cret", now=time.now)
    entrance = Entrance(
        house.database, clock=lambda: time.now, policy_of=lambda _: Policy(), ticks=lambda: time.ticks
    )
    return entrance, connection


def test_a_known_token_is_not_looked_up(house: House) -> None:
    """Within the second memory answers; a stranger is never in it."""
    time = _Time()
    entrance, connection = _entrance(house, time)
    assert entrance.known(connection.id, "secret") is None
    admitted = entrance.admit(connection.id, "secret")
    assert admitted is not None
    assert entrance.known(connection.id, "secret") == admitted
    assert entrance.admit(connection.id, "wrong") is None
    assert entrance.admit("another", "secret") is None
    assert entrance.known(connection.id, "wrong") is None


def test_a_revoked_token_ends_within_the_second(house: House) -> None:
    """Whoever revoked it, on whatever replica, told nobody: the next look-up finds out."""
    time = _Time()
    entrance, connection = _entrance(house, time)
    assert entrance.admit(connection.id, "secret") is not None
    with house.database.write() as conn:
        connections.revoke_token(conn, "t1", time.now)
    time.ticks += KNOWN_S
    assert entrance.known(connection.id, "secret") is None
    assert entrance.admit(connection.id, "secret") is None


def test_a_token_ends_at_its_hour_although_it_is_known(house: House) -> None:
    """An end that was set before counts to the moment."""
    time = _Time()
    entrance, connection = _entrance(house, time)
    with house.database.write() as conn:
        connections.expire_token(conn, "t1", time.now + timedelta(seconds=0.5))
    assert entrance.admit(connection.id, "secret") is not None
    time.now += timedelta(seconds=0.5)
    assert entrance.known(connection.id, "secret") is None
    assert entrance.admit(connection.id, "secret") is None


def test_a_pause_is_noticed(house: House) -> None:
    """The next second knows that the connection is paused, and by which name."""
    time = _Time()
    entrance, connection = _entrance(house, time)
    admitted = entrance.admit(connection.id, "secret")
    assert admitted is not None
    assert admitted.paused is None
    with house.database.write() as conn:
        connections.update(conn, connection.id, now=time.now, enabled=False)
    time.ticks += KNOWN_S
    later = entrance.admit(connection.id, "secret")
    assert later is not None
    assert connection.name in (later.paused or "")
