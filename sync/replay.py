"""A setting that nobody saved, tried on what is stored: the plan it would make, without asking the IdP.

What is stored is what the directory said when it was last read. Who was outside of the scope then
is not in it, so a wider scope shows its newcomers in a real read only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sync.model.connection import Connection, Policy
from sync.model.errors import CursorExpired, Incomplete
from sync.model.resources import Status
from sync.model.source import Effort, End, Found, GroupsFound, Members, Page, Right
from sync.proposal import stored_record
from sync.rehearsal import Rehearsal
from sync.store import resources, stored
from sync.store.database import Database

TRIGGER = "preview"

UNMAPPED = (
    "Attribute rules are not part of a preview: of the directory's own attributes only what they made is "
    "stored. A dry run that reads the directory shows what they change."
)


def preview(
    database: Database,
    connection: Connection,
    policy: Policy,
    *,
    clock: Callable[[], datetime],
    by: str,
) -> str:
    """Make the plan that a full pull would make under ``policy``, were the directory as it is stored.

    Returns the id of the plan, stored in the state "discarded": it is there to be read, and since
    nobody saved the policy it can never be applied. Raises Conflict when another run of
    the connection is queued or running.
    """
    run = Rehearsal(
        database=database,
        connection=connection,
        policy=policy,
        open_source=lambda: Stored(database, connection, [UNMAPPED] if policy.mapping else []),
        trigger=TRIGGER,
        clock=clock,
        by=by,
        settings_are_saved=False,
    ).execute()
    if run.plan_id is None:
        raise Incomplete("the preview made no plan; try again")
    return run.plan_id


class Stored:
    """What is stored of a connection, as a source (sync.model.source.Source).

    People with the status gone are absent from it. A group that only a push has made shows
    without members: they stay as they are.
    """

    def __init__(self, database: Database, connection: Connection, warnings: Sequence[str] = ()) -> None:
        self._database = database
        self._connection = connection
        self._warnings = warnings
        self.effort = Effort()

    def identity(self) -> str | None:
        return None

    def check(self) -> Sequence[Right]:
        return ()

    def full(self, _place: str | None = None, /) -> Iterator[Page]:
        yield from self._people()
        yield from self._groups()
        yield Page(end=End(), warnings=[self._age(), *self._warnings])

    def changes(self, cursor: str) -> Iterator[Page]:
        raise CursorExpired(f"what is stored has no change feed that could go on from {cursor}")

    def lookup(self, external_ids: Sequence[str]) -> Found:
        with self._database.read() as conn:
            rows = resources.directory_users(conn, self._connection.id, external_ids=external_ids)
        present = {
            row.external_id: stored_record(row)
            for row in rows
            if row.external_id and row.status is not Status.GONE
        }
        return Found(present=present, gone=frozenset(external_ids) - present.keys())

    def lookup_groups(self, external_ids: Sequence[str]) -> GroupsFound:
        with self._database.read() as conn:
            rows = resources.directory_groups(conn, self._connection.id, external_ids=external_ids)
        present = frozenset(row.external_id for row in rows if row.external_id)
        return GroupsFound(present=present, gone=frozenset(external_ids) - present)

    def close(self) -> None:
        """Nothing is open."""

    def _people(self) -> Iterator[Page]:
        after = 0
        while True:
            with self._database.read() as conn:
                rows = stored.people(conn, self._connection.id, after)
            if not rows:
                return
            self.effort.pages += 1
            yield Page(users=[record for _, record in rows])
            after = rows[-1][0]

    def _groups(self) -> Iterator[Page]:
        after = 0
        while True:
            with self._database.read() as conn:
                rows = stored.groups(conn, self._connection.id, after)
                members = stored.members(conn, [id_ for _, id_, _ in rows if id_])
            if not rows:
                return
            self.effort.pages += 1
            yield Page(
                groups=[record for _, _, record in rows],
                members=[
                    Members(group_id=record.external_id, user_ids=members[id_][0], group_ids=members[id_][1])
                    for _, id_, record in rows
                    if id_
                ],
            )
            after = rows[-1][0]

    def _age(self) -> str:
        at = self._connection.last_complete_at
        read = f"the last complete read of {at:%Y-%m-%d %H:%M} UTC" if at else "no complete read so far"
        return (
            f"A preview on what is stored ({read}); people and groups outside the saved scope are not in it."
        )
