"""The members of groups as one read tells them, held against the stored ones; what differs is staged.

One group's members are in memory at a time, and the single memberships that a delta speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from sync.fence import Fence
from sync.member_edits import GroupEdit, MemberEdits
from sync.misses import Misses
from sync.model.resources import member_digest
from sync.model.source import MemberChange, Members, MembersUnread
from sync.store import resources, rolls, runs
from sync.store.rolls import Held
from sync.store.staging import Staged, StagedRow
from sync.store.text import to_json

MEMBERS_PER_ROW = 2000
"""External ids in one staged piece of a group's member change."""


_Stored = tuple[str | None, bytes | None]
"""What is stored of a group: its row's id, and the digest of its members where that is known."""

_NEW: _Stored = (None, None)


@dataclass(slots=True)
class _OpenGroup:
    users: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    shown_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Roll:
    """A group's members as one read found them: their digest, how many, and how many there were."""

    group_id: str
    digest: bytes | None = None
    whole: int = 0
    had: int = 0

    def pieces(self, kind: Staged, ids: Sequence[str]) -> Iterable[StagedRow]:
        """The ids in pieces of bounded size; one empty piece when there are none."""
        for part, start in enumerate(range(0, max(len(ids), 1), MEMBERS_PER_ROW)):
            record = {
                "group": self.group_id,
                "ids": ids[start : start + MEMBERS_PER_ROW],
                "part": part,
                "whole": self.whole,
                "had": self.had,
            }
            yield kind, f"{self.group_id}\x1f{part:06}", None, to_json(record), self.digest


