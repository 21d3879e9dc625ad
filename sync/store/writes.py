"""Every statement that changes users, directory users, groups, members, links, history, outbox.

Only ``sync.apply`` may import this module; an import contract holds that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from sync.model.change import Action
from sync.model.errors import LostRace
from sync.store import bulk, further_emails
from sync.store.identities import Moved
from sync.store.keys import among
from sync.store.prepared import Prepared, many_on_driver
from sync.store.schema import (
    delivery,
    directory_group,
    directory_user,
    endpoint,
    history,
    link,
    member,
    outbox,
    user_tag,
    users,
)
from sync.store.text import chunks, from_json, to_json

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


def lock_group(conn: Connection, group_id: str) -> None:
    """Let no other writer change this group's members until commit."""
    if conn.dialect.name == "postgresql":
        _LOCK_GROUP.run(conn, of=group_id)


_LOCK_GROUP = Prepared(
    sa.select(directory_group.c.id).where(directory_group.c.id == sa.bindparam("of")).with_for_update()
)


def lock_groups(conn: Connection, group_ids: Iterable[str]) -> None:
    """Let no other writer change the members of any of these groups until commit."""
    if conn.dialect.name == "postgresql":
        for part in chunks(group_ids):
            _LOCK_GROUPS.run(conn, keys=part)


