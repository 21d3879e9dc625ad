"""Who is who: find the directory user and the user that a record speaks of, or say why not.

Two questions, each answered by the first rule that hits. Which of this connection's directory
users is it? By the IdP's id, by SCIM ``externalId``, by e-mail, by userName. And whose account
is it? The linked one, else the one with the same e-mail. Two hits at one rule are a dispute:
nobody is picked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeVar

from sync.model.resources import DirectoryUser, Status, User, UserRecord, fold

T = TypeVar("T")


class Situation(StrEnum):
    """How a record stands to what we have."""

    LINKED = "linked"
    UNLINKED = "unlinked"
    UNMATCHED = "unmatched"
    DISPUTED = "disputed"


class Match(NamedTuple):
    """``directory_user`` is this connection's row, None for a newcomer; ``user`` the account.

    ``rule`` names what hit; ``why`` is the sentence for people when it is a dispute.
    """

    situation: Situation
    directory_user: DirectoryUser | None = None
    user: User | None = None
    rule: str = ""
    why: str = ""
    choices: tuple[str, ...] = ()
    """Ids of the accounts a dispute is about."""


@dataclass(slots=True)
class Candidates:
    """Everything a batch of records may match, loaded beforehand and filed by key."""

    by_external: dict[str, DirectoryUser] = field(default_factory=dict)
    by_scim_external: dict[str, list[DirectoryUser]] = field(default_factory=dict)
    by_email: dict[str, list[DirectoryUser]] = field(default_factory=dict)
    by_user_name: dict[str, list[DirectoryUser]] = field(default_factory=dict)
    tombstones: dict[str, DirectoryUser] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    users_by_email: dict[str, list[User]] = field(default_factory=dict)
    claimed: dict[str, DirectoryUser] = field(default_factory=dict)
    """Who of this connection holds an account already, by user id; the gone hold none."""
    doubled_emails: frozenset[str] = frozenset()
    """E-mail keys that several people without an account claim."""

    def add(self, rows: Iterable[DirectoryUser]) -> None:
        for row in rows:
            if not row.live:
                if row.user_id and (key := row.external_id or row.scim_external_id):
                    self.tombstones[key] = row
                continue
            if row.external_id:
                self.by_external[row.external_id] = row
            _file(self.by_scim_external, row.scim_external_id, row)
            _file(self.by_email, fold(row.email), row)
            _file(self.by_user_name, fold(row.user_name), row)

    def linked_user_ids(self) -> set[str]:
        """Ids of the accounts that any candidate row is linked to."""
        return {row.user_id for row in self._rows() if row.user_id}

    def row_ids(self) -> set[str]:
        """Ids of every candidate row."""
        return {row.id for row in self._rows()}

    def _rows(self) -> Iterator[DirectoryUser]:
        yield from self.by_external.values()
        yield from self.tombstones.values()
        for shelf in (self.by_scim_external, self.by_email, self.by_user_name):
            for rows in shelf.values():
                yield from rows

    def add_users(self, rows: Iterable[User]) -> None:
        for row in rows:
            if row.id not in self.users:
                self.users[row.id] = row
                _file(self.users_by_email, fold(row.email), row)


def match(record: UserRecord, address: str | None, candidates: Candidates) -> Match:
    """Answer both questions for one record; ``address`` is its usable e-mail, None without one."""
    found = _directory_user(record, address, candidates)
    if isinstance(found, Match):
        return found
    return match_row(record, address, found[0], candidates, rule=found[1])


def match_row(
    record: UserRecord,
    address: str | None,
    row: DirectoryUser | None,
    candidates: Candidates,
    *,
    rule: str = "",
) -> Match:
    """Whose account it is, when it is settled which directory user is meant (None: a new one)."""
    if row is not None and row.user_id is not None:
        user = candidates.users.get(row.user_id)
        if user is not None:
            return Match(situation=Situation.LINKED, directory_user=row, user=user, rule=rule)
    return _account(record, address, row, candidates)


def same_person(record: UserRecord, row: DirectoryUser) -> bool:
    """False when an id of the IdP says that the row is somebody else."""
    return not _other(record, row)


def _directory_user(
    record: UserRecord, address: str | None, candidates: Candidates
) -> tuple[DirectoryUser | None, str] | Match:
    if record.external_id and (row := candidates.by_external.get(record.external_id)):
        return row, "external id"
    if record.scim_external_id:
        if not record.external_id and (row := candidates.by_external.get(record.scim_external_id)):
            return row, "externalId"
        rows = [
            row
            for row in candidates.by_scim_external.get(record.scim_external_id, ())
            if not _other(record, row)
        ]
        if len(rows) == 1:
            return rows[0], "externalId"
        if rows:
            return _dispute(
                f"{len(rows)} people of this directory carry the externalId {record.scim_external_id}"
            )
    for rule, key, shelf in (
        ("e-mail", fold(address), candidates.by_email),
        ("userName", fold(record.user_name), candidates.by_user_name),
    ):
        found = _by_name(record, rule, shelf.get(key, ()) if key else ())
        if found is not None:
            return found
    return None, ""


def _by_name(
    record: UserRecord, rule: str, rows: Sequence[DirectoryUser]
) -> tuple[DirectoryUser, str] | Match | None:
    """Rows that share a name: the unclaimed one is the person; a claimed living one disputes it."""
    if not rows:
        return None
    same = [row for row in rows if not _other(record, row)]
    if len(same) == 1 and len(rows) == 1:
        return same[0], rule
    living = [row for row in rows if row.status is not Status.GONE]
    if not living:
        return None
    names = ", ".join(sorted(row.external_id or row.scim_external_id or row.id for row in living))
    dispute = _dispute(f"the {rule} is in use by another person of this directory ({names})")
    return dispute._replace(choices=tuple(row.user_id for row in living if row.user_id))


def _other(record: UserRecord, row: DirectoryUser) -> bool:
    """True when an id of the IdP says that the row is somebody else."""
    if record.external_id and row.external_id:
        return record.external_id != row.external_id
    if record.scim_external_id and row.scim_external_id:
        return record.scim_external_id != row.scim_external_id
    return False


def _account(
    record: UserRecord, address: str | None, row: DirectoryUser | None, candidates: Candidates
) -> Match:
    key = fold(address)
    if key in candidates.doubled_emails:
        dispute = _dispute(f"several people of this directory have the e-mail {address}")
        return dispute._replace(directory_user=row)
    tombstone = candidates.tombstones.get(record.external_id or record.scim_external_id or "")
    if tombstone is not None and (user := candidates.users.get(tombstone.user_id or "")):
        return Match(situation=Situation.UNLINKED, directory_user=row, user=user, rule="returned")
    users = candidates.users_by_email.get(key, ()) if key else ()
    if len(users) > 1:
        dispute = _dispute(f"{len(users)} accounts have the e-mail {address}")
        return dispute._replace(directory_user=row, choices=tuple(user.id for user in users))
    if users:
        owner = candidates.claimed.get(users[0].id)
        if owner is not None and (row is None or owner.id != row.id):
            dispute = _dispute(f"the account of {address} belongs to {owner.user_name} of this directory")
            return dispute._replace(directory_user=row, choices=(users[0].id,))
        return Match(situation=Situation.UNLINKED, directory_user=row, user=users[0], rule="e-mail")
    return Match(situation=Situation.UNMATCHED, directory_user=row, rule="nobody has this e-mail")


def _dispute(why: str) -> Match:
    return Match(situation=Situation.DISPUTED, why=f"{why}; say which one is right: link, separate or ignore")


def _file(shelf: dict[str, list[T]], key: str | None, row: T) -> None:
    if key is not None:
        rows = shelf.setdefault(key, [])
        if row not in rows:
            rows.append(row)
