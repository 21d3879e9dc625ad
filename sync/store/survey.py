"""What reports count: a plan's changes one by one, accounts, who is linked, and how full the tables are."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection as Conn
from sqlalchemy import bindparam, func, select

from sync.store import schema
from sync.store.live_links import LIVE_LINKS, MANAGED
from sync.store.text import from_json

_ITEM = schema.plan_item
_USERS = schema.users
_PERSON = schema.directory_user
_LINK = schema.link

PAGE: Final = 1000
"""Rows read at a time."""


class Account(NamedTuple):
    """An account that no directory manages."""

    id: str
    email: str | None
    email_key: str | None
    active: bool
    origin: str


_CHANGES: Final = (
    select(_ITEM.c.place, _ITEM.c.change)
    .where(_ITEM.c.plan_id == bindparam("plan_id"), _ITEM.c.place > bindparam("after"))
    .order_by(_ITEM.c.place)
    .limit(PAGE)
)
_UNMANAGED: Final = (
    select(*(_USERS.c[name] for name in Account._fields))
    .where(~MANAGED, _USERS.c.id > bindparam("after"))
    .order_by(_USERS.c.id)
    .limit(PAGE)
)


def changes(conn: Conn, plan_id: str, after: int) -> list[tuple[int, dict[str, Any]]]:
    """(place, change as stored) of the next items of a plan after ``after``; -1 begins."""
    rows = conn.execute(_CHANGES, {"plan_id": plan_id, "after": after})
    return [(row.place, from_json(row.change)) for row in rows]


def unmanaged(conn: Conn, after: str) -> list[Account]:
    """The next accounts without a live link, in the order they were made; "" begins."""
    return [Account(*row) for row in conn.execute(_UNMANAGED, {"after": after})]


def linked(conn: Conn, connection_id: str, *, sample: int) -> tuple[int, list[tuple[str, str | None, str]]]:
    """How many of the connection's people have an account: the number, and the first few of them.

    Each is (e-mail or userName, the IdP's id, the rule that linked them).
    """
    mine = _PERSON.c.connection_id == connection_id
    total = conn.scalar(select(func.count()).select_from(LIVE_LINKS).where(mine))
    label = func.coalesce(_PERSON.c.email, _PERSON.c.user_name)
    some = (
        select(label, _PERSON.c.external_id, _LINK.c.rule)
        .select_from(LIVE_LINKS)
        .where(mine)
        .order_by(_PERSON.c.seq)
        .limit(sample)
    )
    return int(total or 0), [(row[0], row[1], row[2]) for row in conn.execute(some)]


def row_counts(conn: Conn) -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: int(conn.execute(select(func.count()).select_from(table)).scalar_one())
        for table in schema.metadata.sorted_tables
    }
