"""The list of users: narrowed, a page at a time, and counted no further than somebody reads.

A page is read in the order of ids, so a condition that most users meet is asked of one user after
the other until the page is full. One that few meet is asked the other way round: the few are
collected first. The tally says which of the two a connection or a tag is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import ColumnElement, and_, func, literal, or_, select
from sqlalchemy import Connection as Conn

from sync.store import headcount, schema, standing
from sync.store import waiting as waiting_for_seat
from sync.store.fold import contains, folded, position, quick_fold
from sync.store.keys import Keys, aside, is_among
from sync.store.live_links import LIVE_LINKS, MANAGED
from sync.store.nesting import ABOVE
from sync.store.people import with_sources

_USERS = schema.users
_PERSON = schema.directory_user
_GROUP = schema.directory_group
_MEMBER = schema.member
_LINK = schema.link
_CONNECTION = schema.connection

_SHOWN: Final = ("id", "email", "first_name", "last_name", "picture_url", "active")
FEW: Final = 10_000
"""So many users are collected before they are narrowed further; of more, one after the other is asked."""

Condition = ColumnElement[bool]


def users(
    conn: Conn,
    *,
    search: str | None = None,
    active: bool | None = None,
    managed: bool | None = None,
    tag: str | None = None,
    connection_id: str | None = None,
    protected: bool | None = None,
    waiting: bool | None = None,
    limit: int = 100,
    after: str | None = None,
    count_max: int | None = None,
    few: int = FEW,
) -> tuple[list[dict[str, Any]], int]:
    """Users in the order they were made, and how many match in all; ``after`` is the last id seen.

    With ``count_max`` a number above it only says that there are more. Keys: id, email, first_name,
    last_name, picture_url, active, managed, tags, connections.
    """
    wanted = [*_of_account(search, active, protected), *_of_questions(waiting)]
    if managed is not None:
        wanted.append(MANAGED if managed else ~MANAGED)
    if tag is not None:
        wanted.append(_tagged(conn, tag, few))
    if connection_id is not None:
        wanted.append(_of_connection(conn, connection_id, few))
    whole = (
        _whole(conn, active, managed) if len(wanted) == (active is not None) + (managed is not None) else None
    )
    if whole == 0:
        return [], 0
    if whole is None and count_max is not None:
        ids, whole = _counted(conn, wanted, after, limit, count_max)
    else:
        ids = _ids(conn, wanted, after, limit)
    return _shown(conn, ids[:limit]), _count(conn, wanted) if whole is None else whole


def _whole(conn: Conn, active: bool | None, managed: bool | None) -> int | None:
    """How many there are of a list that is narrowed by no more than one of the two."""
    match active, managed:
        case None, None:
            return headcount.total(conn)
        case None, bool():
            linked = headcount.managed(conn)
            return linked if managed else headcount.total(conn) - linked
        case bool(), None:
            suspended = headcount.suspended(conn)
            return headcount.total(conn) - suspended if active else suspended
    return None


def _counted(
    conn: Conn, wanted: list[Condition], after: str | None, limit: int, count_max: int
) -> tuple[list[str], int]:
    """The ids of a page, and the number of all up to one above ``count_max``, found in one walk."""
    before = 0 if after is None else _count(conn, [*wanted, _USERS.c.id <= after], at_most=count_max + 1)
    ids = _ids(conn, wanted, after, max(limit, count_max + 1 - before))
    return ids, min(before + len(ids), count_max + 1)


def _ids(conn: Conn, wanted: list[Condition], after: str | None, limit: int) -> list[str]:
    query = select(_USERS.c.id).where(*wanted).order_by(_USERS.c.id).limit(limit)
    return list(conn.scalars(query if after is None else query.where(_USERS.c.id > after)))


def _count(conn: Conn, wanted: list[Condition], *, at_most: int | None = None) -> int:
    query = select(func.count()).select_from(_USERS).where(*wanted)
    if at_most is not None:
        query = select(func.count()).select_from(select(_USERS.c.id).where(*wanted).limit(at_most).subquery())
    return int(conn.scalar(query) or 0)


def _shown(conn: Conn, ids: list[str]) -> list[dict[str, Any]]:
    query = select(*(_USERS.c[name] for name in _SHOWN)).where(_among(_USERS.c.id, ids))
    return with_sources(conn, [row._asdict() for row in conn.execute(query.order_by(_USERS.c.id))])


def _of_account(search: str | None, active: bool | None, protected: bool | None) -> list[Condition]:
    """What the account's own row tells."""
    wanted: list[Condition] = []
    if search:
        by_email = position(_USERS.c.email_key, folded(search)) > 0
        wanted.append(or_(by_email, *_named(search)))
    if active is not None:
        wanted.append(_USERS.c.active.is_(active))
    if protected is not None:
        wanted.append(_USERS.c.protected.is_(protected))
    return wanted


