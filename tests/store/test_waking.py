"""Whoever waits for work hears of it at once, whichever process has it."""

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from sync.model.errors import Transient
from sync.model.run import RunMode
from sync.store import runs
from sync.store.database import Database
from sync.store.ids import new_id
from sync.store.waking import Doorbell
from tests.store.rows import NOW, add_connection

LONG_S = 30.0
"""Far longer than a ring takes; a test that waits it out has failed."""

SHORT_S = 0.05


@pytest.fixture
def bell(database: Database) -> Iterator[Doorbell]:
    """A doorbell that has rung for having been installed, and not since."""
    bell = Doorbell(database)
    assert bell.wait(LONG_S)
    while bell.wait(SHORT_S):
        pass
    yield bell
    bell.close()


def test_a_run_that_is_asked_for_rings(database: Database, database_url: str, bell: Doorbell) -> None:
    """It rings when the transaction of another process is committed, and then is silent."""
    connection = add_connection(database, "Acme")
    while bell.wait(SHORT_S):
        pass
    elsewhere = Database(database_url)

    def ask() -> None:
        with elsewhere.write() as conn:
            runs.request(
                conn, connection.id, id=new_id(), mode=RunMode.FULL, trigger="manual", by="ada", now=NOW
            )

    asking = threading.Thread(target=ask)
    asking.start()
    assert bell.wait(LONG_S)
    asking.join()
    elsewhere.close()
    assert not bell.wait(SHORT_S)


def test_what_is_taken_back_rings_for_nobody(database: Database, bell: Doorbell) -> None:
    """A transaction that is rolled back wakes nobody."""
    connection = add_connection(database, "Acme")
    while bell.wait(SHORT_S):
        pass

    def ask_and_break_off() -> None:
        with database.write() as conn:
            runs.request(conn, connection.id, id=new_id(), mode=RunMode.FULL, trigger="t", by="ada", now=NOW)
            raise LookupError

    with pytest.raises(LookupError):
        ask_and_break_off()
    assert not bell.wait(SHORT_S)


def test_a_cut_line_is_an_error_once_and_then_rings(postgres_url: str) -> None:
    """After the listening connection was cut, the next wait connects anew and rings for what it missed."""
    database = Database(postgres_url)
    bell = Doorbell(database)
    assert bell.wait(LONG_S)
    with database.write() as conn:
        conn.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    with pytest.raises(Transient, match="listened"):
        bell.wait(LONG_S)
    assert bell.wait(LONG_S)
    bell.close()
    database.close()
