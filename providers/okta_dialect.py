"""How Okta speaks of limits and refusals: its rate headers and its error codes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from providers.answers import Answer, refusal_of, retry_after_s
from providers.okta_settings import TOKEN, Holder
from providers.pace import Allowance
from providers.rows import inside
from sync.model.errors import ConnectorError, Denied

_FEATURE_OFF: Final = "E0000015"
_BUSY_RECONCILING: Final = "E0000239"
SCOPES_REMEDY: Final = "It was not granted {missing}: grant it under the app's tab Okta API Scopes."


class OktaDialect:
    """Reads `x-rate-limit-*` (reset in epoch seconds of the server's own clock) and `errorCode`."""

    vendor = "Okta"

    def __init__(self, holder: Holder = TOKEN, withheld: Callable[[], Collection[str]] = tuple) -> None:
        self._holder, self._withheld = holder, withheld

    def told_wait_s(self, answer: Answer) -> float | None:
        told_s = retry_after_s(answer)
        if told_s is not None or answer.status != 429:
            return told_s
        allowance = self.allowance(answer)
        return allowance.reset_in_s if allowance else None

    def is_crowded(self, answer: Answer) -> bool:
        return answer.status == 429 and answer.headers.get("x-rate-limit-limit") == "0"

    def is_momentary(self, answer: Answer) -> bool:
        return answer.status == 423 or error_code(answer) == _BUSY_RECONCILING

    def allowance(self, answer: Answer) -> Allowance | None:
        headers, date = answer.headers, answer.date
        try:
            limit, remaining = int(headers["x-rate-limit-limit"]), int(headers["x-rate-limit-remaining"])
            reset_at = int(headers["x-rate-limit-reset"])
        except (KeyError, ValueError):
            return None
        return Allowance(limit, remaining, reset_at - date.timestamp()) if date else None

    def refusal(self, answer: Answer, what: str, host: str) -> ConnectorError:
        code = error_code(answer)
        if code == _FEATURE_OFF:
            return Denied(
                f"{host} has the feature behind {what} switched off ({code}); the credential itself is good."
            )
        if answer.status == 403:
            return Denied(
                f"{host} does not let this {self._holder.noun} read {what} ({code or 403}). " + self._remedy()
            )
        said = " ".join(
            filter(
                None,
                [
                    _said(answer),
                    f"({code})" if code.startswith("E") else "",
                ],
            )
        )
        return refusal_of(answer, what, host, code=code, said=said[:200], key=self._holder.key)

    def _remedy(self) -> str:
        missing = ", ".join(self._withheld())
        return SCOPES_REMEDY.format(missing=missing) if missing else self._holder.remedy


def _said(answer: Answer) -> str:
    """The summary of an error, and its first cause, which says more."""
    body = answer.error_body()
    causes = body.get("errorCauses")
    cause = inside(causes[0], "errorSummary") if isinstance(causes, list) and causes else None
    return ": ".join(str(text).rstrip(".") for text in (body.get("errorSummary"), cause) if text)


def error_code(answer: Answer) -> str:
    """Okta's error code; the plain status for its other error layer; "" when the body is neither."""
    body = answer.error_body()
    code = body.get("errorCode")
    if isinstance(code, str):
        return code
    return str(answer.status) if body.get("status") == answer.status else ""
