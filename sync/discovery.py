"""What a report before a first run says: kinds of people, groups, seats; as JSON and as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from sync.model.change import Action
from sync.model.run import StoredPlan

SAMPLE: Final = 20
"""People shown of one kind; the rest is counted."""

SHOWN: Final = 5
"""Of these, how many the text shows."""

WORDS: Final = {
    "linked": "are linked already",
    "link": "will be linked to an account that exists",
    "create": "will get a new account",
    "confirm_adoption": "have an account that needs a person's word first",
    "disputed": "are disputed: more than one answer fits",
    "no_email": "have no usable e-mail",
    "not_provisioned": "get no account: pending or suspended at the directory",
    "other": "need attention for another reason",
    "unowned": "accounts here that nobody in the directory has; they stay as they are",
}
"""The kinds of people in the report, in its order, with what is said of each."""


@dataclass(slots=True)
class Kind:
    """One kind of people: how many, and the first few. ``count`` is None where nobody can tell."""

    count: int | None = 0
    sample: list[dict[str, str | None]] = field(default_factory=list)

    def add(self, label: str, external_id: str | None, why: str) -> None:
        self.count = (self.count or 0) + 1
        if len(self.sample) < SAMPLE:
            self.sample.append({"label": label, "external_id": external_id, "why": why})


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatEffect:
    """Seats in use now, those the plan would take and free, and who would wait. No limit is None."""

    used: int
    taken: int
    freed: int
    waiting: int
    limit: int | None

    @property
    def after(self) -> int:
        return self.used + self.taken - self.freed - self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What the directory and the application would be to each other. ``kinds`` is keyed as WORDS."""

    connection: str
    run_id: str
    plan: StoredPlan
    kinds: dict[str, Kind]
    groups: Kind
    known_groups: int
    seats: SeatEffect

    def as_json(self) -> dict[str, Any]:
        """By kind ``{"count", "sample": [{"label", "external_id", "why"}]}``, besides groups and seats."""
        effect = self.seats
        return {
            "connection": self.connection,
            "run_id": self.run_id,
            "plan_id": self.plan.id,
            "complete": self.plan.complete,
            "verdict": self.plan.verdict.value,
            "reasons": list(self.plan.reasons),
            "people": {name: _as_json(kind) for name, kind in self.kinds.items()},
            "groups": _as_json(self.groups) | {"known": self.known_groups},
            "memberships": {
                "add": self.plan.counts.get(Action.MEMBER_ADD, 0),
                "remove": self.plan.counts.get(Action.MEMBER_REMOVE, 0),
            },
            "seats": {
                "limit": effect.limit,
                "used": effect.used,
                "taken": effect.taken,
                "freed": effect.freed,
                "waiting": effect.waiting,
                "after": effect.after,
            },
        }

    def as_text(self) -> str:
        """The report as a page of text."""
        read = "complete" if self.plan.complete else "incomplete"
        lines = [f"What {self.connection} would do here ({read} read, plan {self.plan.id})"]
        lines += [f"  ! {reason}" for reason in self.plan.reasons]
        lines.append("")
        for name, words in WORDS.items():
            lines += _kind_lines(self.kinds[name], words)
        lines += _kind_lines(self.groups, f"groups will be new, {self.known_groups:,} are known")
        added = self.plan.counts.get(Action.MEMBER_ADD, 0)
        removed = self.plan.counts.get(Action.MEMBER_REMOVE, 0)
        lines.append(f"{added:>9,}  memberships will be added, {removed:,} removed")
        lines += ["", _seat_line(self.seats)]
        return "\n".join(lines)


def _as_json(kind: Kind) -> dict[str, Any]:
    return {"count": kind.count, "sample": kind.sample}


def _kind_lines(kind: Kind, words: str) -> list[str]:
    if kind.count is None:
        return [f"{'?':>9}  {words}: an incomplete read cannot tell"]
    lines = [f"{kind.count:>9,}  {words}"]
    lines += [f"{'':>11}  {entry['label']}: {entry['why']}" for entry in kind.sample[:SHOWN]]
    if kind.count > SHOWN:
        lines.append(f"{'':>11}  … and {kind.count - SHOWN:,} more")
    return lines


def _seat_line(effect: SeatEffect) -> str:
    limit = "no limit" if effect.limit is None else f"a limit of {effect.limit:,}"
    waiting = f", {effect.waiting:,} would wait" if effect.waiting else ""
    return (
        f"Seats: {effect.used:,} in use now, {effect.taken:,} taken and {effect.freed:,} freed, "
        f"{effect.after:,} then ({limit}){waiting}."
    )
