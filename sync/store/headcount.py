"""How many users there are, how many are active and managed, and so how many seats they use.

Nobody is looked at one by one but the exceptions: users, and users with a link, are counted by an
index each; the suspended, and those whose links have all ended, are few and have an index too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy import func, select

from sync.store import schema, standing
from sync.store.live_links import ENDED, is_tombstone

_USERS = schema.users
_PERSON = schema.directory_user
_LINK = schema.link

_SUSPENDED: Final = select(_USERS.c.id).where(_USERS.c.active.is_(False))


_GONE: Final = select(_PERSON.c.id).where(_PERSON.c.deleted_at.is_not(None))
_ENDED_LINKS: Final = select(_LINK.c.user_id).where(_LINK.c.directory_user_id.in_(_GONE))
_IS_LIVE: Final = sa.not_(is_tombstone(_LINK.c.directory_user_id))
_IS_SUSPENDED: Final = _LINK.c.user_id.in_(_SUSPENDED)
_ACTIVE_LINKED: Final = (
    select(_PERSON.c.connection_id, func.count())
    .select_from(_PERSON.join(_LINK, _LINK.c.directory_user_id == _PERSON.c.id))
    .where(_PERSON.c.deleted_at.is_(None), ~_IS_SUSPENDED)
    .group_by(_PERSON.c.connection_id)
)
_ACTIVE_OF: Final = (
    select(func.count(_LINK.c.user_id.distinct()))
    .select_from(_PERSON.join(_LINK, _LINK.c.directory_user_id == _PERSON.c.id))
    .where(
        _PERSON.c.connection_id == sa.bindparam("connection_id"),
        _PERSON.c.deleted_at.is_(None),
        ~_IS_SUSPENDED,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headcount:
    """Counts of users."""

    total: int
    active: int
    managed: int
    active_managed: int

    def seats(self, *, count_unmanaged: bool) -> int:
        """Seats in use: active managed users and, with ``count_unmanaged``, the other active ones."""
        return self.active if count_unmanaged else self.active_managed


def headcount(conn: Conn) -> Headcount:
    """Everybody, counted now."""
    everybody, linked = total(conn), managed(conn)
    return Headcount(
        total=everybody,
        active=everybody - suspended(conn),
        managed=linked,
        active_managed=linked - _suspended_managed(conn),
    )


def seats_used(conn: Conn, *, count_unmanaged: bool = False) -> int:
    """Seats in use, counting nothing else."""
    if count_unmanaged:
        return total(conn) - suspended(conn)
    return managed(conn) - _suspended_managed(conn)


def seats_by_connection(conn: Conn, active_managed: int) -> dict[str, int]:
    """Active people of each connection by its id; who is linked by two counts twice.

    The people of all but the largest are walked through; what is left of all links is the largest's.
    """
    people = {of: live for (of, kind), live in standing.tallies(conn).items() if kind == "User" and live}
    if len(people) < 2:
        # Whoever is managed is so by this one.
        return dict.fromkeys(people, active_managed)
    largest = max(people, key=lambda of: (people[of], of))
    others = _ACTIVE_LINKED.where(_PERSON.c.connection_id.in_(people.keys() - {largest}))
    found: dict[str, int] = dict.fromkeys(people, 0) | dict(map(tuple, conn.execute(others)))
    return found | {largest: _active_links(conn) - sum(found.values())}


def active_of(conn: Conn, connection_id: str) -> int:
    """Active users with a live link to the connection: the whole that safeguards measure against."""
    people = {of for (of, kind), live in standing.tallies(conn).items() if kind == "User" and live}
    if people <= {connection_id}:
        # Whoever is managed is so by this one.
        return seats_used(conn)
    return int(conn.scalar(_ACTIVE_OF, {"connection_id": connection_id}) or 0)


def total(conn: Conn) -> int:
    """All users."""
    return int(conn.scalar(select(func.count()).select_from(_USERS)) or 0)


def suspended(conn: Conn) -> int:
    """Users without access."""
    return _rows(conn, _SUSPENDED)


def managed(conn: Conn) -> int:
    """Users whom a directory manages."""
    links, linked = _rows(conn, select(_LINK.c.user_id)), _rows(conn, select(_LINK.c.user_id).distinct())
    # Where nobody has two links, whoever has an ended one has no other.
    return linked - _rows(conn, _ENDED_LINKS if links == linked else ENDED)


def _suspended_managed(conn: Conn) -> int:
    linked = select(func.count(_LINK.c.user_id.distinct())).where(_IS_SUSPENDED)
    return int(conn.scalar(linked.where(_IS_LIVE)) or 0)


def _active_links(conn: Conn) -> int:
    """Live links of active users."""
    everybody, suspended_ = select(_LINK.c.user_id), select(_LINK.c.user_id).where(_IS_SUSPENDED, _IS_LIVE)
    return _rows(conn, everybody) - _rows(conn, _ENDED_LINKS) - _rows(conn, suspended_)


def _rows(conn: Conn, statement: sa.Select[Any]) -> int:
    return int(conn.scalar(select(func.count()).select_from(statement.subquery())) or 0)
