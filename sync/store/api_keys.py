"""API keys, by the SHA-256 of their text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.access import ApiKey, Role
from sync.model.errors import Conflict, NotFound
from sync.store.schema import api_key as table
from sync.store.times import from_text, to_text


def add(conn: Conn, key: ApiKey, hash: str) -> None:  # noqa: A002 - the word for it
    """Keep a key. Raises Conflict for a name that a live key has."""
    taken = sa.select(table.c.id).where(table.c.name == key.name, table.c.revoked_at.is_(None))
    if conn.execute(taken.limit(1)).first() is not None:
        raise Conflict(f"an API key named {key.name} exists already; revoke it first, or choose another name")
    row = {"id": key.id, "name": key.name, "prefix": key.prefix, "last_four": key.last_four, "hash": hash}
    row |= {"role": key.role.value, "created_by": key.created_by, "created_at": to_text(key.created_at)}
    conn.execute(sa.insert(table).values(**row, expires_at=to_text(key.expires_at)))


def authenticate(conn: Conn, hash: str, now: datetime) -> ApiKey | None:  # noqa: A002 - the word for it
    """The live key of this hash; None for every kind of no."""
    live = sa.or_(table.c.expires_at.is_(None), table.c.expires_at > to_text(now))
    row = conn.execute(
        sa.select(table).where(table.c.hash == hash, table.c.revoked_at.is_(None), live)
    ).first()
    return None if row is None else _key(row)


def touch(conn: Conn, id: str, now: datetime) -> None:
    conn.execute(sa.update(table).where(table.c.id == id).values(last_used_at=to_text(now)))


def listed(conn: Conn) -> list[ApiKey]:
    """The keys that were not revoked, oldest first; expired ones are among them."""
    query = sa.select(table).where(table.c.revoked_at.is_(None)).order_by(table.c.id)
    return [_key(row) for row in conn.execute(query)]


def find(conn: Conn, ref: str) -> ApiKey:
    """The key with this id, name or last four characters. Raises NotFound, Conflict."""
    found = [each for each in listed(conn) if ref in (each.id, each.name, each.last_four)]
    exact = [each for each in found if ref == each.id] or found
    if len(exact) > 1:
        raise Conflict(f"{len(exact)} API keys fit {ref}; name one by its id: connector keys list")
    if not exact:
        raise NotFound(f"there is no API key {ref}; see: connector keys list")
    return exact[0]


def revoke(conn: Conn, id: str, now: datetime) -> None:
    conn.execute(sa.update(table).where(table.c.id == id).values(revoked_at=to_text(now)))


def _key(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        last_four=row.last_four,
        role=Role(row.role),
        created_at=from_text(row.created_at),
        created_by=row.created_by,
        expires_at=from_text(row.expires_at),
        last_used_at=from_text(row.last_used_at),
    )
