"""Words of the page: times as people say them, counts with their noun, states with their tone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    "applied": "good",
    "good": "good",
    "info": "info",
    "suspended": "bad",
    "waiting": "warn",
    "pending": "info",
    "well": "good",
    "delivered": "good",
    "dead": "bad",
    "failing": "bad",
    "disabled": "muted",
    "protected": "info",
    "over": "muted",
    "live": "good",
    "open": "info",
    "preview": "info",
    "refused": "bad",
    "rejected": "muted",
    "active": "good",
    "held": "warn",
    "partial": "warn",
    "paused": "muted",
    "quarantined": "bad",
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

TO_DO: Final = {
    "create": ("person to create", "people to create"),
    "adopt": ("account to adopt", "accounts to adopt"),
    "update": ("profile to update", "profiles to update"),
    "suspend": ("person to suspend", "people to suspend"),
    "reactivate": ("person to reactivate", "people to reactivate"),
    "release": ("account to release", "accounts to release"),
    "group_create": ("group to create", "groups to create"),
    "group_rename": ("group to rename", "groups to rename"),
    "group_delete": ("group to delete", "groups to delete"),
    "member_add": ("membership to add", "memberships to add"),
    "member_remove": ("membership to remove", "memberships to remove"),
}

KINDS: Final = {
    "okta": "Okta",
    "azure": "Microsoft Entra ID",
    "onelogin": "OneLogin",
    "jumpcloud": "JumpCloud",
    "scim": "SCIM 2.0",
}

QUESTIONS: Final = {
    "disputed": "Whose account is this?",
    "confirm_adoption": "Adopt this account?",
    "no_email": "No e-mail",
    "waiting_for_seat": "Waits for a seat",
}
"""What each kind of question asks."""

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


def is_ahead(text: str, now: datetime) -> bool:
    """Whether a time is still to come."""
    return datetime.fromisoformat(text) > now


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


def to_do(action: str) -> str:
    """What is still to be done: ``Suspend``, ``Remove members``."""
    first, _, second = action.partition("_")
    turned = f"{second} {first}s" if first == "member" else f"{second} {first}" if second else first
    return turned.capitalize()


def weight(action: str) -> str:
    """Whether an action takes away, gives, or changes: the class of its mark."""
    if action in TAKEN_AWAY:
        return "minus"
    return "plus" if action in GIVEN else "change"


def waiting(action: str, count: int) -> str:
    """What a count of an action that waits counts: ``people to suspend``."""
    one, many = TO_DO.get(action, (action, action))
    return one if count == 1 else many


def kind(type: str) -> str:
    return KINDS.get(type, type)


def mode(text: str) -> str:
    return {"both": "pull and push", "pull": "pull", "push": "push"}.get(text, text)


def took(seconds: float | None) -> str:
    """``0.4 s``, ``3 min 20 s``; a dash while it is going on."""
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def counts(found: Mapping[str, int]) -> str:
    return people_words(found) or "no changes"


def planned(found: Mapping[str, int]) -> str:
    """Counts of what is still to be done: ``3 people to create, 1 person to suspend``."""
    told = [f"{found[action]:,} {waiting(action, found[action])}" for action in TO_DO if found.get(action)]
    return ", ".join(told) or "nothing to do"


def outcome(run: Mapping[str, Any]) -> str:
    """What a run did, or would do where it only looked or waits for a word."""
    waits = run["dry_run"] or run["state"] == "held"
    return planned(run["counts"]) if waits else counts(run["counts"])


def question(kind: str) -> str:
    """What a kind of question asks a person."""
    return QUESTIONS.get(kind, kind.replace("_", " ").capitalize())


def share(used: int, limit: int) -> float:
    """Hundredths of the limit that are used, at most 100."""
    return min(100.0, round(100 * used / limit, 1)) if limit else 100.0


def fullness(used: int, limit: int) -> str:
    part = share(used, limit)
    return "bad" if part >= 100 else "warn" if part >= 90 else "good"


def pairs(words: Iterable[str]) -> list[tuple[str, str]]:
    """Words as the options of a choice: each stands for itself."""
    return [(word, word) for word in words]


def shown(value: Any) -> str:
    """A value of a field as people read it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return str(value)


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "ago": ago,
    "counts": counts,
    "fullness": fullness,
    "is_ahead": is_ahead,
    "kind": kind,
    "mode": mode,
    "moment": moment,
    "outcome": outcome,
    "pairs": pairs,
    "planned": planned,
    "plural": plural,
    "question": question,
    "share": share,
    "shown": shown,
    "to_do": to_do,
    "took": took,
    "tone": tone,
    "verb": verb,
    "waiting": waiting,
    "weight": weight,
}
