"""What taking a run back needs to read besides its history."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection as Conn
from sqlalchemy import func, select

from sync.store.schema import directory_group, member, run
from sync.store.text import chunks


def joined_by(conn: Conn, group_id: str, run_id: str) -> list[str]:
    """Members of the group whose membership this run made and nobody has ended since."""
    query = select(member.c.value).where(member.c.group_id == group_id, member.c.run_id == run_id)
    return list(conn.scalars(query.order_by(member.c.value)))


def size(conn: Conn, group_id: str) -> int:
    """How many members the group has."""
    return int(conn.scalar(select(func.count()).where(member.c.group_id == group_id)) or 0)


def deleted_groups(conn: Conn, ids: Iterable[str]) -> set[str]:
    """Which of these groups are deleted."""
    found: set[str] = set()
    for part in chunks(ids):
        query = select(directory_group.c.id).where(
            directory_group.c.id.in_(part), directory_group.c.deleted_at.is_not(None)
        )
        found.update(conn.scalars(query))
    return found


def others_of_plan(conn: Conn, plan_id: str, run_id: str) -> list[str]:
    """Other runs that worked on the same plan: its own run and the approvals."""
    query = select(run.c.id).where(run.c.plan_id == plan_id, run.c.id != run_id).order_by(run.c.id)
    return list(conn.scalars(query))
