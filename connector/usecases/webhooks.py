"""Webhooks: who hears of events, trying one out, and sending again what was sent or given up."""

from __future__ import annotations

import base64
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from connector.durations import span
from connector.usecases import event_types
from connector.usecases.audit import note
from connector.usecases.wires import Wires
from connector.usecases.work import owner_name
from sync.model.errors import Conflict, Misconfigured, NotFound
from sync.model.webhook import Delivery, DeliveryState, Endpoint, Secret, live_secrets
from sync.store import connections, deliveries, endpoints, outbox, people
from sync.store.database import Conn
from sync.store.ids import new_id
from sync.store.text import to_json
from sync.store.times import to_text

if TYPE_CHECKING:
    from connector.delivery import Deliverer
    from connector.posting import Poster

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the part of every secret that is none
SECRET_BYTES: Final = 32


class Webhooks:
    """Endpoints and what was delivered to them."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    @cached_property
    def poster(self) -> Poster:
        from connector.posting import Poster

        chosen = self._wires.settings.webhooks
        return Poster(allow_private=chosen.allow_private, timeout_s=span(chosen.timeout).total_seconds())

    @cached_property
    def deliverer(self) -> Deliverer:
        """This process's postman."""
        from connector.delivery import Deliverer

        return Deliverer(
            database=self._wires.database,
            poster=self.poster,
            open_secret=self._opened,
            clock=self._wires.clock,
            jitter=random.random,
            give_up_after=span(self._wires.settings.webhooks.give_up_after),
            owner=owner_name(),
            meter=self._wires.meters.delivered,
            # Longer than any call lasts.
            lease_s=30 + 2 * self.poster.timeout_s,
        )

    def claim(self, stop: Callable[[], bool]) -> Callable[[], None] | None:
        """The work of one endpoint's turn; None when nothing is to be delivered."""
        return self.deliverer.claim(stop)

    def is_anything_ready(self) -> bool:
        """Whether an endpoint has something to be delivered now."""
        return self.deliverer.is_anything_ready()

    @property
    def at_once(self) -> int:
        """Endpoints that are called at the same time."""
        return self._wires.settings.webhooks.endpoints_at_once

    def add(
        self,
        url: str,
        *,
        by: str,
        types: Sequence[str] = (),
        connection: str | None = None,
        note: str = "",
        after: int | None = None,
    ) -> dict[str, Any]:
        """A new endpoint and its secret, the only time it is shown; it hears of events behind ``after``.

        Without ``after`` of those from now on. Raises Misconfigured, NotFound, Conflict.
        """
        self.poster.check(url)
        for type in types:
            event_types.check(type)
        id, secret = new_id(), new_secret()
        with self._wires.database.write() as conn:
            connection_id = connections.find(conn, connection).id if connection else None
            wanted = (url, tuple(types), connection_id)
            if any(wanted == (each.url, each.types, each.connection_id) for each in endpoints.listed(conn)):
                raise Conflict(f"{url} is a webhook already; see: connector webhooks list")
            made = endpoints.add(
                conn,
                id=id,
                url=url,
                secrets=[Secret(sealed=self._wires.keyring.seal(id, secret))],
                types=types,
                connection_id=connection_id,
                note=note,
                position=outbox.last_sequence(conn) if after is None else after,
                by=by,
                now=self._wires.clock(),
            )
            self._note(conn, "webhooks.add", made, by=by, after=_audited(made))
        return {"id": made.id, "url": made.url, "secret": secret}

    def listed(self, *, type: str | None = None, connection: str | None = None) -> list[dict[str, Any]]:
        """Every endpoint that hears of the type and the connection, how it does and how much waits for it.

        Raises Misconfigured for a type that no event has, NotFound.
        """
        types = event_types.expanded([type] if type else None)
        with self._wires.database.latest() as conn:
            of = connections.find(conn, connection).id if connection else None
            found, counts = endpoints.listed(conn), deliveries.counts(conn)
            names = {each.id: each.name for each in connections.listed(conn)}
            newest = outbox.last_sequence(conn)
        return [
            _shape(each, self._wires.clock())
            | {
                "connection": names.get(each.connection_id or "", each.connection_id),
                "behind": max(0, newest - each.position),
                "deliveries": {state.value: counts.get(each.id, {}).get(state, 0) for state in DeliveryState},
            }
            for each in found
            if each.hears(types, of)
        ]

    def show(self, ref: str) -> dict[str, Any]:
        """One endpoint as ``listed`` shows it. Raises NotFound, Conflict."""
        with self._wires.database.read() as conn:
            chosen = endpoints.find(conn, ref).id
        return next(each for each in self.listed() if each["id"] == chosen)

    def set(
        self,
        ref: str,
        *,
        url: str | None = None,
        types: Sequence[str] | None = None,
        note: str | None = None,
    ) -> dict[str, Any]:
        """Change where it is called, with which types, or its note; None leaves as it is.

        Raises Misconfigured, NotFound, Conflict.
        """
        if url is not None:
            self.poster.check(url)
        for type in types or ():
            event_types.check(type)
        with self._wires.database.write() as conn:
            before = endpoints.find(conn, ref)
            after = replace(
                before,
                url=before.url if url is None else url,
                types=before.types if types is None else tuple(types),
                note=before.note if note is None else note,
            )
            if any(_same(after, each) for each in endpoints.listed(conn) if each.id != before.id):
                raise Conflict(f"{after.url} is a webhook already; see: connector webhooks list")
            endpoints.update(conn, before.id, url=after.url, types=after.types, note=after.note)
            self._note(conn, "webhooks.set", after, before=_audited(before), after=_audited(after))
        return self.show(before.id)

    def log(
        self,
        ref: str,
        *,
        state: str | None = None,
        type: str | None = None,
        subject: str | None = None,
        limit: int = 100,
        **wanted: Any,
    ) -> dict[str, Any]:
        """``{"deliveries", "next"}``, the newest event first; ``wanted`` are search and before.

        Raises NotFound, Misconfigured for a type that no event has.
        """
        with self._wires.database.read() as conn:
            found = deliveries.listed(
                conn,
                endpoints.find(conn, ref).id,
                states=[DeliveryState(state)] if state else (),
                types=event_types.expanded([type] if type else None),
                subject=people.subject_id(conn, subject) if subject else None,
                limit=limit,
                **wanted,
            )
        shown = [_delivery(each) for each in found]
        return {"deliveries": shown, "next": shown[-1]["sequence"] if len(shown) == limit else None}

    def test(self, ref: str) -> dict[str, Any]:
        """Call the endpoint now with an event of type ``webhook.test``, which is kept nowhere."""
        from connector.delivery import body_of
        from connector.posting import signed

        with self._wires.database.read() as conn:
            endpoint = endpoints.find(conn, ref)
        now, id = self._wires.clock(), new_id()
        told = {"id": id, "type": "webhook.test", "occurred_at": to_text(now), "webhook": endpoint.id}
        body = body_of(to_json(told), 0)
        keys = [self._opened(endpoint.id, each.sealed) for each in live_secrets(endpoint.secrets, now)]
        with self.poster.line(endpoint.url) as line:
            answer = line.post(body, signed(keys, id, now, body))
        return {
            "id": endpoint.id,
            "url": endpoint.url,
            "webhook_id": id,
            "delivered": answer.accepted,
            "status": answer.status,
            "error": answer.error,
            "outcome": "accepted" if answer.accepted else f"not accepted: {answer.error}",
        }

    def rotate(self, ref: str, grace: timedelta) -> dict[str, Any]:
        """A new secret, the only time it is shown; the old one signs too until ``grace`` is over."""
        secret, now = new_secret(), self._wires.clock()
        with self._wires.database.write() as conn:
            endpoint = endpoints.find(conn, ref)
            old = live_secrets(endpoint.secrets, now)[:1]
            kept = [Secret(sealed=each.sealed, ends_at=now + grace) for each in old if grace]
            fresh = Secret(sealed=self._wires.keyring.seal(endpoint.id, secret))
            endpoints.set_secrets(conn, endpoint.id, [fresh, *kept])
            self._note(conn, "webhooks.rotate", endpoint, after={"old_ends_at": to_text(now + grace)})
        return {"id": endpoint.id, "secret": secret, "old_ends_at": to_text(now + grace) if grace else None}

    def set_enabled(self, ref: str, *, enabled: bool) -> dict[str, Any]:
        """Pause the endpoint, or let it have everything that came meanwhile."""
        with self._wires.database.write() as conn:
            endpoint = endpoints.find(conn, ref)
            endpoints.set_enabled(conn, endpoint.id, enabled=enabled)
            action = "webhooks.resume" if enabled else "webhooks.pause"
            self._note(
                conn, action, endpoint, before={"enabled": endpoint.enabled}, after={"enabled": enabled}
            )
        return {"id": endpoint.id, "enabled": enabled}

    def remove(self, ref: str) -> dict[str, Any]:
        with self._wires.database.write() as conn:
            endpoint = endpoints.find(conn, ref)
            endpoints.remove(conn, endpoint.id)
            self._note(conn, "webhooks.remove", endpoint, before=_audited(endpoint))
        return {"id": endpoint.id, "url": endpoint.url, "removed": True}

    def redeliver(
        self, ref: str, *, event_id: str | None = None, sequences: Sequence[int] = ()
    ) -> dict[str, Any]:
        """Deliver one event again, or everything that was given up. Raises NotFound."""
        with self._wires.database.write() as conn:
            endpoint = endpoints.find(conn, ref)
            count = deliveries.redeliver(
                conn, endpoint.id, event=event_id, sequences=sequences, now=self._wires.clock()
            )
            if not count and (event_id or sequences):
                raise NotFound(
                    f"webhook {endpoint.id} never had that event; see: connector webhooks log {endpoint.id}, "
                    "or send a range: connector events replay --after SEQ"
                )
            self._note(conn, "webhooks.redeliver", endpoint, after={"events": count, "event_id": event_id})
        return {"id": endpoint.id, "redelivered": count}

    def replay(self, *, after: int, until: int | None = None, refs: Sequence[str] = ()) -> dict[str, Any]:
        """Deliver every kept event in ``(after, until]`` again to the endpoints named, or to all."""
        with self._wires.database.write() as conn:
            chosen = [endpoints.find(conn, ref) for ref in refs] or endpoints.listed(conn)
            counted = [
                {"id": each.id, "url": each.url, "events": deliveries.replay(
                    conn, each.id, after=after, until=until, now=self._wires.clock()
                )}
                for each in chosen
            ]  # fmt: skip
            for each, told in zip(chosen, counted, strict=True):
                span_ = {"after": after, "until": until, "events": told["events"]}
                self._note(conn, "webhooks.replay", each, after=span_)
        return {"after": after, "until": until, "webhooks": counted}

    def _note(
        self,
        conn: Conn,
        action: str,
        of: Endpoint,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        by: str | None = None,
    ) -> None:
        now = self._wires.clock()
        note(
            conn,
            action,
            now=now,
            kind="webhook",
            id=of.id,
            label=of.url,
            before=before,
            after=after,
            by=by,
        )

    def _opened(self, endpoint_id: str, sealed: str) -> str:
        try:
            return self._wires.keyring.open(endpoint_id, sealed)
        except Misconfigured as error:
            raise Misconfigured(
                f"the secret of webhook {endpoint_id} does not open with this key; put the old key back "
                f"(see key_file), or make a new secret: connector webhooks rotate {endpoint_id}"
            ) from error


