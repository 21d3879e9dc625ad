"""How Microsoft Graph speaks of limits and refusals: resource units, Retry-After, and nested error codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from providers.answers import Answer, refusal_of, retry_after_s
from providers.pace import Allowance
from sync.model.errors import ConnectorError, Denied

WINDOW_S: Final = 10
_SIZES: Final = ((500, 8_000), (50, 5_000), (0, 3_500))
"""Resource units per window that Graph allows one app in a tenant of more people than so many."""
_DEPTH: Final = 8
_PRESSED: Final = "x-ms-throttle-limit-percentage"


class AzureDialect:
    """Graph states no limit, only what a call cost and when four fifths are used.

    The limit is the one that Microsoft documents for a tenant of this size, the smallest until the
    size is known. Windows are taken to begin with every tenth second of the server's clock.
    """

    vendor = "Microsoft Entra ID"

    def __init__(self) -> None:
        self._limit = _SIZES[-1][1]

    def met(self, people: int) -> None:
        """Takes note of how many people the tenant has."""
        self._limit = max(self._limit, next(limit for least, limit in _SIZES if people >= least))

    def told_wait_s(self, answer: Answer) -> float | None:
        return retry_after_s(answer)

    def is_crowded(self, answer: Answer) -> bool:  # noqa: ARG002 - Graph counts units, not requests at once
        return False

    def is_momentary(self, answer: Answer) -> bool:
        return answer.status == 423

    def allowance(self, answer: Answer) -> Allowance | None:
        date = answer.date
        if date is None or "x-ms-resource-unit" not in answer.headers:
            return None
        left = max(0.0, 1.0 - self._used(answer))
        return Allowance(self._limit, int(self._limit * left), WINDOW_S - date.timestamp() % WINDOW_S)

    @staticmethod
    def _used(answer: Answer) -> float:
        try:
            return float(answer.headers.get(_PRESSED, "0"))
        except ValueError:
            return 0.0

    def refusal(self, answer: Answer, what: str, host: str) -> ConnectorError:
        return refusal(answer.status, answer, what, host)


def refusal(status: int, answer: Answer, what: str, host: str) -> ConnectorError:
    """The error for an answer outside 2xx, alone or as one item of a batch."""
    body = answer.error_body()
    code = error_code(body)
    if status == 403:
        return Denied(
            f"{host} does not let the app read {what} ({code or 403}). Give the app registration the "
            "application permissions User.Read.All and GroupMember.Read.All, or Directory.Read.All, "
            "and grant admin consent."
        )
    error = body.get("error")
    said = str(error.get("message") or "") if isinstance(error, dict) else ""
    return refusal_of(
        answer,
        what,
        host,
        code=code,
        said=f"{said[:200]} ({code})" if code else said[:200],
        key="client_secret",
    )


def error_code(body: Any) -> str:
    """The most exact code of an error body: the innermost one that says something."""
    return next(reversed([code for code in _codes(body.get("error")) if code]), "")


def _codes(error: Any) -> Iterator[str]:
    for _ in range(_DEPTH):
        if not isinstance(error, dict):
            return
        code = error.get("code")
        if isinstance(code, str):
            yield code
        error = error.get("innerError") or error.get("innererror")
