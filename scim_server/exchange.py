"""One HTTP exchange: the request as read from the wire, the answer to be written, and what lies between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from scim_server.coerce import Reading
from scim_server.errors import ScimError, invalid_syntax, invalid_value
from scim_server.knobs import Knobs, knobs_of
from scim_server.schemas import Catalogue, catalogue_of
from sync.model.session import Access, Gateway

CONTENT_TYPE = "application/scim+json"
MAX_BODY_BYTES = 1024 * 1024
MAX_JSON_DEPTH = 32
MAX_PARAMETERS = 200


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the client sent. ``path``: segments after the connection id; ``body`` None: too large."""

    method: str
    connection_id: str
    path: Sequence[str]
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = b""

    @cached_property
    def parameters(self) -> Mapping[str, Sequence[str]]:
        """Query parameters by lower-case name; unknown ones are nobody's business."""
        found: dict[str, list[str]] = {}
        try:
            pairs = parse_qsl(self.query.lstrip("?"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
        except ValueError:
            raise invalid_value(f"The query has more than {MAX_PARAMETERS} parameters.") from None
        for name, value in pairs:
            found.setdefault(name.lower(), []).append(value)
        return found

    def json(self) -> Any:
        """The body as JSON; ScimError 413, 415 or ``invalidSyntax`` when it is none."""
        if self.body is None:
            raise ScimError(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        self._require_json_type()
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise invalid_syntax("The body is not valid JSON.") from None
        if self.body.count(b"[") + self.body.count(b"{") > MAX_JSON_DEPTH and _is_deeper(
            value, MAX_JSON_DEPTH
        ):
            raise invalid_syntax(f"The body is nested deeper than {MAX_JSON_DEPTH}.")
        return value

    def _require_json_type(self) -> None:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind not in {"application/json", "text/json"} and not kind.endswith("+json"):
            raise ScimError(415, f"Send {CONTENT_TYPE}, not {kind[:80]}.")


def _is_deeper(value: Any, depth: int) -> bool:
    """Whether JSON is nested deeper than ``depth``, level by level, without recursion."""
    level = [value]
    for _ in range(depth + 1):
        following: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                following.extend(inner for inner in each.values() if isinstance(inner, dict | list))
            elif isinstance(each, list):
                following.extend(inner for inner in each if isinstance(inner, dict | list))
        if not following:
            return False
        level = following
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back. ``body`` is empty for 204 and 304."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        return Answer(status=status, body=orjson.dumps(document), headers=headers or {})

    @staticmethod
    def of_text(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        return Answer(status=status, body=text.encode(), headers=headers or {})

    @staticmethod
    def from_error(error: ScimError) -> Answer:
        return Answer(status=error.status, body=error.body(), headers=error.headers)


@dataclass(frozen=True, kw_only=True)
class Call:
    """An authenticated request with all it needs: the engine, the connection's choices, our own address.

    ``base`` is the connection's absolute address, without a slash at the end.
    """

    request: Request
    gateway: Gateway
    access: Access
    base: str
    cursor_key: bytes = b""
    notes: list[str] = field(default_factory=list)

    @cached_property
    def knobs(self) -> Knobs:
        return knobs_of(self.access)

    @cached_property
    def catalogue(self) -> Catalogue:
        return catalogue_of(self.access.settings)

    def reading(self) -> Reading:
        """A fresh way of reading; its notes replace those of a try that lost a race."""
        self.notes.clear()
        return Reading(knobs=self.knobs, notes=self.notes)

    @cached_property
    def base_in_json(self) -> str:
        """``base`` as it stands inside a JSON text."""
        return orjson.dumps(self.base).decode()[1:-1]

    @property
    def wants_minimal(self) -> bool | None:
        """``Prefer: return=minimal`` is True, ``return=representation`` False, neither None (RFC 7240)."""
        for part in self.request.headers.get("prefer", "").split(","):
            name, _, value = part.partition(";")[0].partition("=")
            if name.strip().lower() == "return":
                return {"minimal": True, "representation": False}.get(value.strip().strip('"').lower())
        return None
