"""Times as the tables keep them: ISO 8601 text in UTC, always 27 characters; text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def to_text(at: datetime) -> str: ...
@overload
def to_text(at: None) -> None: ...
def to_text(at: datetime | None) -> str | None:
    """``2026-11-24T10:20:30.123456Z``; None stays None. Raises ValueError on a time without a zone."""
    if at is None:
        return None
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError("a time needs its zone: use datetime.now(UTC)")
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:26] + "Z"


@overload
def from_text(text: str) -> datetime: ...
@overload
def from_text(text: None) -> None: ...
def from_text(text: str | None) -> datetime | None:
    """The aware UTC time that ``to_text`` wrote."""
    return None if text is None else datetime.fromisoformat(text)


def instant_text(text: str) -> str | None:
    """Any ISO 8601 date-time (or bare date) in our form; without a zone it is UTC; None when it is none."""
    try:
        at = datetime.fromisoformat(text)
        return to_text(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
