"""A copy of the whole database in one file, made while everything goes on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from sync.model.errors import Conflict, Misconfigured, Transient

TOOL: Final = "pg_dump"
SAID_CHARS: Final = 300


def write(url: str, file: Path) -> None:
    """Write the copy to ``file``, which appears once whole. Raises Conflict, Misconfigured, Transient."""
    if file.exists():
        raise Conflict(f"{file} exists already; name a new file, so that no older backup is lost")
    part = file.with_name(f"{file.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600), "rb") as mine:
            _sqlite(url, part) if make_url(url).get_backend_name() == "sqlite" else _postgres(url, part)
            os.fsync(mine.fileno())
        part.rename(file)
    except OSError as error:
        raise Misconfigured(f"{file} cannot be written: {error.strerror}; nothing was backed up") from error
    finally:
        part.unlink(missing_ok=True)


def _sqlite(url: str, part: Path) -> None:
    """SQLite's own online copy: one snapshot, in a single step, so that no writer makes it begin anew."""
    source = make_url(url).database or ""
    if not Path(source).is_file():
        raise Misconfigured(f"there is no database at {source}; check database_url")
    try:
        with closing(sqlite3.connect(source)) as ours, closing(sqlite3.connect(part)) as copy:
            ours.backup(copy, pages=-1)
            # One file is easier to carry about than one with its log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
            (found,) = copy.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        raise Transient(f"the copy could not be made: {error}") from error
    if found != "ok":
        raise Transient(f"the copy is damaged, and so the database may be: {found}")


def _postgres(url: str, part: Path) -> None:
    """PostgreSQL's own tool; the password goes by the environment, where no list of processes shows it."""
    tool, parsed = shutil.which(TOOL), make_url(url)
    plain = parsed.set(drivername="postgresql", password=None).render_as_string()
    if tool is None:
        by_hand = f"{TOOL} --format=custom --file {part.stem} '{plain}'"
        raise Misconfigured(f"{TOOL} is not installed here; where it is, run: {by_hand}")
    surroundings = os.environ | ({"PGPASSWORD": str(parsed.password)} if parsed.password else {})
    command = [tool, "--format=custom", "--no-password", "--file", str(part), plain]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise Transient(f"{TOOL} ended with {done.returncode}: {' '.join(done.stderr.split())[:SAID_CHARS]}")
