"""Databases at an older version of the tables, and what a later version takes away from its programs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sync.store import migrate
from sync.store.database import Database


def migrate_to(database: Database, version: str) -> None:
    """Bring an empty database to this version of the tables."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    with database.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, version)


@dataclass(frozen=True, slots=True)
class Tables:
    """What a program that reads and writes tables and views relies on: columns, and what rows must obey."""

    columns: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)
    """(table, column) → (type, whether a row may leave it out)"""

    rules: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    """(table, kind of rule and its name) → the columns it is about"""

    def broken_by(self, newer: "Tables") -> Iterator[str]:
        """What a program made for these tables can no longer do on the newer ones."""
        tables = {table for table, _ in self.columns}
        for (table, name), (kind, _) in self.columns.items():
            if newer.columns.get((table, name), (None, False))[0] != kind:
                yield f"{table}.{name} is gone or of another type"
        for (table, name), (_, optional) in newer.columns.items():
            known = self.columns.get((table, name))
            if table in tables and not optional and (known is None or known[1]):
                yield f"{table}.{name} must be given now"
        for (table, name), about in newer.rules.items():
            if (table, name) not in self.rules and all((table, column) in self.columns for column in about):
                yield f"{table} has a new {name}"


def tables_of(database: Database) -> Tables:
    """The tables as they are in the database."""
    found = Tables()
    with database.read() as conn:
        inspector = sa.inspect(conn)
        for table in [*inspector.get_table_names(), *inspector.get_view_names()]:
            for column in inspector.get_columns(table):
                optional = column["nullable"] or column["default"] is not None or bool(column.get("identity"))
                found.columns[table, column["name"]] = (str(column["type"]), optional)
        for table in inspector.get_table_names():
            _add_rules(found, inspector, table)
    return found


def _add_rules(found: Tables, inspector: sa.Inspector, table: str) -> None:
    for index in inspector.get_indexes(table):
        if index["unique"]:
            found.rules[table, f"unique index {index['name']}"] = tuple(index["column_names"])
    for unique in inspector.get_unique_constraints(table):
        found.rules[table, f"unique constraint {unique['name']}"] = tuple(unique["column_names"])
    for check in inspector.get_check_constraints(table):
        found.rules[table, f"check {check['name']}: {check['sqltext']}"] = ()
    for key in inspector.get_foreign_keys(table):
        found.rules[table, f"foreign key {key['name']}"] = tuple(key["constrained_columns"])
