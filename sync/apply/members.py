"""Members: who comes into a group and who leaves it, as rows and never as lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.apply.context import Applied, Context
from sync.apply.ledger import tell
from sync.model.change import Action, Change
from sync.store import writes
from sync.store.database import Conn

Row = Mapping[str, Any]


def write_members(conn: Conn, changes: Sequence[Change], context: Context, applied: Applied) -> None:
    """Write a batch of member changes."""
    told, kept = [], []
    for change in changes:
        group_id = change.subject.id
        writes.lock_group(conn, group_id)
        moved, ended = _move_members(conn, change, context)
        if moved:
            writes.touch_group(conn, group_id, context.at)
            told.append(change)
            kept.append({"members": ended} if ended and context.run_id else None)
        (applied.done if moved else applied.unchanged).append(change)
        if context.origin == "pull":
            writes.settle_digest(conn, group_id, change.fingerprint, change.whole)
    tell(conn, told, {}, context, kept)


def _move_members(conn: Conn, change: Change, context: Context) -> tuple[int, list[writes.Membership]]:
    """How many memberships began or ended, and the ended ones."""
    group_id, connection_id = change.subject.id, context.connection.id
    if change.action is Action.MEMBER_REMOVE:
        ended = writes.remove_members(conn, group_id, connection_id, change.members)
        return len(ended), ended
    if change.restore is not None:
        return put_members_back(conn, group_id, change.restore, context), []
    moved = writes.add_members(
        conn, group_id, connection_id, change.members, run_id=context.run_id, at=context.at
    )
    writes.set_displays(conn, group_id, change.displays)
    return moved, []


def put_members_back(conn: Conn, group_id: str, restore: Row, context: Context) -> int:
    """Former memberships of a group, and those it had itself; returns how many it has again."""
    rows = [(group_id, *row) for row in restore.get("members", ())]
    inside = [(other, group_id, *row) for other, *row in restore.get("inside", ())]
    writes.put_members(conn, inside, run_id=context.run_id)
    for other, *_ in inside:
        writes.touch_group(conn, other, context.at)
    return writes.put_members(conn, rows, run_id=context.run_id)
