"""What the engine reads to decide: batches by exact key, one statement each, never one per person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy import Table, and_, bindparam, func, select

from sync.model.resources import DirectoryUser, Group, Status, User
from sync.store import schema
from sync.store.keys import among
from sync.store.prepared import Prepared
from sync.store.text import chunks, from_json
from sync.store.times import from_text

Kind = Literal["user", "group"]

_USERS = schema.users
_PERSON = schema.directory_user
_GROUP = schema.directory_group
_MEMBER = schema.member
_LINK = schema.link
_TABLES: Final[dict[Kind, Table]] = {"user": _PERSON, "group": _GROUP}

FEW_KEYS: Final = 20
"""Up to so many keys of several kinds are looked up by one statement."""

UNMET_PAGE: Final = 5000
"""Rows ``unmet`` reads at a time: few statements, flat memory."""


class Unmet(NamedTuple):
    """A live row that a read did not meet; ``status`` is None for a group.

    ``absent_at`` is the start of the last complete read that missed it, ``absent_since`` that of the
    first of those in a row, both as the tables keep times.
    """

    id: str
    external_id: str
    status: Status | None
    version: int
    label: str
    absent_at: str | None = None
    absent_since: str | None = None


def _live(table: Table, checked: bool = False) -> sa.ColumnElement[bool]:
    """Live rows of the connection; ``checked`` keeps SQLite from finding rows by the connection."""
    of = table.c.connection_id.concat("") if checked else table.c.connection_id
    return and_(of == bindparam("connection_id"), table.c.deleted_at.is_(None))


_FINGERPRINTS: Final = {
    kind: Prepared(
        select(table.c.seq, table.c.fingerprint, table.c.external_id).where(
            _live(table), among(table.c.external_id, "external_ids")
        )
    )
    for kind, table in _TABLES.items()
}
_LABELS: Final[dict[Kind, sa.ColumnElement[Any]]] = {
    "user": func.coalesce(_PERSON.c.email, _PERSON.c.user_name),
    "group": _GROUP.c.name,
}
_STATUSES: Final[dict[Kind, sa.ColumnElement[Any]]] = {"user": _PERSON.c.status, "group": sa.null()}
_UNMET: Final = {
    kind: select(
        table.c.id,
        table.c.external_id,
        _STATUSES[kind].label("status"),
        table.c.version,
        _LABELS[kind].label("label"),
        table.c.absent_at,
        table.c.absent_since,
    )
    .where(table.c.seq.in_(bindparam("seqs", expanding=True)))
    .order_by(table.c.seq)
    for kind, table in _TABLES.items()
}
_SEQS: Final = {
    kind: select(table.c.seq)
    .where(
        # Concatenated, so that the database walks the primary key and no index by connection:
        # that one would be read and sorted anew for every page.
        table.c.connection_id.concat("") == bindparam("connection_id"),
        table.c.deleted_at.is_(None),
        table.c.external_id.is_not(None),
        table.c.seq > bindparam("after"),
    )
    .order_by(table.c.seq)
    .limit(UNMET_PAGE)
    for kind, table in _TABLES.items()
}
_PERSON_KEYS: Final = ("id", "external_id", "scim_external_id", "email_key", "user_name_key")


def _people_by(key: str, parameter: str, *, tombstones: bool) -> sa.Select[Any]:
    # For ids the connection is only checked: else SQLite would walk all of its rows to find one.
    of = _PERSON.c.connection_id.concat("") if key == "id" else _PERSON.c.connection_id
    found = (
        select(_PERSON, _LINK.c.user_id)
        .outerjoin(_LINK, _LINK.c.directory_user_id == _PERSON.c.id)
        .where(of == bindparam("connection_id"), among(_PERSON.c[key], parameter))
    )
    return found if tombstones else found.where(_PERSON.c.deleted_at.is_(None))


_PEOPLE_BY: Final = {
    (key, tombstones): Prepared(_people_by(key, "keys", tombstones=tombstones))
    for tombstones in (True, False)
    for key in _PERSON_KEYS
}
_PEOPLE_BY_ANY: Final = {
    (several, tombstones): Prepared(
        sa.union_all(*(_people_by(key, key + "s", tombstones=tombstones) for key in several))
    )
    for tombstones in (True, False)
    for several in (_PERSON_KEYS, _PERSON_KEYS[2:])
}
"""The same by several keys at once, for few of them; a row is there once for each key that fits."""
_USERS_BY: Final = {
    key: Prepared(select(_USERS).where(among(_USERS.c[key], "keys"))) for key in ("id", "email_key")
}
_USERS_BY_EITHER: Final = Prepared(
    sa.union_all(*(select(_USERS).where(among(_USERS.c[key], key + "s")) for key in ("id", "email_key")))
)
_GROUPS_BY: Final = {
    key: Prepared(select(_GROUP).where(_live(_GROUP, key == "id"), among(_GROUP.c[key], "keys")))
    for key in ("id", "external_id", "name_key", "scim_external_id")
}
_ACTIVE_LINKS: Final = (
    select(_LINK.c.user_id, _PERSON.c.connection_id, _PERSON.c.id, _PERSON.c.status)
    .join(_PERSON, _PERSON.c.id == _LINK.c.directory_user_id)
    .where(_PERSON.c.deleted_at.is_(None), among(_LINK.c.user_id, "keys"))
    .order_by(_LINK.c.user_id, _PERSON.c.seq)
)
_LINKS_OF: Final = Prepared(
    select(_PERSON, _LINK.c.user_id)
    .join(_LINK, _LINK.c.directory_user_id == _PERSON.c.id)
    .where(_PERSON.c.deleted_at.is_(None), among(_LINK.c.user_id, "keys"))
    .order_by(_LINK.c.user_id, _PERSON.c.seq)
)
_ADMINS: Final = Prepared(select(_USERS.c.id).where(_USERS.c.admin.is_(True), _USERS.c.active.is_(True)))
_MEMBER_EXTERNAL_IDS: Final = Prepared(
    select(
        func.coalesce(
            _PERSON.c.external_id,
            _PERSON.c.scim_external_id,
            _GROUP.c.external_id,
            _GROUP.c.scim_external_id,
            _MEMBER.c.value,
        ).label("key"),
    )
    .outerjoin(_PERSON, and_(_MEMBER.c.kind == "user", _PERSON.c.id == _MEMBER.c.value))
    .outerjoin(_GROUP, and_(_MEMBER.c.kind == "group", _GROUP.c.id == _MEMBER.c.value))
    .where(_MEMBER.c.group_id == bindparam("group_id"))
)


class Stored(NamedTuple):
    """What a read compares a record with."""

    seq: int
    fingerprint: bytes | None
    external_id: str


def fingerprints(
    conn: Conn, kind: Kind, connection_id: str, external_ids: Iterable[str]
) -> dict[str, Stored]:
    """What is stored of the live rows with these external ids; unknown ids are absent."""
    found: dict[str, Stored] = {}
    for part in chunks(external_ids):
        rows = _FINGERPRINTS[kind].all(conn, connection_id=connection_id, external_ids=part)
        found.update((row.external_id, row) for row in rows)
    return found


_ROLLS: Final = select(_GROUP.c.external_id, _GROUP.c.id, _GROUP.c.member_digest).where(
    _live(_GROUP), among(_GROUP.c.external_id, "external_ids")
)


def member_rolls(
    conn: Conn, connection_id: str, external_ids: Iterable[str]
) -> dict[str, tuple[str, bytes | None]]:
    """Each live group's id and its members' digest, None where that is not known; strangers are absent."""
    found: dict[str, tuple[str, bytes | None]] = {}
    for part in chunks(external_ids):
        rows = conn.execute(_ROLLS, {"connection_id": connection_id, "external_ids": part})
        found.update((external_id, (id_, digest)) for external_id, id_, digest in rows)
    return found


def live_count(conn: Conn, kind: Kind, connection_id: str, statuses: Collection[Status] | None = None) -> int:
    """Live rows of the connection, as triggers count them; for users only those in ``statuses`` if given."""
    if statuses is None:
        return int(conn.scalar(_TALLY, {"connection_id": connection_id, "kind": kind.capitalize()}) or 0)
    within = _PERSON.c.status.in_([status.value for status in statuses])
    statement = select(func.count()).select_from(_TABLES[kind]).where(_live(_TABLES[kind]), within)
    return int(conn.execute(statement, {"connection_id": connection_id}).scalar_one())


_TALLY: Final = select(func.sum(schema.tally.c.live)).where(
    schema.tally.c.connection_id == bindparam("connection_id"), schema.tally.c.kind == bindparam("kind")
)


def some_live(conn: Conn, kind: Kind, connection_id: str, limit: int) -> list[str]:
    """Ids of so many of the connection's live rows, whichever come first."""
    table = _TABLES[kind]
    query = select(table.c.id).where(table.c.connection_id == connection_id, table.c.deleted_at.is_(None))
    return list(conn.scalars(query.limit(limit)))


