"""Reading JSON documents in SQL, on SQLite and on PostgreSQL, by one small interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, Table, Text, case, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

_FLAT = "SCIM has no list inside an entry of a list (RFC 7643 §2.4)"


class json_rows(GenericFunction[Any]):  # noqa: N801 - SQL functions are named like this
    """The rows of a subquery as one text, a JSON list of lists; of no rows NULL, or an empty list."""

    type = Text()
    inherit_cache = True


@compiles(json_rows, "sqlite")
def _json_rows_sqlite(element: json_rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **options)}))"


@compiles(json_rows, "postgresql")
def _json_rows_postgresql(element: json_rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(json_agg(json_build_array({compiler.process(element.clauses, **options)})) AS TEXT)"


class json_list(GenericFunction[Any]):  # noqa: N801 - SQL functions are named like this
    """The columns of one row as one text, a JSON list."""

    type = Text()
    inherit_cache = True


@compiles(json_list, "sqlite")
def _json_list_sqlite(element: json_list, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array({compiler.process(element.clauses, **options)})"


@compiles(json_list, "postgresql")
def _json_list_postgresql(element: json_list, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(json_build_array({compiler.process(element.clauses, **options)}) AS TEXT)"


class JsonNode(Protocol):
    """A place in a JSON document; every value is NULL when nothing stands there."""

    def child(self, name: str) -> JsonNode: ...

    def text(self) -> ColumnElement[Any]: ...

    def number(self) -> ColumnElement[Any]: ...

    def flag(self) -> ColumnElement[Any]: ...

    def entries(self) -> tuple[FromClause, JsonNode]:
        """The list here as a FROM clause, and the place of its current entry."""

    def chosen_entry(self) -> JsonNode:
        """The list's primary entry, else its first."""

    def keys(self) -> tuple[FromClause, ColumnElement[Any]]:
        """The object here as a FROM clause, and the current key."""


def document_of(table: Table, dialect: str) -> JsonNode:
    """A row's document: the stored one, else what the columns say, as ``sync.model.document`` would."""
    if dialect == "postgresql":
        made = func.jsonb_strip_nulls(_from_columns(table, sqlite=False))
        return PostgresNode(func.coalesce(cast(table.c.document, JSONB), made))
    made = func.json_patch("{}", _from_columns(table, sqlite=True))
    return SqliteNode(func.coalesce(table.c.document, made))