def new_secret() -> str:
    """``whsec_`` and 32 random bytes as base64, as Standard Webhooks wants it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _audited(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "types": list(endpoint.types),
        "note": endpoint.note,
        "connection_id": endpoint.connection_id,
    }


def _same(one: Endpoint, other: Endpoint) -> bool:
    """Whether both would tell one address the same."""
    return (one.url, one.types, one.connection_id) == (other.url, other.types, other.connection_id)


def _shape(endpoint: Endpoint, now: datetime) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "enabled": endpoint.enabled,
        "state": endpoint.state,
        "types": list(endpoint.types),
        "note": endpoint.note,
        "position": endpoint.position,
        "secrets": len(live_secrets(endpoint.secrets, now)),
        "failing_since": to_text(endpoint.failing_since),
        "next_at": to_text(endpoint.next_at),
        "last_at": to_text(endpoint.last_at),
        "last_status": endpoint.last_status,
        "last_error": endpoint.last_error,
        "created_at": to_text(endpoint.created_at),
    }


def _delivery(each: Delivery) -> dict[str, Any]:
    return {
        "sequence": each.sequence,
        "event_id": each.event_id,
        "type": each.type,
        "state": each.state.value,
        "attempts": each.attempts,
        "next_at": to_text(each.next_at),
        "last_at": to_text(each.last_at),
        "last_status": each.last_status,
        "last_error": each.last_error,
    }
