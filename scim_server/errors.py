"""What goes wrong, as SCIM says it: one exception, its body, and how the engine's errors become it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sync.model.errors import (
    BadRecord,
    Conflict,
    ConnectorError,
    Denied,
    Duplicate,
    Held,
    NotFound,
    Refused,
    Stale,
    Transient,
)

ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"
RETRY_AFTER_S = 30
"""What we ask an IdP to wait when nobody said a better time."""


class ScimError(Exception):
    """An answer that is not 2xx (RFC 7644 §3.12). ``detail`` tells the IdP's admin what to do."""

    def __init__(
        self, status: int, detail: str, scim_type: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        body: dict[str, Any] = {"schemas": [ERROR_URN], "status": str(self.status), "detail": self.detail}
        if self.scim_type is not None:
            body["scimType"] = self.scim_type
        return body

    def body(self) -> bytes:
        return orjson.dumps(self.document())


def invalid_value(detail: str) -> ScimError:
    return ScimError(400, detail, "invalidValue")


def invalid_syntax(detail: str) -> ScimError:
    return ScimError(400, detail, "invalidSyntax")


def invalid_filter(detail: str) -> ScimError:
    return ScimError(400, detail, "invalidFilter")


def invalid_path(detail: str) -> ScimError:
    return ScimError(400, detail, "invalidPath")


def no_target(detail: str) -> ScimError:
    return ScimError(400, detail, "noTarget")


def immutable(detail: str) -> ScimError:
    return ScimError(400, detail, "mutability")


def not_found(what: str) -> ScimError:
    return ScimError(404, f"{what} does not exist in this connection.")


def wrong_method(method: str, allowed: str) -> ScimError:
    return ScimError(405, f"{method} is not possible here; use {allowed}.", headers={"Allow": allowed})


def unavailable(detail: str, retry_after_s: float | None = None) -> ScimError:
    seconds = max(1, round(retry_after_s)) if retry_after_s is not None else RETRY_AFTER_S
    return ScimError(503, detail, headers={"Retry-After": str(seconds)})


# The first entry that fits counts: subclasses stand before their parents.
_STATUS_OF: tuple[tuple[type[ConnectorError], int, str | None], ...] = (
    (Duplicate, 409, "uniqueness"),
    (Stale, 412, None),
    (Conflict, 409, None),
    (NotFound, 404, None),
    (Refused, 403, None),
    (Held, 403, None),
    (Denied, 403, None),
    (BadRecord, 400, "invalidValue"),
)


def from_engine(error: ConnectorError) -> ScimError:
    """The SCIM answer to an error of the engine; what it did not foresee is worth a retry."""
    if isinstance(error, Transient):
        return unavailable(error.message, error.retry_after_s)
    for kind, status, scim_type in _STATUS_OF:
        if isinstance(error, kind):
            return ScimError(status, error.message, scim_type)
    return unavailable(error.message)
