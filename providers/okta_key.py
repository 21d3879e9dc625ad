"""What an Okta service app signs with: its own key for assertions, a passing one for proofs of possession."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from sync.model.errors import Misconfigured

ASSERTION_LIFE_S: Final = 300
_CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_REMEDY: Final = (
    "Paste the whole private key that belongs to the app, as PEM or as JWK, without a passphrase."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaApp:
    """An app of the type API Services: who it is, and the key whose public half Okta knows."""

    client_id: str
    key: Any = field(repr=False)
    algorithm: str

    def assertion(self, audience: str, skew_s: float) -> str:
        """A signed word that this app asks, good once and for five minutes of the server's clock."""
        now = int(time.time() + skew_s)
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "iat": now,
            "exp": now + ASSERTION_LIFE_S,
            "jti": str(uuid.uuid4()),
        }
        kid = self.key.as_dict().get("kid")
        return _signed({"alg": self.algorithm} | ({"kid": kid} if kid else {}), claims, self.key)


def okta_app(client_id: str, private_key: str) -> OktaApp:
    """Raises Misconfigured for what is no private key that Okta takes (RSA, or EC of three curves)."""
    key = _imported(private_key.strip())
    told = key.as_dict()
    algorithm = "RS256" if told["kty"] == "RSA" else _CURVES.get(str(told.get("crv")))
    if algorithm is None:
        raise Misconfigured(
            "private_key: Okta takes RSA keys, and EC keys on P-256, P-384 or P-521; this is another."
        )
    if not key.is_private:
        raise Misconfigured(f"private_key: this is the public half of a key. {_REMEDY}")
    return OktaApp(client_id=client_id, key=key, algorithm=algorithm)


def _imported(text: str) -> Any:
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey, import_key

    try:
        if text.startswith("{"):
            return import_key(json.loads(text))
        pem = text.replace("\\n", "\n")
        return (ECKey if "BEGIN EC " in pem else RSAKey).import_key(pem)
    except (JoseError, ValueError, TypeError, KeyError):
        pass
    try:
        return ECKey.import_key(text.replace("\\n", "\n"))
    except (JoseError, ValueError, TypeError, KeyError):
        raise Misconfigured(f"private_key: it cannot be read. {_REMEDY}") from None


def proof(
    method: str, url: str, skew_s: float, *, nonce: str | None = None, token: str | None = None
) -> Mapping[str, str]:
    """The DPoP header for one request: it serves once, and for ``token`` alone where one is named."""
    key, header = _passing()
    claims: dict[str, Any] = {
        "htm": method,
        "htu": url.partition("?")[0],
        "iat": int(time.time() + skew_s),
        "jti": str(uuid.uuid4()),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if token is not None:
        digest = hashlib.sha256(token.encode()).digest()
        claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {"dpop": _signed(header, claims, key)}


@cache
def _passing() -> tuple[Any, dict[str, Any]]:
    """A key that lives as long as this process and nowhere else; tokens are bound to it."""
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(2048)
    return key, {"alg": "RS256", "typ": "dpop+jwt", "jwk": dict(key.as_dict(private=False))}


def _signed(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    from joserfc import jwt

    return jwt.encode(header, claims, key, algorithms=[str(header["alg"])])
