"""Every statement that changes users, directory users, groups, links, history, outbox.

Who is in a group is changed by ``memberships``.

Only ``sync.apply`` may import this module; an import contract holds that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from sync.model.change import Action
from sync.model.errors import LostRace
from sync.store import bulk, further_emails
from sync.store.keys import among
from sync.store.prepared import Prepared, many_on_driver
from sync.store.schema import (
    delivery,
    directory_group,
    directory_user,
    endpoint,
    history,
    link,
    outbox,
    user_tag,
    users,
)
from sync.store.text import chunks, from_json

Row = Mapping[str, Any]
Table = sa.Table
"""One of the tables of sync.store.schema."""

_UPDATE = Action.UPDATE.value


def lock_keys(conn: Connection, keys: Iterable[str]) -> None:
    """Make writers that want the same key take turns until commit. SQLite has one writer anyway."""
    if conn.dialect.name == "postgresql":
        names = sorted(set(keys))
        if names:
            _LOCK.run(conn, keys=names)


_LOCK = Prepared(
    sa.text(
        "SELECT pg_advisory_xact_lock(hashtextextended(k, 0)) "
        "FROM (SELECT unnest(CAST(:keys AS text[])) AS k ORDER BY 1) s"
    )
)


def rows_by_id(conn: Connection, table: sa.Table, ids: Iterable[str]) -> dict[str, Row]:
    """Whole rows by id, locked until commit where the database locks rows."""
    found: dict[str, Row] = {}
    for part in chunks(ids):
        found.update((row.id, row._asdict()) for row in _LOCKED_ROWS[table.name].all(conn, keys=part))
    return found


_LOCKED_ROWS = {
    table.name: Prepared(
        sa.select(table).where(among(table.c.id, "keys")).order_by(table.c.id).with_for_update()
    )
    for table in (directory_user, directory_group, users)
}


def taken_external_ids(
    conn: Connection, table: sa.Table, connection_id: str, external_ids: Iterable[str]
) -> set[str]:
    """Which of these ids live rows of the connection carry already."""
    taken: set[str] = set()
    for part in chunks(external_ids):
        rows = _TAKEN[table.name].all(conn, of=connection_id, keys=part)
        taken.update(row.external_id for row in rows)
    return taken


_TAKEN = {
    table.name: Prepared(
        sa.select(table.c.external_id).where(
            table.c.connection_id == sa.bindparam("of"),
            among(table.c.external_id, "keys"),
            table.c.deleted_at.is_(None),
        )
    )
    for table in (directory_user, directory_group)
}


def taken_email_keys(conn: Connection, keys: Iterable[str]) -> set[str]:
    """Which of these folded e-mails an account has already."""
    taken: set[str] = set()
    for part in chunks(keys):
        taken.update(row.email_key for row in _EMAIL_KEYS.all(conn, keys=part))
    return taken


_EMAIL_KEYS = Prepared(sa.select(users.c.email_key).where(among(users.c.email_key, "keys")))


def insert_users(conn: Connection, rows: Sequence[Row]) -> None:
    _insert(conn, users, rows)


def insert_directory_users(conn: Connection, rows: Sequence[Row]) -> None:
    _insert(conn, directory_user, rows)


def insert_groups(conn: Connection, rows: Sequence[Row]) -> None:
    _insert(conn, directory_group, rows)


def insert_links(conn: Connection, rows: Sequence[Row]) -> None:
    _insert(conn, link, rows)


def insert_history(conn: Connection, rows: Sequence[Row]) -> None:
    _insert(conn, history, rows)


def insert_events(conn: Connection, rows: Sequence[Row]) -> None:
    _insert(conn, outbox, rows)


def insert_user_tags(conn: Connection, rows: Sequence[Row]) -> None:
    """Tags by hand; one that is set already stays as it was set first."""
    _insert(conn, user_tag, rows)


def delete_user_tags(conn: Connection, user_id: str, tags: Iterable[str]) -> None:
    """Take tags by hand away."""
    for part in chunks(tags):
        conn.execute(sa.delete(user_tag).where(user_tag.c.user_id == user_id, user_tag.c.tag.in_(part)))


def set_further_emails(conn: Connection, directory_user_id: str, keys: Collection[str]) -> None:
    """Let the person be found by exactly these e-mails besides the one of the row."""
    further_emails.replace(conn, directory_user_id, keys)


def _insert(conn: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    if rows:
        columns = tuple(rows[0])
        bulk.insert(conn, table, columns, [tuple(row.values()) for row in rows])


def replace_rows(conn: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Write the given columns of rows named by their ``id``; all rows name the same columns.

    Raises LostRace when one is not at the version before the one that is written: whoever read a row
    without locking it finds out here that another writer came first.
    """
    if not rows:
        return
    columns = tuple(name for name in rows[0] if name != "id")
    values = [(*(row[name] for name in columns), row["id"], row["version"] - 1) for row in rows]
    if many_on_driver(conn, bulk.replacement(conn.dialect.name, table.name, columns), values) != len(values):
        raise LostRace("another change came first; try again")


