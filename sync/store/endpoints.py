"""Webhook endpoints: who hears of events, at which address, signed with which secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.errors import Conflict, NotFound
from sync.model.webhook import Endpoint, Secret
from sync.store.schema import endpoint as table
from sync.store.text import from_json, nearest, to_json
from sync.store.times import from_text, to_text


def add(
    conn: Conn,
    *,
    id: str,
    url: str,
    secrets: Sequence[Secret],
    types: Sequence[str],
    connection_id: str | None,
    note: str,
    position: int,
    by: str,
    now: datetime,
) -> Endpoint:
    """A new endpoint that hears of every event behind sequence ``position`` that passes its filters."""
    at = to_text(now)
    row: dict[str, Any] = {
        "id": id,
        "url": url,
        "secrets": secrets_text(secrets),
        "types": to_json(list(types)),
        "note": note,
    }
    row |= {"connection_id": connection_id, "created_at": at, "turn_at": at, "created_by": by}
    conn.execute(sa.insert(table).values(**row, position=position))
    return get(conn, id)


def get(conn: Conn, id: str) -> Endpoint:
    """Raises NotFound."""
    row = conn.execute(sa.select(table).where(table.c.id == id)).first()
    if row is None:
        raise NotFound(f"there is no webhook {id}; see: connector webhooks list")
    return endpoint_of(row)


def find(conn: Conn, ref: str) -> Endpoint:
    """The endpoint with this id, address, or beginning of an id. Raises NotFound, Conflict."""
    found = listed(conn)
    exact = [each for each in found if ref in (each.id, each.url)]
    near = exact or [each for each in found if each.id.startswith(ref)]
    if len(near) == 1:
        return near[0]
    if near:
        raise Conflict(f"{len(near)} webhooks fit {ref}; name one by its id: connector webhooks list")
    close = nearest(ref, [each.url for each in found])
    raise NotFound(f"there is no webhook {ref}{close or '; see: connector webhooks list'}")


def listed(conn: Conn) -> list[Endpoint]:
    """Every endpoint, oldest first."""
    return [endpoint_of(row) for row in conn.execute(sa.select(table).order_by(table.c.id))]


def behind(conn: Conn, newest: int) -> int:
    """How many events the endpoint in use that is furthest behind has not been given up to ``newest``."""
    furthest = conn.scalar(sa.select(sa.func.min(table.c.position)).where(table.c.enabled))
    return 0 if furthest is None else max(0, newest - furthest)


def update(conn: Conn, id: str, *, url: str, types: Sequence[str], note: str) -> None:
    """Call another address, or with other types; what failed at the old one is tried at once."""
    values = {"url": url, "types": to_json(list(types)), "note": note, "next_at": None}
    conn.execute(sa.update(table).where(table.c.id == id).values(values))


def set_secrets(conn: Conn, id: str, secrets: Sequence[Secret]) -> None:
    conn.execute(sa.update(table).where(table.c.id == id).values(secrets=secrets_text(secrets)))


def set_enabled(conn: Conn, id: str, *, enabled: bool) -> None:
    """Stop calling the endpoint, or go on at once with everything that came meanwhile."""
    conn.execute(sa.update(table).where(table.c.id == id).values(enabled=enabled, next_at=None))


def remove(conn: Conn, id: str) -> None:
    """Forget the endpoint and its deliveries."""
    conn.execute(sa.delete(table).where(table.c.id == id))


def endpoint_of(row: Any) -> Endpoint:
    """The endpoint a row of the table describes."""
    return Endpoint(
        id=row.id,
        url=row.url,
        secrets=secrets_of(row.secrets),
        types=tuple(from_json(row.types)),
        connection_id=row.connection_id,
        note=row.note,
        enabled=row.enabled,
        position=row.position,
        failures=row.failures,
        failing_since=from_text(row.failing_since),
        next_at=from_text(row.next_at),
        last_at=from_text(row.last_at),
        last_status=row.last_status,
        last_error=row.last_error,
        created_at=from_text(row.created_at),
    )


def secrets_of(text: str) -> tuple[Secret, ...]:
    """Sealed secrets as they are stored."""
    return tuple(
        Secret(sealed=each["sealed"], ends_at=from_text(each["ends_at"])) for each in from_json(text)
    )


def secrets_text(secrets: Sequence[Secret]) -> str:
    """Sealed secrets to be stored."""
    return to_json([{"sealed": each.sealed, "ends_at": to_text(each.ends_at)} for each in secrets])
