"""Secrets at rest: IdP credentials sealed with a key kept elsewhere, and SCIM tokens as hashes."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sync.model.errors import Misconfigured

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

TOKEN_PREFIX: Final = "dcs_"  # noqa: S105 - the part of every token that is no secret
"""Lets secret scanners recognise a SCIM token of ours."""

HOOK_PREFIX: Final = "dch_"
API_KEY_PREFIX: Final = "dck_"
SESSION_PREFIX: Final = "dcw_"
LINK_PREFIX: Final = "dcl_"
TOKEN_BYTES: Final = 32
_SEPARATOR: Final = "\x1f"


class NewToken(NamedTuple):
    """A token (for SCIM, the API, a session, a link) at the only moment its text is known."""

    text: str
    hash: str
    last_four: str


def new_token(prefix: str = TOKEN_PREFIX) -> NewToken:
    text = prefix + secrets.token_urlsafe(TOKEN_BYTES)
    return NewToken(text, hash_of(text), text[-4:])


def new_hook_secret() -> str:
    """What an IdP shows when its event hook calls; at most 128 characters, as Graph wants."""
    return HOOK_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> str:
    """SHA-256 as 64 hex digits; enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


class Keyring:
    """Seals and opens with one or more Fernet keys, the newest first (older ones only open).

    Fernet binds no context to a text, so the connection's id is sealed in with it: a sealed
    secret that is moved to another connection's row does not open there.
    """

    def __init__(self, keys: str) -> None:
        from cryptography.fernet import Fernet, MultiFernet

        try:
            self._fernet: MultiFernet = MultiFernet([Fernet(key) for key in keys.replace(",", " ").split()])
        except ValueError as error:
            raise Misconfigured(
                "the key is not one: it has 44 characters and is made by `connector init` "
                "(check CONNECTOR_KEY or the file key_file names)"
            ) from error

    def seal(self, connection_id: str, secret: str) -> str:
        return self._fernet.encrypt(f"{connection_id}{_SEPARATOR}{secret}".encode()).decode()

    def open(self, connection_id: str, sealed: str) -> str:
        """The secret; raises Misconfigured when sealed with another key or for another connection."""
        from cryptography.fernet import InvalidToken

        try:
            owner, _, secret = self._fernet.decrypt(sealed.encode()).decode().partition(_SEPARATOR)
        except InvalidToken:
            owner, secret = "", ""
        if owner != connection_id:
            raise Misconfigured(
                "a stored credential does not open with this key; put the old key back (see key_file), "
                "or give the credential again: connector connections set NAME …"
            )
        return secret


def load(key: str | None, key_file: Path) -> Keyring:
    """The keyring of the given key, else of the file, which is made when it is missing."""
    if key:
        return Keyring(key)
    make_key_file(key_file)
    try:
        return Keyring(key_file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"the key file {key_file} cannot be read; check its path and rights") from error


def make_key_file(path: Path) -> bool:
    """Make a key file that only its owner reads, and say True; an existing one is never touched."""
    from cryptography.fernet import Fernet

    if path.exists():
        return False
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all: of several processes that start at once one wins.
        path.hardlink_to(fresh)
    except FileExistsError:
        return False
    except OSError as error:
        raise Misconfigured(
            f"the key file {path} cannot be made ({error.strerror}); set key_file or CONNECTOR_KEY"
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
    return True
