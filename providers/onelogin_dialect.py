"""How OneLogin speaks of limits and refusals: its rate headers, and its errors in five shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from providers.answers import Answer, refusal_of, retry_after_s
from providers.pace import Allowance
from sync.model.errors import ConnectorError, Denied

ACCOUNT: Final = "account"
"""The one rate bucket: the hour's calls are the whole account's, whatever the token and the path."""

_SCOPE_TOO_SMALL: Final = "insufficient permission"


class OneLoginDialect:
    """Reads `x-ratelimit-*` (reset in seconds left), the balancer's own 429, and errors of any shape."""

    vendor = "OneLogin"

    def told_wait_s(self, answer: Answer) -> float | None:
        told_s = retry_after_s(answer)
        if told_s is not None or answer.status != 429:
            return told_s
        return _number(answer.headers.get("x-ratelimit-reset"))

    def is_crowded(self, answer: Answer) -> bool:
        """The balancer answers a page, without any hint, to too much at once."""
        return answer.status == 429 and answer.is_web_page()

    def is_momentary(self, answer: Answer) -> bool:  # noqa: ARG002 - no such answer is known
        return False

    def allowance(self, answer: Answer) -> Allowance | None:
        return allowance_of(answer.headers)

    def refusal(self, answer: Answer, what: str, host: str) -> ConnectorError:
        code, said = said_by(answer)
        if is_about_scope(answer):
            return Denied(
                f"{host} does not let this credential read {what} (401 Insufficient Permission): "
                "its scope is too small. Make a credential with the scope Read All, "
                "and set client_id and client_secret."
            )
        return refusal_of(answer, what, host, code=code, said=said, key="client_id and client_secret")


def is_about_scope(answer: Answer) -> bool:
    """True for a 401 that means the scope, not the token."""
    return answer.status == 401 and _SCOPE_TOO_SMALL in said_by(answer)[1].lower()


def allowance_of(told: Mapping[str, Any]) -> Allowance | None:
    """The hour's limit, what is left of it, and the seconds until the next; names in lower case."""
    limit, remaining, reset_s = (_number(told.get(f"x-ratelimit-{name}")) for name in _RATES)
    if limit is None or remaining is None or reset_s is None:
        return None
    return Allowance(int(limit), int(remaining), reset_s)


def said_by(answer: Answer) -> tuple[str, str]:
    """Code and sentence of an error, whichever of its shapes it has; two empty texts for a page."""
    body = answer.error_body()
    status = body.get("status")
    layer = status if isinstance(status, dict) else body
    code = next(
        (str(layer[key]) for key in ("name", "error", "type", "code") if layer.get(key) is not None), ""
    )
    message = layer.get("message") or layer.get("description")
    if isinstance(message, dict):
        message = " ".join(str(value) for value in message.values())
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        message = f"{message or ''}: {errors[0].get('field')} {_first(errors[0].get('message'))}"
    return code, str(message or "")[:200]


_RATES: Final = ("limit", "remaining", "reset")


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None
