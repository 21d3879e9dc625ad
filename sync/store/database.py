"""One database behind two doors: reads that never wait for writers, and one writer at a time on SQLite.

SQLite needs three cares (each was measured to lose data or speed without): we send BEGIN
ourselves, since the driver's own mode makes savepoints commit; readers have their own engine and
may not write; and small writes share one durable commit (group commit), since the disk's flush
is what a write costs.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, text

from sync.model.errors import Misconfigured, Transient
from sync.store.fold import folded
from sync.store.prepared import commit_on_driver, on_driver, takes_no_writes
from sync.store.times import instant_text

T = TypeVar("T")
Conn = Connection
"""An open transaction; the engine hands it on and never looks inside."""
Clash = exc.IntegrityError
"""A row that another row forbids, or that misses the one it belongs to."""
Work = Callable[[Connection], T]
Errand = Callable[[], Any]

GROUP_COMMIT_MAX = 64
"""Waiting writes that share one commit; more gains little."""

BUSY_TIMEOUT_MS = 15_000
"""How long a writer waits for another process's transaction on SQLite."""

WRITER_CACHE_KIB = 16_000
READER_CACHE_KIB = 8_000
"""Pages of the file that a connection to SQLite keeps; there are several readers, and one writer."""

CHECKPOINT_PAGES = 8000
"""Pages (4 KiB each) of SQLite's log before they move into the file: a page written often moves once."""

KEPT_OPEN = 8
"""Connections kept open for short work, which then begins without asking whether its connection lives."""

KEPT_OPEN_ON_SQLITE = 4
"""Fewer where each keeps a page cache of its own, and nobody waits for a server."""

RACE_RETRIES = 5
"""How often a unit of work runs again after a deadlock or serialization failure on PostgreSQL."""


class OutOfReach(Transient):
    """The database does not answer, or takes nothing: that says nothing about any directory.

    What was under way stays as it is, and its lease lets it be gone on with.
    """


