"""What connections hold at their directories so that these tell of changes: ids, until when, what is due."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.store.schema import connection, hook, subscription
from sync.store.text import from_json, to_json
from sync.store.times import from_text, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A connection's subscriptions: id by resource, all until ``ends_at``.

    ``made_for`` tells the address and the secret they were made with, as a digest. ``trouble`` is why
    the last attempt to make or renew them failed.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    made_for: str = ""
    ends_at: datetime | None = None
    trouble: str | None = None


def get(conn: Conn, connection_id: str) -> Held:
    row = conn.execute(sa.select(subscription).where(subscription.c.connection_id == connection_id)).first()
    if row is None:
        return Held()
    ends_at = from_text(row.ends_at)
    return Held(ids=from_json(row.held), made_for=row.made_for, ends_at=ends_at, trouble=row.trouble)


def due(conn: Conn, types: Collection[str], now: datetime) -> list[str]:
    """Connections of these types that hear by hooks, and whose subscriptions are to be looked at."""
    is_due = sa.or_(subscription.c.due_at.is_(None), subscription.c.due_at <= to_text(now))
    query = (
        sa.select(connection.c.id)
        .join(hook, hook.c.connection_id == connection.c.id)
        .outerjoin(subscription, subscription.c.connection_id == connection.c.id)
        .where(connection.c.type.in_(types), connection.c.enabled.is_(True), is_due)
        .order_by(connection.c.id)
    )
    return list(conn.scalars(query))


def claim(conn: Conn, connection_id: str, *, now: datetime, until: datetime) -> bool:
    """Whether the caller is the one to look at them; until then nobody else is."""
    row = {"connection_id": connection_id, "now": to_text(now), "until": to_text(until)}
    return conn.execute(_CLAIM, row).first() is not None


def put(conn: Conn, connection_id: str, held: Held, due_at: datetime) -> None:
    """Keep what is held now, and when to look at it next."""
    values = {"held": to_json(dict(held.ids)), "made_for": held.made_for, "ends_at": to_text(held.ends_at)}
    values |= {"trouble": held.trouble, "due_at": to_text(due_at)}
    mine = subscription.c.connection_id == connection_id
    conn.execute(sa.update(subscription).where(mine).values(**values))


def hurry(conn: Conn, connection_id: str, now: datetime) -> None:
    """Look at them next, whatever was planned."""
    mine = subscription.c.connection_id == connection_id
    conn.execute(sa.update(subscription).where(mine).values(due_at=to_text(now)))


def remove(conn: Conn, connection_id: str) -> None:
    conn.execute(sa.delete(subscription).where(subscription.c.connection_id == connection_id))


_CLAIM = sa.text(
    "INSERT INTO subscription (connection_id, held, made_for, due_at) "
    "VALUES (:connection_id, '{}', '', :until) "
    "ON CONFLICT (connection_id) DO UPDATE SET due_at = :until WHERE subscription.due_at <= :now "
    "RETURNING connection_id"
)
