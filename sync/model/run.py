"""A run: one attempt to pull, from the request to its end, and the plan it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class RunMode(StrEnum):
    """What a run does: read all, what changed or who is named, apply what was approved, take a run back."""

    FULL = "full"
    DELTA = "delta"
    TARGETED = "targeted"
    APPROVAL = "approval"
    REVERT = "revert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who and what a run reads by id: external ids of people and of groups."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.users or self.groups)

    def __or__(self, other: Target) -> Target:
        return Target(users=self.users | other.users, groups=self.groups | other.groups)


NOBODY: Final = Target()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a full read was when its pages were last staged, for whoever goes on with it after a kill.

    ``text`` is the source's own word for it, ``at`` when it was true. ``began_at`` is when the read
    began, ``terms`` names the settings that it went by.
    """

    text: str
    at: datetime
    began_at: datetime
    terms: str


class RunState(StrEnum):
    """queued → running → one of the ends. A run that is killed stays running until its lease ends."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    HELD = "held"
    FAILED = "failed"
    PARTIAL = "partial"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (RunState.QUEUED, RunState.RUNNING)


class Phase(StrEnum):
    """Where a running run is; one that was killed goes on from APPLYING, and from its place while READING."""

    READING = "reading"
    PLANNING = "planning"
    APPLYING = "applying"


class Verdict(StrEnum):
    """What a plan may do: everything, only its harmless part, or (partial) nothing that removes."""

    PROCEED = "proceed"
    HELD = "held"
    INCONSISTENT = "inconsistent"
    PARTIAL = "partial"


class PlanState(StrEnum):
    """OPEN: being applied or waiting for a person; the others are ends."""

    PREVIEW = "preview"
    OPEN = "open"
    HELD = "held"
    APPLIED = "applied"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"


class ItemState(StrEnum):
    """PENDING may still be applied; HELD waits for approval, WAITING for a seat; STALE was overtaken."""

    PENDING = "pending"
    HELD = "held"
    WAITING = "waiting"
    APPLIED = "applied"
    EXCLUDED = "excluded"
    STALE = "stale"
    REFUSED = "refused"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One replica's time-limited right to a run. Every write of the run names ``fence``."""

    run_id: str
    connection_id: str
    owner: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as stored; ``counts`` is keyed by action, ``throttled_s`` is in seconds.

    ``target`` is whom it reads by id (beside what changed, when it is a delta), and ``trace`` what it
    found of each of them. How far it is: ``pages`` read and known ``people`` met, then ``applied`` of
    ``to_apply`` items written.
    """

    id: str
    connection_id: str
    connection: str
    trigger: str
    mode: RunMode
    state: RunState
    phase: Phase | None = None
    dry_run: bool = False
    approved_beforehand: bool = False
    target: Target = NOBODY
    trace: Sequence[Mapping[str, Any]] = ()
    complete: bool | None = None
    reasons: Sequence[str] = ()
    plan_id: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    pages: int = 0
    requests: int = 0
    throttled_s: float = 0.0
    people: int = 0
    to_apply: int = 0
    applied: int = 0
    error: str | None = None
    error_kind: str | None = None
    requested_at: datetime | None = None
    requested_by: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def duration_s(self) -> float | None:
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """One line of a stored plan."""

    seq: int
    id: str
    action: str
    subject: str
    reason: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    state: ItemState
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan without its items (they are read in pages)."""

    id: str
    run_id: str
    connection_id: str
    connection: str
    mode: RunMode
    complete: bool
    verdict: Verdict
    reasons: Sequence[str]
    hash: str
    counts: Mapping[str, int]
    state: PlanState
    created_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    comment: str | None = None
