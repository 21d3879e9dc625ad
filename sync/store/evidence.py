"""What an explanation rests on, besides history: who is meant, what each directory says, what waits."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy import and_, func, or_, select

from sync.model.resources import fold
from sync.model.run import ItemState, PlanState
from sync.store import fold as folding
from sync.store import schema
from sync.store.keys import among
from sync.store.nesting import ABOVE
from sync.store.text import from_json, nearest

Row = dict[str, Any]

_USERS = schema.users
_PERSON = schema.directory_user
_LINK = schema.link
_GROUP = schema.directory_group
_MEMBER = schema.member
_CONNECTION = schema.connection
_PLAN = schema.plan
_ITEM = schema.plan_item
_ATTENTION = schema.attention

_NEAR_LIMIT: Final = 2000
"""Names looked through for the one a caller may have meant."""

_SEEN: Final = (
    select(
        _PERSON,
        _CONNECTION.c.name.label("connection"),
        *(_LINK.c[name] for name in ("user_id", "how", "rule", "run_id", "linked_at")),
    )
    .select_from(_PERSON.outerjoin(_LINK, _LINK.c.directory_user_id == _PERSON.c.id))
    .join(_CONNECTION, _CONNECTION.c.id == _PERSON.c.connection_id)
    .order_by(_PERSON.c.seq)
)
_CURRENT_PLANS: Final = select(_PLAN.c.id).where(
    or_(
        _PLAN.c.state == PlanState.HELD.value,
        _PLAN.c.id.in_(
            select(func.max(_PLAN.c.id))
            .where(_PLAN.c.state.not_in([PlanState.PREVIEW.value, PlanState.DISCARDED.value]))
            .group_by(_PLAN.c.connection_id)
        ),
    )
)
_WAITING: Final = (
    select(_ITEM, _PLAN.c.run_id, _PLAN.c.created_at, _CONNECTION.c.name.label("connection"))
    .join(_PLAN, _PLAN.c.id == _ITEM.c.plan_id)
    .join(_CONNECTION, _CONNECTION.c.id == _PLAN.c.connection_id)
    .where(_ITEM.c.state.in_([ItemState.HELD.value, ItemState.WAITING.value]))
    .order_by(_ITEM.c.plan_id, _ITEM.c.place)
)
_KNOWN: Final = _ITEM.alias("known")
_WAITING_BY_ID: Final = _WAITING.where(
    # Found in the index by id first: SQLite would rather walk a whole plan for a few of its items.
    sa.tuple_(_ITEM.c.plan_id, _ITEM.c.place).in_(
        select(_KNOWN.c.plan_id, _KNOWN.c.place).where(
            _KNOWN.c.plan_id.in_(_CURRENT_PLANS), among(_KNOWN.c.id, "keys")
        )
    )
)


def _with_id(refs: Collection[str]) -> list[sa.Select[Any]]:
    """The directory users who are called so by an id: ours, the directory's or SCIM's."""
    columns = (_PERSON.c.external_id, _PERSON.c.scim_external_id)
    ours = select(_PERSON.c.id).where(_PERSON.c.id.in_(refs))
    return [ours, *(_anywhere(column, refs) for column in columns)]


def _with_name(refs: Collection[str]) -> list[sa.Select[Any]]:
    """The directory users who are called so by a name, in any case."""
    keys = [key for ref in refs if (key := fold(ref)) is not None]
    return [_anywhere(column, keys) for column in (_PERSON.c.user_name_key, _PERSON.c.email_key)]


def _anywhere(column: sa.ColumnElement[Any], values: Collection[str]) -> sa.Select[Any]:
    """Ids by a column whose index begins with the connection: each connection is asked, not everybody."""
    connections = select(_CONNECTION.c.id)
    return select(_PERSON.c.id).where(_PERSON.c.connection_id.in_(connections), column.in_(values))


def user_ids(conn: Conn, ref: str) -> list[str]:
    """Accounts by id, else by e-mail, else by a directory user linked to them; none when nobody fits."""
    linked = select(_LINK.c.user_id).distinct()
    for statement in (
        select(_USERS.c.id).where(_USERS.c.id == ref),
        select(_USERS.c.id).where(_USERS.c.email_key == fold(ref)),
        *(
            linked.where(_LINK.c.directory_user_id.in_(sa.union(*called([ref]))))
            for called in (_with_id, _with_name)
        ),
    ):
        found = list(conn.scalars(statement.limit(5)))
        if found:
            return sorted(found)
    return []


def account(conn: Conn, user_id: str) -> Row:
    """The account's row."""
    return dict(conn.execute(select(_USERS).where(_USERS.c.id == user_id)).mappings().one())


def linked(conn: Conn, user_id: str) -> list[Row]:
    """What directories say of this account's person, with the link; tombstones included."""
    return _rows(conn, _SEEN.where(_LINK.c.user_id == user_id))


def unlinked(conn: Conn, refs: Collection[str]) -> list[Row]:
    """Live directory users without an account who carry one of these ids or names."""
    called = _PERSON.c.id.in_(sa.union(*_with_id(refs), *_with_name(refs)))
    return _rows(conn, _SEEN.where(_LINK.c.user_id.is_(None), _PERSON.c.deleted_at.is_(None), called))


