"""ETags of answers: what of it counts for a change stands before the dot, a digest of all of it behind."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any


def tag(content: bytes, found: Any) -> str:
    """The ETag of an answer; one with a ``revision`` names it, so that counts may move in between."""
    digest = blake2b(content, digest_size=8).hexdigest()
    named = found.get("revision") if isinstance(found, dict) else None
    return f'"{named}.{digest}"' if named else f'"{digest}"'


def known(if_none_match: str | None, own: str) -> bool:
    """Whether the asker has this very answer."""
    if if_none_match is None:
        return False
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in given or own in given


def revision(if_match: str) -> str:
    """The revision that an If-Match names."""
    return if_match.strip().removeprefix("W/").strip('"').partition(".")[0]