_LOCK_GROUPS = Prepared(
    sa.select(directory_group.c.id)
    .where(among(directory_group.c.id, "keys"))
    .order_by(directory_group.c.id)
    .with_for_update()
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


def _values(dialect: str) -> str:
    if dialect == "postgresql":
        return "unnest(CAST(:values AS text[])) AS j(value)"
    return "json_each(:values) AS j"


def _resolved(dialect: str) -> str:
    """Named members with whom they mean: IdP's id, our id, or SCIM externalId; users, then groups."""
    joins = [
        ("e", "directory_user", "external_id", ""),
        ("d", "directory_user", "id", "e.id IS NULL AND "),
        ("s", "directory_user", "scim_external_id", "e.id IS NULL AND d.id IS NULL AND "),
        ("g", "directory_group", "external_id", "e.id IS NULL AND d.id IS NULL AND s.id IS NULL AND "),
        (
            "h",
            "directory_group",
            "id",
            "e.id IS NULL AND d.id IS NULL AND s.id IS NULL AND g.id IS NULL AND ",
        ),
    ]
    lines = [
        f"LEFT JOIN {table} {name} ON {unless}{name}.{column} = j.value "
        f"AND {name}.connection_id = :connection AND {name}.deleted_at IS NULL"
        for name, table, column, unless in joins
    ]
    return f"FROM {_values(dialect)} {' '.join(lines)}"


_TARGET = "coalesce(e.id, d.id, s.id, g.id, h.id, j.value)"
_KIND = (
    "CASE WHEN coalesce(e.id, d.id, s.id) IS NOT NULL THEN 'user' "
    "WHEN coalesce(g.id, h.id) IS NOT NULL THEN 'group' ELSE 'pending' END"
)


def _bound(conn: Connection, group_id: str, connection_id: str, values: Sequence[str]) -> dict[str, Any]:
    listed = list(values) if conn.dialect.name == "postgresql" else to_json(list(values))
    return {"group": group_id, "connection": connection_id, "values": listed}


def add_members(
    conn: Connection, group_id: str, connection_id: str, values: Sequence[str], *, run_id: str | None, at: str
) -> list[Moved]:
    """Put everybody named into the group; who is unknown becomes pending. Returns who is new in it.

    Costs least where the IdP's ids name them, as a pull does.
    """
    added, rest = _add_known(conn, group_id, connection_id, values, run_id=run_id, at=at)
    if not rest:
        return added
    return added + add_named_members(conn, group_id, connection_id, rest, run_id=run_id, at=at)


def add_named_members(
    conn: Connection, group_id: str, connection_id: str, values: Sequence[str], *, run_id: str | None, at: str
) -> list[Moved]:
    """The same for members named by whichever of our or their ids, as a push does."""
    bound = _bound(conn, group_id, connection_id, values) | {"run": run_id, "at": at}
    return [(value, kind) for value, kind in _ADD_RESOLVED[conn.dialect.name].all(conn, **bound)]


def _add_known(
    conn: Connection, group_id: str, connection_id: str, values: Sequence[str], *, run_id: str | None, at: str
) -> tuple[list[Moved], list[str]]:
    """Put those into the group whom the IdP's id names, nearly everybody: who is new, and the rest."""
    added: list[Moved] = []
    rest: list[str] = []
    for part in chunks(values):
        new = _ADD_KNOWN[conn.dialect.name].all(
            conn, connection=connection_id, keys=part, group=group_id, run=run_id, at=at
        )
        added += [(row[0], "user") for row in new]
        if len(new) < len(part):  # some are unknown, or in it already
            known = {row.external_id for row in _KNOWN.all(conn, connection=connection_id, keys=part)}
            rest += [value for value in part if value not in known]
    return added, rest


_NAMED = (
    directory_user.c.connection_id == sa.bindparam("connection"),
    directory_user.c.deleted_at.is_(None),
    among(directory_user.c.external_id, "keys"),
)
_KNOWN = Prepared(sa.select(directory_user.c.external_id).where(*_NAMED))
_ADD_RESOLVED = {
    name: Prepared(
        sa.text(
            "INSERT INTO member (group_id, value, kind, run_id, added_at) "
            f"SELECT DISTINCT :group, {_TARGET}, {_KIND}, CAST(:run AS VARCHAR), :at {_resolved(name)} "
            "WHERE true ON CONFLICT DO NOTHING RETURNING value, kind"
        )
    )
    for name in ("postgresql", "sqlite")
}
_REMOVE = {
    name: Prepared(
        sa.text(
            f"DELETE FROM member WHERE group_id = :group AND value IN (SELECT {_TARGET} {_resolved(name)}) "
            "RETURNING value, kind, display, added_at"
        )
    )
    for name in ("postgresql", "sqlite")
}
_ADD_KNOWN = {
    name: Prepared(
        insert(member)
        .from_select(
            ["group_id", "value", "kind", "run_id", "added_at"],
            sa.select(
                sa.bindparam("group", type_=member.c.group_id.type),
                directory_user.c.id,
                sa.literal_column("'user'"),
                sa.bindparam("run", type_=sa.String),
                sa.bindparam("at", type_=sa.String),
            ).where(*_NAMED),
        )
        .on_conflict_do_nothing()
        .returning(member.c.value)
    )
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


Membership = tuple[str, str, str | None, str]
"""A membership seen from one side: (the other side's id, kind, display, added_at)."""


def remove_members(
    conn: Connection, group_id: str, connection_id: str, values: Sequence[str]
) -> list[Membership]:
    """Take everybody named out of the group; returns those who were in it."""
    return _REMOVE[conn.dialect.name].all(conn, **_bound(conn, group_id, connection_id, values))


def members_of(conn: Connection, group_id: str) -> list[Membership]:
    """The memberships of a group."""
    columns = (member.c.value, member.c.kind, member.c.display, member.c.added_at)
    return [tuple(row) for row in conn.execute(sa.select(*columns).where(member.c.group_id == group_id))]


def memberships_of(conn: Connection, value: str) -> list[Membership]:
    """The memberships that a person or a nested group has."""
    columns = (member.c.group_id, member.c.kind, member.c.display, member.c.added_at)
    return [tuple(row) for row in conn.execute(sa.select(*columns).where(member.c.value == value))]


def put_members(
    conn: Connection, rows: Sequence[tuple[str, str, str, str | None, str]], *, run_id: str | None
) -> None:
    """Put memberships back as (group_id, value, kind, display, added_at)."""
    statement = sa.text(
        "INSERT INTO member (group_id, value, kind, display, run_id, added_at) "
        "VALUES (:group, :value, :kind, :display, :run, :at) ON CONFLICT DO NOTHING"
    )
    names = ("group", "value", "kind", "display", "at")
    bound = [dict(zip(names, row, strict=True)) | {"run": run_id} for row in rows]
    if bound:
        conn.execute(statement, bound)


def set_displays(conn: Connection, group_id: str, displays: Mapping[str, str]) -> None:
    """Keep the texts a client sent for members of a group."""
    for value, shown in displays.items():
        _SHOW.run(conn, of=group_id, who=value, shown=shown)


_SHOW = Prepared(
    sa.update(member)
    .where(member.c.group_id == sa.bindparam("of"), member.c.value == sa.bindparam("who"))
    .values(display=sa.bindparam("shown"))
)


def settle_digest(conn: Connection, group_id: str, digest: bytes | None, whole: int) -> None:
    """Remember the digest only when the group now has exactly the members it stands for."""
    _SETTLE_DIGEST.run(conn, of=group_id, digest=digest, whole=whole)


_SIZE = sa.select(sa.func.count()).where(member.c.group_id == sa.bindparam("of")).scalar_subquery()
_SETTLE_DIGEST = Prepared(
    sa.update(directory_group)
    .where(directory_group.c.id == sa.bindparam("of"))
    .values(
        member_digest=sa.case(
            (
                sa.bindparam("whole", type_=sa.Integer) == _SIZE,
                sa.cast(sa.bindparam("digest", type_=sa.LargeBinary), sa.LargeBinary),
            ),
            else_=sa.null(),
        )
    )
)


def touch_group(conn: Connection, group_id: str, at: str) -> Row:
    """A new version of the group, for readers that compare versions; the columns that changed."""
    touched: Row = _TOUCH.all(conn, of=group_id, now=at)[0]._asdict()
    return touched


_TOUCH = Prepared(
    sa.update(directory_group)
    .where(directory_group.c.id == sa.bindparam("of"))
    .values(
        version=directory_group.c.version + sa.literal_column("1"),
        updated_at=sa.bindparam("now"),
        member_digest=sa.null(),
    )
    .returning(directory_group.c.version, directory_group.c.updated_at, directory_group.c.member_digest)
)


def touch_groups(conn: Connection, group_ids: Iterable[str], at: str) -> None:
    """A new version of each of these groups."""
    for part in chunks(group_ids):
        _TOUCH_ALL.run(conn, keys=part, now=at)


_TOUCH_ALL = Prepared(
    sa.update(directory_group)
    .where(among(directory_group.c.id, "keys"))
    .values(
        version=directory_group.c.version + sa.literal_column("1"),
        updated_at=sa.bindparam("now"),
        member_digest=sa.null(),
    )
)


def resolve_pending(
    conn: Connection, connection_id: str, names: Mapping[str, str], kind: str
) -> list[tuple[str, str]]:
    """Turn pending members into known ones; ``names`` maps foreign id to our id.

    Returns (group, our id of who is now known in it).
    """
    known: list[tuple[str, str]] = []
    for part in chunks(names):
        for group_id, value in _PENDING.all(conn, of=connection_id, keys=part):
            known.append((group_id, names[value]))
            _settle(conn, group_id, value, names[value], kind)
    return known


_PENDING = Prepared(
    sa.select(member.c.group_id, member.c.value)
    .join(directory_group, directory_group.c.id == member.c.group_id)
    .where(
        member.c.kind == sa.literal_column("'pending'"),
        among(member.c.value, "keys"),
        directory_group.c.connection_id == sa.bindparam("of"),
    )
)


def _settle(conn: Connection, group_id: str, value: str, known: str, kind: str) -> None:
    where = (member.c.group_id == group_id) & (member.c.value == value)
    there = conn.scalar(
        sa.select(sa.func.count()).where(member.c.group_id == group_id, member.c.value == known)
    )
    if there:
        conn.execute(sa.delete(member).where(where))
    else:
        conn.execute(sa.update(member).where(where).values(value=known, kind=kind))


_GROUPS_WITH = Prepared(sa.select(member.c.group_id).where(member.c.value == sa.bindparam("who")))


def leave_all_groups(conn: Connection, value: str, at: str) -> list[str]:
    """Take a directory user or a nested group out of every group; returns the groups it left."""
    left = [row.group_id for row in _GROUPS_WITH.all(conn, who=value)]
    if left:
        conn.execute(sa.delete(member).where(member.c.value == value))
        for group_id in left:
            touch_group(conn, group_id, at)
    return left


def empty_group(conn: Connection, group_id: str) -> int:
    """Take every member out of a group; returns how many there were."""
    return conn.execute(sa.delete(member).where(member.c.group_id == group_id)).rowcount


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
