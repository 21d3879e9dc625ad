"""Statements that are compiled once and then run on the driver itself.

A request of the SCIM endpoint is a dozen short statements; what SQLAlchemy does around each of
them (looking up its cache, contexts, results) costs five times what the database does. Here a
statement is written with SQLAlchemy like any other and turned into text once per dialect.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Connection, Dialect, exc
from sqlalchemy.sql.expression import Executable
from sqlalchemy.types import TypeDecorator

Bound = Callable[[Any], Any]
Row = Any
"""A named tuple of the statement's columns."""

_DECIMATED = re.compile(r"\W")
_HAND = "connector_hand"


class _Text(NamedTuple):
    """A statement as one driver takes it."""

    sql: str
    order: tuple[str, ...] | None
    """The parameters' names by place, None where the driver takes them by name."""
    constants: Mapping[str, Any]
    bound: Mapping[str, Bound]
    """How a value is handed over, for the few types that need it."""
    row: Callable[[Any], Row]


class Prepared:
    """One statement; its parameters are its ``bindparam`` names."""

    __slots__ = ("_statement", "_texts")

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._texts: dict[str, _Text] = {}

    def all(self, conn: Connection, **values: Any) -> list[Row]:
        """Every row."""
        text, cursor = self._run(conn, values)
        return list(map(text.row, cursor.fetchall()))

    def column(self, conn: Connection, **values: Any) -> list[Any]:
        """The first column of every row, as the driver gives it: nothing is made for each row."""
        return [row[0] for row in self._run(conn, values)[1].fetchall()]

    def first(self, conn: Connection, **values: Any) -> Row | None:
        """The first row, None without one."""
        text, cursor = self._run(conn, values)
        row = cursor.fetchone()
        return None if row is None else text.row(row)

    def run(self, conn: Connection, **values: Any) -> int:
        """Write; how many rows were written."""
        return int(self._run(conn, values)[1].rowcount)

    def _run(self, conn: Connection, values: dict[str, Any]) -> tuple[_Text, Any]:
        text = self._texts.get(conn.dialect.name) or self._compiled(conn.dialect)
        if text.bound:
            for name, bound in text.bound.items():
                values[name] = bound(values[name])
        if text.constants:
            values = {**text.constants, **values}
        given: Any = values if text.order is None else [values[name] for name in text.order]
        return text, on_driver(conn, text.sql, given)

    def _compiled(self, dialect: Dialect) -> _Text:
        compiled = self._statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        binds: Mapping[str, Any] = compiled.binds
        constants = {
            name: bind.value for name, bind in binds.items() if bind.value is not None and not bind.required
        }
        bound = {
            name: processor
            for name, bind in binds.items()
            if isinstance(bind.type, TypeDecorator)
            and (processor := bind.type.dialect_impl(dialect).bind_processor(dialect))
        }
        order = tuple(compiled.positiontup) if compiled.positional else None
        text = _Text(str(compiled), order, constants, bound, _maker(compiled, dialect))
        self._texts[dialect.name] = text
        return text


def on_driver(conn: Connection, sql: str, parameters: Any = ()) -> Any:
    """Run text on the driver's own connection, in the transaction of ``conn``; its cursor.

    The cursor is to be read before the next statement. Raises what SQLAlchemy raises, with no
    parameters in it.
    """
    hand = conn.info.get(_HAND) or _hand_of(conn)
    _tell_listeners(conn, sql, parameters, many=False)
    try:
        return hand.execute(sql, parameters)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _as_ours(conn, sql, error) from error


def _hand_of(conn: Connection) -> Any:
    """What runs the statements of a connection: a cursor that is kept, where a new one has a price.

    psycopg's costs a third of a short statement; to SQLite the connection itself is as good.
    """
    driver: Any = conn.connection.dbapi_connection
    conn.info[_HAND] = hand = driver if conn.dialect.name == "sqlite" else driver.cursor()
    return hand


def many_on_driver(conn: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run text once for each row of parameters; how many rows were written."""
    if len(rows) == 1:  # psycopg begins a pipeline for any number else
        return int(on_driver(conn, sql, rows[0]).rowcount)
    driver: Any = conn.connection.dbapi_connection
    cursor = driver.cursor()
    _tell_listeners(conn, sql, rows, many=True)
    try:
        cursor.executemany(sql, rows)
        return int(cursor.rowcount)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _as_ours(conn, sql, error) from error
    finally:
        cursor.close()


def commit_on_driver(conn: Connection) -> None:
    """Commit what was run on the driver's own connection."""
    driver: Any = conn.connection.dbapi_connection
    try:
        driver.commit()
    except conn.dialect.loaded_dbapi.Error as error:
        raise _as_ours(conn, "COMMIT", error) from error


def _tell_listeners(conn: Connection, sql: str, parameters: Any, *, many: bool) -> None:
    """Whoever listens to SQLAlchemy's statements, to count or trace them, hears of these too."""
    listeners = conn.engine.dispatch.before_cursor_execute
    if listeners:
        listeners(conn, None, sql, parameters, None, many)


def _as_ours(conn: Connection, sql: str, error: Exception) -> BaseException:
    dialect, driver = conn.dialect, conn.connection.dbapi_connection
    lost = dialect.is_disconnect(error, driver, None) or takes_no_writes(error)  # type: ignore[arg-type]
    if lost:
        conn.invalidate(error)
    return exc.DBAPIError.instance(
        sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost,
        dialect=dialect,
    )  # fmt: skip


def takes_no_writes(error: BaseException | None) -> bool:
    """Whether PostgreSQL only lets read there: it is a standby, or was made read-only.

    Such a connection is given up, for after a failover the same address leads to another server.
    """
    state = getattr(error, "sqlstate", None)
    return state == "25006" or (state == "0A000" and "during recovery" in str(error))


def _row_of(names: Sequence[str]) -> Callable[[Any], Row]:
    made: Callable[..., Any] = namedtuple  # noqa: PYI024 - its names are known at run time only
    row: Callable[[Any], Row] = made("Row", names, rename=True)._make
    return row


def _maker(compiled: Any, dialect: Dialect) -> Callable[[Any], Row]:
    columns = compiled._result_columns  # noqa: SLF001 - names and types of the columns, as SQLAlchemy reads them
    if not columns:
        return tuple
    names = [_DECIMATED.sub("_", str(column.keyname)) for column in columns]
    make = _row_of(names)
    flags = [place for place, column in enumerate(columns) if isinstance(column.type, Boolean)]
    if dialect.name != "sqlite" or not flags:
        return make

    def with_flags(row: Any) -> Row:
        values = list(row)
        for place in flags:
            if values[place] is not None:
                values[place] = bool(values[place])
        return make(values)

    return with_flags
