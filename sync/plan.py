"""The plan of a run: its order, its counts and the checksum that an approval is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import itemgetter
from typing import Any

from sync.model.change import ORDER, Action, Change, zero_counts
from sync.tag_losses import Cuts

_MODULUS = 1 << 256
_NAME = itemgetter(0)


@dataclass(slots=True)
class Tally:
    """What a growing plan adds up to; the changes themselves are stored, not kept.

    The checksum is a sum of one digest per change, so that it does not depend on the order in
    which changes were found. Subject ids are left out of it for what does not exist yet: the
    same plan made again gives the same checksum.
    """

    counts: dict[str, int] = field(default_factory=zero_counts)
    items: int = 0
    largest_removals: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """Per group that loses members: its name, how many it loses, how many it has."""
    cuts: Cuts = field(default_factory=Cuts)
    """What it ends, to count the tags that are really lost."""
    _sum: int = 0

    def place(self, change: Change) -> int:
        """The next place in the plan for a change of this action, which is not counted by it."""
        self.items += 1
        return (ORDER[change.action] << 40) + self.items - 1

    def add(self, change: Change) -> int:
        """Count a change in; returns its place in the plan."""
        place = self.place(change)
        if change.action is not Action.RECORD:
            self.counts[change.action] += change.count
            self._sum = (self._sum + int.from_bytes(digest_of(change), "big")) % _MODULUS
        if change.action is Action.GROUP_DELETE:
            self.cuts.groups.add(change.subject.id)
        elif change.action is Action.GROUP_RENAME and change.after.get("tag") is None:
            self.cuts.untagged.add(change.subject.id)
        if change.action is Action.MEMBER_REMOVE:
            self.cuts.end_members(change.subject.id, change.members)
            name, lost, size = self.largest_removals.get(change.subject.id, (change.subject.label, 0, 0))
            self.largest_removals[change.subject.id] = (
                name,
                lost + change.count,
                int(change.before.get("members", size)),
            )
        return place

    def checksum(self, connection_id: str) -> str:
        """32 hex digits that name exactly this set of changes for this connection."""
        return blake2b(f"{connection_id}\x1f{self._sum:064x}".encode(), digest_size=16).hexdigest()

    @property
    def empty(self) -> bool:
        """True when a person would say that nothing changes."""
        return not any(self.counts.values())


def digest_of(change: Change) -> bytes:
    """32 bytes that stand for what a change does to whom, wherever and whenever it is planned."""
    said = (_settled(change.before), _settled(change.after), change.members)
    subject = change.subject.external_id or change.subject.id
    text = f"{change.action.value}\x1f{change.subject.kind}\x1f{subject}\x1f{change.part}\x1f{said!r}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()


def _settled(fields: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The fields in an order of their own, so that equal ones are equal text."""
    return [
        (name, _settled(value) if isinstance(value, dict) else value)
        for name, value in sorted(fields.items(), key=_NAME)
    ]


def people_words(counts: Mapping[str, int]) -> str:
    """Counts as a person says them: "3 created, 1 suspended"; "nothing to do" when all are 0."""
    words = {
        "create": "created",
        "adopt": "adopted",
        "update": "updated",
        "reactivate": "reactivated",
        "suspend": "suspended",
        "release": "released",
        "group_create": "groups created",
        "group_rename": "groups renamed",
        "group_delete": "groups deleted",
        "member_add": "memberships added",
        "member_remove": "memberships removed",
    }
    parts = [_counted(counts[action], word) for action, word in words.items() if counts.get(action)]
    return ", ".join(parts) or "nothing to do"


def counted(count: int, one: str, many: str) -> str:
    """Say "1 person waits", "2 people wait"."""
    return f"{count:,} {one if count == 1 else many}"


def _counted(count: int, words: str) -> str:
    """Say "1 group renamed", "2 groups renamed", "3 created"."""
    if count == 1:
        words = words.replace("groups ", "group ").replace("memberships ", "membership ")
    return f"{count:,} {words}"
