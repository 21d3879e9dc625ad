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
from sync.store.live_links import ENDED, LIVE_LINKS, is_tombstone

_USERS = schema.users
_PERSON = schema.directory_user
_LINK = schema.link

_SUSPENDED: Final = select(_USERS.c.id).where(_USERS.c.active.is_(False))


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
    """Active users of each connection by its id; who is linked by two counts twice."""
    tallies = standing.tallies(conn)
    with_people = [of for (of, kind), live in tallies.items() if kind == "User" and live]
    if len(with_people) == 1:
        # Whoever is managed is so by this one.
        return {with_people[0]: active_managed}
    linked = (
        select(_PERSON.c.connection_id, func.count(_LINK.c.user_id.distinct()))
        .select_from(LIVE_LINKS)
        .where(_LINK.c.user_id.not_in(_SUSPENDED))
        .group_by(_PERSON.c.connection_id)
    )
    return {connection_id: int(count) for connection_id, count in conn.execute(linked)}


def total(conn: Conn) -> int:
    """All users."""
    return int(conn.scalar(select(func.count()).select_from(_USERS)) or 0)


def suspended(conn: Conn) -> int:
    """Users without access."""
    return _rows(conn, _SUSPENDED)


def managed(conn: Conn) -> int:
    """Users whom a directory manages."""
    linked = conn.scalar(select(func.count(_LINK.c.user_id.distinct())))
    return int(linked or 0) - _rows(conn, ENDED)


def _suspended_managed(conn: Conn) -> int:
    linked = select(func.count(_LINK.c.user_id.distinct())).where(_LINK.c.user_id.in_(_SUSPENDED))
    return int(conn.scalar(linked.where(sa.not_(is_tombstone(_LINK.c.directory_user_id)))) or 0)


def _rows(conn: Conn, statement: sa.Select[Any]) -> int:
    return int(conn.scalar(select(func.count()).select_from(statement.subquery())) or 0)
