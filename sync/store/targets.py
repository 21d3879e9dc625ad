"""Whom a queued run reads by id: joined when several ask, so that no request is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.resources import fold
from sync.model.run import RunMode, Target
from sync.store.schema import directory_user, link, run, users
from sync.store.text import from_json, to_json

_READS_THE_NAMED = (RunMode.TARGETED.value, RunMode.DELTA.value)


def to_column(target: Target) -> str | None:
    """A target as stored; nobody is nothing."""
    return to_json({"users": sorted(target.users), "groups": sorted(target.groups)}) if target else None


def from_column(text: str | None) -> Target:
    """The target a stored text stands for."""
    row = from_json(text) if text else {}
    return Target(users=frozenset(row.get("users", ())), groups=frozenset(row.get("groups", ())))


def join(conn: Conn, run_id: str, target: Target, *, trigger: str, by: str) -> bool:
    """Let a queued run take these in as well; False when it is not queued any more.

    A full read covers them. A run that reads nobody, or changes nothing, has a run about them follow it.
    """
    queued = sa.select(run.c.mode, run.c.dry_run, run.c.target, run.c.afterwards)
    row = conn.execute(queued.where(run.c.id == run_id, run.c.state == "queued").with_for_update()).first()
    if row is None:
        return False
    if row.dry_run or row.mode not in (*_READS_THE_NAMED, RunMode.FULL.value):
        known = from_json(row.afterwards) if row.afterwards else {}
        both = from_column(row.afterwards) | target
        values = {
            "afterwards": to_json({"trigger": trigger, "by": by} | known | from_json(to_column(both) or "{}"))
        }
    else:
        values = {"target": to_column(from_column(row.target) | target) or ""}
    conn.execute(sa.update(run).where(run.c.id == run_id).values(values))
    return True


def add(conn: Conn, run_id: str, target: Target) -> bool:
    """Let a queued dry run about named people and groups take these in; False when there is none such."""
    queued = sa.select(run.c.target).where(
        run.c.id == run_id, run.c.state == "queued", run.c.dry_run, run.c.mode == RunMode.TARGETED.value
    )
    row = conn.execute(queued.with_for_update()).first()
    if row is None:
        return False
    both = to_column(from_column(row.target) | target)
    conn.execute(sa.update(run).where(run.c.id == run_id).values(target=both))
    return True


def widen(conn: Conn, run_id: str, mode: RunMode) -> bool:
    """Make a queued run read as much as this mode does, if it reads less; False when it does not."""
    narrower = [RunMode.TARGETED.value] + ([RunMode.DELTA.value] if mode is RunMode.FULL else [])
    queued = (run.c.id == run_id) & (run.c.state == "queued") & run.c.mode.in_(narrower)
    return conn.execute(sa.update(run).where(queued).values(mode=mode.value)).rowcount > 0


def taken_afterwards(conn: Conn, run_id: str) -> tuple[str, Target, dict[str, Any]] | None:
    """What is to follow a run that ends: (connection's id, whom to read, who asked and why), once."""
    row = conn.execute(
        sa.select(run.c.connection_id, run.c.afterwards).where(
            run.c.id == run_id, run.c.afterwards.is_not(None)
        )
    ).first()
    if row is None:
        return None
    conn.execute(sa.update(run).where(run.c.id == run_id).values(afterwards=None))
    asked = from_json(row.afterwards)
    return row.connection_id, from_column(row.afterwards), {"trigger": asked["trigger"], "by": asked["by"]}


def external_ids(conn: Conn, connection_id: str, refs: Sequence[str]) -> list[str]:
    """External ids of the people whom these name: an id of ours or an e-mail stands for its person's.

    What names nobody here is taken for an external id: the directory knows.
    """
    found: list[str] = []
    for ref in refs:
        query = (
            sa.select(directory_user.c.external_id)
            .outerjoin(link, link.c.directory_user_id == directory_user.c.id)
            .outerjoin(users, users.c.id == link.c.user_id)
            .where(
                directory_user.c.connection_id == connection_id,
                directory_user.c.deleted_at.is_(None),
                directory_user.c.external_id.is_not(None),
                sa.or_(
                    directory_user.c.external_id == ref,
                    directory_user.c.id == ref,
                    users.c.id == ref,
                    users.c.email_key == fold(ref),
                ),
            )
        )
        found += list(conn.scalars(query)) or [ref]
    return found
