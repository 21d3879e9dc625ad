"""Rows of a list as CSV: columns by the first row, and no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a cell begins with it."""


def lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A line of names and a line per row; nothing when there is no row."""
    names: list[str] | None = None
    for row in rows:
        if names is None:
            names = list(row)
            yield _line(names)
        yield _line([_cell(row.get(name)) for name in names])


def _cell(value: Any) -> str:
    """Lists of words are joined; sections are JSON."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = "; ".join(value)
    elif isinstance(value, list | dict):
        text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_DANGEROUS) and not is_number else text


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
