"""Which groups of a directory count: include and exclude patterns, decided from id and name alone.

A pattern is a name or an id as it stands, a prefix that ends in ``*`` (``Eng*``), or a regular
expression between slashes (``/^eng-(dev|ops)$/``), searched anywhere in the name. Names compare
folded (trimmed, NFC, any case), ids exactly. Without an include every group counts; an exclude
beats an include.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sync.model.connection import Policy
from sync.model.errors import Misconfigured
from sync.model.resources import GroupRecord, fold

PATTERN_MAX = 500
"""Characters of one pattern."""

OUT_OF_SCOPE = "out of scope: "
"""How the reason of every group left out by these rules begins."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern as written (``text``), and what it says of a group's id and folded name."""

    text: str
    fits: Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class GroupRules:
    """The patterns of one connection, ready to be asked."""

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()

    def __bool__(self) -> bool:
        """False when every group counts, so that nobody needs to ask."""
        return bool(self.include or self.exclude)

    def why_out(self, record: GroupRecord) -> str | None:
        """Why this group does not count, as a reason for people; None when it does."""
        name = fold(record.name) or ""
        for pattern in self.exclude:
            if pattern.fits(record.external_id, name):
                return f"{OUT_OF_SCOPE}excluded by {pattern.text}"
        if self.include and not any(pattern.fits(record.external_id, name) for pattern in self.include):
            return f"{OUT_OF_SCOPE}not among the included groups"
        return None

    def wanted(self, record: GroupRecord) -> bool:
        """Whether this group counts."""
        return self.why_out(record) is None

    def matched(self, record: GroupRecord) -> Iterable[str]:
        """The include patterns that this group fits, excluded or not."""
        name = fold(record.name) or ""
        return (pattern.text for pattern in self.include if pattern.fits(record.external_id, name))


def rules_of(policy: Policy) -> GroupRules:
    """The policy's rules, compiled once. Raises Misconfigured for a pattern that cannot be read."""
    return _compiled(policy.groups_include, policy.groups_exclude)


def check(patterns: Sequence[str]) -> None:
    """Raise Misconfigured for the first pattern that cannot be read."""
    for text in patterns:
        _pattern(text)


def tag_of(record: GroupRecord, policy: Policy) -> str | None:
    """The tag a group gives under the policy: none when it is out of scope."""
    return policy.tag_of(record.name) if rules_of(policy).wanted(record) else None


@lru_cache(maxsize=64)
def _compiled(include: tuple[str, ...], exclude: tuple[str, ...]) -> GroupRules:
    return GroupRules(tuple(map(_pattern, include)), tuple(map(_pattern, exclude)))


def _pattern(text: str) -> Pattern:
    if not text.strip():
        raise Misconfigured("groups: an empty pattern fits no group; write a name, Prefix* or /regex/.")
    if len(text) > PATTERN_MAX:
        raise Misconfigured(f"groups: the pattern {text[:40]}… is longer than {PATTERN_MAX} characters.")
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        return Pattern(text, _by_expression(text))
    if text.endswith("*"):
        begin = fold(text[:-1].lstrip()) or ""
        return Pattern(text, lambda _id, name: name.startswith(begin))
    whole = fold(text)
    return Pattern(text, lambda id_, name: id_ == text or name == whole)


def _by_expression(text: str) -> Callable[[str, str], bool]:
    try:
        search = re.compile(text[1:-1], re.IGNORECASE).search
    except (re.error, OverflowError, RecursionError) as error:
        raise Misconfigured(f"groups: {text} is no regular expression: {error}.") from error
    return lambda _id, name: search(name) is not None
