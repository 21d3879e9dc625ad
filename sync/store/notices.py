"""Notices: one row per episode, one per episode and channel for how the telling goes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy.dialects import postgresql, sqlite

from sync.model.notice import Condition, Notice, NoticeKind, Telling
from sync.store.ids import new_id
from sync.store.times import from_text, to_text
from sync.store.watch_schema import notice, notice_delivery

_BEGIN = {
    name: insert(notice)
    .on_conflict_do_nothing(index_elements=["key"], index_where=sa.text("ended_at IS NULL"))
    .returning(notice.c.id)
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


def open_keys(conn: Conn) -> set[str]:
    """The keys of the episodes that last."""
    return set(conn.execute(sa.select(notice.c.key).where(notice.c.ended_at.is_(None))).scalars())


def begin(conn: Conn, condition: Condition, *, channels: Collection[str], now: datetime) -> str | None:
    """A new episode, to be told through these channels; its id, or None when it lasts already."""
    row: dict[str, Any] = {
        "id": new_id(),
        "kind": condition.kind.value,
        "key": condition.key,
        "connection_id": condition.connection[0] if condition.connection else None,
        "title": condition.title,
        "text": condition.text,
        "path": condition.path,
        "opened_at": to_text(now),
    }
    if conn.execute(_BEGIN[conn.dialect.name], row).first() is None:
        return None
    for channel in sorted(channels):
        told = {"notice_id": row["id"], "channel": channel, "next_at": to_text(now)}
        conn.execute(sa.insert(notice_delivery).values(told))
    return str(row["id"])


def end(conn: Conn, keys: Collection[str], now: datetime) -> None:
    """These episodes are over; what was not told yet need not be."""
    over = notice.c.key.in_(sorted(keys)) & notice.c.ended_at.is_(None)
    conn.execute(sa.update(notice).where(over).values(ended_at=to_text(now)))


def claim(conn: Conn, *, now: datetime, lease_until: datetime) -> Telling | None:
    """The next telling that is due, for this process alone until ``lease_until``; None when there is none."""
    due = (
        sa.select(notice, notice_delivery.c.channel, notice_delivery.c.attempts, notice_delivery.c.next_at)
        .join(notice_delivery, notice_delivery.c.notice_id == notice.c.id)
        .where(notice_delivery.c.next_at <= to_text(now), notice.c.ended_at.is_(None))
        .order_by(notice_delivery.c.next_at)
    )
    for row in conn.execute(due.limit(10)).all():
        one = _of(row.id, row.channel)
        mine = sa.update(notice_delivery).where(one, notice_delivery.c.next_at == row.next_at)
        values = {"next_at": to_text(lease_until), "attempts": row.attempts + 1}
        if conn.execute(mine.values(values)).rowcount:
            attempts = row.attempts + 1
            return Telling(
                notice=_notice(row), channel=row.channel, attempts=attempts, lease_until=lease_until
            )
    return None


def told(conn: Conn, telling: Telling, now: datetime) -> None:
    """It went out."""
    values = {"delivered_at": to_text(now), "next_at": None, "error": None}
    conn.execute(sa.update(notice_delivery).where(_mine(telling)).values(values))


def failed(conn: Conn, telling: Telling, error: str, next_at: datetime | None) -> None:
    """It did not go out, and is tried again at ``next_at``; None gives it up."""
    values = {"next_at": to_text(next_at), "error": error}
    conn.execute(sa.update(notice_delivery).where(_mine(telling)).values(values))


def listed(
    conn: Conn,
    *,
    ended: bool = False,
    kind: NoticeKind | None = None,
    connection_id: str | None = None,
    before: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Episodes that last, with ``ended`` those that are over too, the newest first: with their tellings.

    ``before`` is the last id seen; ids rise with time.
    """
    query = sa.select(notice).order_by(notice.c.id.desc()).limit(limit)
    query = query if before is None else query.where(notice.c.id < before)
    query = query if kind is None else query.where(notice.c.kind == kind.value)
    query = query if connection_id is None else query.where(notice.c.connection_id == connection_id)
    rows = conn.execute(query if ended else query.where(notice.c.ended_at.is_(None))).all()
    told = _tellings(conn, [row.id for row in rows])
    return [{"notice": _notice(row), "tellings": told.get(row.id, [])} for row in rows]


def _tellings(conn: Conn, notice_ids: Sequence[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    query = sa.select(notice_delivery).where(notice_delivery.c.notice_id.in_(notice_ids))
    for row in conn.execute(query.order_by(notice_delivery.c.channel)):
        found.setdefault(row.notice_id, []).append(row)
    return found


def _of(notice_id: str, channel: str) -> sa.ColumnElement[bool]:
    return (notice_delivery.c.notice_id == notice_id) & (notice_delivery.c.channel == channel)


def _mine(telling: Telling) -> sa.ColumnElement[bool]:
    lease = notice_delivery.c.next_at == to_text(telling.lease_until)
    return _of(telling.notice.id, telling.channel) & lease


def _notice(row: Any) -> Notice:
    return Notice(
        id=row.id,
        kind=NoticeKind(row.kind),
        key=row.key,
        connection_id=row.connection_id,
        title=row.title,
        text=row.text,
        path=row.path,
        opened_at=from_text(row.opened_at),
        ended_at=from_text(row.ended_at),
    )
