"""What a read found different, kept until the plan is made: one row per record, last one wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import Connection

from sync.model.resources import Status
from sync.store import bulk
from sync.store.keys import among
from sync.store.prepared import Prepared
from sync.store.schema import directory_user, link, staged, users
from sync.store.text import chunks

BATCH = 500
"""People or groups in one page."""

MEMBERS_BATCH = 50
"""Pieces of member changes in one page; each holds up to some thousand ids."""


class Staged(StrEnum):
    """What a staged row holds: a person's or a group's record, or a piece of a group's members.

    MEMBERS_MISSED asks for no change: it is a note (see ``sync.misses``).
    """

    USER = "user"
    GROUP = "group"
    MEMBERS_ADD = "members_add"
    MEMBERS_REMOVE = "members_remove"
    MEMBERS_MISSED = "members_missed"
    GONE_USER = "gone_user"
    GONE_GROUP = "gone_group"


_OF_MEMBERS = (Staged.MEMBERS_ADD, Staged.MEMBERS_REMOVE, Staged.MEMBERS_MISSED)

StagedRow = tuple[Staged, str, str | None, str, bytes | None]
"""(kind, key, e-mail key, record as JSON text, fingerprint)"""


_COLUMNS = ("run_id", "kind", "key", "email_key", "record", "fingerprint")
_TAKE_BACK = Prepared(
    sa.delete(staged).where(
        staged.c.run_id == sa.bindparam("run"),
        staged.c.kind == sa.bindparam("of_kind"),
        among(staged.c.key, "keys"),
    )
)


def add(conn: Connection, run_id: str, rows: Sequence[StagedRow]) -> None:
    """Keep rows; a row met again replaces the earlier one."""
    newest = {(row[0].value, row[1]): row[2:] for row in rows}
    by_kind: dict[str, list[str]] = {}
    for kind, key in newest:
        by_kind.setdefault(kind, []).append(key)
    for kind, keys in by_kind.items():
        for part in chunks(keys):
            _TAKE_BACK.run(conn, run=run_id, of_kind=kind, keys=part)
    bulk.insert(conn, staged, _COLUMNS, [(run_id, *name, *said) for name, said in newest.items()])


def page(conn: Connection, run_id: str, kind: Staged, after: str) -> Sequence[tuple[str, str, bytes | None]]:
    """(key, record, fingerprint) of the next rows in key order after ``after``; "" begins."""
    limit = MEMBERS_BATCH if kind in _OF_MEMBERS else BATCH
    rows = conn.execute(_PAGE, {"run": run_id, "kind": kind.value, "after": after, "row_limit": limit}).all()
    return [(row.key, row.record, row.fingerprint) for row in rows]


_PAGE = (
    sa.select(staged.c.key, staged.c.record, staged.c.fingerprint)
    .where(
        staged.c.run_id == sa.bindparam("run"),
        staged.c.kind == sa.bindparam("kind"),
        staged.c.key > sa.bindparam("after"),
    )
    .order_by(staged.c.key)
    .limit(sa.bindparam("row_limit", type_=sa.Integer))
)


def count_new(conn: Connection, run_id: str, kind: Staged, connection_id: str) -> int:
    """How many staged people or groups have no live row yet."""
    table = sa.table(
        "directory_user" if kind is Staged.USER else "directory_group",
        *(sa.column(name) for name in ("connection_id", "external_id", "deleted_at")),
    )
    known = sa.exists().where(
        table.c.connection_id == connection_id,
        table.c.external_id == staged.c.key,
        table.c.deleted_at.is_(None),
    )
    query = sa.select(sa.func.count()).where(staged.c.run_id == run_id, staged.c.kind == kind.value, ~known)
    return int(conn.scalar(query) or 0)


def doubled_emails(conn: Connection, run_id: str, connection_id: str) -> frozenset[str]:
    """E-mail keys that several people without an account claim: in this read, or one in it and one before."""
    mine = sa.and_(directory_user.c.connection_id == connection_id, directory_user.c.deleted_at.is_(None))
    has_account = sa.exists().where(
        mine, directory_user.c.external_id == staged.c.key, link.c.directory_user_id == directory_user.c.id
    )
    without = sa.select(staged.c.email_key).where(
        staged.c.run_id == run_id,
        staged.c.kind == Staged.USER.value,
        staged.c.email_key.is_not(None),
        ~has_account,
    )
    among_themselves = without.group_by(staged.c.email_key).having(sa.func.count() > 1)
    read_too = staged.alias("read_too")
    with_an_earlier_one = without.where(
        sa.exists().where(
            mine,
            directory_user.c.email_key == staged.c.email_key,
            directory_user.c.external_id != staged.c.key,
            directory_user.c.status != Status.GONE.value,
            ~sa.exists().where(link.c.directory_user_id == directory_user.c.id),
            ~sa.exists().where(
                read_too.c.run_id == run_id,
                read_too.c.kind == Staged.USER.value,
                read_too.c.key == directory_user.c.external_id,
            ),
        )
    )
    return frozenset([*conn.scalars(among_themselves), *conn.scalars(with_an_earlier_one)])


def moving_users(conn: Connection, run_id: str, email_keys: Iterable[str]) -> frozenset[str]:
    """Of the users who have these e-mails: those to whom this read gives another one."""
    found: set[str] = set()
    for part in chunks(email_keys):
        query = (
            sa.select(users.c.id)
            .join(link, link.c.user_id == users.c.id)
            .join(directory_user, directory_user.c.id == link.c.directory_user_id)
            .join(staged, staged.c.key == directory_user.c.external_id)
            .where(
                users.c.email_key.in_(part),
                staged.c.run_id == run_id,
                staged.c.kind == Staged.USER.value,
                staged.c.email_key.is_not(None),
                staged.c.email_key != users.c.email_key,
            )
        )
        found.update(conn.scalars(query))
    return frozenset(found)


def clear(conn: Connection, run_id: str) -> None:
    """Forget what a run staged."""
    conn.execute(sa.delete(staged).where(staged.c.run_id == run_id))


def keep_people(conn: Connection, run_id: str) -> None:
    """Forget what a run staged of groups and members: they are read anew."""
    of_people = Staged.USER.value
    conn.execute(sa.delete(staged).where(staged.c.run_id == run_id, staged.c.kind != of_people))


def known_people(conn: Connection, run_id: str, connection_id: str) -> Sequence[int]:
    """The row numbers of the staged people who have a live row already."""
    query = sa.select(directory_user.c.seq).join(staged, staged.c.key == directory_user.c.external_id)
    mine = (directory_user.c.connection_id == connection_id, directory_user.c.deleted_at.is_(None))
    return conn.scalars(
        query.where(staged.c.run_id == run_id, staged.c.kind == Staged.USER.value, *mine)
    ).all()
