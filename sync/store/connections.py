"""Connections and their SCIM tokens: make, find, change, remove, authenticate."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy import bindparam, delete, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from sync.model.connection import Connection, Mode, Trouble
from sync.model.errors import Conflict, Duplicate, NotFound
from sync.model.resources import TokenInfo
from sync.store import schema
from sync.store.prepared import Prepared
from sync.store.text import from_json, nearest, to_json
from sync.store.times import from_text, to_text

_CONNECTION = schema.connection
_TOKEN = schema.token
_TOKENS: Final = (
    select(_TOKEN).where(_TOKEN.c.revoked_at.is_(None)).order_by(_TOKEN.c.created_at, _TOKEN.c.id)
)
_TIMES: Final = frozenset({"last_complete_at", "next_full_at", "next_delta_at", "retry_at"})
_JSON: Final = frozenset({"settings", "sealed"})
_SETTABLE: Final = (
    frozenset({"enabled", "mode", "name", "cursor", "tenant", "first_run_approved", "managed_tag"})
    | _TIMES
    | _JSON
)

_BY_ID = select(_CONNECTION).where(_CONNECTION.c.id == bindparam("id"))
_BY_NAME = select(_CONNECTION).where(_CONNECTION.c.name == bindparam("name"))
_HOLDER = Prepared(
    select(
        _CONNECTION,
        _TOKEN.c.id.label("token_id"),
        _TOKEN.c.hash.label("token_hash"),
        _TOKEN.c.expires_at.label("token_expires_at"),
    )
    .join(_TOKEN, _TOKEN.c.connection_id == _CONNECTION.c.id)
    .where(
        _TOKEN.c.hash == bindparam("hash"),
        _CONNECTION.c.id == bindparam("connection_id"),
        _TOKEN.c.revoked_at.is_(None),
        or_(_TOKEN.c.expires_at.is_(None), _TOKEN.c.expires_at > bindparam("now")),
    )
)
_TOUCH = (
    sa.update(_TOKEN).where(_TOKEN.c.id == bindparam("token_id")).values(last_used_at=bindparam("used_at"))
)


def add(
    conn: Conn,
    *,
    id: str,
    name: str,
    type: str,
    mode: Mode | str,
    settings: Mapping[str, Any],
    sealed: Mapping[str, str],
    managed_tag: str,
    from_file: bool,
    now: datetime,
) -> Connection:
    """Make a connection. Raises Duplicate when the name is taken."""
    row = {"id": id, "name": name, "type": type, "mode": Mode(mode).value, "enabled": True}
    row |= {"settings": to_json(dict(settings)), "sealed": to_json(dict(sealed))}
    row |= {
        "managed_tag": managed_tag,
        "from_file": from_file,
        "created_at": to_text(now),
        "updated_at": to_text(now),
    }
    _write_named(conn, insert(_CONNECTION).values(row), name)
    return get(conn, id)


def get(conn: Conn, id: str) -> Connection:
    """The connection with this id, else NotFound."""
    row = conn.execute(_BY_ID, {"id": id}).first()
    if row is None:
        raise NotFound(f"there is no connection with the id {id}")
    return _connection(row)


def find(conn: Conn, name_or_id: str) -> Connection:
    """The connection with this name, else with this id, else NotFound naming the nearest names."""
    row = (
        conn.execute(_BY_NAME, {"name": name_or_id}).first()
        or conn.execute(_BY_ID, {"id": name_or_id}).first()
    )
    if row is not None:
        return _connection(row)
    names = list(conn.execute(select(_CONNECTION.c.name).order_by(_CONNECTION.c.name)).scalars())
    hint = nearest(name_or_id, names) if names else "; make one with: connector connections add NAME --type T"
    raise NotFound(f"there is no connection named {name_or_id}{hint}")


def listed(conn: Conn) -> list[Connection]:
    """Every connection, by name."""
    return [_connection(row) for row in conn.execute(select(_CONNECTION).order_by(_CONNECTION.c.name))]


def update(conn: Conn, id: str, *, now: datetime, **columns: Any) -> None:
    """Change the named columns. Raises NotFound, Duplicate (name), TypeError (unknown column)."""
    if unknown := columns.keys() - _SETTABLE:
        raise TypeError(f"a connection has no settable column {', '.join(sorted(unknown))}")
    values = {name: _stored(name, value) for name, value in columns.items()} | {"updated_at": to_text(now)}
    statement = sa.update(_CONNECTION).where(_CONNECTION.c.id == id).values(values)
    if _write_named(conn, statement, str(columns.get("name"))) == 0:
        raise NotFound(f"there is no connection with the id {id}")


def reschedule(conn: Conn, seen: Connection, times: tuple[datetime | None, datetime | None]) -> bool:
    """Write the next full and delta times where all still is as it was seen; False when it is not."""
    column, retry_at = _CONNECTION.c, seen.trouble.retry_at if seen.trouble else None
    unchanged = (
        (column.id == seen.id)
        & column.enabled
        & column.next_full_at.is_not_distinct_from(to_text(seen.next_full_at))
        & column.next_delta_at.is_not_distinct_from(to_text(seen.next_delta_at))
        & column.retry_at.is_not_distinct_from(to_text(retry_at))
    )
    values = {"next_full_at": to_text(times[0]), "next_delta_at": to_text(times[1])}
    return conn.execute(sa.update(_CONNECTION).where(unchanged).values(values)).rowcount > 0


def set_trouble(conn: Conn, id: str, trouble: Trouble | None) -> None:
    """Write why the connection's runs fail, or that they do not."""
    columns: dict[str, Any] = {"failures": 0} | dict.fromkeys(
        ("failing_since", "failing_kind", "failing_why", "retry_at")
    )
    if trouble is not None:
        columns = {
            "failures": trouble.failures,
            "failing_since": to_text(trouble.since),
            "failing_kind": trouble.kind,
            "failing_why": trouble.why,
            "retry_at": to_text(trouble.retry_at),
        }
    conn.execute(sa.update(_CONNECTION).where(_CONNECTION.c.id == id).values(columns))


