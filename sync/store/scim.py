"""What the SCIM server reads: resources of one connection, found, paged and with their members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import ColumnElement, and_, bindparam, case, func, literal, select
from sqlalchemy import Connection as Conn

from sync.model.document import group_document, user_document
from sync.model.query import Query
from sync.model.session import GroupRef, Kind, Listing, MemberRef, Resource
from sync.store import further_emails, schema
from sync.store import query as queries
from sync.store.group_refs import GROUPS, NESTED, refs_of
from sync.store.json_sql import json_list
from sync.store.keys import among
from sync.store.prepared import Prepared
from sync.store.text import chunks, from_json, to_json

_PERSON = schema.directory_user
_GROUP = schema.directory_group
_MEMBER = schema.member
_TABLES: Final = {Kind.USER: _PERSON, Kind.GROUP: _GROUP}

PAGE: Final = 100
"""Rows of a page when the query names no count."""

_MAKES: Final = {
    Kind.USER: ("user_name", "scim_external_id", "email", "first_name", "last_name", "picture_url", "status"),
    Kind.GROUP: ("name", "scim_external_id"),
}
"""What the document of a row is made of that no push has written."""
_MADE_OF: Final = {
    kind: case((table.c.document.is_(None), json_list(*(table.c[name] for name in _MAKES[kind])))).label(
        "made_of"
    )
    for kind, table in _TABLES.items()
}
"""The same in one column, as most rows have a document and a page is read in proportion to its columns."""
_COLUMNS: Final[dict[Kind, list[ColumnElement[Any]]]] = {
    kind: [
        *(table.c[name] for name in ("id", "document", "version", "created_at", "updated_at")),
        _MADE_OF[kind],
    ]
    for kind, table in _TABLES.items()
}
_LIVE: Final = {
    kind: and_(table.c.connection_id == bindparam("of_connection"), table.c.deleted_at.is_(None))
    for kind, table in _TABLES.items()
}
_ONE: Final[dict[Kind, list[ColumnElement[Any]]]] = {
    Kind.USER: [*_COLUMNS[Kind.USER], GROUPS, NESTED],
    Kind.GROUP: [*_COLUMNS[Kind.GROUP]],
}
"""What is read of a resource that is asked for alone: a user with the groups it is in."""
_BY_ID: Final = {
    kind: Prepared(select(*_ONE[kind]).where(_LIVE[kind], table.c.id == bindparam("resource_id")))
    for kind, table in _TABLES.items()
}
_FULL_NAME: Final = _PERSON.c.first_name + literal(" ") + _PERSON.c.last_name
_PERSON_LABEL: Final = func.coalesce(_FULL_NAME, func.nullif(_PERSON.c.user_name, ""), _PERSON.c.email)
_CHECKED: Final = {
    kind: and_(table.c.connection_id.concat("") == bindparam("of_connection"), table.c.deleted_at.is_(None))
    for kind, table in _TABLES.items()
}
"""The same where ids find the rows: SQLite would else walk all of the connection's."""
_LABELS: Final = (
    (
        Kind.USER,
        Prepared(
            select(_PERSON.c.id, _PERSON_LABEL.label("label")).where(
                _CHECKED[Kind.USER], among(_PERSON.c.id, "keys")
            )
        ),
    ),
    (
        Kind.GROUP,
        Prepared(
            select(_GROUP.c.id, _GROUP.c.name.label("label")).where(
                _CHECKED[Kind.GROUP], among(_GROUP.c.id, "keys")
            )
        ),
    ),
)


def scim_get(conn: Conn, connection_id: str, kind: Kind, id: str) -> Resource | None:
    """The live resource of this connection, else None."""
    row = _BY_ID[kind].first(conn, of_connection=connection_id, resource_id=id)
    return None if row is None else _one(kind, row)


