"""OneLogin's access token: one for all who hold the credential, handed out again until it ends."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from providers.answers import Answer
from providers.failures import CredentialRefused, ServerFault
from providers.http import Ask, Wire
from providers.onelogin_dialect import ACCOUNT
from providers.rows import inside, tolerant_json
from sync.model.errors import Incomplete

_PATH: Final = "/auth/oauth2/v2/token"
_GRANT: Final = b'{"grant_type":"client_credentials"}'
_SHORT_LIFE_S: Final = 300.0
_LEAST_LIFE_S: Final = 5.0
_CONFIRMED_S: Final = 60.0


class SharedToken:
    """Satisfies ``providers.http.Auth``; one fetch serves all threads, and the token is never revoked by us.

    Its end is the server's ``created_at`` plus ``expires_in`` on the server's own clock: the same
    token comes again until then, so that its life does not begin with the answer. A token that the
    endpoint hands out again right after it was refused is good, and the refusal is about something
    else: for a minute it is not asked for again.
    """

    def __init__(
        self, client_id: str, client_secret: str, wire: Callable[[], Wire], monotonic: Callable[[], float]
    ) -> None:
        packed = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._headers = {"authorization": f"Basic {packed}", "content-type": "application/json"}
        self._wire, self._monotonic = wire, monotonic
        self._lock = threading.Lock()
        self._current: Mapping[str, str] = {}
        self._good_until = self._confirmed_until = 0.0
        self.account_id: str | None = None

    def headers(self) -> Mapping[str, str]:
        with self._lock:
            if not self._current or self._monotonic() >= self._good_until:
                self._fetch()
            return self._current

    def renew(self, refused: Mapping[str, str]) -> bool:
        with self._lock:
            if self._current is not refused:
                return True
            if self._monotonic() < self._confirmed_until:
                return False
            self._fetch()
            if self._current["authorization"] == refused["authorization"]:
                self._confirmed_until = self._monotonic() + _CONFIRMED_S
                return False
            return True

    def _fetch(self) -> None:
        ask = Ask(_PATH, "an access token", ACCOUNT, self._headers, is_anonymous=True, body=_GRANT)
        wire = self._wire()
        try:
            _, (token, life_s, account_id) = wire.ask(ask, _read)
        except ServerFault as fault:
            if fault.status != 500:
                raise
            raise CredentialRefused(
                f"{wire.host} answers 500 to every request for a token. It does so for ever when the admin "
                "who made the credential was deleted: let another admin make one, and set client_id and "
                "client_secret. If that admin is still there, OneLogin is in trouble; try again later."
            ) from fault
        self._current = {"authorization": f"bearer {token}"}
        self._good_until = self._monotonic() + max(_LEAST_LIFE_S, life_s)
        self.account_id = account_id


def _read(answer: Answer) -> tuple[str, float, str | None]:
    """Token, seconds it is still good for, and account, of a flat answer or of one in an envelope."""
    body = tolerant_json(answer.body)
    data = inside(body, "data")
    told: Any = data[0] if isinstance(data, list) and data else body
    token = inside(told, "access_token")
    if not isinstance(token, str) or not token:
        raise Incomplete("The token endpoint answered without a token; the next run tries again.")
    account = inside(told, "account_id")
    return token, _life_s(told, answer.date), None if account is None else str(account)


def _life_s(told: object, now: datetime | None) -> float:
    created_at, expires_in = _moment(inside(told, "created_at")), inside(told, "expires_in")
    if created_at is None or isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return _SHORT_LIFE_S
    return created_at + float(expires_in) - (now or datetime.now(UTC)).timestamp()


def _moment(value: object) -> float | None:
    """Epoch seconds of an ISO time, or of a number of seconds or milliseconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value / 1000 if value > 1e11 else float(value)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
