"""Who is let in: a token that opened its connection is known for a second, and then looked up again.

That second is also how long a revoked token, a pause or a changed setting may go unnoticed, in this
process and in every other one; nothing has to be told to anybody.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sync.model.connection import Connection, Policy
from sync.model.session import Access
from sync.store import connections
from sync.store.database import Database

KNOWN_S: Final = 1.0
"""How long an answer of the database about a token counts."""

KNOWN_MAX: Final = 4096
"""Tokens known at once; beyond, all are looked up anew."""

TOUCH_EVERY: Final = timedelta(minutes=1)
"""How exactly a token's last use is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted(Access):
    """An access with what the engine needs to serve it."""

    connection: Connection
    policy: Policy
    expires_at: datetime | None = None
    until: float = field(compare=False)


class Entrance:
    """Tells tokens that open a connection from all other texts."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        policy_of: Callable[[Connection], Policy],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ticks = ticks
        self._policy_of = policy_of
        self._known: dict[tuple[str, str], Admitted] = {}
        self._policies: dict[str, tuple[Connection, Policy]] = {}
        self._touched: dict[str, datetime] = {}
        self._touching = threading.Lock()

    def admit(self, connection_id: str, token: str) -> Admitted | None:
        """The access this token gives to this connection; None for every other case alike."""
        known = self.known(connection_id, token)
        if known is not None:
            return known
        now = self._clock()
        admitted = self._look_up(connection_id, _hashed(token), now)
        if admitted is not None:
            self._note_use(admitted.token_id, now)
        return admitted

    def known(self, connection_id: str, token: str) -> Admitted | None:
        """Whom the last second let in; None also when it would have to be looked up."""
        found = self._known.get((connection_id, _hashed(token)))
        if found is None or found.until <= self._ticks():
            return None
        if found.expires_at is not None and found.expires_at <= self._clock():
            return None
        return found

    def forget(self, connection_id: str) -> None:
        """Look everything about this connection up again."""
        for key in [key for key in self._known if key[0] == connection_id]:
            self._known.pop(key, None)

    def again(self, access: Access) -> Admitted:
        """The access as it is now. Raises NotFound when its connection is gone."""
        connection = self._database.look(lambda conn: connections.get(conn, access.connection_id))
        return self._admitted(connection, access.token_id, None)

    def _look_up(self, connection_id: str, hashed: str, now: datetime) -> Admitted | None:
        key = (connection_id, hashed)
        found = self._database.look(lambda conn: connections.authenticate(conn, connection_id, hashed, now))
        if found is None:
            self._known.pop(key, None)
            return None
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[key] = admitted = self._admitted(*found)
        return admitted

    def _admitted(self, connection: Connection, token_id: str, expires_at: datetime | None) -> Admitted:
        paused = None
        if not connection.enabled:
            paused = f"The connection {connection.name} is paused here; nothing is lost, try again later."
        knobs: Mapping[str, Any] = connection.settings.get("scim", {})
        return Admitted(
            connection_id=connection.id,
            token_id=token_id,
            profile=connection.type,
            paused=paused,
            settings=knobs,
            connection=connection,
            policy=self._policy(connection),
            expires_at=expires_at,
            until=self._ticks() + KNOWN_S,
        )

    def _policy(self, connection: Connection) -> Policy:
        """The connection's policy, made anew only when the connection has changed."""
        cached = self._policies.get(connection.id)
        if cached is None or cached[0] != connection:
            cached = connection, self._policy_of(connection)
            self._policies[connection.id] = cached
        return cached[1]

    def _note_use(self, token_id: str, now: datetime) -> None:
        last = self._touched.get(token_id)
        if last is not None and now - last < TOUCH_EVERY:
            return
        with self._touching:
            if self._touched.get(token_id) is not last:
                return
            self._touched[token_id] = now
        self._database.submit(lambda conn: connections.touch_tokens(conn, {token_id: now}))


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