class RollCall:
    """Who is in the groups, by one read. ``stage`` takes the rows that differ.

    ``has_access`` tells whether the read shows a member as an active person.
    """

    def __init__(
        self,
        fence: Fence,
        connection_id: str,
        *,
        stage: Callable[[Iterable[StagedRow]], None],
        has_access: Callable[[Held], bool],
    ) -> None:
        self._fence = fence
        self._connection_id = connection_id
        self._stage = stage
        self._has_access = has_access
        self._stored: dict[str, _Stored] = {}
        self._open: dict[str, _OpenGroup] = {}
        self._edits = MemberEdits()
        self._unread: list[str] = []

    @cached_property
    def misses(self) -> Misses:
        """The memberships that this read missed and that do not end yet."""
        run_id = self._fence.lease.run_id
        return Misses(this=self._fence.look(partial(runs.details, run_id=run_id))["started_at"])

    def notes(self, *, is_over: bool) -> Sequence[str]:
        """What a person should know; of a read that came to its end (``is_over``) also who did not."""
        waiting = self.misses.sentence
        said = [*self._unread, *([waiting] if waiting is not None else [])]
        if is_over:
            said += [f"the members of group {id_} did not end; they stay as they are" for id_ in self._open]
        return said

    def expect(self, group_ids: Iterable[str], stored: Mapping[str, _Stored]) -> None:
        """Members of these groups will come; ``stored`` is what is known of those that are there."""
        self._stored |= dict.fromkeys(group_ids, _NEW) | dict(stored)

    def end(self, external_id: str) -> None:
        """Somebody does not exist any more: every membership ends, told or not."""
        self._edits.end(external_id)

    def go_on(self, external_ids: Iterable[str]) -> None:
        """These people are there after all."""
        self._edits.go_on(external_ids)

    def forget(self, group_id: str) -> None:
        """The group is gone, and its members need no comparing."""
        self._edits.forget(group_id)
        self._open.pop(group_id, None)

    def take(self, members: Members | MembersUnread | MemberChange) -> None:
        """What a page says of a group's members; a whole list is compared with its last piece."""
        if isinstance(members, MembersUnread):
            self._open.pop(members.group_id, None)
            self._unread.append(f"the members of group {members.group_id} could not be read: {members.why}")
        elif isinstance(members, MemberChange):
            self._edits.take(members)
        else:
            group = self._open.setdefault(members.group_id, _OpenGroup())
            group.users.update(members.user_ids)
            group.groups.update(members.group_ids)
            group.shown_late |= members.shown_late
            if members.last:
                del self._open[members.group_id]
                self._compare_members(members.group_id, group)

    def _compare_members(self, group_id: str, group: _OpenGroup) -> None:
        digest = member_digest(group.users, group.groups)
        known = self._stored.pop(group_id) if group_id in self._stored else self._looked_up(group_id)
        row_id, had = known
        if had == digest:
            return
        now = group.users | group.groups
        self._edits.forget(group_id)
        if group.shown_late and row_id is not None:
            self._compare_late_members(group_id, row_id, now, digest)
            return
        before: set[str] = set()
        if row_id is not None:
            before = self._fence.look(partial(resources.member_external_ids, group_id=row_id))
        roll = _Roll(group_id=group_id, digest=digest, whole=len(now), had=len(before))
        self._stage_members(roll, sorted(now - before), sorted(before - now))

    def _compare_late_members(self, group_id: str, row_id: str, now: set[str], digest: bytes) -> None:
        held = {each.member: each for each in self._fence.look(partial(rolls.members, group_id=row_id))}
        missed = [each for name, each in held.items() if name not in now]
        leaving, waiting = self.misses.sort_out(missed, self._has_access)
        met = [each for name, each in held.items() if name in now and each.missed_at is not None]
        self._stage_misses(group_id, row_id, waiting, met)
        roll = _Roll(group_id=group_id, digest=None if waiting else digest, whole=len(now), had=len(held))
        added, removed = sorted(now - held.keys()), sorted(each.member for each in leaving)
        if added or removed or not waiting:
            self._stage_members(roll, added, removed)

    def settle(self) -> None:
        """Stage what a delta's words on single members come to."""
        named = self._edits.named
        if not named:
            return
        find = partial(rolls.held_by, connection_id=self._connection_id, external_ids=named)
        edits = list(self._edits.against(self._fence.look(lambda conn: list(find(conn)))))
        touched = [edit.group for edit in edits if edit.added or edit.removed]
        count = partial(rolls.sizes, connection_id=self._connection_id, external_ids=touched)
        sizes = self._fence.look(count)
        for edit in edits:
            self._stage_edit(edit, sizes.get(edit.group, 0))

    def _stage_edit(self, edit: GroupEdit, had: int) -> None:
        leaving: Sequence[Held] = edit.removed
        if edit.is_late:
            shown = [held for held in edit.removed if held.member not in edit.ended]
            gone = [held for held in edit.removed if held.member in edit.ended]
            late, waiting = self.misses.sort_out(shown, self._has_access)
            leaving = [*gone, *late]
            group_id = next((held.group_id for held in (*waiting, *edit.met_again)), "")
            self._stage_misses(edit.group, group_id, waiting, edit.met_again)
        whole = had + len(edit.added) - len(leaving)
        if edit.added or leaving:
            roll = _Roll(group_id=edit.group, whole=whole, had=had)
            self._stage_members(roll, sorted(edit.added), sorted(held.member for held in leaving))

    def _stage_misses(self, group_id: str, row_id: str, missed: Sequence[Held], met: Sequence[Held]) -> None:
        """Stage the notes on who was missed and who was met again, by our ids."""
        for part, start in enumerate(range(0, max(len(missed), len(met)), MEMBERS_PER_ROW)):
            piece = slice(start, start + MEMBERS_PER_ROW)
            record = {
                "group": row_id,
                "missed": [held.value for held in missed[piece]],
                "met": [held.value for held in met[piece]],
            }
            key = f"{group_id}\x1f{part:06}"
            self._stage([(Staged.MEMBERS_MISSED, key, None, to_json(record), None)])

    def _looked_up(self, group_id: str) -> _Stored:
        """The row of a group of which this read gave no record, and its members' digest."""
        rolls = self._fence.look(lambda conn: resources.member_rolls(conn, self._connection_id, [group_id]))
        return rolls.get(group_id, _NEW)

    def _stage_members(self, roll: _Roll, added: Sequence[str], removed: Sequence[str]) -> None:
        """A group whose digest is unknown but whose members agree is staged too: to learn the digest."""
        if removed:
            self._stage(roll.pieces(Staged.MEMBERS_REMOVE, removed))
        if added or not removed:
            self._stage(roll.pieces(Staged.MEMBERS_ADD, added))
