"""Access tokens for Graph by msal, over our own line: retries, waits and the time budget stay ours."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from providers.answers import Answer, retry_after_s
from providers.azure_settings import AzureSettings, Certificate
from providers.budget import Budget, Timeouts
from providers.failures import CredentialRefused
from providers.http import Ask, FixedAuth, Wire
from providers.pace import Allowance
from sync.model.errors import ConnectorError, Incomplete, Misconfigured, Transient

_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_AADSTS: Final = re.compile(r"AADSTS(\d+)")
_TENANT: Final = re.compile(r"/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/")

_MAKE_ANOTHER: Final = (
    "under Certificates & secrets of the app registration, and set client_secret to its value"
)
CREDENTIAL_SENTENCES: Final[Mapping[int, str]] = {
    7000215: "the client secret is wrong. Perhaps its id was copied in place of its value: make a new one "
    + _MAKE_ANOTHER,
    7000222: "the client secret has expired. Make a new one " + _MAKE_ANOTHER,
    700027: "the certificate is not the one that the app registration knows, or has expired. Upload it under "
    "Certificates & secrets",
    700024: "the clock of this machine is wrong, so the signed assertion is not valid now. Set the clock",
    7000112: "the app is disabled in this tenant. Enable it under Enterprise applications",
    53003: "a conditional access policy blocks the app. Exclude it from the policy",
}
SETTING_SENTENCES: Final[Mapping[int, str]] = {
    700016: "client_id: there is no such app in this tenant. Check the application (client) id, and that "
    "tenant_id is the tenant where the app is registered",
    90002: "tenant_id: there is no such tenant. Check the directory (tenant) id, and cloud",
    900023: "tenant_id: this is no tenant. Check the directory (tenant) id",
    500011: "the token was asked for another Graph than this tenant's. Check cloud",
    1002012: "the token was asked for another Graph than this tenant's. Check cloud",
}


class _Refused(ConnectorError):
    """The authority's own error answer, on its way through our line to msal, who can read it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"the sign-in was refused ({answer.status})")
        self.answer = answer


class _LoginDialect:
    """The login authority states no limits; its refusals are msal's to read."""

    vendor = "Microsoft sign-in"

    def told_wait_s(self, answer: Answer) -> float | None:
        return retry_after_s(answer)

    def is_crowded(self, answer: Answer) -> bool:  # noqa: ARG002
        return False

    def is_momentary(self, answer: Answer) -> bool:  # noqa: ARG002
        return False

    def allowance(self, answer: Answer) -> Allowance | None:  # noqa: ARG002
        return None

    def refusal(self, answer: Answer, what: str, host: str) -> ConnectorError:
        if 300 <= answer.status < 400:
            return Misconfigured(
                f"{host} redirects the {what} instead of answering, which is refused. Check authority_url."
            )
        return _Refused(answer)


