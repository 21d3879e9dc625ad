"""Many rows at once, by the fastest way each driver has: statements of many rows each, or COPY."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

from sync.store import schema
from sync.store.prepared import many_on_driver

COPY_FROM = 20
"""Below this many rows PostgreSQL's COPY costs more than it saves."""

VALUES_MAX = 990
"""Values in one statement on SQLite. What it does around a statement, most of all where a trigger
listens, costs as much as a row does; older ones take no more than 999."""


def insert(conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert ``rows`` (tuples in the order of ``columns``); nothing happens without rows."""
    if not rows:
        return
    if conn.dialect.name != "postgresql":
        _sqlite(conn, table.name, tuple(columns), rows)
    elif len(rows) < COPY_FROM:
        many_on_driver(conn, _insertion("postgresql", table.name, tuple(columns), 1), rows)
    else:
        _copy(conn, table.name, columns, rows)


def _sqlite(conn: Connection, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    each = VALUES_MAX // len(columns)
    whole = len(rows) - len(rows) % each
    if whole:
        values = [tuple(chain.from_iterable(rows[at : at + each])) for at in range(0, whole, each)]
        many_on_driver(conn, _insertion("sqlite", table, columns, each), values)
    if whole < len(rows):
        many_on_driver(conn, _insertion("sqlite", table, columns, 1), rows[whole:])


def _copy(conn: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    cursor = conn.connection.cursor()
    try:
        with cursor.copy(f"COPY {quoted(table)} ({_listed(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    finally:
        cursor.close()


def quoted(name: str) -> str:
    """A table or column of ours as both databases take it, reserved word or not."""
    return f'"{name}"'


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))


@cache
def _insertion(dialect: str, table: str, columns: tuple[str, ...], rows: int) -> str:
    """Text that inserts so many rows, their values one after the other."""
    row = f"({', '.join([mark(dialect)] * len(columns))})"
    return f"INSERT INTO {quoted(table)} ({_listed(columns)}) VALUES {', '.join([row] * rows)}"


@cache
def replacement(dialect: str, table: str, columns: tuple[str, ...]) -> str:
    """Text that writes ``columns`` of the row of an id at a version, in this order."""
    settings = ", ".join(f"{quoted(name)} = {mark(dialect)}" for name in columns)
    return f"UPDATE {quoted(table)} SET {settings} WHERE id = {mark(dialect)} AND version = {mark(dialect)}"


def mark(dialect: str) -> str:
    """How a driver's text says that a parameter stands here."""
    return "%s" if dialect == "postgresql" else "?"


def count_anew(conn: Connection) -> None:
    """Let PostgreSQL learn what the tables of people and groups now hold.

    It does so by itself within a minute or two. In a first run that is too late: believing that a
    connection has one person, it would read all of them for each group. SQLite needs no counts here.
    """
    if conn.dialect.name == "postgresql":
        tables = (schema.directory_user, schema.directory_group, schema.users, schema.link, schema.member)
        conn.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in tables)}")
