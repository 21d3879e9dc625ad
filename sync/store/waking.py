"""Waking whoever waits for work: NOTIFY on PostgreSQL, a look at the file's version on SQLite."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection as Conn
from sqlalchemy import make_url, text

from sync.model.errors import Transient
from sync.store.database import Database

if TYPE_CHECKING:
    import psycopg

CHANNEL: Final = "connector_work"
LOOK_S: Final = 0.02
"""Between two looks at SQLite's version; a look costs some microseconds."""

_RING: Final = text(f"SELECT pg_notify('{CHANNEL}', '')")
_KEEPALIVE: Final[dict[str, Any]] = {"keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 3}
"""A line that is cut without a word is noticed within a minute; until then there is the poll."""


def ring(conn: Conn) -> None:
    """Let every replica look for work once this transaction is committed."""
    if conn.dialect.name == "postgresql":
        conn.execute(_RING)


class Doorbell:
    """One process's ear for ``ring``. It may ring for nothing; who lets it ring must look for themselves."""

    def __init__(self, database: Database) -> None:
        self._ear: _Notified | _Version = (
            _Version(database.url) if database.is_sqlite else _Notified(database.url)
        )

    def wait(self, limit_s: float) -> bool:
        """Whether it rang within the time. After an error it rings, for nobody knows what was missed.

        Raises Transient when the database cannot be reached; the next call connects anew.
        """
        return self._ear.wait(limit_s)

    def close(self) -> None:
        """Hang up."""
        self._ear.close()


class _Notified:
    """A connection of its own that listens."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._line: psycopg.Connection[Any] | None = None

    def wait(self, limit_s: float) -> bool:
        import psycopg

        try:
            if self._line is None:
                self._line = psycopg.connect(self._url, autocommit=True, **_KEEPALIVE)
                self._line.execute(f"LISTEN {CHANNEL}".encode())
                return True
            return any(True for _ in self._line.notifies(timeout=limit_s, stop_after=1))
        except psycopg.Error as error:
            self.close()
            raise Transient("the database cannot be listened to right now") from error

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class _Version:
    """A connection of its own whose ``data_version`` moves with every commit of another one."""

    def __init__(self, url: str) -> None:
        self._path = str(make_url(url).database)
        self._line: sqlite3.Connection | None = None
        self._seen = -1

    def wait(self, limit_s: float) -> bool:
        until = time.monotonic() + limit_s
        try:
            while not self._moved():
                if time.monotonic() >= until:
                    return False
                time.sleep(LOOK_S)
        except sqlite3.Error as error:
            self.close()
            raise Transient("the database file cannot be read right now") from error
        return True

    def _moved(self) -> bool:
        if self._line is None:
            self._line = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        version = self._line.execute("PRAGMA data_version").fetchone()[0]
        moved, self._seen = version != self._seen, version
        return bool(moved)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
            self._seen = -1
