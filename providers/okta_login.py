"""Access tokens of an Okta service app: fetched by signed assertions, bound by DPoP where Okta asks."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from providers.answers import Answer
from providers.budget import Budget, Timeouts
from providers.failures import CredentialRefused
from providers.http import Ask, FixedAuth, Wire
from providers.okta_dialect import OktaDialect
from providers.okta_key import OktaApp, proof
from providers.rows import tolerant_json
from sync.model.errors import ConnectorError, Incomplete, Transient

PATH: Final = "/oauth2/v1/token"
_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_DPOP: Final = "DPoP"
_TURNS: Final = 5
_SHORT_LIFE_S: Final = 300.0
_SAME_CLOCK_S: Final = 30.0


class _Refused(ConnectorError):
    """The token endpoint's own error answer, on its way to whoever knows what to do about it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"the token was refused ({answer.status})")
        self.answer = answer
        body = answer.error_body()
        self.error = str(body.get("error") or body.get("errorCode") or answer.status)
        self.said = str(body.get("error_description") or body.get("errorSummary") or "")[:200].rstrip(".")


class _TokenDialect(OktaDialect):
    """The same limits as the API's; refusals are told in OAuth's words."""

    def refusal(self, answer: Answer, what: str, host: str) -> ConnectorError:
        if 300 <= answer.status < 400 or answer.is_web_page():
            return super().refusal(answer, what, host)
        return _Refused(answer)


class Login:
    """One service app's way to tokens. What the endpoint asks for (DPoP, a nonce, its own time) is learned.

    ``withheld`` are the scopes that were asked for and left out of the last token in silence.
    """

    def __init__(
        self,
        origin: str,
        app: OktaApp,
        scopes: Sequence[str],
        budget: Budget,
        *,
        timeouts: Timeouts,
        beside: Wire,
        is_bound: bool = False,
    ) -> None:
        self._url, self._origin, self._app, self.scopes = origin + PATH, origin, app, tuple(scopes)
        self._is_bound = is_bound
        self._nonce: str | None = None
        self._skew_s = 0.0
        self.withheld: Collection[str] = ()
        self._wire = Wire(
            origin,
            FixedAuth({}),
            _TokenDialect(),
            budget,
            timeouts=timeouts,
            beside=beside,
            signs=self._proof_of_key,
        )

    def close(self) -> None:
        self._wire.close()

    def fetch(self) -> tuple[Mapping[str, str], float]:
        """Headers with a new token, and the seconds it is good for. Raises CredentialRefused."""
        try:
            told = self._token(self.scopes)
        except _Refused as refused:
            raise self._refusal(refused) from refused
        scheme = _DPOP if str(told.get("token_type", "")).lower() == _DPOP.lower() else "Bearer"
        granted = told.get("scope")
        self.withheld = sorted(set(self.scopes) - set(granted.split())) if isinstance(granted, str) else ()
        life_s = told.get("expires_in")
        if isinstance(life_s, bool) or not isinstance(life_s, int | float):
            life_s = _SHORT_LIFE_S
        return {"authorization": f"{scheme} {told['access_token']}"}, float(life_s)

    def proof_of_token(self, credential: Mapping[str, str], method: str, target: str) -> Mapping[str, str]:
        """The proof that goes with a call of the API (``providers.http.Signs``)."""
        scheme, _, token = credential.get("authorization", "").partition(" ")
        if scheme != _DPOP:
            return {}
        return proof(method, self._origin + target, self._skew_s, token=token)

    def _proof_of_key(self, _credential: Mapping[str, str], method: str, _target: str) -> Mapping[str, str]:
        return proof(method, self._url, self._skew_s, nonce=self._nonce) if self._is_bound else {}

    def _token(self, scopes: Collection[str]) -> Mapping[str, Any]:
        """The endpoint's answer with a token, once it has been given all that it asks for."""
        ask = Ask(PATH, "an access token", "token", _FORM, is_anonymous=True, body=lambda: self._form(scopes))
        for _ in range(_TURNS):
            try:
                answer, told = self._wire.ask(ask, _read)
            except _Refused as refused:
                if not self._learned(refused):
                    raise
                continue
            self._set_clock(answer)
            return told
        raise Transient(f"{self._wire.host} asks for one proof after another; the next run tries again.")

    def _form(self, scopes: Collection[str]) -> bytes:
        """Made anew for every try: an assertion serves once."""
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(scopes),
            "client_assertion_type": _ASSERTION,
            "client_assertion": self._app.assertion(self._url, self._skew_s),
        }
        return urlencode(form).encode()

    def _learned(self, refused: _Refused) -> bool:
        """True when the refusal told something new, so that another try makes sense."""
        nonce = refused.answer.headers.get("dpop-nonce")
        if refused.error == "use_dpop_nonce" and nonce and nonce != self._nonce:
            self._nonce = nonce
            return True
        if refused.error == "invalid_dpop_proof" and not self._is_bound:
            self._is_bound = True
            return True
        return self._set_clock(refused.answer)

    def _set_clock(self, answer: Answer) -> bool:
        """Takes over the server's time; True when ours was so wrong that it explains a refusal."""
        if answer.date is None:
            return False
        before, self._skew_s = self._skew_s, answer.date.timestamp() - time.time()
        return abs(self._skew_s - before) > _SAME_CLOCK_S

    def _refusal(self, refused: _Refused) -> ConnectorError:
        host, tail = self._wire.host, f" It said: {refused.said}." if refused.said else ""
        if refused.error == "invalid_scope":
            missing = ", ".join(self._not_granted()) or " ".join(self.scopes)
            return CredentialRefused(
                f"{host} does not grant {missing} to the app. Grant it under the app's tab Okta API Scopes."
            )
        if refused.error == "invalid_client":
            return CredentialRefused(
                f"{host} does not know the app by this key. Check client_id, that the app is active, and "
                f"that the public half of private_key is among its public keys.{tail}"
            )
        return CredentialRefused(f"{host} gives the app no token ({refused.error}).{tail}")

    def _not_granted(self) -> list[str]:
        return [scope for scope in self.scopes if not self._is_granted(scope)]

    def _is_granted(self, scope: str) -> bool:
        try:
            self._token([scope])
        except _Refused as refused:
            return refused.error != "invalid_scope"
        return True


def _read(answer: Answer) -> Mapping[str, Any]:
    told: Any = tolerant_json(answer.body)
    token = told.get("access_token") if isinstance(told, dict) else None
    if not isinstance(token, str) or not token:
        raise Incomplete("The token endpoint answered without a token; the next run tries again.")
    found: Mapping[str, Any] = told
    return found
