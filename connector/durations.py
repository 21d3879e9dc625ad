"""Spans of time as people write them: ``90s``, ``15m``, ``24h``, ``7d``."""

from __future__ import annotations

import re
from datetime import timedelta

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_span(text: str) -> timedelta | None:
    """The span, also of several parts (``1h30m``); None when the text is not one."""
    compact = "".join(text.split())
    if not compact or _SPAN.sub("", compact):
        return None
    return sum(
        (timedelta(**{_UNITS[unit.lower()]: float(number)}) for number, unit in _SPAN.findall(compact)),
        timedelta(),
    )


def span(text: str) -> timedelta:
    """The span; raises ValueError with a sentence."""
    parsed = parse_span(text)
    if parsed is None or not parsed:
        raise ValueError(f"{text!r} is not a span of time; write 30s, 15m, 24h or 7d")
    return parsed


def text_of(seconds: float) -> str:
    """A span as people read it, by its two largest units."""
    total, parts = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if total >= size:
            parts.append(f"{total // size} {unit}")
            total %= size
    return " ".join(parts[:2]) or f"{seconds:.1f} s"
