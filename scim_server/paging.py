"""Paging: index parameters of RFC 7644 §3.4.2.4, and the signed keyset cursors of RFC 9865."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from scim_server.errors import ScimError, invalid_value

DEFAULT_COUNT = 100
MAX_COUNT = 500
CURSOR_TIMEOUT_S = 3600
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a cursor stands, and the page size it began with; ``after`` None is the start."""

    after: tuple[str, str] | None
    count: int


def whole_number(name: str, value: Any, default: int) -> int:
    """A paging parameter; ScimError ``invalidValue`` when it is no whole number."""
    if value is None or value == "":
        return default
    try:
        number = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except ValueError:  # also what Python says of a number with thousands of digits
        number = None
    if number is None:
        raise invalid_value(f"{name} takes a whole number.")
    return max(-(2**31), min(number, 2**31 - 1))


def page_size(value: Any) -> int:
    """``count`` within what we serve: negative is none, too many is the maximum."""
    return max(0, min(whole_number("count", value, DEFAULT_COUNT), MAX_COUNT))


def question_hash(*parts: Any) -> str:
    """What a cursor belongs to: filter, sorting and everything else that must not change between pages."""
    return blake2b(orjson.dumps(parts), digest_size=12).hexdigest()


def write_cursor(key: bytes, question: str, after: tuple[str, str], count: int) -> str:
    """A cursor of unreserved URL characters that only this server can make."""
    content = orjson.dumps([*after, question, count, int(time.time()) + CURSOR_TIMEOUT_S])
    return base64.urlsafe_b64encode(_mac(key, content) + content).rstrip(b"=").decode()


def read_cursor(key: bytes, question: str, cursor: str, count: Any) -> Position:
    """The position of a cursor; ScimError ``invalidCursor``, ``expiredCursor`` or ``invalidCount``."""
    if not cursor:
        return Position(after=None, count=page_size(count))
    sort_key, row_id, asked, size, expires_at = _opened(key, cursor)
    if asked != question:
        raise ScimError(
            400, "The cursor belongs to another filter or order; begin again without it.", "invalidCursor"
        )
    if expires_at < time.time():
        raise ScimError(400, "The cursor is too old; begin again without it.", "expiredCursor")
    if count is not None and page_size(count) != size:
        raise ScimError(400, f"The cursor began with count {size}; keep it.", "invalidCount")
    return Position(after=(sort_key, row_id), count=size)


def _opened(key: bytes, cursor: str) -> list[Any]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    mac, content = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not content or not hmac.compare_digest(mac, _mac(key, content)):
        raise ScimError(400, "The cursor is not one of ours; begin again without it.", "invalidCursor")
    opened: list[Any] = orjson.loads(content)
    return opened


def _mac(key: bytes, content: bytes) -> bytes:
    return blake2b(content, key=key[:64], digest_size=_MAC_BYTES).digest()
