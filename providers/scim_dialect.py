"""How a SCIM service speaks of limits and refusals: Retry-After at most, and the RFC's error object."""

from __future__ import annotations

from providers.answers import Answer, refusal_of, retry_after_s
from providers.failures import Absent
from providers.pace import Allowance
from sync.model.errors import ConnectorError


class ScimDialect:
    """No standard rate headers exist, so an answer advertises no allowance."""

    vendor = "SCIM"

    def told_wait_s(self, answer: Answer) -> float | None:
        return retry_after_s(answer)

    def is_crowded(self, answer: Answer) -> bool:  # noqa: ARG002 - there is no such word in SCIM
        return False

    def is_momentary(self, answer: Answer) -> bool:  # noqa: ARG002 - nor is there one for this
        return False

    def allowance(self, answer: Answer) -> Allowance | None:  # noqa: ARG002 - see above
        return None

    def refusal(self, answer: Answer, what: str, host: str) -> ConnectorError:
        code = scim_type(answer)
        said = str(answer.error_body().get("detail") or "")[:200]
        if answer.status in {404, 410} and not answer.is_web_page():
            # an error without a body says as much as one with: there is no such resource
            return Absent(f"{host} knows nothing of {what} ({answer.status}).", code=str(answer.status))
        return refusal_of(answer, what, host, code=code, said=said, key="token")


def scim_type(answer: Answer) -> str:
    """The error's ``scimType``, such as expiredCursor; "" when it has none."""
    code = answer.error_body().get("scimType")
    return code if isinstance(code, str) else ""
