"""The operations of a PATCH body, read in any case and envelope (RFC 7644 §3.5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scim_server.coerce import Reading
from scim_server.errors import invalid_path, invalid_syntax
from scim_server.filter import shortened

PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_MISSING: Any = object()
_OPS = frozenset({"add", "replace", "remove"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation as read: ``value`` is _MISSING when the client sent none."""

    op: str
    path: str | None
    value: Any

    @property
    def has_value(self) -> bool:
        return self.value is not _MISSING


def read_operations(body: Any, reading: Reading) -> list[Operation]:
    """The operations of a PATCH body in any case and envelope; ScimError ``invalidSyntax`` otherwise."""
    if not isinstance(body, dict):
        raise invalid_syntax("The body must be one JSON object with Operations.")
    keys = {key.lower(): value for key, value in body.items()}
    if "operations" not in keys:
        raise invalid_syntax("The body has no Operations.")
    given = keys["operations"]
    if isinstance(given, dict):
        given = [given]
    if not isinstance(given, list):
        raise invalid_syntax("Operations must be a list.")
    if reading.knobs.strict:
        _require_envelope(body, given)
    return [_operation(each) for each in given]


def _require_envelope(body: Mapping[str, Any], operations: Sequence[Any]) -> None:
    if PATCH_URN not in (body.get("schemas") or ()):
        raise invalid_syntax(f"schemas must hold {PATCH_URN}.")
    if not operations:
        raise invalid_syntax("Operations is empty.")


def _operation(given: Any) -> Operation:
    if not isinstance(given, dict):
        raise invalid_syntax("An operation must be an object with op, path and value.")
    keys = {key.lower(): value for key, value in given.items()}
    op = keys.get("op")
    if not isinstance(op, str) or op.lower() not in _OPS:
        raise invalid_syntax(f"The operation {shortened(str(op))} is unknown; use add, replace or remove.")
    path = keys.get("path")
    if path is not None and not isinstance(path, str):
        raise invalid_path("A path must be a text.")
    return Operation(op=op.lower(), path=(path or "").strip() or None, value=keys.get("value", _MISSING))
