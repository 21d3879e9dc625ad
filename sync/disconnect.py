"""Letting a directory go: its groups end, its people become what an admin says, then nothing is left of it.

Done in batches, each in a transaction of its own; killed anywhere, it can be asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from sync.apply import writer
from sync.apply.context import Context
from sync.model.change import Action, Change, Subject
from sync.model.connection import Connection, Policy
from sync.model.errors import Conflict
from sync.model.resources import DirectoryUser, Status, User, fold
from sync.policy import is_protected
from sync.proposal import group_deletion, stored_record
from sync.store import resources
from sync.store.database import Conn, Database
from sync.store.times import to_text

BATCH: Final = 500


class Fate(StrEnum):
    """What becomes of a connection's people."""

    KEEP = "keep"
    SUSPEND = "suspend"
    HANDOVER = "handover"


@dataclass(slots=True, kw_only=True)
class Disconnected:
    """How many people there were, and what became of them."""

    people: int = 0
    suspended: int = 0
    handed_over: int = 0


@dataclass(slots=True, kw_only=True)
class Disconnect:
    """One connection on its way out. ``heir`` takes the people of a handover, under ``heir_policy``."""

    database: Database
    connection: Connection
    policy: Policy
    fate: Fate
    by: str
    now: datetime
    heir: Connection | None = None
    done: Disconnected = field(default_factory=Disconnected)

    def carry_out(self) -> Disconnected:
        """Let groups go, then people, until none is left. Raises Conflict when somebody else writes them."""
        for kind in ("group", "user"):
            while True:
                with self.database.write() as conn:
                    ids = resources.some_live(conn, kind, self.connection.id, BATCH)
                    if not ids:
                        break
                    self._groups(conn, ids) if kind == "group" else self._people(conn, ids)
        return self.done

    def _groups(self, conn: Conn, ids: Sequence[str]) -> None:
        rows = resources.directory_groups(conn, self.connection.id, ids=ids)
        self._write(conn, [group_deletion(row, self._why) for row in rows], self.connection)

    def _people(self, conn: Conn, ids: Sequence[str]) -> None:
        rows = resources.directory_users(conn, self.connection.id, ids=ids)
        mine = [row.user_id for row in rows if row.user_id]
        accounts = {user.id: user for user in resources.application_users(conn, ids=mine)}
        linked = resources.links_of(conn, mine)
        spared = self._spared(conn)
        changes = [
            self._farewell(row, accounts.get(row.user_id or ""), linked.get(row.user_id or "", []), spared)
            for row in rows
        ]
        self._write(conn, changes, self.connection)
        self.done.people += len(rows)
        self.done.suspended += sum(change.action is Action.SUSPEND for change in changes)
        if self.heir is not None:
            self._hand_over(conn, list(accounts.values()), self.heir)

    def _spared(self, conn: Conn) -> set[str]:
        """The last active administrator keeps access whatever happens."""
        admins = resources.active_admins(conn)
        return set(admins) if len(admins) == 1 else set()

    def _farewell(
        self, row: DirectoryUser, account: User | None, linked: Sequence[DirectoryUser], spared: set[str]
    ) -> Change:
        """The directory user goes; access goes with it where that is wanted and nobody else gives it."""
        others = [
            each
            for each in linked
            if each.connection_id != self.connection.id and each.live and each.status is Status.ACTIVE
        ]
        takes = (
            self.fate is Fate.SUSPEND
            and account is not None
            and account.active
            and not others
            and not is_protected(account, self.policy)
            and account.id not in spared
        )
        return Change(
            action=Action.SUSPEND if takes else Action.RECORD,
            subject=_subject(row, account),
            reason=self._why,
            before={"active": True} if takes else {},
            after={"active": False} if takes else {},
            record=stored_record(row),
            tombstone=True,
            expects_version=row.version,
        )

    def _hand_over(self, conn: Conn, accounts: Sequence[User], heir: Connection) -> None:
        """Link people of the heir who have the same e-mail and no account yet to the accounts left behind."""
        by_key = {key: user for user in accounts if (key := fold(user.email))}
        rows = resources.directory_users(conn, heir.id, email_keys=list(by_key))
        free = [row for row in rows if row.user_id is None and row.live and row.status is Status.ACTIVE]
        keys = [fold(row.email) for row in free]
        changes = [
            Change(
                action=Action.ADOPT,
                subject=_subject(row, by_key[key]),
                reason=f"handed over from {self.connection.name}",
                record=stored_record(row),
                rule="handover",
                expects_version=row.version,
                expects_user_version=None,
            )
            for row, key in zip(free, keys, strict=True)
            if key is not None and keys.count(key) == 1
        ]
        self._write(conn, changes, heir)
        self.done.handed_over += len(changes)

    def _write(self, conn: Conn, changes: Sequence[Change], connection: Connection) -> None:
        context = Context(
            connection=connection, at=to_text(self.now), actor=f"admin:{self.by}", origin="pull"
        )
        outcome = writer.apply(conn, changes, context)
        if outcome.stale:
            change, why = outcome.stale[0]
            raise Conflict(f"{change.subject.label}: {why}; ask again in a moment")

    @property
    def _why(self) -> str:
        return f"the connection {self.connection.name} was removed"


def _subject(row: DirectoryUser, account: User | None) -> Subject:
    return Subject(
        kind="user",
        id=row.id,
        label=row.email or row.user_name or row.id,
        external_id=row.external_id,
        user_id=account.id if account else None,
    )
