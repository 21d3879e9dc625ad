"""Event hooks of IdPs: a ping to read somebody again. What it says of them is never believed.

A forged, repeated or late call causes reads at most: whom it names is read through the provider and
passes plan and safeguards like everybody else. The sender hears the same answer whatever becomes of
its call, so that nobody learns which connections exist or which secret is right.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from connector.keyring import new_hook_secret
from connector.usecases import shapes
from connector.usecases.audit import note
from connector.usecases.runs import Runs
from connector.usecases.subscriptions import EVENT_HOOK, Subscriptions
from connector.usecases.subscriptions import TYPES as SUBSCRIBED
from connector.usecases.wires import Wires
from providers import registry
from sync.model.connection import Connection
from sync.model.errors import BadRecord, Conflict, ConnectorError, Misconfigured, NotFound, Refused
from sync.model.ping import Ping
from sync.model.run import RunMode
from sync.model.webhook import Secret, live_secrets
from sync.store import connections, subscriptions
from sync.store import hooks as store
from sync.store.database import Conn

NAMED_MAX: Final = 500
"""Above so many people and groups the change feed is read instead: that is cheaper than one by one."""

KEPT: Final = timedelta(days=2)
"""How long a message is known again; IdPs repeat theirs for some hours."""

REFUSED_EVERY: Final = timedelta(minutes=1)
"""How often a call that is not believed is noted at most, so that a flood of them writes nothing."""

NONE_HELD: Final = subscriptions.Held()

log = structlog.get_logger("connector.hooks")


class Hooks:
    """Where IdPs tell that something changed."""

    def __init__(self, wires: Wires, runs: Runs, subscriptions: Subscriptions) -> None:
        self._wires, self._runs, self._subscriptions = wires, runs, subscriptions

    def shown(self, ref: str) -> dict[str, Any]:
        """The hook's address, whether it is on, and when it was last heard of."""
        with self._wires.database.read() as conn:
            connection = connections.find(conn, ref)
            held = subscriptions.get(conn, connection.id)
            return self._shape(connection, store.get(conn, connection.id), held)

    def switch_on(self, ref: str, grace: timedelta) -> dict[str, Any]:
        """A new secret, the only time it is shown; an old one is good too until ``grace`` is over.

        Raises Refused for a type without event hooks.
        """
        secret, now = new_hook_secret(), self._wires.clock()
        with self._wires.database.write() as conn:
            connection = connections.find(conn, ref)
            if registry.reads_pings(connection.type) is None:
                raise Refused(f"{connection.type} sends no event hooks; schedules pull {connection.name}")
            known = store.get(conn, connection.id)
            old = live_secrets(known.secrets, now)[:1] if known and grace else ()
            kept = [Secret(sealed=each.sealed, ends_at=now + grace) for each in old]
            fresh = Secret(sealed=self._wires.keyring.seal(connection.id, secret))
            store.put(conn, connection.id, [fresh, *kept], now)
            subscriptions.hurry(conn, connection.id, now)
            held = self._outdated(conn, connection, now)
            self._note(conn, "hooks.on", connection, now)
            return self._shape(connection, store.get(conn, connection.id), held) | {"secret": secret}

    def register(self, ref: str) -> dict[str, Any]:
        """Have the directory make its hook for our address, switched on first where it is off.

        Raises Refused for a directory whose hook an admin makes by hand, and what the directory raises.
        """
        with self._wires.database.read() as conn:
            connection = connections.find(conn, ref)
            known = store.get(conn, connection.id)
        if not registry.administers(connection.type):
            raise Refused(f"{connection.type}: the event hook is made by hand there, as docs/connect says")
        if known is None:
            secret = str(self.switch_on(connection.id, timedelta())["secret"])
        else:
            secret = self._wires.keyring.open(connection.id, known.secrets[0].sealed)
        try:
            self._subscriptions.register(connection, secret)
        except ConnectorError:
            if known is None:
                self.switch_off(connection.id)
            raise
        with self._wires.database.write() as conn:
            self._note(conn, "hooks.register", connection, self._wires.clock())
        return self.shown(connection.id)

    def switch_off(self, ref: str) -> dict[str, Any]:
        """Believe no call any more, and ask the directory for none."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            subscribed = connections.find(conn, ref)
        self._subscriptions.end(subscribed)
        with self._wires.database.write() as conn:
            connection = connections.find(conn, ref)
            store.remove(conn, connection.id)
            self._note(conn, "hooks.off", connection, now)
            return self._shape(connection, None, NONE_HELD)

    def receive(self, connection_id: str, headers: Mapping[str, str], body: bytes) -> None:
        """Take a delivery; ``headers`` have lower-case names. It tells nobody what became of it."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            try:
                connection = connections.get(conn, connection_id)
            except NotFound:
                return
            hook = store.get(conn, connection_id)
        reads = registry.reads_pings(connection.type)
        if hook is None or reads is None:
            return
        try:
            ping = reads(headers, body)
            self._must_be_from_the_idp(connection, hook, ping, now)
        except (BadRecord, Misconfigured, Refused) as error:
            self._refuse(connection, hook, now, error.message)
            return
        with self._wires.database.read() as conn:
            is_new = not ping.messages or set(ping.messages) - store.heard(conn, connection_id, ping.messages)
        if is_new:
            self._read_again(connection, ping)
            if ping.unsubscribes:
                self._subscriptions.hurry(connection_id)
        with self._wires.database.write() as conn:
            store.note_heard(conn, connection_id, ping.messages, now, kept_since=now - KEPT)

    def _read_again(self, connection: Connection, ping: Ping) -> None:
        """Queue a run about the named, or let the queued one take them in: many calls make few runs."""
        by = f"{connection.type} event hook"
        try:
            if ping.everything or len(ping.users) + len(ping.groups) > NAMED_MAX:
                self._runs.request(connection.id, mode=RunMode.DELTA, by=by, trigger="hook")
            elif ping.users or ping.groups:
                users, groups = sorted(ping.users), sorted(ping.groups)
                self._runs.request_named(connection.id, users=users, groups=groups, by=by, trigger="hook")
        except (Refused, Conflict) as error:
            # Paused, or pushed only, or something else is about to run: the next pull makes up for it.
            log.info("an event hook caused no run", connection=connection.name, why=error.message)

    def _outdated(self, conn: Conn, connection: Connection, now: datetime) -> subscriptions.Held:
        """What is held after the secret became another: a hook at the directory shows the old one."""
        held = subscriptions.get(conn, connection.id)
        if EVENT_HOOK not in held.ids:
            return NONE_HELD
        held = replace(held, trouble=f"It shows an old secret: connector hooks register {connection.name}")
        subscriptions.put(conn, connection.id, held, now)
        return held

    def _must_be_from_the_idp(
        self, connection: Connection, hook: store.Hook, ping: Ping, now: datetime
    ) -> None:
        """Raises Refused for another secret, and Misconfigured when ours do not open with this key."""
        good = [
            self._wires.keyring.open(connection.id, each.sealed).encode()
            for each in live_secrets(hook.secrets, now)
        ]
        known = [sum(hmac.compare_digest(shown.encode(), one) for one in good) for shown in ping.secrets]
        if not known or not all(known):
            raise Refused("it shows another secret")

    def _refuse(self, connection: Connection, hook: store.Hook, now: datetime, why: str) -> None:
        if hook.refused_at is None or now - hook.refused_at >= REFUSED_EVERY:
            log.warning("an event hook was not believed", connection=connection.name, why=why)
            with self._wires.database.write() as conn:
                store.note_refused(conn, connection.id, now)

    def _shape(
        self, connection: Connection, hook: store.Hook | None, held: subscriptions.Held
    ) -> dict[str, Any]:
        return {
            "connection": connection.name,
            "url": f"{self._wires.settings.url}/hooks/{connection.id}",
            "available": registry.reads_pings(connection.type) is not None,
            "on": hook is not None,
            "old_secret_ends_at": shapes.at(hook.secrets[1].ends_at) if hook and hook.secrets[1:] else None,
            "last_at": shapes.at(hook.last_at) if hook else None,
            "refused_at": shapes.at(hook.refused_at) if hook else None,
            "registers": registry.administers(connection.type),
            "registered": EVENT_HOOK in held.ids,
            "subscribes": connection.type in SUBSCRIBED,
            "subscribed_until": shapes.at(held.ends_at),
            "subscription_trouble": held.trouble,
        }

    def _note(self, conn: Conn, action: str, connection: Connection, now: datetime) -> None:
        note(
            conn, action, now=now, kind="connection", id=connection.id, label=connection.name,
            connection_id=connection.id,
        )  # fmt: skip
