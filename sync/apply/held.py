"""What a caller that decided in this very transaction hands over, so that nobody reads it again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.store import writes
from sync.store.database import Conn

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """``rows`` of people and accounts by id: as read, not locked, since writing checks their versions.

    ``turns`` are the keys that the caller took its turn for before it looked: what it found free is free.
    """

    rows: Mapping[str, Row] = field(default_factory=dict)
    turns: Collection[str] = frozenset()

    def known(self, conn: Conn, table: writes.Table, ids: Iterable[str]) -> dict[str, Row]:
        """Whole rows by id; those that are not held are read and locked."""
        wanted = list(ids)
        known = {id_: self.rows[id_] for id_ in wanted if id_ in self.rows}
        return known | writes.rows_by_id(conn, table, [id_ for id_ in wanted if id_ not in known])

    def untaken(self, turns: Iterable[str]) -> Iterator[str]:
        """Those of the keys that are still to be waited for."""
        return (turn for turn in turns if turn not in self.turns)


NOTHING = Held()
