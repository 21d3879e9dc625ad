"""What IdPs push: one SCIM request inside one connection and one transaction.

The deciding is the pull's own (match, diff), the writing is the one writer's; here a document
becomes a record, and the answers become what a SCIM client expects: taken, gone, refused.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sync.model.connection import Connection, Policy
from sync.model.errors import ConnectorError
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
from sync.pushing import LostRace, Pushing
from sync.store import connections, scim
from sync.store.database import Conn, Database

T = TypeVar("T")

TRIES = 5
"""How often a write starts over after losing a race to another writer."""

TOUCH_EVERY = timedelta(minutes=1)
"""How exactly a token's last use is kept."""


class Push:
    """The engine as the SCIM server sees it (sync.model.session.Gateway)."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], policy_of: Callable[[Connection], Policy]
    ) -> None:
        self._database = database
        self._clock = clock
        self._policy_of = policy_of
        self._policies: dict[str, tuple[Connection, Policy]] = {}
        self._touched: dict[str, datetime] = {}
        self._touching = threading.Lock()

    def authenticate(self, connection_id: str, token: str) -> Access | None:
        """The access this token gives to this connection; None for every other case alike."""
        now = self._clock()
        hashed = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        with self._database.read() as conn:
            found = connections.authenticate(conn, connection_id, hashed, now)
        if found is None:
            return None
        connection, token_id = found
        self._note_use(token_id, now)
        paused = None
        if not connection.enabled:
            paused = f"The connection {connection.name} is paused here; nothing is lost, try again later."
        knobs = connection.settings.get("scim", {})
        return Access(
            connection_id=connection.id,
            token_id=token_id,
            profile=connection.type,
            paused=paused,
            settings=knobs,
        )

    def read(self, access: Access, work: Callable[[Session], T]) -> T:
        with self._database.read() as conn:
            return work(self._session(conn, access))

    def write(self, access: Access, work: Callable[[Session], T]) -> T:
        for attempt in range(TRIES):
            try:
                return self._committed(access, work)
            except LostRace:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("unreachable: the loop returns or raises")

    def _committed(self, access: Access, work: Callable[[Session], T]) -> T:
        """What was kept although it was refused is committed before the client hears the refusal."""
        refused: list[ConnectorError] = []

        def unit(conn: Conn) -> T:
            session = self._session(conn, access)
            answer = work(session)
            refused[:] = [session.request.refusal] if session.request.refusal else []
            return answer

        answer = self._database.submit(unit)
        if refused:
            raise refused[0]
        return answer

    def _session(self, conn: Conn, access: Access) -> PushSession:
        connection = connections.get(conn, access.connection_id)
        request = Pushing(
            conn=conn, connection=connection, policy=self._policy(connection), now=self._clock()
        )
        return PushSession(request, access)

    def _policy(self, connection: Connection) -> Policy:
        """The connection's policy, made anew only when the connection has changed."""
        cached = self._policies.get(connection.id)
        if cached is None or cached[0] != connection:
            cached = connection, self._policy_of(connection)
            self._policies[connection.id] = cached
        return cached[1]

    def _note_use(self, token_id: str, now: datetime) -> None:
        with self._touching:
            last = self._touched.get(token_id)
            if last is not None and now - last < TOUCH_EVERY:
                return
            self._touched[token_id] = now
        self._database.submit(lambda conn: connections.touch_tokens(conn, {token_id: now}))


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

    def members_of(
        self, group_ids: Sequence[str], limit: int | None = None
    ) -> Mapping[str, Sequence[MemberRef]]:
        return scim.scim_members(self.request.conn, self.request.connection.id, group_ids, limit)

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
