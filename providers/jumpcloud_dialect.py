"""How JumpCloud speaks of limits and refusals, and how it wants to be asked who is asking."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from providers.answers import Answer, refusal_of, retry_after_s
from providers.failures import CredentialRefused, Throttled
from providers.http import Ask, Auth, FixedAuth, RenewedAuth, Wire
from providers.jumpcloud_settings import REGIONS, JumpCloudSettings
from providers.pace import Allowance
from providers.rows import tolerant_json
from sync.model.errors import ConnectorError, Denied, Incomplete, Misconfigured

_BLOCKED_S: Final = 3600.0
_TOKEN_PATH: Final = "/oauth2/token"  # noqa: S105 - a path
_FORM: Final = b"grant_type=client_credentials&scope=api"
_PLAINLY_ABSENT: Final = frozenset({"not found", "404 not found"})


class JumpCloudDialect:
    """Reads `Retry-After` and the sentences of JumpCloud's errors; it advertises no limits."""

    vendor = "JumpCloud"

    def __init__(self, settings: JumpCloudSettings) -> None:
        self._settings = settings

    def told_wait_s(self, answer: Answer) -> float | None:
        return retry_after_s(answer)

    def is_crowded(self, answer: Answer) -> bool:  # noqa: ARG002 - no such answer is known
        return False

    def is_momentary(self, answer: Answer) -> bool:  # noqa: ARG002 - no such answer is known
        return False

    def allowance(self, answer: Answer) -> Allowance | None:  # noqa: ARG002 - none is advertised
        return None

    def refusal(self, answer: Answer, what: str, host: str) -> ConnectorError:
        said = said_by(answer)
        known = self._organization(answer.status, said.lower(), host)
        if known is not None:
            return known
        if answer.status == 403 and "blocked" in said.lower():
            return Throttled(
                f"{host} has blocked this machine's IP address. Ask JumpCloud's support to lift the block; "
                "it is tried again in an hour.",
                retry_after_s=_BLOCKED_S,
            )
        if answer.status == 401:
            return CredentialRefused(self._refused(host, said))
        if answer.status == 403:
            return Denied(
                f"{host} does not let this credential read {what} (403). Give its admin or service account "
                f"a role that can read users and groups, such as Read Only.{_tail(said)}"
            )
        code = str(answer.status) if _is_own(answer, said) else ""
        return refusal_of(answer, what, host, code=code, said=said, key=self._settings.credential_key)

    def _refused(self, host: str, said: str) -> str:
        key, region = self._settings.credential_key, self._settings.region
        others = ", ".join(each for each in REGIONS if each != region)
        hint = f" If the organisation lives in another region, set region ({others})." if region else ""
        return f"{host} refuses the credential (401). Make a new one and set {key}.{hint}{_tail(said)}"

    def _organization(self, status: int, said: str, host: str) -> ConnectorError | None:
        """What is wrong with the choice of an organisation, where that is what the answer says."""
        if "organization" not in said:
            return None
        chosen = self._settings.org_id
        if status == 401:
            return Misconfigured(
                f"org_id: {host} asks which organisation is meant, since this admin has several. "
                "Set org_id to the id shown in its Settings."
            )
        if status == 403:
            return Misconfigured(
                f"org_id: {host} lets this credential choose no organisation. Leave org_id out."
            )
        if status in {400, 404}:
            return Misconfigured(f"org_id: {host} knows no organisation {chosen or 'for this credential'}.")
        return None


def said_by(answer: Answer) -> str:
    """The sentence of an error answer, in any of its shapes; "" for a web page."""
    body = answer.error_body()
    for key in ("message", "error_description", "error"):
        if isinstance(body.get(key), str) and body[key]:
            return str(body[key])[:200]
    if body or answer.is_web_page():
        return ""
    return answer.body[:200].decode("utf-8", "replace").strip()


def _is_own(answer: Answer, said: str) -> bool:
    """True for a "not found" of JumpCloud's own, not of something that stands before it."""
    return bool(answer.error_body()) or said.lower().rstrip(".") in _PLAINLY_ABSENT


def _tail(said: str) -> str:
    return f" It said: {said.rstrip('.')}." if said else ""


def auth_of(
    settings: JumpCloudSettings, token_wire: Callable[[], Wire], monotonic: Callable[[], float]
) -> Auth:
    """The header of an API key, or the token of a service account, renewed before it ends."""
    org = {"x-org-id": settings.org_id} if settings.org_id else {}
    if settings.api_key:
        return FixedAuth({"x-api-key": settings.api_key, **org})

    def fetch() -> tuple[Mapping[str, str], float]:
        token, lifetime_s = _token(settings, token_wire())
        return {"authorization": f"Bearer {token}", **org}, lifetime_s

    return RenewedAuth(fetch, monotonic)


def _token(settings: JumpCloudSettings, wire: Wire) -> tuple[str, float]:
    """A token and its life in seconds, by the first of the secrets that is good."""
    refused: CredentialRefused | None = None
    for secret in settings.secrets:
        packed = base64.b64encode(f"{settings.client_id}:{secret}".encode()).decode()
        headers = {
            "authorization": f"Basic {packed}",
            "content-type": "application/x-www-form-urlencoded",
        }
        ask = Ask(_TOKEN_PATH, "an access token", _TOKEN_PATH, headers, is_anonymous=True, body=_FORM)
        try:
            return _read_token(wire.ask(ask, lambda answer: tolerant_json(answer.body))[1])
        except CredentialRefused as error:
            refused = error
    raise refused or CredentialRefused("client_secret: no secret is set.")


def _read_token(body: Any) -> tuple[str, float]:
    token = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(token, str) or not token:
        raise Incomplete("The token endpoint answered without a token; the next run tries again.")
    life = body.get("expires_in")
    return token, float(life) if isinstance(life, int | float) and not isinstance(life, bool) else 300.0
