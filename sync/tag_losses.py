"""How many tags a plan would really take: a tag that comes by another way as well is not lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

EDGES_MAX = 50_000
"""Ended memberships that are looked at one by one; beyond that each is taken for a lost tag."""


@dataclass(slots=True)
class Cuts:
    """What a plan ends: memberships as (group, member) by the names the plan has for them, groups, and tags.

    ``uncounted`` are the memberships beyond what is looked at one by one.
    """

    members: set[tuple[str, str]] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    untagged: set[str] = field(default_factory=set)
    uncounted: int = 0

    def end_members(self, group_id: str, members: Iterable[str]) -> None:
        for member in members:
            if len(self.members) < EDGES_MAX:
                self.members.add((group_id, member))
            else:
                self.uncounted += 1

    def __bool__(self) -> bool:
        return bool(self.members or self.groups or self.untagged or self.uncounted)


class Reach:
    """Which tags membership of a group gives, through every group above it: before a plan, and after."""

    def __init__(self, tags: Mapping[str, str], above: Mapping[str, AbstractSet[str]], cuts: Cuts) -> None:
        """``above`` names the groups that hold a group directly; ``cuts`` name members by our ids."""
        self._cuts = cuts
        self.before = {group: _tags(group, tags, above) for group in {*tags, *above}}
        kept = {group: tag for group, tag in tags.items() if group not in cuts.groups | cuts.untagged}
        still = {
            group: {each for each in holders if each not in cuts.groups and (each, group) not in cuts.members}
            for group, holders in above.items()
            if group not in cuts.groups
        }
        self.after = {
            group: frozenset() if group in cuts.groups else _tags(group, kept, still) for group in self.before
        }

    @property
    def poorer(self) -> list[str]:
        """Groups that give less than before, whoever is in them."""
        return [group for group, tags in self.before.items() if tags - self.after[group]]

    def lost(self, person: str, groups: Iterable[str]) -> AbstractSet[str]:
        """The tags that a person loses who is directly in these groups."""
        had: set[str] = set()
        has: set[str] = set()
        for group in groups:
            had |= self.before.get(group, frozenset())
            if (group, person) not in self._cuts.members:
                has |= self.after.get(group, frozenset())
        return had - has


def _tags(group: str, tags: Mapping[str, str], above: Mapping[str, AbstractSet[str]]) -> frozenset[str]:
    """Tags of a group and of every group above it; a cycle ends by itself."""
    seen, to_see = {group}, [group]
    while to_see:
        for each in above.get(to_see.pop(), ()):
            if each not in seen:
                seen.add(each)
                to_see.append(each)
    return frozenset(tags[each] for each in seen if each in tags)