def memberships(conn: Conn, directory_ids: Iterable[str]) -> list[Row]:
    """The live groups of these directory users: group, tag, connection, and since when by which run.

    ``through`` names the group within this one that holds the person, None for a direct member;
    ``nested_at`` and ``nested_run_id`` tell when that group came into this one, where it is in it directly;
    ``missed_at`` tells since which read the membership is not shown.
    """
    lower, nest = _GROUP.alias("lower"), _MEMBER.alias("nest")
    shown = (
        *(_GROUP.c[name] for name in ("id", "name", "tag")),
        _CONNECTION.c.name.label("connection"),
        *(_MEMBER.c[name] for name in ("value", "run_id", "added_at", "missed_at")),
    )
    mine = and_(_MEMBER.c.kind == "user", _GROUP.c.deleted_at.is_(None), among(_MEMBER.c.value, "keys"))
    none = sa.literal(None, sa.Text)
    direct = (
        select(*shown, none.label("through"), none.label("nested_at"), none.label("nested_run_id"))
        .select_from(_MEMBER.join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id))
        .join(_CONNECTION, _CONNECTION.c.id == _GROUP.c.connection_id)
        .where(mine)
    )
    nested = (
        select(
            *shown,
            lower.c.name.label("through"),
            nest.c.added_at.label("nested_at"),
            nest.c.run_id.label("nested_run_id"),
        )
        .select_from(_MEMBER.join(lower, lower.c.id == _MEMBER.c.group_id))
        .join(ABOVE, and_(ABOVE.c.below == lower.c.id, ABOVE.c.above != lower.c.id))
        .join(_GROUP, _GROUP.c.id == ABOVE.c.above)
        .join(_CONNECTION, _CONNECTION.c.id == _GROUP.c.connection_id)
        .outerjoin(nest, and_(nest.c.group_id == _GROUP.c.id, nest.c.value == lower.c.id))
        .where(mine)
    )
    keys = {"keys": list(directory_ids)}
    return _rows(conn, direct.order_by("added_at", "id"), keys) + _rows(
        conn, nested.order_by("added_at", "id"), keys
    )


def hand_tags(conn: Conn, user_id: str) -> list[Row]:
    """Tags set by hand: tag, set_by, set_at."""
    tag = schema.user_tag
    return _rows(conn, select(tag).where(tag.c.user_id == user_id).order_by(tag.c.tag))


def questions(conn: Conn, keys: Iterable[str]) -> list[Row]:
    """What was or is asked of a person about these keys, oldest first."""
    statement = select(_ATTENTION).where(among(_ATTENTION.c.key, "keys")).order_by(_ATTENTION.c.id)
    return _rows(conn, statement, {"keys": list(keys)})


def waiting(conn: Conn, item_ids: Iterable[str]) -> list[Row]:
    """Items with these ids that wait for approval or a seat, with their plan's run and connection."""
    return _items(_rows(conn, _WAITING_BY_ID, {"keys": list(item_ids)}))


def waiting_for(conn: Conn, label: str) -> list[Row]:
    """Items that wait and are about somebody of this name, in any case."""
    named = folding.fold(_ITEM.c.label) == folding.folded(label.strip())
    return _items(_rows(conn, _WAITING.where(_ITEM.c.plan_id.in_(_CURRENT_PLANS), named)))


def named_members(conn: Conn, ref: str) -> list[Row]:
    """Groups that name this id as a member whom no directory has named as a person yet."""
    statement = (
        select(_GROUP.c.name, _CONNECTION.c.name.label("connection"), _MEMBER.c.run_id, _MEMBER.c.added_at)
        .join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id)
        .join(_CONNECTION, _CONNECTION.c.id == _GROUP.c.connection_id)
        .where(
            # Spelled out, as the partial index has it.
            _MEMBER.c.kind == sa.literal_column("'pending'"),
            _MEMBER.c.value == ref,
            _GROUP.c.deleted_at.is_(None),
        )
        .order_by(_MEMBER.c.added_at)
    )
    return _rows(conn, statement)


def near(conn: Conn, ref: str) -> str:
    """A sentence that names whom the caller may have meant; empty when nobody is near."""
    begins = (fold(ref) or "")[:2]
    known: list[str] = []
    for shown, key, live in (
        (_USERS.c.email, _USERS.c.email_key, sa.true()),
        (_PERSON.c.email, _PERSON.c.email_key, _PERSON.c.deleted_at.is_(None)),
        (_PERSON.c.user_name, _PERSON.c.user_name_key, _PERSON.c.deleted_at.is_(None)),
    ):
        wanted = and_(shown.is_not(None), live, folding.prefix_range(key, begins))
        known += conn.scalars(select(shown).where(wanted).limit(_NEAR_LIMIT))
    return nearest(ref, known)


def _rows(conn: Conn, statement: sa.Select[Any], bound: Row | None = None) -> list[Row]:
    return [dict(row) for row in conn.execute(statement, bound or {}).mappings()]


def _items(rows: list[Row]) -> list[Row]:
    return [row | {"change": from_json(row["change"])} for row in rows]
