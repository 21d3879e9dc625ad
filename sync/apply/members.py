"""Members: who comes into a group and who leaves it, as rows and never as lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sync.apply.context import Applied, Context
from sync.apply.ledger import tell, tell_events
from sync.model.change import Action, Change, Subject
from sync.store import identities, memberships
from sync.store.database import Conn

Row = Mapping[str, Any]


def write_members(conn: Conn, changes: Sequence[Change], context: Context, applied: Applied) -> None:
    """Write a batch of member changes.

    Whoever moves one person takes the group only at the end, for its new version, so that pushes to one
    group hardly wait for each other; two that move several would wait for each other's rows for ever.
    A pull moves many people of many groups: it takes all of them at the beginning.
    """
    is_pull = context.origin == "pull"
    if is_pull:
        memberships.lock_groups(conn, [change.subject.id for change in changes])
    told, kept = [], []
    who: list[Sequence[identities.Moved]] = []
    for change in changes:
        if not is_pull and len(change.members) > 1:
            memberships.lock_group(conn, change.subject.id)
        moved, ended = _move_members(conn, change, context)
        if moved:
            told.append(change)
            kept.append({"members": ended} if ended and context.run_id else None)
            who.append(moved)
        (applied.done if moved else applied.unchanged).append(change)
    tell(conn, told, {}, context, kept, members=identified(conn, who))
    if is_pull:
        memberships.touch_groups(conn, [change.subject.id for change in told], context.at)
        for change in changes:
            memberships.settle_digest(conn, change.subject.id, change.fingerprint, change.whole)
        return
    for change in told:
        applied.written[change.subject.id] = memberships.touch_group(conn, change.subject.id, context.at)


def _move_members(
    conn: Conn, change: Change, context: Context
) -> tuple[Sequence[identities.Moved], list[memberships.Membership]]:
    """Who came or left, and the memberships that ended."""
    group_id, connection_id = change.subject.id, context.connection.id
    if change.action is Action.MEMBER_REMOVE:
        ended = memberships.remove_members(conn, group_id, connection_id, change.members)
        return [(row[0], row[1]) for row in ended], ended
    if change.restore is not None:
        back = put_members_back(conn, group_id, change.restore, context)
        return [(move.value, move.kind) for move in back if move.group_id == group_id], []
    add = memberships.add_named_members if context.origin == "push" else memberships.add_members
    moved = add(conn, group_id, connection_id, change.members, run_id=context.run_id, at=context.at)
    memberships.set_displays(conn, group_id, change.displays)
    return moved, []


def put_members_back(conn: Conn, group_id: str, restore: Row, context: Context) -> list[Move]:
    """Former memberships of a group, and those it had itself; returns who is in which group again."""
    there = {row[0] for row in memberships.members_of(conn, group_id)}
    above = {row[0] for row in memberships.memberships_of(conn, group_id)}
    rows = [(group_id, *row) for row in restore.get("members", ()) if row[0] not in there]
    inside = [(other, group_id, *row) for other, *row in restore.get("inside", ()) if other not in above]
    memberships.put_members(conn, [*inside, *rows], run_id=context.run_id)
    for other, *_ in inside:
        memberships.touch_group(conn, other, context.at)
    return [Move(Action.MEMBER_ADD, row[0], row[1], row[2], _BACK) for row in (*inside, *rows)]


class Move(NamedTuple):
    """A membership that began or ended because of another change."""

    action: Action
    group_id: str
    value: str
    kind: str
    reason: str


KNOWN_NOW = "a member whom the directory had named before is known now"
_BACK = "put back by an undo"


def tell_moves(conn: Conn, moves: Sequence[Move], context: Context) -> None:
    """One event per group for memberships that follow from another change; history has that one."""
    if not moves:
        return
    by_group: dict[tuple[Action, str, str], list[identities.Moved]] = {}
    for move in moves:
        by_group.setdefault((move.action, move.group_id, move.reason), []).append((move.value, move.kind))
    names = identities.group_names(conn, [group_id for _, group_id, _ in by_group])
    changes = [
        Change(
            action=action,
            subject=Subject(kind="group", id=id_, label=names[id_][0], external_id=names[id_][1]),
            reason=reason,
            count=len(moved),
        )
        for (action, id_, reason), moved in by_group.items()
    ]
    tell_events(conn, changes, {}, context, identified(conn, list(by_group.values())))


def identified(conn: Conn, moved: Sequence[Sequence[identities.Moved]]) -> list[list[Row]]:
    """Who these are to somebody outside, list by list."""
    known = identities.of(conn, [each for part in moved for each in part])
    return [[known[value] for value, _ in part if value in known] for part in moved]
