"""What directories tell us of changes by, made and ended by us: subscriptions, and hooks at their side."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from connector.usecases.wires import Wires
from sync.model.connection import Connection
from sync.model.errors import ConnectorError, Misconfigured
from sync.model.source import Subscriber
from sync.store import connections, hooks
from sync.store import subscriptions as store

TYPES: Final = ("azure",)
"""Directories that want to be subscribed to, again and again; others are given the address once."""

EVENT_HOOK: Final = "event hook"
"""The name under which a hook is kept that a directory made for us, and that does not end."""

LIFE: Final = timedelta(days=7)
"""Graph allows 29 days. One that nobody can end, because all of this was deleted, ends this soon."""

RENEWED_AFTER: Final = timedelta(days=2)
AGAIN_AFTER: Final = timedelta(minutes=5)
LIMIT_S: Final = 60.0

log = structlog.get_logger("connector.subscriptions")


class Subscriptions:
    """Keeps what connections with a hook hold at their directories."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def keep_due(self) -> int:
        """Make or renew the subscriptions whose time has come; of how many connections."""
        with self._wires.database.read() as conn:
            due = store.due(conn, TYPES, self._wires.clock())
        return sum(self._keep(connection_id) for connection_id in due)

    def hurry(self, connection_id: str) -> None:
        """The directory says that they end, or the secret is another: look at them next."""
        with self._wires.database.write() as conn:
            store.hurry(conn, connection_id, self._wires.clock())

    def register(self, connection: Connection, secret: str) -> None:
        """Have the directory make its event hook for our address, or bring the one it has up to date.

        Raises what the directory raises, and Misconfigured where an admin has to make the hook by hand.
        """
        with self._wires.administration(connection) as directory:
            made = directory.register(self._url(connection), secret)
        now = self._wires.clock()
        held = store.Held(ids={EVENT_HOOK: made.id}, trouble=made.trouble or None)
        with self._wires.database.write() as conn:
            store.claim(conn, connection.id, now=now, until=now)
            store.put(conn, connection.id, held, now)

    def end(self, connection: Connection) -> None:
        """End what is held. Where the directory cannot be asked it ends by itself, and is logged."""
        with self._wires.database.read() as conn:
            held = store.get(conn, connection.id)
        try:
            if EVENT_HOOK in held.ids:
                with self._wires.administration(connection) as administration:
                    administration.unregister(self._url(connection))
            elif held.ids:
                with self._opened(connection) as directory:
                    for subscription_id in held.ids.values():
                        directory.unsubscribe(subscription_id)
        except ConnectorError as error:
            told = {"connection": connection.name, "why": error.message, "ends_at": held.ends_at}
            log.warning("what tells of changes is left at the directory", **told)
        with self._wires.database.write() as conn:
            store.remove(conn, connection.id)

    def _keep(self, connection_id: str) -> bool:
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            hook = hooks.get(conn, connection_id)
            if hook is None or not store.claim(conn, connection_id, now=now, until=now + AGAIN_AFTER):
                return False
            connection, held = connections.get(conn, connection_id), store.get(conn, connection_id)
        try:
            secret = self._wires.keyring.open(connection_id, hook.secrets[0].sealed)
            self._renew(connection, held, secret)
        except ConnectorError as error:
            self._note(connection, error)
        return True

    def _renew(self, connection: Connection, held: store.Held, secret: str) -> None:
        """What is held is renewed; what is not, or was made for another address or secret, is made."""
        url, now = self._url(connection), self._wires.clock()
        made_for = hashlib.sha256(f"{url} {secret}".encode()).hexdigest()
        old, held = (held, held) if held.made_for == made_for else (held, store.Held(made_for=made_for))
        with self._opened(connection) as directory:
            for resource in directory.resources:
                known = held.ids.get(resource)
                if known is None or not directory.renew(known, now + LIFE):
                    known = directory.subscribe(resource, url, secret, now + LIFE)
                held = replace(held, ids={**held.ids, resource: known}, ends_at=now + LIFE, trouble=None)
                with self._wires.database.write() as conn:
                    store.put(conn, connection.id, held, now + RENEWED_AFTER)
            for subscription_id in set(old.ids.values()) - set(held.ids.values()):
                directory.unsubscribe(subscription_id)

    def _url(self, connection: Connection) -> str:
        return f"{self._wires.settings.url}/hooks/{connection.id}"

    def _note(self, connection: Connection, error: ConnectorError) -> None:
        log.warning("subscriptions not kept", connection=connection.name, why=error.message)
        with self._wires.database.write() as conn:
            held = replace(store.get(conn, connection.id), trouble=error.message)
            store.put(conn, connection.id, held, self._wires.clock() + AGAIN_AFTER)

    @contextmanager
    def _opened(self, connection: Connection) -> Iterator[Subscriber]:
        source = self._wires.open_source(connection, limit_s=LIMIT_S)
        try:
            if not isinstance(source, Subscriber):
                raise Misconfigured(f"{connection.type} takes no subscriptions")
            yield source
        finally:
            source.close()
