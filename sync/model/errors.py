"""The error tree: one branch per way to recover, so that callers never parse messages.

ConnectorError
├── Transient           try again later (retry_after_s says when, if the source said so)
├── CursorExpired       the bookmark of the change feed is no longer good: read in full
├── Denied              credentials or rights refused: an admin must act
├── Misconfigured       settings are wrong: an admin must act
├── Incomplete          the source answered with less than everything, or with nonsense
├── NotFound            no such thing (for this caller)
├── Refused             a rule of ours says no: protected user, seat limit, frozen
├── Conflict            somebody else was first
│   ├── Duplicate       a live record with the same key exists
│   ├── Stale           the record changed since it was read
│   └── LeaseLost       another replica holds the run now
├── Held                a safeguard waits for a person
└── BadRecord           one record cannot be used; the rest can
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Anything this product reports to people.

    The message is one or two sentences: what is wrong and what to do. It never holds a secret.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Transient(ConnectorError):
    """It may work later. ``retry_after_s`` is what the source asked for, in seconds, if it said."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CursorExpired(ConnectorError):
    """The change feed cannot go on from this cursor; only a full pull can."""


class Denied(ConnectorError):
    """The source refused the credentials or a right; nothing helps but an admin."""


class Misconfigured(ConnectorError):
    """A setting is wrong (address, name, value); nothing helps but an admin."""


class Incomplete(ConnectorError):
    """The read did not prove that it saw everything; nothing may be removed because of it."""


class NotFound(ConnectorError):
    """There is no such thing, or not for this caller."""


class Refused(ConnectorError):
    """One of our own rules forbids the change (protected user, seat limit, freeze)."""


class Conflict(ConnectorError):
    """The change met another one."""


class LostRace(Conflict):
    """Another writer came between our read and our write; trying again settles it."""


class Duplicate(Conflict):
    """A live record with this key exists already."""


class Stale(Conflict):
    """The record is not the one the caller read."""


class LeaseLost(Conflict):
    """The run belongs to another replica now; this one must not write."""


class Held(ConnectorError):
    """A safeguard holds the change until a person approves it."""


class BadRecord(ConnectorError):
    """One record is unusable; it is set aside and the rest goes on."""


def recovery_of(error: ConnectorError) -> str:
    """The branch of this tree an error stands on, in one lower-case word (``denied``, ``transient``).

    Providers and runs refine these classes; who stores or maps an error needs the branch alone.
    """
    return next(each.__name__.lower() for each in type(error).__mro__ if each.__module__ == __name__)
