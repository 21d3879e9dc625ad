"""Looks ahead: what a connection would do, before its first run or under settings nobody saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connector.usecases.connections import merged
from connector.usecases.wires import Wires
from connector.usecases.work import Watcher
from sync.model.source import Source
from sync.store import connections

if TYPE_CHECKING:
    from sync.discovery import Discovery


class Rehearsals:
    """Dry runs done where they are asked for; nothing but the run and its plan is written."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def discover(self, ref: str, *, by: str, watcher: Watcher | None = None) -> Discovery:
        """Who would be linked, made or asked about by a first run, and what becomes of the seats."""
        from sync.discover import discover

        watcher = watcher or Watcher()
        with self._wires.database.read() as conn:
            connection = connections.find(conn, ref)

        def open_source() -> Source:
            return self._wires.open_source(connection, observer=watcher.effort)

        return discover(
            self._wires.database,
            connection,
            self._wires.policy_of(connection),
            open_source,
            clock=self._wires.clock,
            by=by,
            observer=watcher,
        )

    def preview(self, ref: str, given: Mapping[str, Any], *, by: str) -> str:
        """The plan (its id) that a full pull would make of what is stored, under other settings."""
        from sync.replay import preview

        with self._wires.database.read() as conn:
            connection = connections.find(conn, ref)
        other = replace(connection, settings=merged(connection.settings, given))
        policy = self._wires.policy_of(other)
        return preview(self._wires.database, connection, policy, clock=self._wires.clock, by=by)
