"""Comparing text in any case in SQL, the same on both databases as ``sync.model.resources.fold``.

SQLite calls a Python function that ``database`` registers on every connection. PostgreSQL calls
``connector_fold``, a function the first migration makes; it differs from Unicode's full case
folding only in a few letters outside of names' usual ones (a final sigma, dotted capital I).
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Integer, Text, and_, not_, or_
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


class is_wide(GenericFunction[bool]):  # noqa: N801 - SQL functions are named like this
    """Whether a text has a sign beyond ASCII; NULL has none."""

    type = Boolean()
    inherit_cache = True


@compiles(is_wide, "sqlite")
def _is_wide_on_sqlite(element: is_wide, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(length(CAST({text} AS BLOB)) IS NOT length({text}))"


@compiles(is_wide, "postgresql")
def _is_wide_on_postgresql(element: is_wide, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(octet_length({text}) IS DISTINCT FROM length({text}))"


class holds_ascii(GenericFunction[bool]):  # noqa: N801 - SQL functions are named like this
    """Whether a text holds another of ASCII only, in any case: (text, lower text, pattern of LIKE)."""

    type = Boolean()
    inherit_cache = True


@compiles(holds_ascii, "sqlite")
def _like(element: holds_ascii, compiler: SQLCompiler, **options: Any) -> str:
    text, _, pattern = element.clauses
    return f"({compiler.process(text, **options)} LIKE {compiler.process(pattern, **options)} ESCAPE '\\')"


@compiles(holds_ascii, "postgresql")
def _in_lower(element: holds_ascii, compiler: SQLCompiler, **options: Any) -> str:
    text, part, _ = element.clauses
    return f"(strpos(lower({compiler.process(text, **options)}), {compiler.process(part, **options)}) > 0)"


def contains(
    column: ColumnElement[Any], part: str, *, made_of: Sequence[ColumnElement[Any]] = ()
) -> ColumnElement[bool]:
    """Whether ``part`` stands somewhere in the column, in any case.

    Folding is dear, and only texts beyond ASCII need it; ``made_of`` are the columns that a text of
    several is made of, which are quicker to look at for that.
    """
    wanted = folded(part)
    wide = or_(*(is_wide(each) for each in made_of or (column,)))
    if_wide = and_(wide, position(fold(column), wanted) > 0)
    if not wanted.isascii():
        return if_wide
    pattern = "%" + re.sub(r"([\\%_])", r"\\\1", wanted) + "%"
    return or_(and_(holds_ascii(column, wanted, pattern), not_(wide)), if_wide)


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
