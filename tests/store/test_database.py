"""The database's doors: errands in one commit, readers kept open, counts that follow."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

import pytest
import sqlalchemy as sa

from sync.model.errors import NotFound
from sync.model.query import Query
from sync.model.session import Kind
from sync.store import meta, migrate, schema, scim
from sync.store.database import Database
from sync.store.prepared import Prepared
from tests.store.rows import add_connection, add_directory_user


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """SQLite alone has one writer for all."""
    database = Database(sqlite_url)
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[Database]:
    """A server may end what is kept open."""
    database = Database(postgres_url)
    migrate.upgrade(database)
    yield database
    database.close()


def test_errands_end_after_their_commit(sqlite_database: Database) -> None:
    """What an errand wrote can be read by anybody once its future has ended."""
    database = sqlite_database

    def errand() -> str:
        database.submit(lambda conn: meta.put(conn, "said", "yes"))
        return "done"

    assert database.enlist(errand).result() == "done"
    assert database.look(lambda conn: meta.get(conn, "said")) == "yes"


def test_one_errand_that_fails_takes_nothing_from_its_neighbours(sqlite_database: Database) -> None:
    """Of three in one commit the middle one fails alone, and leaves nothing behind."""
    database, gate = sqlite_database, threading.Event()

    def put(name: str, *, fails: bool = False) -> None:
        def work(conn: sa.Connection) -> None:
            meta.put(conn, name, "there")
            if fails:
                raise NotFound("no")

        database.submit(work)

    held: Future[bool] = database.enlist(gate.wait)  # the three wait behind it and come together
    futures = [
        database.enlist(lambda: put("first")),
        database.enlist(lambda: put("second", fails=True)),
        database.enlist(lambda: put("third")),
    ]
    gate.set()
    held.result()
    futures[0].result()
    futures[2].result()
    with pytest.raises(NotFound):
        futures[1].result()
    there = [database.look(partial(meta.get, key=name)) for name in ("first", "second", "third")]
    assert there == ["there", None, "there"]


def test_looks_see_what_was_committed_before(database: Database) -> None:
    """A reader that is kept open sees each later commit."""
    for said in ("one", "two", "three"):
        database.submit(partial(meta.put, key="word", value=said))
        assert database.look(lambda conn: meta.get(conn, "word")) == said


def test_work_goes_on_when_the_server_ended_what_was_kept_open(postgres_database: Database) -> None:
    """A connection that died while nobody used it costs nobody an error, and nothing is written twice."""
    database = postgres_database
    for said in ("before", "after"):
        database.submit(partial(meta.put, key=said, value=said))
        assert database.look(partial(meta.get, key=said)) == said
        with database.write() as conn:
            conn.execute(_CUT)
    assert database.look(partial(meta.several, keys=["before", "after"])) == {
        "before": "before",
        "after": "after",
    }


_CUT = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


def test_errors_of_prepared_statements_are_those_of_the_database(database: Database) -> None:
    """The driver's errors come as SQLAlchemy's, without the values that were sent."""
    wrong = Prepared(sa.text("SELECT no_such_column FROM meta WHERE key = :secret"))
    with pytest.raises(sa.exc.DBAPIError) as caught, database.read() as conn:
        wrong.all(conn, secret="hidden value")
    assert "hidden value" not in str(caught.value)


def test_counts_follow_the_rows(database: Database) -> None:
    """Live people are counted by connection: added, ended, begun again and taken away."""
    mine, other = add_connection(database, "Mine").id, add_connection(database, "Other").id
    with database.write() as conn:
        ids = [add_directory_user(conn, mine, f"person {number}") for number in range(5)]
        add_directory_user(conn, other, "another")
    table = schema.directory_user

    def counted() -> tuple[int, int]:
        with database.read() as conn:
            found = [scim.scim_find(conn, each, Kind.USER, Query(count=1)).total for each in (mine, other)]
            rows = [
                conn.scalar(
                    sa.select(sa.func.count()).where(
                        table.c.connection_id == each, table.c.deleted_at.is_(None)
                    )
                )
                for each in (mine, other)
            ]
        assert found == rows
        return found[0], found[1]

    def set_deleted(id_: str, at: str | None) -> None:
        with database.write() as conn:
            conn.execute(sa.update(table).where(table.c.id == id_).values(deleted_at=at))

    assert counted() == (5, 1)
    set_deleted(ids[0], "2026-01-01T00:00:00.000000Z")
    set_deleted(ids[1], "2026-01-01T00:00:00.000000Z")
    set_deleted(ids[1], "2026-01-02T00:00:00.000000Z")
    assert counted() == (3, 1)
    set_deleted(ids[0], None)
    assert counted() == (4, 1)
    with database.write() as conn:
        conn.execute(sa.delete(table).where(table.c.id.in_(ids[:3])))
    assert counted() == (2, 1)
