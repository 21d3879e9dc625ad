"""A run's write transactions: each begins by proving that the run is still ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sync.model.run import Lease
from sync.store import runs
from sync.store.database import Conn, Database, Work

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fence:
    """The database as one run may use it: reads freely, writes only under its lease."""

    database: Database
    lease: Lease

    @contextmanager
    def write(self) -> Iterator[Conn]:
        """A write transaction that nobody who lost the lease can begin. Raises LeaseLost."""
        with self.database.write() as conn:
            runs.check(conn, self.lease)
            yield conn

    @contextmanager
    def read(self) -> Iterator[Conn]:
        """One consistent state, at any time."""
        with self.database.read() as conn:
            yield conn

    def look(self, work: Work[T]) -> T:
        """One short read, by the quickest way: a page of a directory needs many of them."""
        return self.database.look(work)
