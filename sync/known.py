"""What is known of a batch of records before anything is decided, loaded in a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.diff import NO_ANSWERS, Answer, Facts
from sync.match import Candidates, Match
from sync.model.connection import Connection, Policy
from sync.model.resources import DirectoryUser, Group, GroupRecord, OtherLink, Status, UserRecord, fold
from sync.policy import address_of
from sync.store import attention, connections, resources
from sync.store.database import Conn
from sync.store.dossier import Dossier

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
    answers: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
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
        user = found.user
        return Facts(
            address=address,
            fingerprint=fingerprint,
            others=self.others.get(user.id, ()) if user else (),
            answers=self._answers(record, found.directory_user),
            address_taken=self._taken(address, found),
            last_admin=user is not None and self.admins == {user.id},
            document=document,
            document_differs=document_differs,
        )

    def _answers(self, record: UserRecord, row: DirectoryUser | None) -> Mapping[str, Answer]:
        if not self.answers:
            return NO_ANSWERS
        keys = {record.external_id, record.scim_external_id, row.id if row else None}
        return {kind: answer for (kind, key), answer in self.answers.items() if key in keys}

    def _taken(self, address: str | None, found: Match) -> bool:
        """Whether the account would share its new e-mail with another one."""
        user, key = found.user, fold(address)
        if user is None or key is None or key == fold(user.email):
            return False
        owners = self.candidates.users_by_email.get(key, ())
        return any(owner.id != user.id and owner.id not in self.moving for owner in owners)


def load(conn: Conn, connection: Connection, policy: Policy, records: Sequence[UserRecord]) -> Known:
    """Everything these records may meet."""
    addresses = [key for record in records if (key := fold(address_of(record, policy)))]
    candidates = _candidates(conn, connection, records, addresses)
    known = _with_links(conn, connection, candidates, resources.links_of(conn, candidates.users))
    known.answers = _answers(conn, connection, records, candidates)
    return known


def load_one(
    conn: Conn, connection: Connection, policy: Policy, record: UserRecord, row: DirectoryUser | None = None
) -> Known:
    """The same for one record, by as few statements; ``row`` is the directory user known to be meant."""
    candidates = Candidates()
    candidates.add([row] if row is not None else ())
    external_id, address = record.external_id or record.scim_external_id, fold(address_of(record, policy))
    addresses = [address] if address else []
    candidates.add(
        resources.directory_users(
            conn,
            connection.id,
            external_ids=[external_id] if external_id else [],
            tombstones=True,
            **_names_of([record], addresses),
        )
    )
    linked = candidates.linked_user_ids()
    candidates.add_users(resources.application_users(conn, ids=linked, email_keys=addresses))
    known = _with_links(conn, connection, candidates, resources.links_of(conn, candidates.users))
    if candidates.users or candidates.row_ids():  # nobody was asked about somebody who meets nobody
        known.answers = _answers(conn, connection, [record], candidates)
    return known


def load_linked(
    conn: Conn, connection: Connection, policy: Policy, record: UserRecord, found: Dossier
) -> Known:
    """The same for a directory user who has an account: nobody else can be meant, and nobody was asked.

    Only who has the e-mail that the account would take is looked up besides.
    """
    candidates, user = Candidates(), found.user
    candidates.add([found.person])
    candidates.add_users([user] if user else ())
    address = fold(address_of(record, policy))
    if address is not None and user is not None and address != fold(user.email):
        candidates.add_users(resources.application_users(conn, email_keys=[address]))
    return _with_links(conn, connection, candidates, {found.person.user_id or "": found.links})


def _with_links(
    conn: Conn,
    connection: Connection,
    candidates: Candidates,
    linked: Mapping[str, Sequence[DirectoryUser]],
) -> Known:
    """``linked`` are the live directory users of each account, of every connection."""
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
    may_be_admin = any(user.admin for user in candidates.users.values())
    admins = frozenset(resources.active_admins(conn) if may_be_admin else ())
    return Known(connection=connection, candidates=candidates, others=others, admins=admins)


def _candidates(
    conn: Conn, connection: Connection, records: Sequence[UserRecord], addresses: Sequence[str]
) -> Candidates:
    found = Candidates()
    if resources.has_people(conn, connection.id):
        _add_people(conn, connection, records, addresses, found)
    found.add_users(resources.application_users(conn, ids=found.linked_user_ids(), email_keys=addresses))
    return found


def _add_people(
    conn: Conn,
    connection: Connection,
    records: Sequence[UserRecord],
    addresses: Sequence[str],
    found: Candidates,
) -> None:
    """Who is found by the IdP's id needs no search by name: names are looked up for the rest only."""
    names = [name for record in records if (name := record.external_id or record.scim_external_id)]
    found.add(resources.directory_users(conn, connection.id, external_ids=names, tombstones=True))
    rest = [record for record in records if record.external_id not in found.by_external]
    if rest:
        keys = _names_of(rest, addresses)
        found.add(resources.directory_users(conn, connection.id, tombstones=True, **keys))


def _names_of(records: Sequence[UserRecord], addresses: Sequence[str]) -> dict[str, Sequence[str]]:
    """What else than the IdP's id may tell who a record speaks of."""
    return {
        "scim_external_ids": [record.scim_external_id for record in records if record.scim_external_id],
        "email_keys": addresses,
        "user_name_keys": [key for record in records if (key := fold(record.user_name))],
    }


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
