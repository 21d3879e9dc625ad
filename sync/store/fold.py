"""Comparing text in any case in SQL, the same on both databases as ``sync.model.resources.fold``.

SQLite calls a Python function that ``database`` registers on every connection. PostgreSQL calls
``connector_fold``, a function the first migration makes; it differs from Unicode's full case
folding only in a few letters outside of names' usual ones (a final sigma, dotted capital I).
"""

from __future__ import annotations

import sys
import unicodedata
from typing import Any

from sqlalchemy import ColumnElement, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


def folded(text: str) -> str:
    """Casefolded, NFC. Unlike ``fold`` it keeps spaces and empty text."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class fold(GenericFunction[str]):  # noqa: N801 - SQL functions are named like this
    """``folded`` in SQL."""

    type = Text()
    inherit_cache = True
    name = "connector_fold"


class position(GenericFunction[int]):  # noqa: N801 - SQL functions are named like this
    """Where the second text first stands in the first, from 1; 0 when it does not. Case counts."""

    type = Integer()
    inherit_cache = True


@compiles(position, "sqlite")
def _instr(element: position, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr{compiler.process(element.clause_expr, **options)}"


@compiles(position, "postgresql")
def _strpos(element: position, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos{compiler.process(element.clause_expr, **options)}"


class quick_fold(GenericFunction[str]):  # noqa: N801 - SQL functions are named like this
    """``folded`` in SQL for texts that are mostly ASCII: SQLite calls into Python for the others only."""

    type = Text()
    inherit_cache = True


@compiles(quick_fold, "sqlite")
def _lower_if_ascii(element: quick_fold, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = element.clause_expr.element.clauses  # type: ignore[union-attr]
    inner = compiler.process(text, **options)
    is_ascii = f"length(CAST({inner} AS BLOB)) = length({inner})"
    return f"CASE WHEN {is_ascii} THEN lower({inner}) ELSE connector_fold({inner}) END"


@compiles(quick_fold, "postgresql")
def _fold(element: quick_fold, compiler: SQLCompiler, **options: Any) -> str:
    return f"connector_fold{compiler.process(element.clause_expr, **options)}"


def contains(column: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Whether ``part`` stands somewhere in the column, in any case."""
    return position(quick_fold(column), folded(part)) > 0


def prefix_range(column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """Whether the column begins with ``prefix``, exactly; an index on the column serves it."""
    end = after_prefix(prefix)
    return (column >= prefix) if end is None else (column >= prefix) & (column < end)


def after_prefix(prefix: str) -> str | None:
    """The least text above every text that begins with ``prefix``; None when there is none."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if last <= sys.maxunicode:
            return prefix[:-1] + chr(0xE000 if last == 0xD800 else last)
        prefix = prefix[:-1]
    return None


class instant(GenericFunction[str]):  # noqa: N801 - SQL functions are named like this
    """A date-time text in any zone as our own UTC text; NULL when it is none."""

    type = Text()
    inherit_cache = True
    name = "connector_instant"
