"""Who may do what: roles, the accounts and keys that have them, and whoever acts right now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do; each role may do what those before it may.

    A viewer reads; an operator approves, pulls, answers questions and suspends; an admin changes
    connections, console accounts and keys.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def allows(self, needed: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Via(StrEnum):
    """Through which door somebody acts."""

    CONSOLE = "console"
    API = "api"
    CLI = "cli"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever acts: a console account, an API key, a user of the machine, or the program itself."""

    name: str
    via: Via
    role: Role
    address: str = ""

    @property
    def by(self) -> str:
        """How records name them: ``console:ada@example.com``, ``api:deploy``, ``cli:root``, ``system``."""
        return self.name if self.via is Via.SYSTEM else f"{self.via.value}:{self.name}"


SYSTEM = Actor(name="system", via=Via.SYSTEM, role=Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleAccount:
    """Somebody who may sign in to the console. ``subject`` is who they are at the sign-in provider."""

    id: str
    email: str
    name: str
    role: Role
    password_hash: str | None
    subject: str | None
    disabled_at: datetime | None
    created_at: datetime
    created_by: str
    last_sign_in_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One signed-in browser; ``how`` is password, link or oidc."""

    id: str
    account_id: str
    how: str
    address: str
    agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A program's way in; of its text only the beginning and the end are known."""

    id: str
    name: str
    prefix: str
    last_four: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A one-time way in: to an account, or (without one) to making an account of this role."""

    account_id: str | None
    role: Role
    expires_at: datetime
