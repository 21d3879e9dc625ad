"""A question about stored resources: the filter tree of RFC 7644 §3.4.2.2, sorting and paging.

The tree belongs to nobody: the SCIM server parses text into it, the store compiles it to SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Value = str | int | float | bool | None
"""A literal of the filter language; date-times stay text until they meet a dateTime attribute."""


class Operator(StrEnum):
    """Comparison operators of RFC 7644 Table 3; ``pr`` is its own node."""

    EQ = "eq"
    NE = "ne"
    CO = "co"
    SW = "sw"
    EW = "ew"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """An attribute by its canonical names: ``name``, ``emails.value``, an extension's by ``urn``.

    ``case_exact`` and ``type`` come from the schema, so that who evaluates needs no schema.
    """

    name: str
    sub: str | None = None
    urn: str | None = None
    multi_valued: bool = False
    case_exact: bool = False
    type: Literal["string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"] = (
        "string"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``path operator value``."""

    path: Path
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """``path pr``: it has a value that is not empty."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """All terms hold."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """At least one term holds."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The term does not hold (two-valued: no value is false, not unknown)."""

    term: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """A value path: one and the same entry of ``path`` satisfies ``term``.

    The paths inside ``term`` are sub-attributes and carry their name in ``name``.
    """

    path: Path
    term: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """Matches nothing: what a filter on an unknown attribute means."""


Filter = Comparison | Present | Both | Either | Not | Within | Never


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to find. ``start`` counts from 1; ``count`` None means the server's default page.

    ``after`` is the keyset position of cursor paging: (sort key, id) of the last row seen.
    """

    filter: Filter | None = None
    sort_by: Path | None = None
    descending: bool = False
    start: int = 1
    count: int | None = None
    after: tuple[str, str] | None = None
