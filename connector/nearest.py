"""Names what somebody may have meant: for settings, options and verbs alike."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name closest to ``word`` in any case; None when nothing is near.

    The dashes that all options begin with make no two of them alike.
    """
    by_fold = {_said(name): name for name in known}
    close = get_close_matches(_said(word), by_fold, n=1, cutoff=0.5)
    return by_fold[close[0]] if close else None


def _said(name: str) -> str:
    return name.casefold().lstrip("-")


def hint(word: str, known: Iterable[str]) -> str:
    """``; did you mean X?``, or the known names when none is near and they are few, or nothing."""
    names = sorted(known)
    close = nearest(word, names)
    if close is not None:
        return f"; did you mean {close}?"
    return f"; known are: {', '.join(names)}" if 0 < len(names) <= 40 else ""
