"""A notice: something that wants a person, told once from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice is about."""

    PLAN_HELD = "plan_held"
    RUNS_FAIL = "runs_fail"
    QUARANTINED = "quarantined"
    SOURCE_INCONSISTENT = "source_inconsistent"
    TOKEN_EXPIRES = "token_expires"  # noqa: S105 - the word is no secret
    CREDENTIAL_EXPIRES = "credential_expires"
    SEATS = "seats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What holds now and wants a person. As long as one of this ``key`` holds, it is one episode.

    ``path`` is the page that helps, ``connection`` the connection's id and name where it is about one.
    """

    kind: NoticeKind
    key: str
    title: str
    text: str
    path: str
    connection: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One episode as stored; ``ended_at`` None while it lasts."""

    id: str
    kind: NoticeKind
    key: str
    connection_id: str | None
    title: str
    text: str
    path: str
    opened_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One notice on its way through one channel, claimed by this process; ``attempts`` counts this one."""

    notice: Notice
    channel: str
    attempts: int
    lease_until: datetime
