"""Webhooks: who wants to hear events, and how far each event has got on its way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeliveryState(StrEnum):
    """How far one event has got to one endpoint.

    PENDING was not tried yet, FAILED was and will be again, DEAD was given up.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD = "dead"


OPEN = (DeliveryState.PENDING, DeliveryState.FAILED)
"""States of a delivery that is still to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What deliveries are signed with, sealed; ``ends_at`` is set on the old one while two are valid."""

    sealed: str
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A webhook address.

    ``types`` are event types or ``family.*``; empty is all. ``position`` is the last sequence that
    deliveries were made for. ``failures`` counts failed calls since the last that succeeded, and
    ``failing_since`` is when the first of them was; ``next_at`` is set while the endpoint rests.
    """

    id: str
    url: str
    secrets: tuple[Secret, ...]
    types: tuple[str, ...]
    connection_id: str | None
    note: str
    enabled: bool
    position: int
    failures: int
    failing_since: datetime | None
    next_at: datetime | None
    last_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime

    def wants(self, type: str, connection_id: str | None) -> bool:
        """Whether an event passes the filters."""
        if self.connection_id is not None and connection_id != self.connection_id:
            return False
        return not self.types or any(_fits(type, wanted) for wanted in self.types)

    def hears(self, types: Sequence[str] | None, connection_id: str | None) -> bool:
        """Whether events of one of these types and of this connection can come here; None is any."""
        if connection_id is not None and self.connection_id not in (None, connection_id):
            return False
        return types is None or any(self.wants(type, self.connection_id) for type in types)

    @property
    def state(self) -> str:
        """How it does, in one word."""
        if not self.enabled:
            return "paused"
        return "failing" if self.failing_since else "well"


def _fits(type: str, wanted: str) -> bool:
    if wanted.endswith(".*"):
        return type.startswith(wanted[:-1])
    return type == wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One replica's time-limited right to call an endpoint. Every write of the turn names ``fence``."""

    endpoint: Endpoint
    owner: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery to be made now. ``body`` is the event's JSON; None when the event is no longer kept.

    ``asked`` counts how often people asked for it again.
    """

    sequence: int
    asked: int
    event_id: str | None
    attempts: int
    first_at: datetime | None
    body: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one attempt came to. ``next_at`` is set in state FAILED; ``asked`` is that of the ``Due``."""

    sequence: int
    asked: int = 0
    state: DeliveryState
    next_at: datetime | None = None
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How an endpoint does after a round of calls."""

    failures: int = 0
    failing_since: datetime | None = None
    next_at: datetime | None = None
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row of the delivery log."""

    endpoint_id: str
    sequence: int
    event_id: str | None
    type: str
    state: DeliveryState
    attempts: int
    next_at: datetime | None
    last_at: datetime | None
    last_status: int | None
    last_error: str | None


def live_secrets(secrets: Sequence[Secret], now: datetime) -> tuple[Secret, ...]:
    """The secrets deliveries are signed with now, the newest first."""
    return tuple(secret for secret in secrets if secret.ends_at is None or secret.ends_at > now)
