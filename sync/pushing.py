"""One request of a directory's push: its connection, its transaction, and the way to the one writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sync.apply import writer
from sync.apply.context import Context
from sync.model.change import Change
from sync.model.connection import Connection, Policy
from sync.model.errors import Conflict, ConnectorError, Stale, Transient
from sync.model.session import Kind, Resource
from sync.proposal import fresh_ids
from sync.store import freezes, scim
from sync.store.database import Conn
from sync.store.times import to_text

RETRY_FROZEN_S = 3600.0
"""The longest that an IdP is told to wait during a freeze, which may be thawed at any time."""


class LostRace(Conflict):
    """Another writer came between our read and our write; trying again settles it."""


@dataclass(slots=True, kw_only=True)
class Pushing:
    """What everything in one request shares.

    ``refusal`` is set where the client is to be refused although what it said is kept: it hears of
    that after the commit.
    """

    conn: Conn
    connection: Connection
    policy: Policy
    now: datetime
    ids: Iterator[str] = field(default_factory=lambda: fresh_ids(2))
    refusal: ConnectorError | None = None

    @property
    def context(self) -> Context:
        return Context(
            connection=self.connection,
            at=to_text(self.now),
            actor=f"scim:{self.connection.name}",
            origin="push",
        )

    def get(self, kind: Kind, resource_id: str) -> Resource | None:
        """The live resource, None when this connection has none of that id."""
        return scim.scim_get(self.conn, self.connection.id, kind, resource_id)

    def take_turns(self, *names: str) -> None:
        """Let no other request that claims one of these names of the connection in before the commit."""
        writer.take_turns(self.conn, [f"{self.connection.id}:{name}" for name in names])

    def apply(self, changes: Sequence[Change]) -> None:
        """Write the changes; raises LostRace when one was decided on what has moved since."""
        if any(change.removal or change.tombstone for change in changes):
            self._check_freeze()
        outcome = writer.apply(self.conn, changes, self.context)
        if outcome.stale:
            raise LostRace(f"another change came first ({outcome.stale[0][1]}); try again")

    def again(self, kind: Kind, resource_id: str) -> Resource:
        """The resource as it is now, for the answer."""
        resource = self.get(kind, resource_id)
        if resource is None:
            raise LostRace("the resource went away while it was being written; try again")
        return resource

    def _check_freeze(self) -> None:
        """While removals are frozen the whole request waits: the IdP keeps it and sends it again."""
        frozen = freezes.current(self.conn, self.connection.id, self.now)
        if frozen is None:
            return
        left_s = (frozen.until - self.now).total_seconds() if frozen.until else RETRY_FROZEN_S
        raise Transient(
            f"{frozen.sentence} Nothing is lost: send this again later.",
            retry_after_s=max(1.0, min(left_s, RETRY_FROZEN_S)),
        )


def check_version(version: int, wanted: Sequence[int] | None) -> None:
    """Raises Stale when the client demands other versions than the one there is."""
    if wanted is not None and version not in wanted:
        raise Stale(f"the resource is at version {version} by now; read it again")
