"""What the store's tests share: a database with tables and one connection."""

from collections.abc import Iterator

import pytest

from sync.model.connection import Connection
from sync.store import migrate
from sync.store.database import Database
from tests.store.rows import add_connection


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database whose tables exist."""
    database = Database(database_url)
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def connection(database: Database) -> Connection:
    """A connection named "Acme"."""
    return add_connection(database, "Acme", domain="acme.example.com")
