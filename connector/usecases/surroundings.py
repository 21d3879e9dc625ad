"""What lies around the program and can make it fail: file system, clocks, the address it is known by."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from connector.setting_types import is_loopback
from connector.settings import Settings

MOUNTS: Final = Path("/proc/self/mounts")
NETWORKED: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs", "lustre"}
)
"""File systems on which SQLite's locks do not hold between machines (sqlite.org, How To Corrupt §2.1)."""

SKEW: Final = timedelta(seconds=30)
"""Signed requests and tokens are refused by some directories from a minute on."""

ANSWER_S: Final = 5.0


def file_system_of(path: Path, mounts: str) -> str:
    """The type of the file system a path lies on, by the text of /proc/mounts; empty when it is not told."""
    found, depth = "", -1
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        place = Path(fields[1].replace("\\040", " "))
        if path.is_relative_to(place) and len(place.parts) >= depth:
            found, depth = fields[2], len(place.parts)
    return found


def networked(database_url: str) -> str | None:
    """The networked file system a SQLite database lies on, if it does."""
    if not database_url.startswith("sqlite:///") or not MOUNTS.exists():
        return None
    file = Path(database_url.removeprefix("sqlite:///")).expanduser().resolve()
    type = file_system_of(file, MOUNTS.read_text(encoding="utf-8", errors="replace"))
    return type if type in NETWORKED else None


def skew_told(ours: datetime, theirs: datetime, whose: str) -> str | None:
    """A sentence when two clocks differ by more than ``SKEW``."""
    if abs(ours - theirs) <= SKEW:
        return None
    way = "behind" if ours < theirs else "ahead of"
    off_s = abs((ours - theirs).total_seconds())
    return f"this machine's clock is {off_s:.0f} s {way} {whose}; set it by NTP"


def unreachable(settings: Settings) -> str | None:
    """A sentence when the public address does not lead here."""
    if not settings.public_url:
        return None
    import httpx

    try:
        answer = httpx.get(f"{settings.url}/livez", timeout=ANSWER_S)
    except httpx.HTTPError as error:
        why = type(error).__name__
        return f"{settings.url} cannot be reached from here ({why}); check DNS, proxy and public_url"
    if answer.status_code != 200:
        return f"{settings.url}/livez answers {answer.status_code}; does the proxy lead to this program?"
    parts = urlsplit(settings.url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        return f"{settings.url} is not https: tokens and sessions go in clear; put a proxy with TLS in front"
    return None
