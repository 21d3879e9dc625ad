"""Replicas: the processes of the daemon that are alive, each with its version and role."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from importlib.metadata import version
from typing import Any, Final

from connector.usecases import shapes
from connector.usecases.wires import Wires
from connector.usecases.work import owner_name
from sync.store import replicas as store

SILENT: Final = timedelta(seconds=60)
"""Who was not heard of for so long is not alive; each says so every ten seconds."""

FORGOTTEN: Final = timedelta(days=1)


def our_version() -> str:
    """This program's version."""
    return version("directory-connector")


class Replicas:
    """Who serves and works on this database."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._id = owner_name()

    @cached_property
    def _began_at(self) -> Any:
        return self._wires.clock()

    def beat(self, role: str) -> None:
        """Say that this process is alive, and forget those that are long gone."""
        began_at, now = self._began_at, self._wires.clock()
        with self._wires.database.write() as conn:
            store.beat(conn, self._id, version=our_version(), role=role, started_at=began_at, now=now)
            store.bury(conn, now - FORGOTTEN)

    def leave(self) -> None:
        """Say that this process ends."""
        with self._wires.database.write() as conn:
            store.leave(conn, self._id)

    def alive(self) -> list[dict[str, Any]]:
        with self._wires.database.read() as conn:
            found = store.alive(conn, self._wires.clock() - SILENT)
        return [
            each | {"started_at": shapes.at(each["started_at"]), "seen_at": shapes.at(each["seen_at"])}
            for each in found
        ]