def remove(conn: Conn, id: str) -> None:
    """Delete the connection with its tokens, runs, plans and tombstones.

    Raises Conflict while it still has live directory users or groups: only ``apply`` lets them go.
    """
    for table, noun in ((schema.directory_user, "directory users"), (schema.directory_group, "groups")):
        mine = table.c.connection_id == id
        live = conn.execute(
            select(func.count()).select_from(table).where(mine, table.c.deleted_at.is_(None))
        ).scalar_one()
        if live:
            raise Conflict(
                f"the connection still has {live} {noun}; say with --users what becomes of them first"
            )
        conn.execute(delete(table).where(mine))
    if conn.execute(delete(_CONNECTION).where(_CONNECTION.c.id == id)).rowcount == 0:
        raise NotFound(f"there is no connection with the id {id}")


def add_token(
    conn: Conn,
    connection_id: str,
    *,
    id: str,
    hash: str,  # noqa: A002 - the word for it
    last_four: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Keep a token's SHA-256 (64 hex digits) and its last four characters."""
    row = {"id": id, "connection_id": connection_id, "hash": hash, "last_four": last_four}
    conn.execute(insert(_TOKEN).values(row | {"created_at": to_text(now), "expires_at": to_text(expires_at)}))


def tokens(conn: Conn, connection_id: str) -> list[TokenInfo]:
    """The tokens that were not revoked, oldest first; expired ones are among them."""
    query = _TOKENS.where(_TOKEN.c.connection_id == connection_id)
    return [_token(row) for row in conn.execute(query)]


def tokens_of_all(conn: Conn) -> dict[str, list[TokenInfo]]:
    """The same for every connection that has any, by its id."""
    found: dict[str, list[TokenInfo]] = {}
    for row in conn.execute(_TOKENS):
        found.setdefault(row.connection_id, []).append(_token(row))
    return found


def _token(row: Any) -> TokenInfo:
    return TokenInfo(
        id=row.id,
        last_four=row.last_four,
        created_at=from_text(row.created_at),
        last_used_at=from_text(row.last_used_at),
        expires_at=from_text(row.expires_at),
    )


def authenticate(
    conn: Conn, connection_id: str, token_hash: str, now: datetime
) -> tuple[Connection, str, datetime | None] | None:
    """The connection, the token's id and end when the token is live; None for every kind of no."""
    row = _HOLDER.first(conn, hash=token_hash, connection_id=connection_id, now=to_text(now))
    if row is None or not hmac.compare_digest(row.token_hash, token_hash):
        return None
    return _connection(row), row.token_id, from_text(row.token_expires_at)


def touch_tokens(conn: Conn, used: Mapping[str, datetime]) -> None:
    """Note when each token (by id) was last used."""
    if used:
        conn.execute(_TOUCH, [{"token_id": id, "used_at": to_text(at)} for id, at in sorted(used.items())])


def revoke_token(conn: Conn, token_id: str, now: datetime) -> None:
    """End a token at once. Raises NotFound."""
    _set_token(conn, token_id, revoked_at=to_text(now))


def expire_token(conn: Conn, token_id: str, at: datetime) -> None:
    """Let a token end at ``at``. Raises NotFound."""
    _set_token(conn, token_id, expires_at=to_text(at))


def _set_token(conn: Conn, token_id: str, **columns: str) -> None:
    if conn.execute(sa.update(_TOKEN).where(_TOKEN.c.id == token_id).values(columns)).rowcount == 0:
        raise NotFound(f"there is no token with the id {token_id}")


def _write_named(conn: Conn, statement: Any, name: str) -> int:
    """Run a write in a savepoint (PostgreSQL abandons a transaction after an error); rows written."""
    try:
        with conn.begin_nested():
            return int(conn.execute(statement).rowcount)
    except IntegrityError as error:
        if conn.execute(_BY_NAME, {"name": name}).first() is None:
            raise
        raise Duplicate(f"a connection named {name} exists already; choose another name") from error


def _stored(column: str, value: Any) -> Any:
    if column in _TIMES:
        return to_text(value)
    if column in _JSON:
        return to_json(dict(value))
    return Mode(value).value if column == "mode" else value


def _connection(row: Any) -> Connection:
    return Connection(
        id=row.id,
        name=row.name,
        type=row.type,
        mode=Mode(row.mode),
        enabled=row.enabled,
        settings=from_json(row.settings),
        sealed=from_json(row.sealed),
        from_file=row.from_file,
        managed_tag=row.managed_tag,
        cursor=row.cursor,
        tenant=row.tenant,
        first_run_approved=row.first_run_approved,
        last_complete_at=from_text(row.last_complete_at),
        next_full_at=from_text(row.next_full_at),
        next_delta_at=from_text(row.next_delta_at),
        trouble=_trouble(row),
        created_at=from_text(row.created_at),
    )


def _trouble(row: Any) -> Trouble | None:
    if not row.failures:
        return None
    return Trouble(
        failures=row.failures,
        since=from_text(row.failing_since),
        kind=row.failing_kind,
        why=row.failing_why,
        retry_at=from_text(row.retry_at),
    )
