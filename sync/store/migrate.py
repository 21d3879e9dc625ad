"""Bring the database to the tables this version needs, whoever starts first.

The version is read before anything else: an up-to-date database costs one query, and alembic
(0.7 s to import) is not loaded at all. Programs of the release before go on working on newer
tables, so that replicas can be replaced one by one and a release can be taken back: a migration
only adds, and the database says which programs it still serves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.errors import Misconfigured
from sync.store import meta
from sync.store.database import Database

VERSIONS: Final = tuple(f"{number:04}" for number in range(1, 22))
"""Every version of the tables, oldest first."""

HEAD: Final = VERSIONS[-1]

SERVES: Final = "0011"
"""The oldest version whose program works on today's tables. It moves up when a migration takes away what the
last release still used, which is one release after nothing needs it any more (CONTRIBUTING.md)."""

_SERVES_SINCE: Final = "serves_programs_since"

_LOCK: Final = 0x64697263
"""PostgreSQL's advisory lock that one upgrading process holds until it commits."""


def current(database: Database) -> str | None:
    """The version of the tables in the database; None when it is empty."""
    with database.read() as conn:
        return _version(conn)


def upgrade(database: Database) -> bool:
    """Upgrade in one transaction and say True; False when there was nothing to do.

    Several processes may start at once: one upgrades, the others wait and find it done.
    Raises Misconfigured when a newer version of the product made tables that this one cannot work on.
    """
    with database.read() as conn:
        if not _is_behind(conn):
            return False
    with database.write() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if not _is_behind(conn):
            return False
        _run_migrations(conn)
        meta.put(conn, _SERVES_SINCE, SERVES)
    return True


def lacking(database: Database) -> str | None:
    """None when this program works on the tables, be they newer than it knows; else what is missing."""
    try:
        with database.read() as conn:
            if not _is_behind(conn):
                return None
            version = _version(conn)
    except Misconfigured as error:
        return error.message
    return f"the database is at version {version}, this program needs {HEAD}: connector db upgrade"


def _is_behind(conn: Conn) -> bool:
    version = _version(conn)
    if version is None or version in VERSIONS:
        return version != HEAD
    if (meta.get(conn, _SERVES_SINCE) or version) <= HEAD:
        return False
    raise Misconfigured(
        f"the database is at version {version}, and this version of the product knows only up to {HEAD}: "
        "a newer one upgraded it; start that one, or restore a backup from before"
    )


def _version(conn: Conn) -> str | None:
    if not sa.inspect(conn).has_table("alembic_version"):
        return None
    version: str | None = conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _run_migrations(conn: Conn) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
