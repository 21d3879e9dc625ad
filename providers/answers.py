"""What came back over the wire, told apart by status, content type and shape before anything is parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import msgspec

from providers.failures import Absent, BadRequest, CredentialRefused
from providers.pace import Allowance
from sync.model.errors import ConnectorError, Denied, Incomplete, Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer, read whole: header names match in any case, ``links`` are its Link lines."""

    status: int
    headers: Mapping[str, str]
    links: Sequence[str]
    body: bytes

    @property
    def date(self) -> datetime | None:
        """The server's own clock (Date header), aware UTC; None when absent or unreadable."""
        return http_date(self.headers.get("date", ""))

    def is_web_page(self) -> bool:
        """True for HTML, by its content type or by its first character."""
        return "html" in self.headers.get("content-type", "").lower() or self.body[:64].lstrip()[:1] == b"<"

    def error_body(self) -> Mapping[str, Any]:
        """The JSON object of an error answer; an empty one when there is none."""
        try:
            body = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}


class Dialect(Protocol):
    """What a vendor says in its own way; one small object per provider. ``what`` names the thing read."""

    vendor: str

    def told_wait_s(self, answer: Answer) -> float | None:
        """Seconds a 429 or 503 asks us to wait; None when it does not say."""

    def is_crowded(self, answer: Answer) -> bool:
        """True when a 429 is about requests at the same time, not about requests per minute."""

    def is_momentary(self, answer: Answer) -> bool:
        """True for a 4xx that the vendor means as "again in a moment"."""

    def allowance(self, answer: Answer) -> Allowance | None:
        """The rate limit this answer advertises."""

    def refusal(self, answer: Answer, what: str, host: str) -> ConnectorError:
        """The error for a final answer outside 2xx."""


def http_date(text: str) -> datetime | None:
    """An HTTP date (RFC 9110 section 5.6.7) as aware UTC, or None."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_after_s(answer: Answer) -> float | None:
    """Retry-After in seconds, from a number or from a date against the answer's own Date."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return float(int(text))
    except ValueError:
        then, now = http_date(text), answer.date
    return (then - now).total_seconds() if then and now else None


def refusal_of(answer: Answer, what: str, host: str, *, code: str, said: str, key: str) -> ConnectorError:
    """The error of a final non-2xx answer, by status alone; providers add what they know better.

    ``said`` is the vendor's own explanation (may be empty), ``key`` names the credential setting.
    """
    tail = f" It said: {said.rstrip('.')}." if said else ""
    status = answer.status
    if 300 <= status < 400:
        return Misconfigured(
            f"{host} redirects instead of answering, which is not followed. "
            "Check the address: it must be the API's own host, with no login page or proxy before it."
        )
    if status == 401:
        return CredentialRefused(f"{host} refuses the credential (401). Make a new one and set {key}.{tail}")
    if status == 403:
        return Denied(f"{host} does not let this credential read {what} (403).{tail}")
    if status in {404, 405, 410}:
        return _nothing_there(answer, what, host, code, tail)
    return BadRequest(f"{host} refuses the request for {what} ({status}).{tail}", code=code)


def _nothing_there(answer: Answer, what: str, host: str, code: str, tail: str) -> ConnectorError:
    if code and not answer.is_web_page():
        return Absent(f"{host} knows nothing of {what} ({answer.status}).{tail}", code=code)
    return Misconfigured(
        f"{host} has no such API: {what} answered {answer.status}. "
        f"Check that the address is the directory's own.{tail}"
    )


def web_page(host: str, *, is_proven: bool) -> ConnectorError:
    """The error for a 2xx that is a web page; ``is_proven`` is True when the host answered well before."""
    if is_proven:
        return Incomplete(
            f"{host} answered with a web page in place of data in the middle of the read. "
            "Perhaps a login page came between: nothing was concluded from it; the next run tries again."
        )
    return Misconfigured(
        f"{host} answers with a web page instead of data. "
        "Check that the address is the API's own host and that no login page or proxy stands before it."
    )
