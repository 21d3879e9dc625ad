"""What is known of a batch of records before anything is decided, loaded in a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.diff import Answer, Facts
from sync.match import Candidates, Match
from sync.model.connection import Connection, Policy
from sync.model.resources import DirectoryUser, Group, GroupRecord, OtherLink, Status, UserRecord, fold
from sync.policy import address_of
from sync.store import attention, connections, resources
from sync.store.database import Conn

DEFAULT_RANK = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another connection, as far as deciding needs it."""

    name: str
    rank: int


def neighbours(conn: Conn) -> dict[str, Neighbour]:
    """Every connection by id."""
    return {
        other.id: Neighbour(name=other.name, rank=int(other.settings.get("rank", DEFAULT_RANK)))
        for other in connections.listed(conn)
    }


@dataclass(slots=True, kw_only=True)
class Known:
    """Candidates for matching, and everything else that a decision may hang on.

    ``moving`` are users whose own e-mail changes in this very read, so that it is about to be free.
    """

    connection: Connection
    candidates: Candidates
    others: Mapping[str, Sequence[OtherLink]]
    answers: Mapping[tuple[str, str], Answer]
    admins: frozenset[str]
    moving: frozenset[str] = field(default_factory=frozenset)

    def facts(
        self,
        record: UserRecord,
        address: str | None,
        found: Match,
        *,
        fingerprint: bytes | None = None,
        document: Mapping[str, Any] | None = None,
        document_differs: bool = False,
    ) -> Facts:
        """The facts of one record of the batch."""
        user_id = found.user.id if found.user else None
        return Facts(
            address=address,
            fingerprint=fingerprint,
            others=self.others.get(user_id or "", ()),
            answers=self._answers(record, found.directory_user),
            address_taken=self._taken(address, found),
            last_admin=self.admins == {user_id},
            document=document,
            document_differs=document_differs,
        )

    def _answers(self, record: UserRecord, row: DirectoryUser | None) -> dict[str, Answer]:
        keys = {record.external_id, record.scim_external_id, row.id if row else None}
        return {kind: answer for (kind, key), answer in self.answers.items() if key in keys}

    def _taken(self, address: str | None, found: Match) -> bool:
        """Whether the account would share its new e-mail with another one."""
        user, key = found.user, fold(address)
        if user is None or key is None or key == fold(user.email):
            return False
        owners = self.candidates.users_by_email.get(key, ())
        return any(owner.id != user.id and owner.id not in self.moving for owner in owners)


def load(
    conn: Conn,
    connection: Connection,
    policy: Policy,
    records: Sequence[UserRecord],
    *,
    rows: Sequence[DirectoryUser] = (),
) -> Known:
    """Everything these records may meet; ``rows`` are directory users known to be meant."""
    addresses = [key for record in records if (key := fold(address_of(record, policy)))]
    candidates = _candidates(conn, connection, records, addresses, rows)
    linked = resources.links_of(conn, candidates.users)
    foreign = any(row.connection_id != connection.id for links in linked.values() for row in links)
    near = neighbours(conn) if foreign else {}
    others: dict[str, list[OtherLink]] = {}
    for user_id, links in linked.items():
        for row in links:
            if row.connection_id == connection.id:
                if row.status is not Status.GONE:
                    candidates.claimed[user_id] = row
            elif (neighbour := near.get(row.connection_id)) is not None:
                link = OtherLink(
                    connection_id=row.connection_id, connection=neighbour.name, rank=neighbour.rank, row=row
                )
                others.setdefault(user_id, []).append(link)
    answers = _answers(conn, connection, records, candidates)
    admins = frozenset(resources.active_admins(conn))
    return Known(connection=connection, candidates=candidates, others=others, answers=answers, admins=admins)


def _candidates(
    conn: Conn,
    connection: Connection,
    records: Sequence[UserRecord],
    addresses: Sequence[str],
    rows: Sequence[DirectoryUser],
) -> Candidates:
    """Who is found by the IdP's id needs no search by name: names are looked up for the rest only."""
    found = Candidates()
    found.add(rows)
    names = [name for record in records if (name := record.external_id or record.scim_external_id)]
    found.add(resources.directory_users(conn, connection.id, external_ids=names, tombstones=True))
    rest = [record for record in records if record.external_id not in found.by_external]
    if rest:
        scim_ids = [record.scim_external_id for record in rest if record.scim_external_id]
        user_names = [key for record in rest if (key := fold(record.user_name))]
        found.add(
            resources.directory_users(
                conn,
                connection.id,
                scim_external_ids=scim_ids,
                email_keys=addresses,
                user_name_keys=user_names,
                tombstones=True,
            )
        )
    found.add_users(resources.application_users(conn, ids=found.linked_user_ids(), email_keys=addresses))
    return found


def _answers(
    conn: Conn, connection: Connection, records: Iterable[UserRecord], candidates: Candidates
) -> dict[tuple[str, str], Answer]:
    keys = {name for record in records for name in (record.external_id, record.scim_external_id) if name}
    keys.update(candidates.row_ids())
    given = attention.answers(conn, connection.id, keys)
    chosen = resources.application_users(conn, ids=[user_id for _, user_id in given.values() if user_id])
    users = {user.id: user for user in chosen}
    return {key: Answer(how=how, user=users.get(user_id or "")) for key, (how, user_id) in given.items()}


def known_groups(conn: Conn, connection_id: str, records: Sequence[GroupRecord]) -> dict[str, Group]:
    """Stored groups by the external id of the record that speaks of them.

    A group that only a push has made so far carries no IdP id: its SCIM externalId, else its
    name, tells that it is the same one.
    """
    rows = {
        row.external_id: row
        for row in resources.directory_groups(
            conn, connection_id, external_ids=[r.external_id for r in records]
        )
        if row.external_id
    }
    rest = [record for record in records if record.external_id not in rows]
    if rest:
        pushed = resources.directory_groups(
            conn,
            connection_id,
            scim_external_ids=[record.external_id for record in rest],
            name_keys=[key for record in rest if (key := fold(record.name))],
        )
        free = [row for row in pushed if row.external_id is None]
        for record in rest:
            same = [row for row in free if row.scim_external_id == record.external_id] or [
                row for row in free if row.scim_external_id is None and fold(row.name) == fold(record.name)
            ]
            if len(same) == 1:
                rows[record.external_id] = same[0]
    return rows
