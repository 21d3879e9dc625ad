"""What waits for a person, besides held plans: disputes, adoptions to confirm, people without e-mail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.errors import NotFound
from sync.store.fold import contains
from sync.store.ids import new_id
from sync.store.keys import among
from sync.store.prepared import Prepared
from sync.store.schema import attention, connection
from sync.store.text import chunks, from_json, to_json
from sync.store.times import to_text


def raise_(
    conn: Conn,
    connection_id: str,
    *,
    kind: str,
    key: str,
    label: str,
    why: str,
    run_id: str | None,
    now: datetime,
    directory_user_id: str | None = None,
    user_ids: Iterable[str] = (),
) -> None:
    """Put a question on the list, also one that had settled itself; open and answered ones stay."""
    there = conn.execute(
        sa.select(attention.c.id, attention.c.state).where(
            attention.c.connection_id == connection_id, attention.c.kind == kind, attention.c.key == key
        )
    ).first()
    if there is not None and there.state == "settled":
        again = {"state": "open", "why": why, "label": label, "last_seen_run": run_id, "resolved_at": None}
        conn.execute(sa.update(attention).where(attention.c.id == there.id).values(again))
    if there is None:
        conn.execute(
            sa.insert(attention).values(
                id=new_id(),
                connection_id=connection_id,
                kind=kind,
                key=key,
                label=label,
                why=why,
                last_seen_run=run_id,
                first_seen_at=to_text(now),
                detail=to_json({"directory_user_id": directory_user_id, "user_ids": list(user_ids)}),
            )
        )


def answers(
    conn: Conn, connection_id: str, keys: Iterable[str]
) -> dict[tuple[str, str], tuple[str, str | None]]:
    """What people said, by (kind, key): the resolution, and the user it names if it names one."""
    found: dict[tuple[str, str], tuple[str, str | None]] = {}
    for part in chunks(keys):
        rows = _ANSWERS.all(conn, connection_id=connection_id, keys=part)
        found.update(
            ((row.kind, row.key), (row.resolution, from_json(row.detail).get("user_id"))) for row in rows
        )
    return found


_ANSWERS = Prepared(
    sa.select(attention.c.kind, attention.c.key, attention.c.resolution, attention.c.detail).where(
        attention.c.connection_id == sa.bindparam("connection_id"),
        attention.c.resolution.is_not(None),
        among(attention.c.key, "keys"),
    )
)


def get(conn: Conn, attention_id: str) -> Mapping[str, Any]:
    """One question. Raises NotFound."""
    row = conn.execute(sa.select(attention).where(attention.c.id == attention_id)).mappings().first()
    if row is None:
        raise NotFound(
            f"nothing with the id {attention_id} needs attention; connector attention list shows what does"
        )
    return dict(row) | {"detail": from_json(row["detail"])}


def answer(conn: Conn, attention_id: str, *, how: str, user_id: str | None, by: str, now: datetime) -> None:
    """Remember a person's word."""
    detail = get(conn, attention_id)["detail"] | {"user_id": user_id}
    conn.execute(
        sa.update(attention)
        .where(attention.c.id == attention_id)
        .values(
            state="resolved", resolution=how, resolved_by=by, resolved_at=to_text(now), detail=to_json(detail)
        )
    )


def is_open(conn: Conn, connection_id: str, kind: str, keys: Collection[str]) -> bool:
    """Whether a question of this kind waits under any of these keys."""
    query = sa.select(attention.c.id).where(
        attention.c.connection_id == connection_id,
        attention.c.kind == kind,
        attention.c.key.in_(list(keys)),
        attention.c.state == "open",
    )
    return conn.execute(query.limit(1)).first() is not None


def settle(conn: Conn, connection_id: str, kinds: Collection[str], keys: Iterable[str], at: str) -> None:
    """Close open questions of these kinds that answered themselves; they may be asked again."""
    for part in chunks(keys):
        _SETTLE.run(conn, of=connection_id, kinds=kinds, keys=part, ended=at)


_SETTLE = Prepared(
    sa.update(attention)
    .where(
        attention.c.connection_id == sa.bindparam("of"),
        among(attention.c.kind, "kinds"),
        among(attention.c.key, "keys"),
        attention.c.state == "open",
    )
    .values(state="settled", resolved_at=sa.bindparam("ended"))
)


def oldest_open(conn: Conn, kind: str, limit: int) -> list[tuple[str, str]]:
    """The (id, connection id) of the open questions of a kind, oldest first."""
    query = sa.select(attention.c.id, attention.c.connection_id)
    query = query.where(attention.c.kind == kind, attention.c.state == "open")
    return [(row.id, row.connection_id) for row in conn.execute(query.order_by(attention.c.id).limit(limit))]


def open_count(conn: Conn) -> int:
    """How many questions wait."""
    return int(conn.scalar(sa.select(sa.func.count()).where(attention.c.state == "open")) or 0)


def listed(
    conn: Conn,
    *,
    connection_id: str | None = None,
    state: str = "open",
    kind: str | None = None,
    search: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[Mapping[str, Any]]:
    """Questions with the name of their connection, oldest first; ``after`` is the last id seen."""
    query = (
        sa.select(attention, connection.c.name.label("connection"))
        .join(connection, connection.c.id == attention.c.connection_id)
        .where(*_wanted(state, connection_id, kind, search))
        .order_by(attention.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(attention.c.id > after)
    return [dict(row) for row in conn.execute(query).mappings()]


def counts(conn: Conn, *, connection_id: str | None = None, search: str | None = None) -> dict[str, int]:
    """How many questions are open, by kind."""
    query = sa.select(attention.c.kind, sa.func.count()).where(*_wanted("open", connection_id, None, search))
    rows = conn.execute(query.group_by(attention.c.kind).order_by(attention.c.kind))
    return {kind: int(count) for kind, count in rows}


def _wanted(
    state: str, connection_id: str | None, kind: str | None, search: str | None
) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = [attention.c.state == state]
    if connection_id is not None:
        wanted.append(attention.c.connection_id == connection_id)
    if kind is not None:
        wanted.append(attention.c.kind == kind)
    if search:
        wanted.append(contains(attention.c.label, search))
    return wanted
