"""Names what somebody may have meant: for settings, options and verbs alike."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name closest to ``word`` in any case; None when nothing is near."""
    by_fold = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.5)
    return by_fold[close[0]] if close else None


def hint(word: str, known: Iterable[str]) -> str:
    """``; did you mean X?``, or the known names when none is near and they are few, or nothing."""
    names = sorted(known)
    close = nearest(word, names)
    if close is not None:
        return f"; did you mean {close}?"
    return f"; known are: {', '.join(names)}" if 0 < len(names) <= 40 else ""
