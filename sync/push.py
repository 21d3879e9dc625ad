"""What IdPs push: one SCIM request inside one connection and one transaction.

The deciding is the pull's own (match, diff), the writing is the one writer's; here a document
becomes a record, and the answers become what a SCIM client expects: taken, gone, refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from sync.entrance import Admitted, Entrance
from sync.model.connection import Connection, Policy
from sync.model.errors import ConnectorError, LostRace
from sync.model.query import Query
from sync.model.session import (
    Access,
    GroupRef,
    Kind,
    Listing,
    MemberEdit,
    MemberRef,
    NewMember,
    Resource,
    Session,
)
from sync.pushed_groups import PushedGroups
from sync.pushed_people import PushedPeople
from sync.pushing import Pushing
from sync.store import scim
from sync.store.database import Clash, Conn, Database

T = TypeVar("T")

TRIES = 5
"""How often a write starts over after losing a race to another writer."""

HANDS = 8
"""Requests worked on at a time where each has a database connection of its own."""


class Push:
    """The engine as the SCIM server sees it (sync.model.session.Gateway)."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], policy_of: Callable[[Connection], Policy]
    ) -> None:
        self._database = database
        self._clock = clock
        self._entrance = Entrance(database, clock=clock, policy_of=policy_of)
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="push")

    def authenticate(self, connection_id: str, token: str) -> Access | None:
        """The access this token gives to this connection; None for every other case alike."""
        return self._entrance.admit(connection_id, token)

    def known(self, connection_id: str, token: str) -> Access | None:
        """The same from memory alone; None also when it would have to be looked up."""
        return self._entrance.known(connection_id, token)

    def is_at_once(self, *, writes: bool, is_short: bool) -> bool:
        """Whether such a request is done sooner than a thread could be woken: SQLite's short reads are."""
        return is_short and not writes and self._database.is_sqlite

    def start(self, work: Callable[[], T], *, writes: bool, is_short: bool) -> Future[T]:
        """Begin the work of one request in the thread where it costs least (see Gateway).

        SQLite has one writer, who may as well do the rest of the request. PostgreSQL is waited for, many
        requests at a time.
        """
        if writes and is_short and self._database.is_sqlite:
            return self._database.enlist(work)
        return self._hands.submit(work)

    def read(self, access: Access, work: Callable[[Session], T]) -> T:
        return self._database.look(lambda conn: work(self._session(conn, access)))

    def write(self, access: Access, work: Callable[[Session], T]) -> T:
        for attempt in range(TRIES):
            try:
                return self._committed(access, work)
            except LostRace:
                if attempt == TRIES - 1:
                    raise
            access = self._entrance.again(access)
        raise AssertionError("unreachable: the loop returns or raises")

    def _committed(self, access: Access, work: Callable[[Session], T]) -> T:
        """What was kept although it was refused is committed before the client hears the refusal."""
        refused: list[ConnectorError] = []

        def unit(conn: Conn) -> T:
            session = self._session(conn, access, writes=True)
            answer = work(session)
            refused[:] = [session.request.refusal] if session.request.refusal else []
            return answer

        try:
            answer = self._database.submit(unit)
        except Clash as error:
            # Something it stands on went away or came into being meanwhile, a connection for example.
            self._entrance.forget(access.connection_id)
            raise LostRace("another change came first; try again") from error
        if refused:
            raise refused[0]
        return answer

    def _session(self, conn: Conn, access: Access, *, writes: bool = False) -> PushSession:
        admitted = access if isinstance(access, Admitted) else self._entrance.again(access)
        request = Pushing(
            conn=conn,
            connection=admitted.connection,
            policy=admitted.policy,
            now=self._clock(),
            writes=writes,
        )
        return PushSession(request, access)


class PushSession:
    """One SCIM request (sync.model.session.Session)."""

    def __init__(self, request: Pushing, access: Access) -> None:
        self.request = request
        strict_post = access.settings.get("reactivate_on_post", True) is False
        self._people = PushedPeople(request, strict_post=strict_post)
        self._groups = PushedGroups(request)

    def get(self, kind: Kind, resource_id: str) -> Resource | None:
        return self.request.get(kind, resource_id)

    def find(self, kind: Kind, query: Query) -> Listing:
        return scim.scim_find(self.request.conn, self.request.connection.id, kind, query)

    def members_of(self, group_ids: Sequence[str]) -> Mapping[str, Sequence[MemberRef]]:
        return scim.scim_members(self.request.conn, self.request.connection.id, group_ids)

    def has_more_members(self, group_id: str, than: int) -> bool:
        return scim.scim_has_more_members(self.request.conn, group_id, than)

    def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[GroupRef]]:
        return scim.scim_groups_of(self.request.conn, self.request.connection.id, user_ids)

    def labels(self, resource_ids: Iterable[str]) -> Mapping[str, tuple[Kind, str]]:
        return scim.scim_labels(self.request.conn, self.request.connection.id, resource_ids)

    def create_user(self, document: Mapping[str, Any]) -> Resource:
        return self._people.create(document)

    def replace_user(
        self, user_id: str, document: Mapping[str, Any], if_version: Sequence[int] | None = None
    ) -> Resource:
        return self._people.replace(user_id, document, if_version)

    def delete_user(self, user_id: str, if_version: Sequence[int] | None = None) -> None:
        self._people.delete(user_id, if_version)

    def create_group(self, document: Mapping[str, Any], members: Sequence[NewMember]) -> Resource:
        return self._groups.create(document, members)

    def change_group(
        self,
        group_id: str,
        document: Mapping[str, Any],
        edits: Sequence[MemberEdit],
        if_version: Sequence[int] | None = None,
    ) -> Resource:
        return self._groups.change(group_id, document, edits, if_version)

    def delete_group(self, group_id: str, if_version: Sequence[int] | None = None) -> None:
        self._groups.delete(group_id, if_version)
