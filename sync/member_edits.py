"""The single memberships that a delta speaks of, merged over its round and held against the stored ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from sync.model.source import MemberChange
from sync.store.rolls import Held


class GroupEdit(NamedTuple):
    """What one group's members come to: who is new, who is not in it any more, and who was missed before.

    Of ``removed`` those in ``ended`` are gone altogether. ``is_late`` says that the rest may only be
    shown late.
    """

    group: str
    added: list[str]
    removed: list[Held]
    met_again: list[Held]
    is_late: bool
    ended: frozenset[str]


class MemberEdits:
    """What a read says of single members. The last word on a membership counts."""

    def __init__(self) -> None:
        self._changes: dict[str, list[MemberChange]] = {}
        self._ended: set[str] = set()

    def take(self, change: MemberChange) -> None:
        self._changes.setdefault(change.group_id, []).append(change)

    def end(self, external_id: str) -> None:
        """Somebody does not exist any more: every membership of theirs ends, told or not."""
        self._ended.add(external_id)

    def go_on(self, external_ids: Iterable[str]) -> None:
        """These people are there after all."""
        self._ended.difference_update(external_ids)

    def forget(self, group_id: str) -> None:
        """This group's members are told as a whole, which says more than any change."""
        self._changes.pop(group_id, None)

    @property
    def named(self) -> set[str]:
        """Everybody whose memberships they are about."""
        changes = chain.from_iterable(self._changes.values())
        return self._ended.union(*(each for change in changes for each in (change.added, change.removed)))

    def against(self, stored: Iterable[Held]) -> Iterator[GroupEdit]:
        """What differs from the stored memberships of ``named``, group by group."""
        by_group: dict[str, dict[str, Held]] = {}
        for held in stored:
            by_group.setdefault(held.group, {})[held.member] = held
        for group in dict.fromkeys((*self._changes, *by_group)):
            yield self._edit(group, by_group.get(group, {}))

    def _edit(self, group: str, held: dict[str, Held]) -> GroupEdit:
        changes = self._changes.get(group, ())
        is_in: dict[str, bool] = {}
        for change in changes:
            is_in.update(dict.fromkeys(change.added, True))
            is_in.update(dict.fromkeys(change.removed, False))
        is_in.update(dict.fromkeys(self._ended, False))
        return GroupEdit(
            group=group,
            added=[name for name, there in is_in.items() if there and name not in held],
            removed=[held[name] for name, there in is_in.items() if not there and name in held],
            met_again=[held[name] for name, there in is_in.items() if there and _was_missed(held.get(name))],
            is_late=any(change.shown_late for change in changes),
            ended=frozenset(self._ended),
        )


def _was_missed(held: Held | None) -> bool:
    return held is not None and held.missed_at is not None