def _from_columns(table: Table, *, sqlite: bool) -> ColumnElement[Any]:
    build_object: Any = func.json_object if sqlite else func.jsonb_build_object
    build_array: Any = func.json_array if sqlite else func.jsonb_build_array
    true: ColumnElement[Any] = func.json("true") if sqlite else sa.true()

    if "user_name" not in table.c:
        return build_object("displayName", table.c.name)  # type: ignore[no-any-return]

    def only(column: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
        entry = build_object("value", column, "type", kind, "primary", true)
        listed = case((column.is_not(None), build_array(entry)))
        return func.json(listed) if sqlite else listed

    return build_object(  # type: ignore[no-any-return]
        "userName",
        table.c.user_name,
        "name",
        build_object("givenName", table.c.first_name, "familyName", table.c.last_name),
        "emails",
        only(table.c.email, "work"),
        "photos",
        only(table.c.picture_url, "photo"),
    )


@dataclass(frozen=True, slots=True)
class SqliteNode:
    """A JSON path into JSON text."""

    base: ColumnElement[Any]
    path: str = "$"

    def child(self, name: str) -> SqliteNode:
        return SqliteNode(self.base, f'{self.path}."{name}"')

    def text(self) -> ColumnElement[Any]:
        return cast(func.json_extract(self.base, self.path), Text)

    def number(self) -> ColumnElement[Any]:
        kind = func.json_type(self.base, self.path)
        return case((kind.in_(["integer", "real"]), func.json_extract(self.base, self.path)))

    def flag(self) -> ColumnElement[Any]:
        kind = func.json_type(self.base, self.path)
        return case((kind == "true", 1), (kind == "false", 0))

    def entries(self) -> tuple[FromClause, JsonNode]:
        each = func.json_each(self.base, self.path).table_valued("key", "value", "type", "atom").alias()
        return each, SqliteEntry(each)

    def chosen_entry(self) -> JsonNode:
        each = func.json_each(self.base, self.path).table_valued("key", "value", "type", "atom").alias()
        primary = case((each.c.type == "object", func.json_extract(each.c.value, "$.primary")))
        entry = case((each.c.type == "object", each.c.value), else_=func.json_object("value", each.c.atom))
        chosen = select(entry).order_by(func.coalesce(primary, 0).desc(), each.c.key).limit(1)
        return SqliteNode(chosen.scalar_subquery())

    def keys(self) -> tuple[FromClause, ColumnElement[Any]]:
        each = func.json_each(self.base, self.path).table_valued("key").alias()
        return each, each.c.key


@dataclass(frozen=True, slots=True)
class SqliteEntry:
    """The current entry of a list: an object, or a bare value that answers to ``value``."""

    each: sa.TableValuedAlias
    name: str = ""

    def child(self, name: str) -> SqliteEntry:
        return SqliteEntry(self.each, name)

    def _inside(self, read: Any, bare: ColumnElement[Any]) -> ColumnElement[Any]:
        is_object = self.each.c.type == "object"
        if self.name == "value":
            return case((is_object, read(self.each.c.value, '$."value"')), else_=bare)
        return case((is_object, read(self.each.c.value, f'$."{self.name}"')))

    def _type(self) -> ColumnElement[Any]:
        return self._inside(func.json_type, self.each.c.type) if self.name else self.each.c.type

    def _value(self) -> ColumnElement[Any]:
        return self._inside(func.json_extract, self.each.c.atom) if self.name else self.each.c.value

    def text(self) -> ColumnElement[Any]:
        return cast(self._value(), Text)

    def number(self) -> ColumnElement[Any]:
        return case((self._type().in_(["integer", "real"]), self._value()))

    def flag(self) -> ColumnElement[Any]:
        kind = self._type()
        return case((kind == "true", 1), (kind == "false", 0))

    def entries(self) -> tuple[FromClause, JsonNode]:
        raise NotImplementedError(_FLAT)

    def chosen_entry(self) -> JsonNode:
        raise NotImplementedError(_FLAT)

    def keys(self) -> tuple[FromClause, ColumnElement[Any]]:
        raise NotImplementedError(_FLAT)


@dataclass(frozen=True, slots=True)
class PostgresNode:
    """A jsonb expression."""

    value: ColumnElement[Any]
    bare: bool = False

    def child(self, name: str) -> PostgresNode:
        inside: ColumnElement[Any] = func.jsonb_extract_path(self.value, name, type_=JSONB)
        if self.bare and name == "value":
            inside = case((func.jsonb_typeof(self.value) == "object", inside), else_=self.value)
        return PostgresNode(inside)

    def text(self) -> ColumnElement[Any]:
        return self.value.op("#>>", return_type=Text())(sa.literal_column("'{}'"))

    def number(self) -> ColumnElement[Any]:
        return case((func.jsonb_typeof(self.value) == "number", cast(self.text(), sa.Numeric)))

    def flag(self) -> ColumnElement[Any]:
        return case((func.jsonb_typeof(self.value) == "boolean", cast(self.text(), sa.Boolean)))

    def _list(self) -> sa.TableValuedAlias:
        # A path query, since jsonb_array_elements fails on what is no list.
        entries = func.jsonb_path_query(self.value, sa.literal_column("'$[*]'"), type_=JSONB)
        return entries.table_valued(sa.column("value", JSONB), with_ordinality="place").render_derived()

    def entries(self) -> tuple[FromClause, JsonNode]:
        each = self._list()
        return each, PostgresNode(each.c.value, bare=True)

    def chosen_entry(self) -> JsonNode:
        each = self._list()
        primary = func.coalesce(PostgresNode(each.c.value).child("primary").flag(), sa.false())
        is_object = func.jsonb_typeof(each.c.value) == "object"
        entry = case((is_object, each.c.value), else_=func.jsonb_build_object("value", each.c.value))
        chosen = select(entry).order_by(primary.desc(), each.c.place).limit(1)
        return PostgresNode(chosen.scalar_subquery())

    def keys(self) -> tuple[FromClause, ColumnElement[Any]]:
        each = func.jsonb_object_keys(self.value).table_valued("key").render_derived()
        return each, each.c.key
