"""Bring the database to the tables this version needs, whoever starts first.

The version is read before anything else: an up-to-date database costs one query, and alembic
(0.7 s to import) is not loaded at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.errors import Misconfigured
from sync.store.database import Database

VERSIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
"""Every version of the tables, oldest first."""

HEAD: Final = VERSIONS[-1]

_LOCK: Final = 0x64697263
"""PostgreSQL's advisory lock that one upgrading process holds until it commits."""


def current(database: Database) -> str | None:
    """The version of the tables in the database; None when it is empty."""
    with database.read() as conn:
        return _version(conn)


def upgrade(database: Database) -> bool:
    """Upgrade in one transaction and say True; False when there was nothing to do.

    Several processes may start at once: one upgrades, the others wait and find it done.
    Raises Misconfigured when a newer version of the product made the tables.
    """
    if not _is_behind(current(database)):
        return False
    with database.write() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if not _is_behind(_version(conn)):
            return False
        _run_migrations(conn)
    return True


def _is_behind(version: str | None) -> bool:
    if version is not None and version not in VERSIONS:
        raise Misconfigured(
            f"the database is at version {version}, and this version of the product knows only up to {HEAD}: "
            "a newer one upgraded it; start that one, or restore a backup from before"
        )
    return version != HEAD


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