_FOUND: Final = {
    (kind, name): Prepared(
        select(*_ONE[kind])
        .where(_LIVE[kind], table.c[column] == bindparam("wanted"))
        .order_by(table.c.created_at.concat(""), table.c.id)
        .limit(bindparam("most"))
    )
    for kind, table, name, column in (
        (Kind.USER, _PERSON, "id", "id"),
        (Kind.USER, _PERSON, "userName", "user_name_key"),
        (Kind.USER, _PERSON, "externalId", "scim_external_id"),
        (Kind.GROUP, _GROUP, "id", "id"),
        (Kind.GROUP, _GROUP, "displayName", "name_key"),
        (Kind.GROUP, _GROUP, "externalId", "scim_external_id"),
    )
}
"""What nearly every query of an IdP asks for: the one resource of a name or an id."""
_WITH_EMAIL: Final = Prepared(
    select(*_COLUMNS[Kind.USER])
    .where(_CHECKED[Kind.USER], queries.with_email(bindparam("wanted", type_=sa.Text)))
    .order_by(_PERSON.c.created_at.concat(""), _PERSON.c.id)
)
_ALL: Final = {
    kind: Prepared(
        select(*_COLUMNS[kind])
        .where(_LIVE[kind])
        .order_by(table.c.created_at, table.c.id)
        .limit(bindparam("most"))
        .offset(bindparam("before"))
    )
    for kind, table in _TABLES.items()
}
_TALLY: Final = Prepared(
    select(func.coalesce(func.sum(schema.tally.c.live), 0).label("number")).where(
        schema.tally.c.connection_id == bindparam("of_connection"), schema.tally.c.kind == bindparam("kind")
    )
)


def scim_find(conn: Conn, connection_id: str, kind: Kind, query: Query) -> Listing:
    """A page of live resources, the exact number of all that match, and where the next page begins.

    With ``after`` the page begins behind that position and ``start`` does not count.
    """
    count = PAGE if query.count is None else max(query.count, 0)
    if query.after is None and count:
        found = _found_by_key(conn, connection_id, kind, query, count)
        if found is None and kind is Kind.USER and query.start <= 1 and query.sort_by is None:
            found = _found_by_email(conn, connection_id, query, count)
        if found is not None:
            return found
    if query.filter is None and query.sort_by is None and query.after is None:
        return _whole_page(conn, connection_id, kind, max(query.start, 1), count)
    return _searched(conn, connection_id, kind, query, count)


def _found_by_key(conn: Conn, connection_id: str, kind: Kind, query: Query, count: int) -> Listing | None:
    """The answer where the filter is one name or id; None where it is another one, or more than a page."""
    asked = queries.key_asked_for(query.filter)
    if asked is None or query.start > 1 or (kind, asked[0]) not in _FOUND:
        return None
    rows = _FOUND[kind, asked[0]].all(conn, of_connection=connection_id, wanted=asked[1], most=count + 1)
    if len(rows) > count:
        return None
    return Listing(total=len(rows), resources=[_one(kind, row) for row in rows])


def _found_by_email(conn: Conn, connection_id: str, query: Query, count: int) -> Listing | None:
    """The answer where the filter is one e-mail, of one type or any; None where it is another filter."""
    asked = queries.email_asked_for(query.filter)
    if asked is None:
        return None
    key, kind = asked
    rows = _WITH_EMAIL.all(conn, of_connection=connection_id, wanted=key)
    resources = [_read(Kind.USER, row) for row in rows]
    fit = [resource for resource in resources if further_emails.has(resource.text, key, kind)]
    return None if len(fit) > count else Listing(total=len(fit), resources=fit)


def _whole_page(conn: Conn, connection_id: str, kind: Kind, start: int, count: int) -> Listing:
    total = int(_TALLY.all(conn, of_connection=connection_id, kind=kind.value)[0].number)
    if not count or start > total:
        return Listing(total=total, resources=())
    rows = _ALL[kind].all(conn, of_connection=connection_id, most=count, before=start - 1)
    shown = [_read(kind, row) for row in rows]
    following = None
    if start - 1 + len(rows) < total and rows:
        following = queries.order(kind, conn.dialect.name, None).position(rows[-1].created_at, rows[-1].id)
    return Listing(total=total, resources=shown, next=following)


