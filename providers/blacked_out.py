"""Credentials that a directory tells back in a refusal are blacked out before anybody reads its words."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl

LEAST_LENGTH: Final = 8
"""Shorter texts are no credentials; blacking them out would only spoil the sentence."""

_HIDDEN: Final = b"(hidden)"
_SAYS_WHO_ASKS: Final = ("authorization", "x-api-key", "dpop")
_IN_FORMS: Final = frozenset({"client_secret", "client_assertion", "assertion", "password", "refresh_token"})


def blacked_out(said: bytes, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """What the directory said, without the credentials that the request's headers and form held."""
    for secret in sorted(set(_secrets(headers, body)), key=len, reverse=True):
        said = said.replace(secret.encode(), _HIDDEN)
    return said


def _secrets(headers: Mapping[str, str], body: bytes | None) -> Iterator[str]:
    for name, value in headers.items():
        if name.lower() in _SAYS_WHO_ASKS:
            yield from filter(_is_long, [value.rpartition(" ")[2], *_password(value)])
    if body:
        fields = parse_qsl(body.decode("utf-8", "replace"))
        yield from (value for name, value in fields if name in _IN_FORMS and _is_long(value))


def _password(header: str) -> Iterator[str]:
    scheme, _, packed = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            yield base64.b64decode(packed).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return


def _is_long(text: str) -> bool:
    return len(text) >= LEAST_LENGTH
