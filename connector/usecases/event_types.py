"""Which types of event somebody wants: named one by one, or a whole family as ``user.*``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connector.nearest import hint
from sync import event
from sync.model.errors import Misconfigured

_FAMILIES: Final = {
    f"{family}.*": tuple(each for each in event.ALL_TYPES if each.startswith(f"{family}."))
    for family in dict.fromkeys(each.partition(".")[0] for each in event.ALL_TYPES)
}


def expanded(types: Sequence[str] | None) -> list[str] | None:
    """The types with families spelled out; None stays. Raises Misconfigured for one that no event has."""
    if not types:
        return None
    found: dict[str, None] = {}
    for each in types:
        check(each)
        found |= dict.fromkeys(_FAMILIES.get(each, (each,)))
    return list(found)


def check(type: str) -> None:
    """Raises Misconfigured when no event is ever of this type."""
    known = set(_FAMILIES) if type.endswith("*") else set(event.ALL_TYPES)
    if type not in known:
        raise Misconfigured(f"no event has the type {type}{hint(type, known)}")