def note_absence(conn: Connection, table: sa.Table, since: Mapping[str, str], at: str) -> None:
    """Note by id since when complete reads miss these rows; that is no change of theirs, so no version."""
    values = [(at, began, id_) for id_, began in since.items()]
    target, mark = bulk.quoted(table.name), bulk.mark(conn.dialect.name)
    many_on_driver(
        conn, f"UPDATE {target} SET absent_at = {mark}, absent_since = {mark} WHERE id = {mark}", values
    )


def set_link(conn: Connection, row: Row) -> None:
    """Point a directory user at a user, whoever it pointed at before."""
    _UNLINK.run(conn, of=row["directory_user_id"])
    insert_links(conn, [row])


_UNLINK = Prepared(sa.delete(link).where(link.c.directory_user_id == sa.bindparam("of")))


def delete_links(conn: Connection, directory_user_ids: Iterable[str]) -> None:
    """Let these directory users belong to nobody."""
    for part in chunks(directory_user_ids):
        conn.execute(sa.delete(link).where(link.c.directory_user_id.in_(part)))


def links_of(conn: Connection, directory_user_ids: Iterable[str]) -> dict[str, Row]:
    """The links in force of these directory users, by their id."""
    found: dict[str, Row] = {}
    for part in chunks(directory_user_ids):
        rows = conn.execute(sa.select(link).where(link.c.directory_user_id.in_(part))).mappings()
        found.update((row["directory_user_id"], {str(name): row[name] for name in row}) for row in rows)
    return found


def prune_history(conn: Connection, before: str, after: int, limit: int) -> tuple[int, int | None]:
    """Of ``limit`` rows behind ``after`` drop the old ones that newer ones of the same kind replace."""
    window = conn.execute(
        sa.select(history.c.seq, history.c.subject_id, history.c.action, history.c.after)
        .where(history.c.seq > after, history.c.at < before)
        .order_by(history.c.seq)
        .limit(limit)
    ).all()
    if not window:
        return 0, None
    newer = history.alias("newer")
    overtaken = sa.select(history.c.seq).where(
        history.c.seq.in_([row.seq for row in window]),
        sa.exists().where(
            newer.c.subject_id == history.c.subject_id,
            newer.c.action == history.c.action,
            newer.c.seq > history.c.seq,
        ),
    )
    seqs = set(conn.execute(overtaken).scalars())
    old = [row for row in window if row.seq in seqs]
    gone = seqs - _speak_of_more(conn, [row for row in old if row.action == _UPDATE])
    return conn.execute(sa.delete(history).where(history.c.seq.in_(sorted(gone)))).rowcount, window[-1].seq


def _speak_of_more(conn: Connection, updates: Sequence[Any]) -> set[int]:
    """Those updates that set a field which no newer one of the subject has set: they say why it is so."""
    query = sa.select(history.c.seq, history.c.subject_id, history.c.after).where(
        history.c.subject_id.in_({row.subject_id for row in updates}), history.c.action == _UPDATE
    )
    newest: dict[tuple[str, str], int] = {}
    for seq, subject_id, said in conn.execute(query) if updates else ():
        for field in from_json(said):
            newest[subject_id, field] = max(seq, newest.get((subject_id, field), 0))
    return {
        row.seq
        for row in updates
        for field in from_json(row.after)
        if newest[row.subject_id, field] == row.seq
    }


def prune_events(conn: Connection, before: str, limit: int) -> int:
    """Drop the oldest events up to where every endpoint in use and every open delivery is; never the newest.

    A number is never given twice: on SQLite the newest row is what the next number follows from.
    """
    ends = [
        sa.select(sa.func.max(outbox.c.seq) - 1),
        sa.select(sa.func.min(endpoint.c.position)).where(endpoint.c.enabled),
        sa.select(sa.func.min(delivery.c.sequence) - 1).where(delivery.c.state.in_(["pending", "failed"])),
    ]
    end = min((found for each in ends if (found := conn.scalar(each)) is not None), default=0)
    old = (
        sa.select(outbox.c.seq)
        .where(outbox.c.seq <= end, outbox.c.occurred_at < before)
        .order_by(outbox.c.seq)
        .limit(limit)
    )
    return conn.execute(sa.delete(outbox).where(outbox.c.seq.in_(old))).rowcount
