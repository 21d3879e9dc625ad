"""Rows of a directory's lists: usable ones, those set aside, and the tolerant second way for odd rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from providers.failures import Garbled
from sync.model.errors import Incomplete
from sync.model.resources import GroupRecord
from sync.model.source import SetAside

R = TypeVar("R")


class Rows(NamedTuple, Generic[R]):
    """One page of a list: usable rows, rows set aside, first and last id (to notice a page served twice).

    ``begins_anew`` marks the first page of a walk that had to start over, ``following`` is where the
    list goes on behind this page. ``raw`` holds the wanted attributes of each row, in the same order,
    when any are wanted.
    """

    rows: Sequence[R]
    set_aside: Sequence[SetAside] = ()
    span: tuple[str, str] | None = None
    begins_anew: bool = False
    following: str | None = None
    raw: Sequence[Mapping[str, Any]] = ()


class GroupRow(NamedTuple):
    """A group as listed; ``stated_members`` is the directory's own count, None when not given."""

    id: str
    name: str
    type: str
    stated_members: int | None

    def record(self) -> GroupRecord:
        return GroupRecord(self.id, self.name, self.id)


def tolerant_json(body: bytes) -> object:
    """Any JSON value, lone surrogates included; raises Garbled for anything else."""
    if not body.strip():
        raise Garbled("it has no content")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Garbled("it is not JSON") from error


def rows_one_by_one(body: object, kind: str, read: Callable[[object], R | SetAside]) -> Rows[R]:
    """The slow way: every row by itself, odd ones set aside; a body that is no list is a fault."""
    if not isinstance(body, list):
        raise Incomplete(
            f"The directory answered with {named(body)} where a list of {kind}s was due; "
            "nothing was concluded from it."
        )
    read_rows = [read(row) for row in body]
    rows = [row for row in read_rows if not isinstance(row, SetAside)]
    span = (id_of(body[0]) or "", id_of(body[-1]) or "") if body else None
    return Rows(rows, [row for row in read_rows if isinstance(row, SetAside)], span)


def id_of(row: object) -> str | None:
    """The row's ``id`` as text; None when it has none."""
    return text_of(row.get("id")) or None if isinstance(row, dict) else None


def inside(row: object, *keys: str) -> object:
    """What stands under these keys, one in the other; None when there is no such thing."""
    for key in keys:
        row = row.get(key) if isinstance(row, dict) else None
    return row


def text_of(value: object) -> str | None:
    """Text as it is, a number as its digits, anything else as nothing; half a surrogate pair is replaced."""
    if isinstance(value, str):
        return (
            value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def picture_of(value: object) -> str | None:
    """A picture's address: https, or none."""
    return value if isinstance(value, str) and value.startswith("https://") else None


def named(body: object) -> str:
    """What a JSON value is, in a sentence."""
    return {dict: "an object", str: "a text", type(None): "null"}.get(type(body), "something else")
