"""The served endpoint over the real engine: one server per kind of database, one connection per test."""

import hashlib
import itertools
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy.engine import URL
from starlette.applications import Starlette

from scim_server.app import scim_app, with_scim
from sync.model.connection import Mode, Policy
from sync.push import Push
from sync.store import connections, migrate
from sync.store.database import Database
from sync.store.ids import new_id
from tests.scim.client import Scim
from tests.serving import serving

Connect = Callable[..., Scim]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def _sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('scim') / 'connector.db'}"


@pytest.fixture(scope="session")
def _postgresql(postgres_server: URL) -> Iterator[str]:
    admin = postgres_server.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"scim_{uuid.uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    yield postgres_server.set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database of each kind, shared by all tests: connections keep them apart."""
    database = Database(request.getfixturevalue(f"_{request.param}"))
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture(scope="session")
def push(database: Database) -> Push:
    """The engine as the endpoint sees it."""
    return Push(database, clock=lambda: datetime.now(UTC), policy_of=lambda _connection: Policy())


@pytest.fixture(scope="session")
def connect(database: Database, push: Push) -> Iterator[Connect]:
    """Makes a connection, ``connect(type, paused=…, **knobs)``, and gives its client."""
    address: list[str] = []
    app = with_scim(scim_app(push, lambda: address[0]), Starlette())
    with serving(app) as url, httpx.Client(trust_env=False, timeout=30) as http:
        address.append(url)

        def make(type: str = "scim", *, paused: bool = False, **knobs: Any) -> Scim:
            connection_id, token = add_connection(database, type, knobs, enabled=not paused)
            return Scim(http, f"{url}/scim/v2/{connection_id}", token)

        yield make


def add_connection(database: Database, type: str, knobs: dict[str, Any], *, enabled: bool) -> tuple[str, str]:
    """A connection with one token; its id and the token."""
    connection_id, token, now = new_id(), f"token-{uuid.uuid4().hex}", datetime.now(UTC)
    with database.write() as conn:
        connections.add(
            conn,
            id=connection_id,
            name=f"directory {next(_numbers)}",
            type=type,
            mode=Mode.PUSH,
            settings={"scim": knobs},
            sealed={},
            managed_tag="scim",
            from_file=False,
            now=now,
        )
        connections.update(conn, connection_id, now=now, enabled=enabled)
        connections.add_token(
            conn,
            connection_id,
            id=new_id(),
            hash=hashlib.sha256(token.encode()).hexdigest(),
            last_four=token[-4:],
            now=now,
        )
    return connection_id, token


@pytest.fixture
def scim(connect: Connect) -> Scim:
    """A fresh connection with the default profile."""
    return connect()


@pytest.fixture
def entra(connect: Connect) -> Scim:
    """A fresh connection of Entra's type."""
    return connect("azure")


@pytest.fixture
def rippling(connect: Connect) -> Scim:
    """A fresh connection with Rippling's profile."""
    return connect(profile="rippling")


@pytest.fixture
def strict(connect: Connect) -> Scim:
    """A fresh connection that refuses what the RFCs do not know."""
    return connect(profile="strict")