def unmet(conn: Conn, kind: Kind, connection_id: str, met: Callable[[int], bool]) -> Iterator[Unmet]:
    """Live rows with an external id whose ``seq`` was not met, by seq; the caller may write meanwhile."""
    after = 0
    while True:
        seqs = conn.scalars(_SEQS[kind], {"connection_id": connection_id, "after": after}).all()
        for part in chunks(seq for seq in seqs if not met(seq)):
            rows = conn.execute(_UNMET[kind], {"seqs": part}).all()
            for id_, external_id, status, version, label, *absent in rows:
                known = None if status is None else Status(status)
                yield Unmet(id_, external_id, known, version, label, *absent)
        if len(seqs) < UNMET_PAGE:
            return
        after = seqs[-1]


def member_values(conn: Conn, group_id: str) -> list[str]:
    """The ids of a group's members as stored: ours, or foreign ones that are pending."""
    return list(conn.scalars(select(_MEMBER.c.value).where(_MEMBER.c.group_id == group_id)))


_MEANT: Final = [
    Prepared(
        select(table.c[key].label("named"), table.c.id).where(
            _live(table, key == "id"), among(table.c[key], "keys")
        )
    )
    for table in (_GROUP, _PERSON)
    for key in ("scim_external_id", "id", "external_id")
]


