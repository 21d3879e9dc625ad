"""Event hooks: the secrets an IdP shows, when it last called, and which messages were heard already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy.dialects import postgresql, sqlite

from sync.model.webhook import Secret
from sync.store.endpoints import secrets_of, secrets_text
from sync.store.keys import among
from sync.store.schema import hook, hook_message
from sync.store.times import from_text, to_text

_NEW_MESSAGES = {
    name: insert(hook_message).on_conflict_do_nothing()
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A connection's hook. ``refused_at`` is when somebody last called with a wrong secret or an odd body."""

    secrets: tuple[Secret, ...]
    created_at: datetime
    last_at: datetime | None
    refused_at: datetime | None


def get(conn: Conn, connection_id: str) -> Hook | None:
    """The connection's hook, while it is on."""
    row = conn.execute(sa.select(hook).where(hook.c.connection_id == connection_id)).first()
    if row is None:
        return None
    return Hook(
        secrets=secrets_of(row.secrets),
        created_at=from_text(row.created_at),
        last_at=from_text(row.last_at),
        refused_at=from_text(row.refused_at),
    )


def put(conn: Conn, connection_id: str, secrets: Sequence[Secret], now: datetime) -> None:
    """Switch the hook on, or give it these secrets."""
    known = sa.update(hook).where(hook.c.connection_id == connection_id)
    if conn.execute(known.values(secrets=secrets_text(secrets))).rowcount == 0:
        row = {"connection_id": connection_id, "secrets": secrets_text(secrets), "created_at": to_text(now)}
        conn.execute(sa.insert(hook).values(row))


def remove(conn: Conn, connection_id: str) -> None:
    """Switch the hook off, and forget what it told."""
    conn.execute(sa.delete(hook_message).where(hook_message.c.connection_id == connection_id))
    conn.execute(sa.delete(hook).where(hook.c.connection_id == connection_id))


def heard(conn: Conn, connection_id: str, messages: Collection[str]) -> set[str]:
    """Those of the messages that were heard already."""
    query = sa.select(hook_message.c.message).where(
        hook_message.c.connection_id == connection_id, among(hook_message.c.message, "messages")
    )
    return set(conn.scalars(query, {"messages": list(messages)}))


def note_heard(
    conn: Conn, connection_id: str, messages: Collection[str], now: datetime, *, kept_since: datetime
) -> None:
    """Remember the messages and when the hook called; older messages are forgotten."""
    at = to_text(now)
    if messages:
        rows = [{"connection_id": connection_id, "message": each, "at": at} for each in sorted(messages)]
        conn.execute(_NEW_MESSAGES[conn.dialect.name], rows)
    conn.execute(sa.delete(hook_message).where(hook_message.c.at < to_text(kept_since)))
    conn.execute(sa.update(hook).where(hook.c.connection_id == connection_id).values(last_at=at))


def note_refused(conn: Conn, connection_id: str, now: datetime) -> None:
    """Remember that a call was not believed."""
    conn.execute(sa.update(hook).where(hook.c.connection_id == connection_id).values(refused_at=to_text(now)))
