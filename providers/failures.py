"""The providers' finer cuts of the error tree: what a walk must tell apart to go on or to stop."""

from __future__ import annotations

from sync.model.errors import Denied, Incomplete, NotFound, Transient


class Garbled(Exception):
    """A 2xx body that is empty or no JSON at all: asked for again, and a fault when that does not help."""


class Absent(NotFound):
    """The directory says, in its own error format, that the thing asked for does not exist."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class BadRequest(Incomplete):
    """The directory refuses the question itself (400): a filter, a cursor or a parameter."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class CredentialRefused(Denied):
    """The credential is no good (401): nothing further can be read with it."""


class ServerFault(Transient):
    """The directory answers with an error of its own (5xx), again and again."""

    def __init__(self, message: str, *, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.status = status


class Throttled(Transient):
    """The directory's rate limit stands in the way for longer than is worth waiting."""


class TooSlow(Transient):
    """No whole answer came in the time allowed; a smaller page may help."""


class OutOfTime(Transient):
    """The time budget of the read is used up, or a told wait would use it up."""


class Stopped(Transient):
    """The program is shutting down and asked the read to end."""


ENDS_THE_READ = (CredentialRefused, Throttled, OutOfTime, Stopped)
"""Failures that concern the whole read, never one group or one person alone."""
