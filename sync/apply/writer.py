"""The front of the writer: a batch of changes in the transaction of the caller.

A change that was decided on a row which has moved since is not written; the caller hears of it
and the next run decides anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from sync.apply.context import Applied, Context
from sync.apply.groups import write_groups
from sync.apply.held import NOTHING, Held
from sync.apply.members import write_members
from sync.apply.people import email_turn, external_id_turn, write_people
from sync.model.change import Action, Change
from sync.model.resources import fold
from sync.store import memberships, writes
from sync.store.database import Conn
from sync.store.schema import directory_group, directory_user


def apply(conn: Conn, changes: Sequence[Change], context: Context, held: Held = NOTHING) -> Applied:
    """Write a batch in the transaction of ``conn``, in the order given.

    Raises LostRace when a row that was ``held`` has moved since; the transaction is to be given up then.
    """
    applied = Applied()
    for kind, batch in groupby(changes, key=_kind):
        if kind == "user":
            write_people(conn, list(batch), context, applied, held)
        else:
            write = write_groups if kind == "group" else write_members
            write(conn, list(batch), context, applied)
    return applied


def take_turns(conn: Conn, keys: Sequence[str]) -> None:
    """Make writers that want one of these keys wait for each other until commit."""
    writes.lock_keys(conn, keys)


def turns_of(connection_id: str, *, external_id: str | None, email: str | None) -> list[str]:
    """The keys that the writer itself takes its turn for, for a new person with these."""
    turns = [email_turn(key)] if (key := fold(email)) else []
    return [*turns, external_id_turn(connection_id, external_id)] if external_id else turns


def lock_group(conn: Conn, group_id: str) -> None:
    """Let nobody else change this group's members until commit."""
    memberships.lock_group(conn, group_id)


def _kind(change: Change) -> str:
    if change.action in (Action.MEMBER_ADD, Action.MEMBER_REMOVE):
        return "member"
    return change.subject.kind


def note_absence(conn: Conn, kind: str, since: Mapping[str, str], at: str) -> None:
    """Note by id since when complete reads miss these people ("user") or groups ("group")."""
    writes.note_absence(conn, directory_user if kind == "user" else directory_group, since, at)


def note_missed_members(
    conn: Conn, group_id: str, missed: Sequence[str], met: Sequence[str], at: str
) -> None:
    """Note which members of a group the read that began at ``at`` missed, and which it met again."""
    memberships.note_missed(conn, group_id, missed, met, at)
