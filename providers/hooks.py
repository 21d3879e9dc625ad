"""What the vendors' event hooks have in common: JSON of a known shape, ids that look like ids, a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from sync.model.errors import BadRecord

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_BEARER: Final = "bearer "


def decoded(body: bytes) -> Any:
    """The JSON of a body. Raises BadRecord."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRecord("the hook's body is not JSON") from error


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list. Raises BadRecord for anything else."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadRecord("the hook's body is not a list of events")
    return value


def ids(values: Iterable[Any]) -> frozenset[str]:
    """Those values that can be ids of the vendor's; numbers as text."""
    texts = (str(each) for each in values if isinstance(each, str | int) and not isinstance(each, bool))
    return frozenset(text for text in texts if _ID.fullmatch(text))


def authorization(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The secret an admin set as the Authorization header, with or without "Bearer"."""
    value = headers.get("authorization", "").strip()
    if value.lower().startswith(_BEARER):
        value = value[len(_BEARER) :].strip()
    return (value,) if value else ()
