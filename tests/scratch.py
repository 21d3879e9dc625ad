"""Where tests write: into memory where there is room for it, so that no commit waits for a disk.

A killed process loses nothing that way either; only a power cut would, which no test makes.
"""

import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 1 << 30


def pytest_configure() -> None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(scratch()))


def scratch() -> Path:
    """The folder in memory, or the system's for what is temporary."""
    return _MEMORY if _has_room() else Path(tempfile.gettempdir())


def _has_room() -> bool:
    """Some containers have a few megabytes there, or let no program run from it."""
    if not os.access(_MEMORY, os.W_OK):
        return False
    found = os.statvfs(_MEMORY)
    return found.f_bavail * found.f_frsize >= _ROOM_BYTES and not found.f_flag & os.ST_NOEXEC
