"""Many rows at once, by the fastest way each driver has: statements of many rows each, or COPY."""

from __future__ import annotations

from collections.abc import Sequence
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
    names = ", ".join(conn.dialect.identifier_preparer.quote(name) for name in columns)
    target = conn.dialect.identifier_preparer.format_table(table)
    if conn.dialect.name == "postgresql":
        _postgres(conn, target, names, len(columns), rows)
    else:
        _sqlite(conn, f"INSERT INTO {target} ({names}) VALUES ", len(columns), rows)


def _sqlite(conn: Connection, begin: str, width: int, rows: Sequence[tuple[Any, ...]]) -> None:
    row = f"({', '.join('?' * width)})"
    each = VALUES_MAX // width
    whole = len(rows) - len(rows) % each
    if whole:
        values = [tuple(chain.from_iterable(rows[at : at + each])) for at in range(0, whole, each)]
        many_on_driver(conn, f"{begin}{', '.join([row] * each)}", values)
    if whole < len(rows):
        many_on_driver(conn, f"{begin}{row}", rows[whole:])


def _postgres(conn: Connection, target: str, names: str, width: int, rows: Sequence[tuple[Any, ...]]) -> None:
    if len(rows) < COPY_FROM:
        marks = ", ".join(["%s"] * width)
        many_on_driver(conn, f"INSERT INTO {target} ({names}) VALUES ({marks})", rows)
        return
    cursor = conn.connection.cursor()
    try:
        with cursor.copy(f"COPY {target} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    finally:
        cursor.close()


def count_anew(conn: Connection) -> None:
    """Let PostgreSQL learn what the tables of people and groups now hold.

    It does so by itself within a minute or two. In a first run that is too late: believing that a
    connection has one person, it would read all of them for each group. SQLite needs no counts here.
    """
    if conn.dialect.name == "postgresql":
        tables = (schema.directory_user, schema.directory_group, schema.users, schema.link, schema.member)
        conn.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in tables)}")
