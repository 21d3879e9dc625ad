"""Looks ahead: what a connection would do, before its first run or under settings nobody saved."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.usecases import shapes
from connector.usecases.connections import discovery_key, merged
from connector.usecases.wires import Wires
from connector.usecases.work import Watcher
from sync.model.errors import NotFound
from sync.model.source import Source
from sync.store import connections, meta

if TYPE_CHECKING:
    from sync.discovery import Discovery


AT_ONCE: Final = 4
"""Discoveries that go on beside their callers; further ones wait for a turn."""


class Rehearsals:
    """Dry runs done where they are asked for; nothing but the run, its plan and the report is written."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._ends = threading.Event()
        self._beside = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="discovery")

    def begin_discovery(self, ref: str, *, by: str) -> Future[Discovery]:
        """``discover`` beside the caller, who need not wait: its run shows how far it is, then the report."""
        return self._beside.submit(self.discover, ref, by=by)

    def close(self) -> None:
        """End what goes on beside, as a stopped run ends."""
        self._ends.set()
        self._beside.shutdown(cancel_futures=True)

    def discover(self, ref: str, *, by: str, watcher: Watcher | None = None) -> Discovery:
        """Who would be linked, made or asked about by a first run, and what becomes of the seats."""
        from sync.discover import discover

        watcher = watcher or Watcher()
        with self._wires.database.read() as conn:
            connection = connections.find(conn, ref)

        def open_source() -> Source:
            return self._wires.open_source(connection, observer=watcher.effort)

        found = discover(
            self._wires.database,
            connection,
            self._wires.policy_of(connection),
            open_source,
            clock=self._wires.clock,
            by=by,
            observer=watcher,
            stop=self._ends.is_set,
        )
        said = {"text": found.as_text().rstrip("\n"), "at": shapes.at(self._wires.clock())}
        with self._wires.database.write() as conn:
            meta.put(conn, discovery_key(connection.id), orjson.dumps(found.as_json() | said).decode())
        return found

    def discovered(self, ref: str) -> dict[str, Any]:
        """The last report on a connection. Raises NotFound when there is none."""
        with self._wires.database.read() as conn:
            connection = connections.find(conn, ref)
            kept = meta.get(conn, discovery_key(connection.id))
        if kept is None:
            raise NotFound(f"nobody asked yet; do it with: connector discover {connection.name}")
        report: dict[str, Any] = orjson.loads(kept)
        return report

    def preview(self, ref: str, given: Mapping[str, Any], *, by: str) -> str:
        """The plan (its id) that a full pull would make of what is stored, under other settings."""
        from sync.replay import preview

        with self._wires.database.read() as conn:
            connection = connections.find(conn, ref)
        other = replace(connection, settings=merged(connection.settings, given))
        policy = self._wires.policy_of(other)
        return preview(self._wires.database, connection, policy, clock=self._wires.clock, by=by)
