"""A connection: an admin's named link to one directory, and the policy its changes follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

NEEDS_A_PERSON: Final = frozenset({"denied", "misconfigured"})
"""Failures that no later try will cure by itself."""

QUARANTINED_AFTER: Final = 5
"""Failures in a row, of whatever kind."""


class Adopt(StrEnum):
    """What to do with an unmanaged user who matches a new directory user."""

    AUTO = "auto"
    CONFIRM = "confirm"
    NEVER = "never"


class ActiveRule(StrEnum):
    """Who says whether a person of several directories is active: any of them, or the highest-ranked."""

    ANY = "any"
    HIGHEST = "highest"


class Mode(StrEnum):
    """Which way a connection's directory reaches us."""

    PUSH = "push"
    PULL = "pull"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Holds when more than max(``floor``, ``share`` of the whole) would change.

    ``share`` is a fraction (0.1 is 10 %).
    """

    floor: int
    share: float

    def allows(self, changed: int, whole: int) -> bool:
        return changed <= max(self.floor, self.share * whole)

    def text(self, whole: int, of: str) -> str:
        """The limit as people read it, for a directory with ``whole`` of these (users, groups, …)."""
        most = int(max(self.floor, self.share * whole))
        if not self.share:
            return f"{most:,}"
        least = f", at least {self.floor:,}" if self.floor else ""
        return f"{most:,}: {self.share * 100:g} % of {whole:,} {of}{least}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguards:
    """The limits of one connection; the defaults are the product's."""

    suspensions: Limit = Limit(floor=5, share=0.10)
    group_deletions: Limit = Limit(floor=2, share=0.20)
    member_removals: Limit = Limit(floor=10, share=0.50)
    member_removals_from: int = 20
    tag_removals: Limit = Limit(floor=50, share=0.20)
    creations: Limit = Limit(floor=50, share=0.50)
    updates: Limit = Limit(floor=50, share=0.50)
    user_count_fall: float = 0.50
    empty_source: bool = True
    first_run: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeRule:
    """Where one field of a user comes from. ``rule`` is read by ``sync.mapping``.

    ``on_create`` fields are given when the account is created or adopted and are its own later.
    ``default`` stands in where the rule finds nothing.
    """

    field: str
    rule: str
    on_create: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the engine needs to know of a connection's settings to decide.

    ``salt`` names the version of mapping, scope and policy: fingerprints made under another one
    do not count as equal. A lower ``rank`` outranks a higher one. ``external_id_is_the_idps`` says
    that SCIM ``externalId`` is the id a pull reads: then a pull can miss whom a push named.
    ``tag_template`` holds ``{name}``; None leaves groups untagged. ``groups_include`` and
    ``groups_exclude`` are patterns (sync.group_rules), ``mapping`` says where fields come from.
    ``grace`` is how long complete reads have to miss somebody before that counts.
    """

    adopt: Adopt = Adopt.AUTO
    verified_domains: tuple[str, ...] = ()
    tag_template: str | None = "Group:{name}"
    tag_managed: str = "scim"
    rank: int = 100
    active_rule: ActiveRule = ActiveRule.ANY
    seat_limit: int | None = None
    seats_count_unmanaged: bool = False
    push_brake: bool = False
    external_id_is_the_idps: bool = False
    safeguards: Safeguards = field(default_factory=Safeguards)
    apply_harmless_when_held: bool = True
    protected: frozenset[str] = frozenset()
    second_look_limit: int = 1000
    grace: timedelta | None = None
    email_from: tuple[str, ...] = ("email", "user_name")
    groups_include: tuple[str, ...] = ()
    groups_exclude: tuple[str, ...] = ()
    mapping: tuple[AttributeRule, ...] = ()
    salt: str = ""

    def tag_of(self, group_name: str) -> str | None:
        if self.tag_template is None:
            return None
        return self.tag_template.replace("{name}", group_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a connection's runs fail: so many in a row, since when, and when it is tried again."""

    failures: int
    since: datetime
    kind: str
    why: str
    retry_at: datetime

    @property
    def quarantined(self) -> bool:
        """Whether only a person, or much time, will help: refused credentials, or failure after failure."""
        return self.kind in NEEDS_A_PERSON or self.failures >= QUARANTINED_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection as stored. ``settings`` hold no secret in clear; ``sealed`` holds the sealed ones."""

    id: str
    name: str
    type: str
    mode: Mode = Mode.BOTH
    enabled: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)
    from_file: bool = False
    managed_tag: str = "scim"
    cursor: str | None = None
    tenant: str | None = None
    first_run_approved: bool = False
    last_complete_at: datetime | None = None
    next_full_at: datetime | None = None
    next_delta_at: datetime | None = None
    trouble: Trouble | None = None
    created_at: datetime | None = None

    @property
    def next_run_at(self) -> datetime | None:
        """When it is pulled next: by schedule, or, while it fails, when it is tried again."""
        by_schedule = (self.next_full_at, self.next_delta_at if self.cursor is not None else None)
        planned = min(filter(None, by_schedule), default=None)
        if not self.enabled or self.mode is Mode.PUSH or planned is None:
            return None
        return planned if self.trouble is None else self.trouble.retry_at

    @property
    def state(self) -> str:
        if not self.enabled:
            return "paused"
        return "quarantined" if self.trouble is not None and self.trouble.quarantined else "active"