class Database:
    """Engines for one database URL: ``sqlite:///file`` or ``postgresql+psycopg://…``."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        try:
            parsed = make_url(url)
        except exc.ArgumentError as error:
            raise Misconfigured(
                "database_url is not a database address; use sqlite:///connector.db or postgresql+psycopg://…"
            ) from error
        self.url = url
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if parsed.database in (None, "", ":memory:"):
                raise Misconfigured(
                    "an in-memory SQLite loses everything on exit; name a file: sqlite:///connector.db"
                )
            self._writer, self._reader = _sqlite_engine(url, "BEGIN IMMEDIATE"), _sqlite_engine(url, "BEGIN")
            self._latest = self._reader
        elif parsed.get_backend_name() == "postgresql":
            self._writer = _postgres_engine(url, pool_size)
            self._reader = self._writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._latest = self._writer.execution_options(
                isolation_level="READ COMMITTED", postgresql_readonly=True
            )
        else:
            raise Misconfigured(
                f"database_url names {parsed.get_backend_name()}, which is not supported; "
                "use sqlite:///connector.db or postgresql+psycopg://…"
            )
        self._kept: deque[Connection] = deque()
        self._keeps = KEPT_OPEN_ON_SQLITE if self.is_sqlite else KEPT_OPEN
        self._turn = threading.Lock()
        self._committer: _GroupCommitter | None = None
        self._starting = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state and cannot write."""
        with _database_errors(), self._reader.connect() as conn, conn.begin():
            yield conn

    def look(self, work: Work[T]) -> T:
        """Run short reads on a connection that is kept open for them.

        On SQLite they see one consistent state. On PostgreSQL each statement sees the newest one, so
        what is read later is never older than what was read before.
        """
        with _database_errors():
            return self._at_once(work, _seeing_one_state if self.is_sqlite else _said)

    def _at_once(self, work: Work[T], way: Callable[[Connection, Work[T]], T]) -> T:
        """Run ``work`` on a connection that is kept open; it runs again when that one proves to be dead."""
        kept = self._taken()
        if kept is not None:
            try:
                return self._on_kept(kept, work, way)
            except exc.OperationalError as error:
                if not error.connection_invalidated:
                    raise
            # The server went away and came back meanwhile: what was kept open is worth nothing any more.
            self._forget_kept()
        return self._on_kept(self._opened(), work, way)

    def _taken(self) -> Connection | None:
        """One of those that are kept open, None where another thread has the last one."""
        try:
            return self._kept.pop()
        except IndexError:
            return None

    def _opened(self) -> Connection:
        if self.is_sqlite:
            conn = self._reader.connect()
            conn.begin()
            on_driver(conn, "ROLLBACK")
            return conn
        return self._writer.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _on_kept(self, conn: Connection, work: Work[T], way: Callable[[Connection, Work[T]], T]) -> T:
        try:
            return way(conn, work)
        except exc.OperationalError:
            conn.invalidate()
            raise
        finally:
            if conn.invalidated or len(self._kept) >= self._keeps:
                conn.close()
            else:
                self._kept.append(conn)

    def _forget_kept(self) -> None:
        while (conn := self._taken()) is not None:
            conn.close()

    @contextmanager
    def latest(self) -> Iterator[Connection]:
        """A connection that cannot write; on PostgreSQL each statement sees what was committed before it."""
        with _database_errors(), self._latest.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed when the block ends, rolled back when it raises.

        On SQLite writers of this process take turns here, so that they do not poll the file lock.
        """
        with _database_errors():
            if not self.is_sqlite:
                with self._writer.begin() as conn:
                    yield conn
                return
            with self._turn, self._writer.begin() as conn:
                yield conn

    def submit(self, work: Work[T]) -> T:
        """Run ``work`` in a durable transaction of its own; it may run again after a lost race."""
        if self.is_sqlite:
            return self._group_committer().submit(work)
        with _database_errors():
            return self._retrying(work)

    def enlist(self, errand: Callable[[], T]) -> Future[T]:
        """Let the writer of SQLite run a whole errand; what it submits shares the next durable commit.

        The future ends after that commit. An errand that would fail must say so by its result: only a
        commit that fails ends the future with an error.
        """
        return self._group_committer().enlist(errand)

    def _retrying(self, work: Work[T]) -> T:
        for attempt in range(RACE_RETRIES):
            try:
                return self._at_once(work, _committed)
            except exc.OperationalError as error:
                if not _lost_race(error) or attempt == RACE_RETRIES - 1:
                    raise
        raise AssertionError("unreachable: the loop returns or raises")

    def _group_committer(self) -> _GroupCommitter:
        with self._starting:
            if self._committer is None:
                self._committer = _GroupCommitter(self)
            return self._committer

    def close(self) -> None:
        """Finish what was submitted and give back every connection."""
        with self._starting:
            if self._committer is not None:
                self._committer.stop()
                self._committer = None
        self._forget_kept()
        self._writer.dispose()
        self._reader.dispose()


def _said(conn: Connection, work: Work[T]) -> T:
    """Each statement for itself, as PostgreSQL takes it."""
    return work(conn)


def _seeing_one_state(conn: Connection, work: Work[T]) -> T:
    driver: Any = conn.connection.dbapi_connection
    driver.execute("BEGIN")
    try:
        return work(conn)
    finally:
        driver.execute("ROLLBACK")


def _committed(conn: Connection, work: Work[T]) -> T:
    """In one transaction of PostgreSQL, on a connection that otherwise takes each statement for itself."""
    driver: Any = conn.connection.dbapi_connection
    driver.autocommit = False
    try:
        answer = work(conn)
        _commit(conn)
    except BaseException:
        if not conn.invalidated:
            driver.rollback()
        raise
    finally:
        if not conn.invalidated:
            driver.autocommit = True
    return answer


def _commit(conn: Connection) -> None:
    """Commit; a connection that ends meanwhile leaves it open whether anything was, so nothing runs again."""
    try:
        commit_on_driver(conn)
    except exc.OperationalError as error:
        if error.connection_invalidated:
            raise OutOfReach(
                "the database went away while it was saving; read again what is there", retry_after_s=5
            ) from error
        raise


class _GroupCommitter:
    """A thread that commits up to 64 waiting writes at once, each in its own savepoint."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[tuple[Errand, Future[Any]] | None] = queue.SimpleQueue()
        self._conn: Connection | None = None
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._loop, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T]) -> T:
        """The result of ``work`` after its commit; at once when an errand asks, which then waits itself."""
        if threading.current_thread() is self._thread:
            return self._in_savepoint(work)
        future: Future[T] = self.enlist(lambda: self._in_savepoint(work))
        return future.result()

    def enlist(self, errand: Errand) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.put((errand, future))
        return future

    def stop(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _loop(self) -> None:
        while True:
            batch, stopping = self._next_batch()
            if batch:
                self._commit(batch)
            if stopping:
                return

    def _next_batch(self) -> tuple[list[tuple[Errand, Future[Any]]], bool]:
        batch: list[tuple[Errand, Future[Any]]] = []
        item = self._waiting.get()
        while item is not None:
            batch.append(item)
            if len(batch) == GROUP_COMMIT_MAX:
                return batch, False
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[tuple[Errand, Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._database.write() as conn:
                self._conn, self._broken = conn, None
                for errand, future in batch:
                    done.append((future, *self._one(errand)))
        except BaseException as error:  # noqa: BLE001 - every waiting caller must hear of it, and the thread lives on
            for _, future in batch:
                future.set_exception(error)
            return
        finally:
            self._conn = None
        for future, result, failure in done:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _one(self, errand: Errand) -> tuple[Any, BaseException | None]:
        """What an errand came to; an error of the database ends the batch, any other only this errand."""
        try:
            result, failure = errand(), None
        except Exception as error:  # noqa: BLE001 - one caller's mistake must not fail its neighbours in the batch
            result, failure = None, error
        if self._broken is not None:
            raise self._broken
        return result, failure

    def _in_savepoint(self, work: Work[T]) -> T:
        conn = self._conn
        if conn is None:
            raise RuntimeError("only the group commit's own thread runs this, inside a batch")
        on_driver(conn, "SAVEPOINT errand")
        try:
            result = work(conn)
        except Exception as error:
            if isinstance(error, exc.DBAPIError) and not isinstance(error, exc.IntegrityError):
                self._broken = error
            else:
                on_driver(conn, "ROLLBACK TO errand")
                on_driver(conn, "RELEASE errand")
            raise
        on_driver(conn, "RELEASE errand")
        return result


def _sqlite_engine(url: str, begin: str) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def connected(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None
        dbapi.create_function("connector_fold", 1, _or_null(folded), deterministic=True)
        dbapi.create_function("connector_instant", 1, _or_null(instant_text), deterministic=True)
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            f"cache_size=-{READER_CACHE_KIB if begin == 'BEGIN' else WRITER_CACHE_KIB}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            dbapi.execute(f"PRAGMA {pragma}")
        _switch_to_wal(dbapi)
        if begin == "BEGIN":
            dbapi.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begun(conn: Connection) -> None:
        conn.exec_driver_sql(begin)

    return engine


def _switch_to_wal(dbapi: Any) -> None:
    """Make the file a write-ahead one, which it then stays.

    SQLite does not wait for a lock here, whatever busy_timeout says: two processes that open a new
    file at once would have one of them fail.
    """
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            if dbapi.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                dbapi.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _or_null(function: Callable[[str], str | None]) -> Callable[[Any], str | None]:
    return lambda value: function(value) if isinstance(value, str) else None


def _postgres_engine(url: str, pool_size: int) -> Engine:
    try:
        engine = create_engine(url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise Misconfigured(
            "PostgreSQL needs its driver: pip install 'directory-connector[postgres]' "
            "and a URL that starts with postgresql+psycopg://"
        ) from error

    @event.listens_for(engine, "handle_error")
    def told(context: Any) -> None:
        if takes_no_writes(context.original_exception):
            context.is_disconnect = True

    return engine


def _lost_race(error: exc.OperationalError) -> bool:
    return getattr(error.orig, "sqlstate", None) in {"40001", "40P01"}


@contextmanager
def _database_errors() -> Iterator[None]:
    """Say in our words that the database is out of reach, full, locked, or only lets read."""
    try:
        yield
    except exc.DBAPIError as error:
        if error.connection_invalidated or (isinstance(error, exc.OperationalError) and _unreachable(error)):
            detail = str(error.orig).strip().splitlines()[0] if error.orig else "no detail"
            raise OutOfReach(f"the database cannot be used right now: {detail}", retry_after_s=5) from error
        raise


def _unreachable(error: exc.OperationalError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state)[:2] in {"08", "53", "57"}
    words = str(error.orig)
    return any(
        sign in words
        for sign in (
            "locked",
            "disk is full",
            "disk I/O",
            "unable to open",
            "readonly database",
            "connection",
            "connect",
        )
    )


def without_password(url: str) -> str:
    """The address of a database as it may be shown."""
    return make_url(url).render_as_string(hide_password=True)


def ping(database: Database) -> None:
    """Raise Transient when the database does not answer."""
    with database.read() as conn:
        conn.execute(text("SELECT 1"))