def resolve_members(conn: Conn, connection_id: str, values: Iterable[str]) -> dict[str, str]:
    """Whom a client means, by the id it named: our id, the IdP's id or externalId; strangers are absent."""
    meant: dict[str, str] = {}
    for part in chunks(values):
        for statement in _MEANT:
            rows = statement.all(conn, connection_id=connection_id, keys=part)
            meant.update((row.named, row.id) for row in rows)
    return meant


def membership_count(conn: Conn, connection_id: str) -> int:
    """Memberships of the connection's live groups."""
    query = (
        select(func.count())
        .select_from(_MEMBER)
        .join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id)
        .where(_GROUP.c.connection_id == connection_id, _GROUP.c.deleted_at.is_(None))
    )
    return int(conn.execute(query).scalar_one())


def directory_users(
    conn: Conn,
    connection_id: str,
    *,
    external_ids: Iterable[str] = (),
    scim_external_ids: Iterable[str] = (),
    email_keys: Iterable[str] = (),
    user_name_keys: Iterable[str] = (),
    ids: Iterable[str] = (),
    tombstones: bool = False,
) -> list[DirectoryUser]:
    """The connection's directory users that have any of these keys, each once, oldest first."""
    lists = (ids, external_ids, scim_external_ids, email_keys, user_name_keys)
    wanted = {name: list(keys) for name, keys in zip(_PERSON_KEYS, lists, strict=True)}
    found: dict[int, DirectoryUser] = {}
    if 1 < sum(map(len, wanted.values())) <= FEW_KEYS:
        several = _PERSON_KEYS if wanted["id"] or wanted["external_id"] else _PERSON_KEYS[2:]
        keys = {name + "s": wanted[name] for name in several}
        rows = _PEOPLE_BY_ANY[several, tombstones].all(conn, connection_id=connection_id, **keys)
        found.update((row.seq, directory_user_of(row)) for row in rows)
        return [found[seq] for seq in sorted(found)]
    for column, listed in wanted.items():
        for part in chunks(listed):
            rows = _PEOPLE_BY[column, tombstones].all(conn, connection_id=connection_id, keys=part)
            found.update((row.seq, directory_user_of(row)) for row in rows)
    return [found[seq] for seq in sorted(found)]


def has_people(conn: Conn, connection_id: str) -> bool:
    """Whether any person was ever stored of the connection; before its first run nobody can be met there."""
    return _ANYBODY.first(conn, connection_id=connection_id) is not None


_ANYBODY: Final = Prepared(
    select(_PERSON.c.connection_id).where(_PERSON.c.connection_id == bindparam("connection_id")).limit(1)
)


def application_users(conn: Conn, *, ids: Iterable[str] = (), email_keys: Iterable[str] = ()) -> list[User]:
    """The application's users that have any of these keys, each once, by id."""
    found: dict[str, User] = {}
    ids, email_keys = list(ids), list(email_keys)
    if ids and email_keys and len(ids) + len(email_keys) <= FEW_KEYS:
        rows = _USERS_BY_EITHER.all(conn, ids=ids, email_keys=email_keys)
        found.update((row.id, user_of(row)) for row in rows)
        return [found[id_] for id_ in sorted(found)]
    for column, keys in (("id", ids), ("email_key", email_keys)):
        for part in chunks(keys):
            found.update((row.id, user_of(row)) for row in _USERS_BY[column].all(conn, keys=part))
    return [found[id_] for id_ in sorted(found)]


