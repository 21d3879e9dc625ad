"""What of a request may be kept for people to read: its shape and its words, not what they say of anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from scim_server.errors import ScimError
from scim_server.exchange import MAX_JSON_DEPTH, Request

MASK = "…"
_PLAIN_KEYS = frozenset({"schemas", "op", "path", "type", "method", "bulkid", "resourcetype"})
"""Keys whose texts name things of the protocol, never of a person."""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_BARE_VALUE = re.compile(
    r'(\b(?:eq|ne|co|sw|ew|gt|ge|lt|le)\s+)(?!true\b|false\b|null\b|")[^\s()\[\]]+', re.IGNORECASE
)


def redacted_filter(text: str) -> str:
    """A filter or path with its literals masked: ``userName eq "…"``."""
    return _BARE_VALUE.sub(rf"\1{MASK}", _QUOTED.sub(f'"{MASK}"', text))


def redacted_query(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """Query parameters with the literals of filters masked and cursors left out."""
    kept: dict[str, list[str]] = {}
    for name, values in parameters.items():
        if name == "filter":
            kept[name] = [redacted_filter(value) for value in values]
        else:
            kept[name] = [MASK] if name == "cursor" else list(values)
    return kept


def redacted_path(request: Request) -> str:
    """Path and query as they may be kept: ``/Users?filter=userName eq "…"``."""
    path = "/" + "/".join(segment[:100] for segment in request.path[:10])
    try:
        parameters = redacted_query(request.parameters)
    except ScimError:
        return _printable(f"{path}?{MASK}")
    query = "&".join(f"{name}={value}" for name, values in parameters.items() for value in values)
    return _printable(f"{path}?{query}" if query else path)


def _printable(text: str) -> str:
    """At most 1,000 characters, none of which a database or a terminal minds."""
    return "".join(sign if sign.isprintable() else MASK for sign in text[:1000])


def redacted_body(body: bytes | None) -> str:
    """A body with every text and number masked but those of the protocol; "" when there is none."""
    if not body:
        return ""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return f"{len(body)} bytes that are no JSON"
    return orjson.dumps(_masked("", value, MAX_JSON_DEPTH)).decode()


def _masked(key: str, value: Any, depth: int) -> Any:
    if depth == 0:
        return MASK
    if isinstance(value, dict):
        return {_key(name): _masked(name.lower(), inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(key, inner, depth - 1) for inner in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    if key in _PLAIN_KEYS and isinstance(value, str):
        return redacted_filter(value)
    return MASK


def _key(name: str) -> str:
    """A key, which may be a bracketed path with a literal in it."""
    return redacted_filter(name)
