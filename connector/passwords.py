"""Passwords of console accounts: what is accepted, and argon2id to keep and check them.

One check takes a tenth of a second and 64 MiB on purpose, so only a few run at a time.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Final

from sync.model.errors import Misconfigured

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 200
AT_A_TIME: Final = 2

_TURNS: Final = threading.Semaphore(AT_A_TIME)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


def hashed(password: str) -> str:
    """The text to keep. Raises Misconfigured for a password that is too short or too long."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise Misconfigured(
            f"a password has {LENGTH_MIN} to {LENGTH_MAX} characters; a few words make a good one"
        )
    with _TURNS:
        return _hasher().hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Whether this is the password. Without a kept one it is not, and finding that out takes as long."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _TURNS:
        try:
            _hasher().verify(kept or _nobodys(), password[:LENGTH_MAX])
            return kept is not None
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody has this password")
