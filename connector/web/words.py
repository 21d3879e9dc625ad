"""Words of the page: times as people say them, counts with their noun, states with their tone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sync.plan import people_words

_STEPS: Final = (
    (60, 1, "second"),
    (3600, 60, "minute"),
    (86_400, 3600, "hour"),
    (86_400 * 60, 86_400, "day"),
)

TONES: Final = {
    "succeeded": "good",
    "active": "good",
    "held": "warn",
    "partial": "warn",
    "paused": "muted",
    "queued": "muted",
    "cancelled": "muted",
    "running": "info",
    "failed": "bad",
}

VERBS: Final = {
    "create": "Created",
    "adopt": "Adopted",
    "update": "Updated",
    "suspend": "Suspended",
    "reactivate": "Reactivated",
    "release": "Released",
    "group_create": "Group created",
    "group_rename": "Group renamed",
    "group_delete": "Group deleted",
    "member_add": "Members added",
    "member_remove": "Members removed",
}

TAKEN_AWAY: Final = frozenset({"suspend", "release", "group_delete", "member_remove"})
GIVEN: Final = frozenset({"create", "adopt", "reactivate", "group_create", "member_add"})


def ago(text: str, now: datetime) -> str:
    """``3 minutes ago``, ``in 2 hours``, ``just now``; text is ISO 8601."""
    seconds = (now - datetime.fromisoformat(text)).total_seconds()
    span = abs(seconds)
    if span < 2:
        return "just now"
    for limit, unit, noun in _STEPS:
        if span < limit:
            told = plural(int(span // unit), noun)
            return f"{told} ago" if seconds > 0 else f"in {told}"
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%-d %B %Y")


def moment(text: str) -> str:
    """``24 November 2026, 01:50:10 UTC``."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%-d %B %Y, %H:%M:%S UTC")


def plural(number: int, noun: str, many: str | None = None) -> str:
    """``1 person``, ``1,200 people``."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def tone(state: str) -> str:
    return TONES.get(state, "muted")


def verb(action: str) -> str:
    return VERBS.get(action, action.replace("_", " ").capitalize())


def weight(action: str) -> str:
    """Whether an action takes away, gives, or changes: the class of its mark."""
    if action in TAKEN_AWAY:
        return "minus"
    return "plus" if action in GIVEN else "change"


def counts(found: Mapping[str, int]) -> str:
    return people_words(found) or "no changes"


def share(used: int, limit: int) -> float:
    """Hundredths of the limit that are used, at most 100."""
    return min(100.0, round(100 * used / limit, 1)) if limit else 100.0


def fullness(used: int, limit: int) -> str:
    part = share(used, limit)
    return "bad" if part >= 100 else "warn" if part >= 90 else "good"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "ago": ago,
    "counts": counts,
    "fullness": fullness,
    "moment": moment,
    "plural": plural,
    "share": share,
    "tone": tone,
    "verb": verb,
    "weight": weight,
}
