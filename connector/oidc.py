"""OpenID Connect sign-in: the authorization code flow with PKCE, and the role that claims give.

What the provider says is believed only after its signature, issuer, audience, time and nonce were
checked; a missing claim is never taken for an empty one.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import orjson

from connector.settings import Oidc
from providers.transport import checked_origin, tls
from sync.model.access import Role
from sync.model.errors import Denied, Misconfigured, Transient

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
    "Ed25519",
)
TIMEOUT_S: Final = 10.0
LEEWAY_S: Final = 60
KEPT_S: Final = 3600.0
"""How long the provider's addresses and keys are kept; an unknown key is looked up at once."""

ATTEMPT_S: Final = 600.0
_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the provider vouches for. ``subject`` is unique over all providers."""

    subject: str
    email: str
    email_verified: bool
    name: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sign-in under way, kept sealed in the browser that began it."""

    state: str
    nonce: str
    verifier: str
    began_at: float
    then: str

    def as_text(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def of(cls, text: str) -> Attempt:
        return cls(**orjson.loads(text))


class Provider:
    """The sign-in provider that the settings name."""

    def __init__(self, settings: Oidc, *, clock_s: Callable[[], float] = time.time) -> None:
        self._settings, self._clock_s = settings, clock_s
        self._issuer = settings.issuer.rstrip("/")
        checked_origin(self._origin(self._issuer), "oidc.issuer")
        self._http = httpx.Client(verify=tls(), timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def close(self) -> None:
        self._http.close()

    def begin(self, redirect_uri: str, then: str) -> tuple[str, Attempt]:
        """The address to send the browser to, and what to remember of it. Raises Transient, Misconfigured."""
        attempt = Attempt(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            began_at=self._clock_s(),
            then=then,
        )
        digest = hashlib.sha256(attempt.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *self._settings.scopes))),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = self._about()["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}", attempt

    def finish(self, attempt: Attempt, *, state: str, code: str, redirect_uri: str) -> Identity:
        """Whom the provider vouches for. Raises Denied, Transient, Misconfigured."""
        too_late = self._clock_s() - attempt.began_at > ATTEMPT_S
        if too_late or not secrets.compare_digest(state.encode(), attempt.state.encode()):
            raise Denied("This sign-in is not the one you began, or took too long. Begin again.")
        return self._identity(self._token(attempt, code, redirect_uri), attempt.nonce)

    def role(self, who: Identity) -> Role | None:
        """The highest role that the mapped claim gives; None for nobody of ours."""
        said = who.claims.get(self._settings.claim)
        values = {said} if isinstance(said, str) else set(said) if isinstance(said, list) else set()
        for role in reversed(Role):
            if values & set(getattr(self._settings.roles, role.value)):
                return role
        default = self._settings.default_role
        return None if default == "none" else Role(default)

    def _token(self, attempt: Attempt, code: str, redirect_uri: str) -> str:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": attempt.verifier, "client_id": self._settings.client_id}
        secret = self._settings.client_secret
        methods = self._about().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        auth = None
        if secret is not None and "client_secret_basic" in methods:
            auth = httpx.BasicAuth(self._settings.client_id, secret.get_secret_value())
        elif secret is not None:
            form["client_secret"] = secret.get_secret_value()
        answer = self._asked("POST", self._about()["token_endpoint"], data=form, auth=auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Denied("The sign-in provider gave no ID token. Begin again.")
        return token

    def _identity(self, token: str, nonce: str) -> Identity:
        claims = self._claims(token)
        issuer, mine = str(self._about()["issuer"]), self._settings.client_id
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        now = self._clock_s()
        right = (
            claims.get("iss") == issuer
            and mine in audiences
            and (len(audiences) == 1 or claims.get("azp") == mine)
            and isinstance(claims.get("exp"), int | float)
            and claims["exp"] > now - LEEWAY_S
            and isinstance(claims.get("iat"), int | float)
            and claims["iat"] < now + LEEWAY_S
            and isinstance(claims.get("nonce"), str)
            and secrets.compare_digest(claims["nonce"].encode(), nonce.encode())
            and isinstance(claims.get("sub"), str)
        )
        if not right:
            raise Denied("The sign-in provider's ID token is not for this sign-in. Begin again.")
        return Identity(
            subject=f"{issuer}|{claims['sub']}"[:400],
            email=str(claims.get("email") or ""),
            email_verified=claims.get("email_verified") in (True, "true"),
            name=str(claims.get("name") or ""),
            claims=claims,
        )

    def _claims(self, token: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError
        from joserfc.jwk import KeySet

        for fresh in (False, True):
            try:
                keys = KeySet.import_key_set(self._document(self._about()["jwks_uri"], fresh=fresh))  # type: ignore[arg-type]
                return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
            except InvalidKeyIdError:
                continue
            except (JoseError, ValueError, KeyError) as error:
                raise Denied("The sign-in provider's ID token cannot be verified. Begin again.") from error
        raise Denied("The sign-in provider signed with a key it does not publish.")

    def _about(self) -> dict[str, Any]:
        found = self._document(f"{self._issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self._issuer:
            raise Misconfigured(
                f"oidc.issuer: {self._issuer} calls itself {found.get('issuer')}; write it as it says"
            )
        for name in _NEEDED:
            if not isinstance(found.get(name), str):
                raise Misconfigured(f"oidc.issuer: {self._issuer} names no {name}")
            checked_origin(self._origin(found[name]), f"oidc.issuer ({name})")
        return found

    def _document(self, url: str, *, fresh: bool = False) -> dict[str, Any]:
        kept = self._kept.get(url)
        if kept is None or fresh or time.monotonic() - kept[0] > KEPT_S:
            kept = (time.monotonic(), self._asked("GET", url))
            self._kept[url] = kept
        return kept[1]

    def _asked(self, method: str, url: str, **given: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, url, headers={"Accept": "application/json"}, **given)
        except httpx.HTTPError as error:
            raise Transient(f"The sign-in provider does not answer ({type(error).__name__}).") from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Transient(f"The sign-in provider answers {answer.status_code}. Try again.")
        if answer.status_code >= 400:
            raise Denied(f"The sign-in provider refused the sign-in ({answer.status_code}). Begin again.")
        try:
            found = orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            raise Transient("The sign-in provider answered something that is not JSON.") from error
        if not isinstance(found, dict):
            raise Transient("The sign-in provider answered something else than an object.")
        return found

    @staticmethod
    def _origin(url: str) -> str:
        scheme, colon, rest = url.partition("://")
        return f"{scheme}{colon}{rest.partition('/')[0]}"