def _searched(conn: Conn, connection_id: str, kind: Kind, query: Query, count: int) -> Listing:
    wanted: list[ColumnElement[bool]] = [_LIVE[kind]]
    if query.filter is not None:
        wanted.append(queries.condition(query.filter, kind, conn.dialect.name))
    few = queries.is_selective(query.filter)
    if few and count and query.start <= 1 and query.after is None:
        page = _page(conn, connection_id, kind, query, wanted, count)
        if page.next is None:
            return page
    # The second condition is always true; it points SQLite to the index of live rows alone.
    created = _TABLES[kind].c.created_at
    total = select(func.count()).select_from(_TABLES[kind]).where(*wanted, created > "")
    number = int(conn.execute(total, {"of_connection": connection_id}).scalar_one())
    if count == 0 or number == 0:
        return Listing(total=number, resources=())
    return replace(_page(conn, connection_id, kind, query, wanted, count), total=number)


def _page(  # noqa: PLR0917 - one step of scim_find
    conn: Conn, connection_id: str, kind: Kind, query: Query, wanted: list[ColumnElement[bool]], count: int
) -> Listing:
    """The rows of the page; its total is their number."""
    order = queries.order(kind, conn.dialect.name, query.sort_by, descending=query.descending)
    ordered = order.clauses(few=queries.is_selective(query.filter))
    page = select(*_COLUMNS[kind], order.shown_key().label("sort_key")).where(*wanted).order_by(*ordered)
    page = (
        page.offset(max(query.start, 1) - 1) if query.after is None else page.where(order.after(query.after))
    )
    rows = conn.execute(page.limit(count + 1), {"of_connection": connection_id}).all()
    shown = rows[:count]
    following = order.position(shown[-1].sort_key, shown[-1].id) if len(rows) > count else None
    return Listing(total=len(shown), resources=[_read(kind, row) for row in shown], next=following)


def _members_statement() -> sa.Select[Any]:
    nested = _GROUP.alias("nested")
    person = and_(_MEMBER.c.kind == sa.literal_column("'user'"), _PERSON.c.id == _MEMBER.c.value)
    inner = and_(_MEMBER.c.kind == sa.literal_column("'group'"), nested.c.id == _MEMBER.c.value)
    label = func.coalesce(_MEMBER.c.display, _PERSON_LABEL, nested.c.name)
    return (
        select(_MEMBER.c.group_id, _MEMBER.c.value, _MEMBER.c.kind, label.label("display"))
        .join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id)
        .outerjoin(_PERSON, person)
        .outerjoin(nested, inner)
        .where(_CHECKED[Kind.GROUP], among(_MEMBER.c.group_id, "keys"))
        .order_by(_MEMBER.c.group_id, _MEMBER.c.added_at, _MEMBER.c.value)
    )


_MEMBERS: Final = Prepared(_members_statement())
_MEMBER_KINDS: Final = {"user": Kind.USER, "group": Kind.GROUP}


def scim_members(
    conn: Conn, connection_id: str, group_ids: Iterable[str]
) -> Mapping[str, Sequence[MemberRef]]:
    """Members of each group in the order they joined; every asked id is a key."""
    asked = list(group_ids)
    found: dict[str, list[MemberRef]] = {id_: [] for id_ in asked}
    for part in chunks(asked):
        for row in _MEMBERS.all(conn, of_connection=connection_id, keys=part):
            ref = MemberRef(value=row.value, kind=_MEMBER_KINDS.get(row.kind), display=row.display)
            found[row.group_id].append(ref)
    return found


_NEXT_MEMBER: Final = Prepared(
    select(sa.literal_column("1").label("there"))
    .where(_MEMBER.c.group_id == bindparam("of_group"))
    .limit(sa.literal_column("1"))
    .offset(bindparam("than"))
)


def scim_has_more_members(conn: Conn, group_id: str, than: int) -> bool:
    """Whether a group has more than ``than`` members; costs that many index entries at most."""
    return _NEXT_MEMBER.first(conn, of_group=group_id, than=than) is not None


