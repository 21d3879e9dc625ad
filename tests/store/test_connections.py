from datetime import timedelta

import pytest

from sync.model.connection import Mode
from sync.model.errors import Conflict, Duplicate, NotFound
from sync.store import connections
from tests.store.rows import NOW, add_connection, add_directory_user, at

HASH = "ab" * 32


def test_a_connection_is_kept_as_it_was_made(database, connection):
    """Settings and sealed secrets come back as the mappings they were."""
    with database.read() as conn:
        found = connections.get(conn, connection.id)
        assert found == connection
        assert found.settings == {"domain": "acme.example.com"}
        assert (found.mode, found.enabled, found.managed_tag, found.created_at) == (
            Mode.BOTH,
            True,
            "scim",
            NOW,
        )
        assert connections.listed(conn) == [connection]


def test_connections_are_found_by_name_or_id(database, connection):
    """An unknown one names the nearest known."""
    with database.read() as conn:
        assert connections.find(conn, "Acme") == connection
        assert connections.find(conn, connection.id) == connection
        with pytest.raises(NotFound, match=r"no connection named acne; did you mean Acme\?"):
            connections.find(conn, "acne")
        with pytest.raises(NotFound):
            connections.get(conn, "nothing")


def test_a_name_is_taken_once(database, connection):
    """A second connection, or a rename, of the same name is refused, and the transaction lives on."""
    other = add_connection(database, "Other")
    with database.write() as conn:
        with pytest.raises(Duplicate, match="named Acme exists already"):
            connections.update(conn, other.id, now=NOW, name="Acme")
        connections.update(conn, other.id, now=NOW, tenant="t")
    with pytest.raises(Duplicate):
        add_connection(database, "Acme")
    with database.read() as conn:
        assert connections.get(conn, other.id).tenant == "t"


def test_columns_are_changed_by_name(database, connection):
    """Times, mappings and plain values are stored in their forms; unknown columns are a mistake."""
    later = NOW + timedelta(hours=1)
    with database.write() as conn:
        connections.update(
            conn,
            connection.id,
            now=later,
            settings={"a": [1]},
            mode="pull",
            enabled=False,
            last_complete_at=later,
            cursor="c",
        )
        found = connections.get(conn, connection.id)
        assert (found.settings, found.mode, found.enabled) == ({"a": [1]}, Mode.PULL, False)
        assert (found.last_complete_at, found.cursor) == (later, "c")
        connections.update(conn, connection.id, now=later, cursor=None)
        assert connections.get(conn, connection.id).cursor is None
        with pytest.raises(TypeError, match="no settable column colour"):
            connections.update(conn, connection.id, now=NOW, colour="red")
        with pytest.raises(NotFound):
            connections.update(conn, "nothing", now=NOW, cursor="c")


def test_a_connection_with_people_is_not_removed(database, connection):
    """Live directory users must be let go first; tombstones and tokens go with the connection."""
    with database.write() as conn:
        add_directory_user(conn, connection.id, "gone", deleted_at=at(1))
        live = add_directory_user(conn, connection.id, "ann")
        connections.add_token(conn, connection.id, id="t", hash=HASH, last_four="abcd", now=NOW)
        with pytest.raises(Conflict, match="still has 1 directory users"):
            connections.remove(conn, connection.id)
        conn.exec_driver_sql(f"UPDATE directory_user SET deleted_at = '{at(1)}' WHERE id = '{live}'")
        connections.remove(conn, connection.id)
        assert connections.listed(conn) == []
        with pytest.raises(NotFound):
            connections.remove(conn, connection.id)


def test_tokens_open_their_own_connection_only(database, connection):
    """Wrong hash, other connection, revoked and expired are one and the same no."""
    other = add_connection(database, "Other")
    with database.write() as conn:
        connections.add_token(conn, connection.id, id="t1", hash=HASH, last_four="abcd", now=NOW)
        assert connections.authenticate(conn, connection.id, HASH, NOW) == (connection, "t1", None)
        assert connections.authenticate(conn, connection.id, "cd" * 32, NOW) is None
        assert connections.authenticate(conn, other.id, HASH, NOW) is None
        assert connections.authenticate(conn, "nothing", HASH, NOW) is None
        connections.expire_token(conn, "t1", NOW + timedelta(days=7))
        assert connections.authenticate(conn, connection.id, HASH, NOW + timedelta(days=7)) is None
        assert connections.authenticate(conn, connection.id, HASH, NOW + timedelta(days=6)) is not None
        connections.revoke_token(conn, "t1", NOW)
        assert connections.authenticate(conn, connection.id, HASH, NOW) is None
        with pytest.raises(NotFound):
            connections.revoke_token(conn, "nothing", NOW)


def test_tokens_show_when_they_were_used(database, connection):
    """Revoked tokens are no longer listed; the last use is noted for many at once."""
    with database.write() as conn:
        for number in (1, 2):
            connections.add_token(
                conn,
                connection.id,
                id=f"t{number}",
                hash=f"{number}" * 64,
                last_four=f"aaa{number}",
                now=NOW + timedelta(minutes=number),
            )
        connections.touch_tokens(conn, {"t2": NOW + timedelta(hours=1), "t1": NOW})
        connections.touch_tokens(conn, {})
        connections.revoke_token(conn, "t1", NOW)
        (token,) = connections.tokens(conn, connection.id)
        assert (token.id, token.last_four, token.last_used_at) == ("t2", "aaa2", NOW + timedelta(hours=1))
