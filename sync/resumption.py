"""Going on with a full read that another process left off: where it was, if that still holds.

What such a read did not meet may have been met by the process before it, so it proves nobody's
absence: it creates and updates, and a read that begins anew follows it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from sync.model.connection import Connection, Policy
from sync.model.run import Place, Run, RunMode
from sync.store import connections, places, runs, staging
from sync.store.database import Conn
from sync.store.ids import new_id
from sync.store.text import to_json

GOOD_FOR: Final = timedelta(minutes=5)
"""How old a place may be: directories let go of their cursors within minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """One run's read, as far as it can be gone on with."""

    run: Run
    connection: Connection
    policy: Policy
    clock: Callable[[], datetime]

    def place(self, conn: Conn) -> Place | None:
        """Where the read goes on, with the people that were staged until there; None: it begins anew."""
        place, now = places.of(conn, self.run.id), self.clock()
        if place is None or not self._holds(place, now):
            self.begin_anew(conn)
            return None
        staging.keep_people(conn, self.run.id)
        places.note(conn, self.run.id, resumed=True)
        return place

    def begin_anew(self, conn: Conn) -> None:
        """Forget what was read."""
        staging.clear(conn, self.run.id)
        places.note(conn, self.run.id, resumed=False)

    def keep(self, conn: Conn, place: str, began_at: datetime) -> None:
        """The read is at this place, and all before it is staged in this transaction or was before."""
        now = self.clock()
        places.keep(conn, self.run.id, Place(text=place, at=now, began_at=began_at, terms=self._terms))

    def end(self, conn: Conn) -> None:
        """What was read is planned, or of no use."""
        staging.clear(conn, self.run.id)
        places.forget(conn, self.run.id)

    def follow(self, conn: Conn, *, applies: bool) -> None:
        """Have a whole read come next; behind another run that waits it comes by the schedule, at once.

        ``applies``: what this read found is applied, so that a word given beforehand is used by it.
        """
        now = self.clock()
        if applies and self.run.approved_beforehand:
            connections.update(conn, self.connection.id, now=now, first_run_approved=True)
        queued, is_new = runs.request(
            conn,
            self.connection.id,
            id=new_id(),
            mode=RunMode.FULL,
            trigger=self.run.trigger,
            by=self.run.requested_by,
            now=now,
            approved_beforehand=self.run.approved_beforehand,
        )
        if not is_new and (queued.dry_run or queued.mode is not RunMode.FULL):
            connections.update(conn, self.connection.id, now=now, next_full_at=now)

    def _holds(self, place: Place, now: datetime) -> bool:
        """A dry run shows a whole plan or none; people read under other settings are not mixed in."""
        return not self.run.dry_run and place.terms == self._terms and abs(now - place.at) <= GOOD_FOR

    @property
    def _terms(self) -> str:
        """The settings that say who is read and what is made of them."""
        said = to_json([self.connection.type, dict(self.connection.settings), self.policy.salt])
        return blake2b(said.encode(), digest_size=16).hexdigest()
