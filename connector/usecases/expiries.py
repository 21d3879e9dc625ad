"""What ends by itself and would be missed: SCIM tokens, credentials of directories, API keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from connector.connection_settings import ConnectionSettings
from connector.usecases.wires import Wires
from sync.model.connection import Connection, Mode
from sync.model.errors import ConnectorError
from sync.model.notice import NoticeKind
from sync.model.resources import TokenInfo
from sync.store import api_keys, connections
from sync.store.database import Conn

THRESHOLDS_D: Final = (1, 3, 14, 30)
"""Days before the end at which somebody is told, each once."""

HORIZON: Final = timedelta(days=THRESHOLDS_D[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """Something with an end, and the line that makes a new one. ``connection`` is None for an API key."""

    kind: NoticeKind
    id: str
    what: str
    at: datetime
    remedy: str
    connection: Connection | None = None

    def days_left(self, now: datetime) -> int:
        """Whole days until the end; below 0 once it is over."""
        return (self.at - now).days

    def threshold_d(self, now: datetime) -> int | None:
        """Which of the thresholds it has come below; None while the end is far, 0 once it is over."""
        if self.at <= now:
            return 0
        return next((days for days in THRESHOLDS_D if self.at - now <= timedelta(days=days)), None)

    def sentence(self, now: datetime) -> str:
        if self.at <= now:
            return f"{self.what} ended on {self.at:%Y-%m-%d}. {self.remedy}"
        left = self.days_left(now)
        soon = "today" if left == 0 else "in 1 day" if left == 1 else f"in {left} days"
        return f"{self.what} ends {soon}, on {self.at:%Y-%m-%d %H:%M} UTC. {self.remedy}"


def expiries(wires: Wires, conn: Conn) -> list[Expiry]:
    """Everything with a known end that nothing else would take over from."""
    now = wires.clock()
    found: list[Expiry] = []
    tokens = connections.tokens_of_all(conn)
    for each in connections.listed(conn):
        if each.enabled:
            found += [*token_end(each, tokens.get(each.id, []), now), *_credentials(wires, each)]
    return found + _keys(conn, now)


def token_end(one: Connection, known: Sequence[TokenInfo], now: datetime) -> list[Expiry]:
    """The SCIM token that lives longest, when it has an end: with it the pushes end."""
    live = [each for each in known if each.expires_at is None or each.expires_at > now]
    ends = [each for each in live if each.expires_at is not None]
    if one.mode is Mode.PULL or not ends or len(ends) < len(live):
        return []
    last = max(ends, key=lambda each: each.expires_at or now)
    return [
        Expiry(
            kind=NoticeKind.TOKEN_EXPIRES,
            id=last.id,
            what=f"The SCIM token …{last.last_four} of {one.name}",
            at=last.expires_at or now,
            remedy=f"Make another and give it to the IdP: connector tokens rotate {one.name}",
            connection=one,
        )
    ]


def _credentials(wires: Wires, one: Connection) -> list[Expiry]:
    """The end an admin has written down, or the certificate's own."""
    if one.mode is Mode.PUSH:
        return []
    try:
        has_certificate = "certificate" in one.sealed or "certificate" in one.settings
        chosen = wires.settings_of(one, secrets=has_certificate or one.from_file)
    except ConnectorError:
        return []  # its runs fail and say so
    at = _end_of(chosen)
    if at is None:
        return []
    remedy = f"Make new ones at the IdP, then: connector connections set {one.name} … --credentials-stdin"
    what = f"The credentials of {one.name}"
    kind = NoticeKind.CREDENTIAL_EXPIRES
    return [Expiry(kind=kind, id=one.id, what=what, at=at, remedy=remedy, connection=one)]


def _end_of(chosen: ConnectionSettings) -> datetime | None:
    written = chosen.credentials_expire
    ends = [] if written is None else [datetime.combine(written, time(), UTC)]
    certificate = getattr(chosen, "certificate", None)
    if certificate is not None:
        ends += _certificate_ends(certificate.get_secret_value())
    return min(ends, default=None)


def _certificate_ends(pem: str) -> list[datetime]:
    from cryptography.x509 import load_pem_x509_certificates

    beginning = pem.find("-----BEGIN CERTIFICATE-----")
    try:
        found = load_pem_x509_certificates(pem[max(0, beginning) :].encode())
    except ValueError:
        return []  # opening the directory says what is wrong with it
    return [each.not_valid_after_utc for each in found]


def _keys(conn: Conn, now: datetime) -> list[Expiry]:
    return [
        Expiry(
            kind=NoticeKind.TOKEN_EXPIRES,
            id=key.id,
            what=f"The API key {key.name}",
            at=key.expires_at,
            remedy=f"Make another where it is needed: connector keys add {key.name}",
        )
        for key in api_keys.listed(conn)
        if key.expires_at is not None and key.expires_at > now
    ]
