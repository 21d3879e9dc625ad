"""Small shared pieces of the statements: JSON columns, nearest names, chunks of keys."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

import orjson

T = TypeVar("T")

CHUNK: Final = 500
"""Keys one statement may name; both databases plan and bind so many quickly."""


def to_json(value: Any) -> str:
    """JSON text with sorted keys, so that equal values are equal text."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def from_json(text: str) -> Any:
    """The value of a JSON column."""
    return orjson.loads(text)


def chunks(keys: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The keys in lists of at most ``size``; duplicates go, order stays."""
    distinct = iter(dict.fromkeys(keys))
    while part := list(islice(distinct, size)):
        yield part


def nearest(word: str, known: Collection[str]) -> str:
    """A sentence that names what the caller may have meant; empty when nothing is near."""
    by_fold = {name.casefold(): name for name in known}
    close = [by_fold[name] for name in difflib.get_close_matches(word.casefold(), by_fold, n=3, cutoff=0.5)]
    return f"; did you mean {' or '.join(close)}?" if close else ""