class Reply(NamedTuple):
    """An answer in the shape that msal reads."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise Misconfigured(f"The sign-in answered {self.status_code}.")


class _Line:
    """The http_client of msal: whatever address msal names, only the configured authority is asked.

    msal takes https addresses alone; against an authority on this machine they are spoken to in
    plain http, which ``checked_origin`` allows for loopback and nothing else.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.refused: Answer | None = None
        self.found: Mapping[str, Any] = {}

    def get(
        self, url: str, *, params: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> Reply:
        target = self._target(url) + (f"?{urlencode(params)}" if params else "")
        reply = self._ask(Ask(target, "sign-in address", "login", headers or {}, is_anonymous=True))
        if reply.status_code == 200:
            self.found = Answer(
                status=200, headers={}, links=(), body=reply.text.encode("utf-8", "replace")
            ).error_body()
        return reply

    def post(
        self, url: str, *, data: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> Reply:
        # with a certificate msal hands its assertion over as bytes, which urlencode keeps whole
        body = data if isinstance(data, bytes) else urlencode(data or {}).encode()
        said = {**(headers or {}), **_FORM}
        return self._ask(Ask(self._target(url), "sign-in", "login", said, is_anonymous=True, body=body))

    def close(self) -> None:
        """The line is closed by whoever made it."""

    def _target(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.netloc != self._wire.host:
            raise Misconfigured(
                f"{self._wire.host} names another host for the sign-in ({parts.hostname}), which is refused. "
                "Check authority_url and cloud."
            )
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def _ask(self, ask: Ask) -> Reply:
        self.refused = None
        try:
            answer, _ = self._wire.ask(ask, lambda answer: answer)
        except _Refused as refused:
            answer = self.refused = refused.answer
        return Reply(answer.status, answer.body.decode("utf-8", "replace"), dict(answer.headers))


_caches: dict[str, Any] = {}
_caches_lock = threading.Lock()


def _shared_cache(key: str, make: Callable[[], Any]) -> Any:
    """The one cache of tokens for this app and this very credential, in the whole process."""
    with _caches_lock:
        if key not in _caches:
            _caches[key] = make()
        return _caches[key]


class Tokens:
    """Fetches tokens for one app in one tenant. Nothing is asked before the first token is needed."""

    def __init__(
        self, settings: AzureSettings, budget: Budget, *, timeouts: Timeouts, beside: Wire | None = None
    ) -> None:
        self._settings = settings
        self._wire = Wire(
            settings.authority,
            FixedAuth({}),
            _LoginDialect(),
            budget,
            timeouts=timeouts,
            beside=beside,
        )
        self._line = _Line(self._wire)
        self._app: Any = None
        self._is_again = False

    def close(self) -> None:
        self._wire.close()

    def fetch(self) -> tuple[Mapping[str, str], float]:
        """Headers with a token, and the seconds it is good for; every call but the first brings a new one."""
        app = self._app = self._app or self._build()
        if self._is_again:
            app.remove_tokens_for_client()
        self._is_again = True
        result = app.acquire_token_for_client([f"{self._settings.resource}/.default"])
        token = result.get("access_token")
        if not isinstance(token, str):
            raise self._refusal(result)
        return {"authorization": f"Bearer {token}"}, float(result.get("expires_in", 0))

    def tenant(self) -> str | None:
        """The tenant's own id, by the issuer that the authority names."""
        self._app = self._app or self._build()
        found = _TENANT.search(str(self._line.found.get("issuer", "")))
        return found[1].lower() if found else None

    def _build(self) -> Any:
        """The msal application; making one asks the authority for its addresses."""
        msal = _msal()
        settings = self._settings
        try:
            return msal.ConfidentialClientApplication(
                settings.client_id,
                authority=f"https://{self._wire.host}/{settings.tenant_id}",
                client_credential=self._credential(),
                http_client=self._line,
                instance_discovery=False,
                # a cache of its own: msal would answer a later try from an earlier failure
                http_cache={},
                token_cache=_shared_cache(self._fingerprint(), msal.TokenCache),
            )
        except ValueError as error:
            raise self._unbuilt() from error

    def _credential(self) -> Any:
        given = self._settings.credential
        if isinstance(given, Certificate):
            return {"private_key": given.private_key, "public_certificate": given.public}
        return given

    def _fingerprint(self) -> str:
        settings, given = self._settings, self._settings.credential
        secret = given.private_key if isinstance(given, Certificate) else given
        whole = f"{settings.authority} {settings.tenant_id} {settings.client_id} {secret}"
        return hashlib.sha256(whole.encode()).hexdigest()

    def _unbuilt(self) -> ConnectorError:
        if self._line.refused is not None:
            return self._refusal(self._line.refused.error_body())
        if isinstance(self._settings.credential, Certificate) and self._line.found:
            return Misconfigured("certificate: the private key or the certificate cannot be read as PEM.")
        return Incomplete(
            f"{self._wire.host} does not describe its sign-in. Check authority_url and tenant_id."
        )

    def _refusal(self, told: Mapping[str, Any]) -> ConnectorError:
        """The error for a sign-in that failed, by Microsoft's own number for it."""
        number, host = _number(told), self._wire.host
        if number in SETTING_SENTENCES:
            return Misconfigured(f"{SETTING_SENTENCES[number]} (AADSTS{number}).")
        if number in CREDENTIAL_SENTENCES:
            return CredentialRefused(
                f"{host} refuses the app: {CREDENTIAL_SENTENCES[number]} (AADSTS{number})."
            )
        said = str(told.get("error_description") or told.get("error") or "it gave no reason")
        said = said.partition(" Trace ID")[0].partition("\n")[0].rstrip(".")
        if told.get("error") == "temporarily_unavailable":
            return Transient(f"{host} cannot sign the app in at the moment: {said[:200]}.")
        return CredentialRefused(f"{host} refuses the app: {said[:200]}.")


def _msal() -> Any:
    try:
        import msal
    except ImportError as error:
        raise Misconfigured(
            "A pull from Microsoft Entra ID needs the package msal: install directory-connector[azure]."
        ) from error
    return msal


def _number(told: Mapping[str, Any]) -> int:
    codes = told.get("error_codes")
    if isinstance(codes, list) and codes and isinstance(codes[0], int):
        return codes[0]
    found = _AADSTS.search(str(told.get("error_description", "")))
    return int(found[1]) if found else 0
