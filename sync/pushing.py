"""One request of a directory's push: its connection, its transaction, and the way to the one writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync.apply import writer
from sync.apply.context import Context
from sync.apply.held import Held
from sync.model.change import Change
from sync.model.connection import Connection, Policy
from sync.model.errors import ConnectorError, LostRace, NotFound, Stale, Transient
from sync.model.resources import Group
from sync.model.session import GroupRef, Kind, Resource
from sync.proposal import fresh_ids
from sync.store import dossier, freezes, resources, scim
from sync.store.database import Conn
from sync.store.dossier import Dossier
from sync.store.times import to_text

RETRY_FROZEN_S = 3600.0
"""The longest that an IdP is told to wait during a freeze, which may be thawed at any time."""


@dataclass(slots=True, kw_only=True)
class Pushing:
    """What everything in one request shares.

    ``refusal`` is set where the client is to be refused although what it said is kept: it hears of
    that after the commit. A request that ``writes`` reads each resource once and then knows it.
    """

    conn: Conn
    connection: Connection
    policy: Policy
    now: datetime
    writes: bool = False
    ids: Iterator[str] = field(default_factory=lambda: fresh_ids(2))
    refusal: ConnectorError | None = None
    _people: dict[str, Dossier] = field(default_factory=dict)
    _written: dict[str, Any] = field(default_factory=dict)
    """Rows of people as this request wrote them."""
    _groups_of: dict[str, Sequence[GroupRef] | None] = field(default_factory=dict)
    """Groups of people, as far as this request knows them."""
    _groups: dict[str, Any] = field(default_factory=dict)
    """Rows of groups as they are now, None where there is none."""
    _turns: set[str] = field(default_factory=set)

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
        if not self.writes:
            return scim.scim_get(self.conn, self.connection.id, kind, resource_id)
        row = self._group_row(resource_id) if kind is Kind.GROUP else self._person_row(resource_id)
        return None if row is None else scim.resource_of(kind, row, self._groups_of.get(resource_id))

    def person(self, user_id: str, if_version: Sequence[int] | None = None) -> Dossier:
        """What is kept about a live person; raises NotFound, and Stale at another version than demanded."""
        found = self._dossier(user_id)
        if found is None:
            raise NotFound(f"no user {user_id}")
        _check_version(found.row.version, if_version)
        return found

    def group(self, group_id: str, if_version: Sequence[int] | None = None) -> Group:
        """A live group; raises NotFound, and Stale when it is at another version than demanded."""
        if if_version is not None:
            # Members come and go without asking for the version, so a demand for one must wait for them.
            writer.lock_group(self.conn, group_id)
            self._groups.pop(group_id, None)
        row = self._group_row(group_id)
        if row is None:
            raise NotFound(f"no group {group_id}")
        _check_version(row.version, if_version)
        return resources.group_of(row)

    def _dossier(self, user_id: str) -> Dossier | None:
        if user_id not in self._people and (found := dossier.read(self.conn, self.connection.id, user_id)):
            self._people[user_id] = found
            self._groups_of[user_id] = found.groups
        return self._people.get(user_id)

    def _person_row(self, user_id: str) -> Any:
        if user_id in self._written:
            return self._written[user_id]
        found = self._dossier(user_id)
        return None if found is None else found.row

    def _group_row(self, group_id: str) -> Any:
        if group_id not in self._groups:
            self._groups[group_id] = resources.group_row(self.conn, self.connection.id, group_id)
        return self._groups[group_id]

    def take_turns(self, *names: str, turns: Iterable[str] = ()) -> None:
        """Let no other request that claims one of these in before the commit.

        ``names`` are the connection's own, ``turns`` keys of the writer's.
        """
        wanted = [*(f"{self.connection.id}:{name}" for name in names), *turns]
        writer.take_turns(self.conn, wanted)
        self._turns.update(wanted)

    def apply(self, changes: Sequence[Change]) -> None:
        """Write the changes; raises LostRace when one was decided on what has moved since."""
        if any(change.removal or change.tombstone for change in changes):
            self._check_freeze()
        outcome = writer.apply(self.conn, changes, self.context, self._held())
        if outcome.stale:
            raise LostRace(f"another change came first ({outcome.stale[0][1]}); try again")
        self._groups_of |= {change.subject.id: () for change in outcome.done if change.new}
        for id_ in outcome.moved:
            self._groups_of.pop(id_, None)
        for id_, written in outcome.written.items():
            self._note(id_, written)

    def _held(self) -> Held:
        people = self._people.values()
        rows = {found.row.id: found.row._asdict() for found in people}
        rows |= {found.account.id: found.account._asdict() for found in people if found.account is not None}
        return Held(rows=rows, turns=self._turns)

    def _note(self, id_: str, written: Mapping[str, Any]) -> None:
        """Know a resource as it has just been written; what was read of it before is past."""
        if "user_name" in written:
            self._people.pop(id_, None)
            self._written[id_] = dossier.PersonRow(**written)
        elif id_ in self._groups:
            self._groups[id_] = self._groups[id_]._replace(**written)

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


def _check_version(version: int, wanted: Sequence[int] | None) -> None:
    """Raises Stale when the client demands other versions than the one there is."""
    if wanted is not None and version not in wanted:
        raise Stale(f"the resource is at version {version} by now; read it again")
