"""Members whom a directory that shows memberships late did not show: they stay until a next read misses them.

A miss is noted on the membership, and the group's digest is forgotten with it, so that every read
compares that group until nobody in it waits. Whoever is shown again is as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sync.apply import writer
from sync.fence import Fence
from sync.plan import counted
from sync.store import staging
from sync.store.rolls import Held
from sync.store.staging import Staged
from sync.store.text import from_json

NAMED = 5
"""Memberships that the sentence of a run names."""


@dataclass(slots=True)
class Misses:
    """The waiting memberships of one read. ``this`` is when it began, by the database's clock."""

    this: str
    count: int = 0
    _examples: list[str] = field(default_factory=list)

    def sort_out(
        self, missed: Iterable[Held], has_access: Callable[[Held], bool]
    ) -> tuple[Sequence[Held], Sequence[Held]]:
        """Of those this read missed: who leaves now, and who waits for the next read.

        Whoever has no access, by the same read, has none to lose by leaving at once.
        """
        leaving: list[Held] = []
        waiting: list[Held] = []
        for held in missed:
            is_first = held.missed_at is None or held.missed_at == self.this
            (waiting if is_first and has_access(held) else leaving).append(held)
        self.count += len(waiting)
        for held in waiting[: NAMED - len(self._examples)]:
            self._examples.append(f"{held.label or held.member} in {held.group_name}")
        return leaving, waiting

    @property
    def sentence(self) -> str | None:
        """Who waits and why; None when nobody does."""
        if not self.count:
            return None
        more = f" and {self.count - len(self._examples):,} more" if self.count > len(self._examples) else ""
        return (
            f"{counted(self.count, 'membership is', 'memberships are')} not shown any more "
            f"({', '.join(self._examples)}{more}). This directory may show memberships late, so they stay "
            "until the next read of the group misses them too."
        )


def note(fence: Fence, this: str) -> None:
    """Write down who was missed by the read that began at ``this``, and who was met again."""
    after = ""
    while True:
        with fence.read() as conn:
            rows = staging.page(conn, fence.lease.run_id, Staged.MEMBERS_MISSED, after)
        if not rows:
            return
        with fence.write() as conn:
            for _, text, _ in rows:
                said = from_json(text)
                writer.note_missed_members(conn, said["group"], said["missed"], said["met"], this)
        after = rows[-1][0]