def _named(search: str) -> list[Condition]:
    """Whether it stands in a full name: without a space in it, in the first or in the last one."""
    names = (_USERS.c.first_name, _USERS.c.last_name)
    if " " not in search:
        return [contains(each, search) for each in names]
    full_name = func.coalesce(names[0], "") + literal(" ") + func.coalesce(names[1], "")
    return [contains(full_name, search, made_of=names)]


def _of_questions(waiting: bool | None) -> list[Condition]:
    """Whether a question is open about the e-mail, or it waits for a seat."""
    if waiting is None:
        return []
    question = schema.attention
    asked = select(question.c.label).where(question.c.state == "open")
    labels = sa.union(asked, waiting_for_seat.labels()).subquery()
    waits = _USERS.c.email_key.in_(select(quick_fold(labels.c.label)))
    return [waits if waiting else ~waits]


def _of_connection(conn: Conn, connection_id: str, few: int) -> Condition:
    if standing.tallies(conn).get((connection_id, "User"), 0) <= few:
        return _USERS.c.id.in_(_linked_by([connection_id]))
    return _is_linked_by([connection_id])


def _tagged(conn: Conn, tag: str, few: int) -> Condition:
    """Whether a user has this tag: set by hand, by a connection that manages her, or through a group."""
    managing = list(conn.scalars(select(_CONNECTION.c.id).where(_CONNECTION.c.managed_tag == tag)))
    groups = _giving(conn, tag)
    tallies = standing.tallies(conn)
    size = sum(tallies.get((each, "User"), 0) for each in managing) + _size(conn, groups, few)
    by_hand = select(schema.user_tag.c.user_id).where(schema.user_tag.c.tag == tag)
    if size <= few:
        return _USERS.c.id.in_(sa.union(by_hand, _linked_by(managing), _members_of(groups)))
    # Only the sources there are: PostgreSQL stops at the end of a page for one condition, not for any of two.
    given: list[Condition] = [_USERS.c.id.in_(by_hand)] if conn.scalar(by_hand.limit(1)) else []
    given += [_is_linked_by(managing)] if managing else []
    given += [_is_member_of(groups)] if groups else []
    return or_(sa.false(), *given)


def _giving(conn: Conn, tag: str) -> list[str]:
    """The groups that give the tag, and those within them."""
    groups = select(_GROUP.c.id).where(_GROUP.c.tag == tag, _GROUP.c.deleted_at.is_(None))
    below = select(ABOVE.c.below).where(ABOVE.c.above.in_(groups))
    return list(conn.scalars(sa.union(groups, below)))


def _size(conn: Conn, groups: list[str], few: int) -> int:
    """How many members the groups have, up to one more than few."""
    members = select(_MEMBER.c.value).where(_among(_MEMBER.c.group_id, groups)).limit(few + 1)
    return int(conn.scalar(select(func.count()).select_from(members.subquery())) or 0)


def _linked_by(connection_ids: list[str]) -> sa.Select[Any]:
    """The users whom these connections manage."""
    mine = _among(_PERSON.c.connection_id, connection_ids)
    return select(_LINK.c.user_id).select_from(LIVE_LINKS).where(mine)


def _is_linked_by(connection_ids: list[str]) -> Condition:
    mine = _among(aside(_PERSON.c.connection_id), connection_ids)
    linked = sa.exists(sa.literal_column("1")).select_from(LIVE_LINKS)
    return linked.where(_LINK.c.user_id == _USERS.c.id, mine).correlate(_USERS)


_IS_MEMBER: Final = and_(_MEMBER.c.value == _LINK.c.directory_user_id, _MEMBER.c.kind == "user")


def _members_of(groups: list[str]) -> sa.Select[Any]:
    return select(_LINK.c.user_id).join(_MEMBER, _IS_MEMBER).where(_among(_MEMBER.c.group_id, groups))


def _is_member_of(groups: list[str]) -> Condition:
    inside = sa.exists(sa.literal_column("1")).select_from(_LINK.join(_MEMBER, _IS_MEMBER))
    mine = _among(aside(_MEMBER.c.group_id), groups)
    return inside.where(_LINK.c.user_id == _USERS.c.id, mine).correlate(_USERS)


def _among(column: ColumnElement[Any], keys: Iterable[str]) -> Condition:
    return is_among(column, sa.literal(list(keys), Keys()))
