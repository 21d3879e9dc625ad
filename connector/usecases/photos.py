"""Photos that a directory gives as bytes: fetched after a read when they changed, kept, and served by us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

import structlog

from connector.usecases.wires import Wires
from sync.model.connection import Connection
from sync.model.errors import ConnectorError
from sync.model.run import Run, RunMode, RunState, Target
from sync.model.source import Image, Photo, PhotoReader
from sync.store import connections, pictures, runs
from sync.store.ids import new_id

TRIGGER: Final = "photos"
LIMIT_S: Final = 600.0
"""How long photos are read after one run; the rest comes after the next."""

AT_ONCE: Final = 400
"""People asked about between two looks at the database."""

KEPT_AT_ONCE: Final = 20
NAMED_MOST: Final = 500
"""Up to so many people with another picture are read again by id, more by a read of everything."""

_ENDED_WELL: Final = frozenset({RunState.SUCCEEDED, RunState.HELD, RunState.PARTIAL})

log = structlog.get_logger("connector.photos")


class Photos:
    """The photos of every connection's people."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def find(self, digest: str) -> Image | None:
        """The picture that is served under this digest."""
        with self._wires.database.read() as conn:
            return pictures.find(conn, digest)

    def follow(self, run: Run, stop: Callable[[], bool]) -> str | None:
        """Read the photos that changed, after a run; the id of the run that brings them to their people.

        After a read of everything all are looked at, after another run only those of new people. What
        cannot be read waits for the next run, and is logged: a photo is no reason for a run to fail.
        """
        if run.dry_run or run.trigger == TRIGGER or run.state not in _ENDED_WELL:
            return None
        with self._wires.database.read() as conn:
            connection = connections.get(conn, run.connection_id)
        wanted = bool(connection.settings.get("photos"))
        whole = run.mode in (RunMode.FULL, RunMode.APPROVAL)
        changed = self._read(connection, stop, only_new=not whole) if wanted else []
        if whole:
            self._tidy(connection, all_of_them=not wanted)
        return self._ask_for(connection, changed) if changed else None

    def _read(self, connection: Connection, stop: Callable[[], bool], *, only_new: bool) -> list[str]:
        """Keep every photo that is another than the one known; whose picture changed by that."""
        changed: list[str] = []
        try:
            source = self._wires.open_source(connection, stop=stop, limit_s=LIMIT_S)
            try:
                if isinstance(source, PhotoReader):
                    for known in self._people(connection.id, only_new=only_new):
                        for told in _parts(source.photos(known)):
                            changed += self._keep(connection.id, told)
            finally:
                source.close()
        except ConnectorError as error:
            log.warning("photos not read to their end", connection=connection.name, why=error.message)
        return changed

    def _people(self, connection_id: str, *, only_new: bool) -> Iterator[dict[str, str | None]]:
        after = ""
        while True:
            with self._wires.database.read() as conn:
                known = pictures.known(conn, connection_id, after=after, limit=AT_ONCE, only_new=only_new)
            if not known:
                return
            yield known
            after = list(known)[-1]

    def _keep(self, connection_id: str, told: Sequence[Photo]) -> list[str]:
        with self._wires.database.write() as conn:
            return pictures.keep(conn, connection_id, told, self._wires.clock())

    def _tidy(self, connection: Connection, *, all_of_them: bool) -> None:
        with self._wires.database.write() as conn:
            pictures.forget(conn, connection.id, all_of_them=all_of_them)
            pictures.sweep(conn)

    def _ask_for(self, connection: Connection, changed: list[str]) -> str:
        """Queue the read that gives these people their pictures, by plan and safeguards like any other."""
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            if len(changed) <= NAMED_MOST:
                target = Target(users=frozenset(changed))
                run, _ = runs.request_target(
                    conn, connection.id, target, id=new_id(), trigger=TRIGGER, by=TRIGGER, now=now
                )
            else:
                run, _ = runs.request(
                    conn, connection.id, id=new_id(), mode=RunMode.FULL, trigger=TRIGGER, by=TRIGGER, now=now
                )
        return run.id


def _parts(told: Iterator[Photo]) -> Iterator[Sequence[Photo]]:
    """So many at a time that each write is short and few pictures are in memory."""
    while part := list(islice(told, KEPT_AT_ONCE)):
        yield part
