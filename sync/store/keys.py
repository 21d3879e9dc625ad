"""Many keys in one bound value, so that a statement's text is the same however many there are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine


class Keys(TypeDecorator[Collection[str]]):
    """A list of texts: an array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return None if value is None else list(value)
        return orjson.dumps(list(value)).decode()


class is_among(GenericFunction[Any]):  # noqa: N801 - SQL functions are named like this
    """Whether the column's text is one of the bound ``Keys``; an index on the column serves it."""

    type = NullType()  # a Boolean would be compared with 1 on SQLite, and then no index serves it
    inherit_cache = True


@compiles(is_among, "sqlite")
def _in_json(element: is_among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({keys}))"


@compiles(is_among, "postgresql")
def _any_of(element: is_among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({keys})"


class aside(GenericFunction[Any]):  # noqa: N801 - SQL functions are named like this
    """The column itself, by which SQLite is not to begin: it would walk that index again for every row."""

    type = NullType()
    inherit_cache = True


@compiles(aside, "sqlite")
def _plus(element: aside, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"+{column}"


@compiles(aside, "postgresql")
def _itself(element: aside, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = (compiler.process(clause, **options) for clause in element.clauses)
    return column


def among(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Whether ``column`` is one of the keys handed in as ``parameter`` at execution."""
    return is_among(column, bindparam(parameter, type_=Keys()))