def _groups_of_statement() -> sa.Select[Any]:
    """Every group above a user, through nested groups too; UNION ends cycles."""
    start = select(_MEMBER.c.value.label("user_id"), _MEMBER.c.group_id, literal(1).label("direct")).where(
        _MEMBER.c.kind == "user", among(_MEMBER.c.value, "keys")
    )
    up = start.cte("up", recursive=True)
    outer, inner = _MEMBER.alias("outer_member"), _GROUP.alias("inner_group")
    live_inner = and_(inner.c.id == up.c.group_id, inner.c.deleted_at.is_(None))
    above = (
        select(up.c.user_id, outer.c.group_id, literal(0))
        .join(inner, live_inner)
        .join(outer, and_(outer.c.value == up.c.group_id, outer.c.kind == "group"))
    )
    up = up.union(above)
    return (
        select(up.c.user_id, _GROUP.c.id, _GROUP.c.name, func.max(up.c.direct).label("direct"))
        .join(_GROUP, _GROUP.c.id == up.c.group_id)
        .where(_LIVE[Kind.GROUP])
        .group_by(up.c.user_id, _GROUP.c.id, _GROUP.c.name, _GROUP.c.name_key)
        .order_by(up.c.user_id, _GROUP.c.name_key, _GROUP.c.id)
    )


_GROUPS_OF: Final = Prepared(_groups_of_statement())
_DIRECT_GROUPS_OF: Final = Prepared(
    select(_MEMBER.c.value.label("user_id"), _GROUP.c.id, _GROUP.c.name, _GROUP.c.name_key, NESTED)
    .join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id)
    .where(
        _CHECKED[Kind.GROUP], _MEMBER.c.kind == sa.literal_column("'user'"), among(_MEMBER.c.value, "keys")
    )
)
"""Where no group stands in another, which costs a tenth; each row says whether any does."""


def scim_groups_of(
    conn: Conn, connection_id: str, user_ids: Iterable[str]
) -> Mapping[str, Sequence[GroupRef]]:
    """Groups of each user by name, direct ones and those through nested groups; every asked id is a key."""
    asked = list(user_ids)
    found: dict[str, list[GroupRef]] = {id_: [] for id_ in asked}
    for part in chunks(asked):
        rows = _DIRECT_GROUPS_OF.all(conn, of_connection=connection_id, keys=part)
        if rows and rows[0].nested:
            for row in _GROUPS_OF.all(conn, of_connection=connection_id, keys=part):
                found[row.user_id].append(GroupRef(value=row.id, display=row.name, direct=bool(row.direct)))
        else:
            for row in sorted(rows, key=lambda each: (each.name_key or "", each.id)):
                found[row.user_id].append(GroupRef(value=row.id, display=row.name))
    return found


def scim_labels(conn: Conn, connection_id: str, ids: Iterable[str]) -> Mapping[str, tuple[Kind, str]]:
    """Kind and display text of the connection's live resources by id; unknown ids are absent."""
    found: dict[str, tuple[Kind, str]] = {}
    for part in chunks(ids):
        for kind, statement in _LABELS:
            rows = statement.all(conn, of_connection=connection_id, keys=part)
            found.update((row.id, (kind, row.label or "")) for row in rows)
    return found


def _one(kind: Kind, row: Any) -> Resource:
    """A row that was asked for alone, a user's with the groups."""
    return _read(kind, row, refs_of(row) if kind is Kind.USER else None)


def _read(kind: Kind, row: Any, groups: Sequence[GroupRef] | None = None) -> Resource:
    """A row of these statements as a client sees it."""
    text = row.document or _made_text(kind, from_json(row.made_of))
    return Resource(kind, row.id, text, row.version, row.created_at, row.updated_at, groups)


def resource_of(kind: Kind, row: Any, groups: Sequence[GroupRef] | None = None) -> Resource:
    """A whole row of ``directory_user`` or ``directory_group`` as a client sees it."""
    text = row.document or _made_text(kind, [getattr(row, name) for name in _MAKES[kind]])
    return Resource(kind, row.id, text, row.version, row.created_at, row.updated_at, groups)


def _made_text(kind: Kind, parts: Sequence[Any]) -> str:
    """The document of a row that no push has written, as text."""
    known = dict(zip(_MAKES[kind], parts, strict=True))
    if kind is Kind.USER:
        known["active"] = known.pop("status") == "active"
    return to_json(user_document(**known) if kind is Kind.USER else group_document(**known))
