"""Secrets at rest."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from connector import keyring
from connector.keyring import Keyring
from sync.model.errors import Misconfigured


def test_a_sealed_secret_opens_for_its_connection_only() -> None:
    """A sealed text that is moved to another connection does not open there."""
    ring = Keyring(Fernet.generate_key().decode())
    sealed = ring.seal("one", "s3cret")
    assert "s3cret" not in sealed
    assert ring.open("one", sealed) == "s3cret"
    with pytest.raises(Misconfigured, match="does not open"):
        ring.open("other", sealed)


def test_an_older_key_still_opens() -> None:
    """After a new key was put in front, what the old one sealed still opens; without the old one not."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed = Keyring(old).seal("one", "s3cret")
    assert Keyring(f"{new} {old}").open("one", sealed) == "s3cret"
    with pytest.raises(Misconfigured):
        Keyring(new).open("one", sealed)


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """The missing key file is made readable by nobody else, and never made again."""
    file = tmp_path / "sub" / "connector.key"
    assert keyring.make_key_file(file)
    text = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not keyring.make_key_file(file)
    assert file.read_bytes() == text
    assert [path.name for path in file.parent.iterdir()] == ["connector.key"]


def test_a_key_that_is_none_is_told() -> None:
    """Nonsense for a key is refused with a sentence that says how to make one."""
    with pytest.raises(Misconfigured, match="connector init"):
        Keyring("too short")


def test_tokens_are_recognisable_and_kept_as_hashes() -> None:
    """A token has our prefix and 32 random bytes, and only its hash need be kept."""
    token = keyring.new_token()
    assert token.text.startswith(keyring.TOKEN_PREFIX)
    assert len(token.text) >= 43 + len(keyring.TOKEN_PREFIX)
    assert token.hash == keyring.hash_of(token.text) != keyring.new_token().hash