def active_links(conn: Conn, user_ids: Iterable[str]) -> dict[str, list[tuple[str, str, Status]]]:
    """(connection id, directory user id, status) of each user's live links, oldest directory user first.

    Users without a live link are absent.
    """
    found: dict[str, list[tuple[str, str, Status]]] = {}
    for part in chunks(user_ids):
        for user_id, connection_id, id_, status in conn.execute(_ACTIVE_LINKS, {"keys": part}):
            found.setdefault(user_id, []).append((connection_id, id_, Status(status)))
    return found


def links_of(conn: Conn, user_ids: Iterable[str]) -> dict[str, list[DirectoryUser]]:
    """The live directory users of each user, of every connection, oldest first."""
    found: dict[str, list[DirectoryUser]] = {}
    for part in chunks(user_ids):
        for row in _LINKS_OF.all(conn, keys=part):
            found.setdefault(row.user_id, []).append(directory_user_of(row))
    return found


def active_admins(conn: Conn) -> list[str]:
    """Ids of the application's active administrators; a handful."""
    return [row.id for row in _ADMINS.all(conn)]


def group_row(conn: Conn, connection_id: str, group_id: str) -> Any:
    """The whole row of a live group of the connection, None where there is none."""
    return _GROUPS_BY["id"].first(conn, connection_id=connection_id, keys=[group_id])


def directory_groups(
    conn: Conn,
    connection_id: str,
    *,
    external_ids: Iterable[str] = (),
    ids: Iterable[str] = (),
    scim_external_ids: Iterable[str] = (),
    name_keys: Iterable[str] = (),
) -> list[Group]:
    """The connection's live groups that have any of these keys, each once, oldest first."""
    wanted = (
        ("external_id", external_ids),
        ("id", ids),
        ("scim_external_id", scim_external_ids),
        ("name_key", name_keys),
    )
    found: dict[int, Group] = {}
    for column, keys in wanted:
        for part in chunks(keys):
            rows = _GROUPS_BY[column].all(conn, connection_id=connection_id, keys=part)
            found.update((row.seq, group_of(row)) for row in rows)
    return [found[seq] for seq in sorted(found)]


def member_external_ids(conn: Conn, group_id: str) -> set[str]:
    """External ids of a group's members: of people, nested groups, and those nobody has seen yet.

    A member that no read gave an external id stands with its own id, so that it differs from all.
    """
    return set(_MEMBER_EXTERNAL_IDS.column(conn, group_id=group_id))


def directory_user_of(row: Any) -> DirectoryUser:
    """A row of ``directory_user`` with its link's ``user_id``."""
    return DirectoryUser(
        id=row.id,
        connection_id=row.connection_id,
        external_id=row.external_id,
        scim_external_id=row.scim_external_id,
        user_name=row.user_name,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        picture_url=row.picture_url,
        status=Status(row.status),
        status_text=row.status_text,
        reason=row.reason,
        user_id=row.user_id,
        version=row.version,
        origin=row.origin,
        fingerprint=row.fingerprint,
        extra=from_json(row.extra) if row.extra else {},
        deleted_at=from_text(row.deleted_at),
        created_at=from_text(row.created_at),
        updated_at=from_text(row.updated_at),
    )


def group_of(row: Any) -> Group:
    """A row of ``directory_group``."""
    return Group(
        id=row.id,
        connection_id=row.connection_id,
        external_id=row.external_id,
        scim_external_id=row.scim_external_id,
        name=row.name,
        tag=row.tag,
        version=row.version,
        origin=row.origin,
        fingerprint=row.fingerprint,
        member_digest=row.member_digest,
        deleted_at=from_text(row.deleted_at),
        created_at=from_text(row.created_at),
        updated_at=from_text(row.updated_at),
    )


def user_of(row: Any) -> User:
    """A row of ``users``."""
    return User(
        id=row.id,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        picture_url=row.picture_url,
        active=row.active,
        suspended_by_hand=row.suspended_by_hand,
        protected=row.protected,
        admin=row.admin,
        origin=row.origin,
        version=row.version,
        extra=from_json(row.extra) if row.extra else {},
        created_at=from_text(row.created_at),
        updated_at=from_text(row.updated_at),
    )
