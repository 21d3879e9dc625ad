"""Okta's org authorization server: client assertions, scopes, access tokens of an hour, DPoP."""

import hashlib
import random
from dataclasses import dataclass

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.simulator import jose
from providers.simulator.clock import Clock
from providers.simulator.directory import ALPHABET
from providers.simulator.wire import JSON, Answer, Request

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPES = frozenset(
    {
        *("okta.users.read", "okta.groups.read", "okta.apps.read", "okta.logs.read"),
        *("okta.eventHooks.read", "okta.eventHooks.manage"),
    }
)
TOKEN_PATH = "/oauth2/v1/token"
TOKEN_LIFE_S = 3600
PROOF_AGE_S = 300


class Refused(Exception):
    """The credentials of this request are not good; the arguments are OAuth's error and its description."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApp:
    """A registered API Services app."""

    id: str
    key: jose.PublicKey
    dpop: bool
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token; one bound by DPoP knows the thumbprint of its key."""

    scopes: frozenset[str]
    expires_at: float
    thumbprint: str | None


class AuthorizationServer:
    """Registers apps, issues their tokens and checks them."""

    def __init__(self, *, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.base_url = "http://127.0.0.1"
        self.revoked = False
        self.withheld: set[str] = set()
        self._rng = random.Random(f"oauth {seed}")
        self._apps: dict[str, RegisteredApp] = {}
        self._tokens: dict[str, Token] = {}
        self._used: set[str] = set()
        self._nonce = self._random(20)

    def _random(self, length: int) -> str:
        return "".join(self._rng.choices(ALPHABET, k=length))

    def register(self, *, dpop: bool = True, scopes: frozenset[str] = SCOPES) -> dict[str, str]:
        """A new app: its client id and its private key in PEM, which is kept nowhere else."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        app = RegisteredApp(id="0oa" + self._random(17), key=key.public_key(), dpop=dpop, scopes=scopes)
        self._apps[app.id] = app
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {"client_id": app.id, "private_key": pem.decode()}

    def rotate_nonce(self) -> None:
        """From now on proofs need a new nonce."""
        self._nonce = self._random(20)

    def forget(self, token: str) -> None:
        """Let this token end now."""
        self._tokens.pop(token, None)

    def token_answer(self, request: Request) -> Answer:
        """POST /oauth2/v1/token, errors in OAuth's own shape."""
        try:
            return self._issue(request)
        except jose.BadToken as error:
            return self._refusal(Refused("invalid_client", str(error), 401))
        except Refused as refused:
            return self._refusal(refused)

    def _refusal(self, refused: Refused) -> Answer:
        body = orjson.dumps({"error": refused.error, "error_description": refused.description})
        answer = Answer(status=refused.status, body=body, headers=[JSON])
        if refused.error == "use_dpop_nonce":
            answer.headers.append((b"dpop-nonce", self._nonce.encode()))
        return answer

    def _issue(self, request: Request) -> Answer:
        if request.method != "POST" or request.form.get("grant_type") != "client_credentials":
            raise Refused("unsupported_grant_type", "Only client_credentials is offered here.")
        app = self._client(request)
        thumbprint = None
        if app.dpop:
            proof = request.headers.get(b"dpop", b"").decode("latin-1")
            if not proof:
                raise Refused("invalid_dpop_proof", "The DPoP proof JWT header is missing.")
            thumbprint = self._proof(proof, "POST", self.base_url + TOKEN_PATH, nonce=True)
        scopes = self._granted(app, request.form.get("scope", ""))
        text = self._random(40)
        expires_at = self.clock.now() + TOKEN_LIFE_S
        self._tokens[text] = Token(scopes=scopes, expires_at=expires_at, thumbprint=thumbprint)
        kind = "DPoP" if app.dpop else "Bearer"
        told = {
            "token_type": kind,
            "expires_in": TOKEN_LIFE_S,
            "access_token": text,
            "scope": " ".join(sorted(scopes)),
        }
        return Answer(body=orjson.dumps(told), headers=[JSON])

    def _client(self, request: Request) -> RegisteredApp:
        if request.form.get("client_assertion_type") != ASSERTION:
            raise Refused("invalid_client", "Only private_key_jwt may ask for these scopes.", 401)
        jws = jose.read(request.form.get("client_assertion", ""))
        claims, now = jws.claims, self.clock.shown()
        app = self._apps.get(str(claims.get("iss")))
        if app is None or self.revoked or claims.get("sub") != claims.get("iss"):
            raise Refused("invalid_client", "Invalid value for 'client_id' parameter.", 401)
        jose.verify(jws, app.key)
        if claims.get("aud") != self.base_url + TOKEN_PATH:
            raise Refused(
                "invalid_client", "The audience claim for client_assertion is not this endpoint.", 401
            )
        expires_at = claims.get("exp")
        if not isinstance(expires_at, int | float) or not now < expires_at <= now + TOKEN_LIFE_S + 60:
            raise Refused(
                "invalid_client", "The client_assertion is expired, or lives longer than an hour.", 401
            )
        self._once(claims.get("jti"), "invalid_client", 401)
        return app

    def _once(self, jti: object, error: str, status: int) -> None:
        if jti is None:
            return
        if str(jti) in self._used:
            raise Refused(error, "The jti has been used before.", status)
        self._used.add(str(jti))

    def _granted(self, app: RegisteredApp, asked: str) -> frozenset[str]:
        wanted = set(asked.split())
        if not wanted or wanted - app.scopes:
            raise Refused("invalid_scope", "One or more scopes are not configured for the app.")
        return frozenset(wanted - self.withheld)

    def _proof(self, text: str, method: str, url: str, *, nonce: bool, token: str | None = None) -> str:
        """Check a DPoP proof (RFC 9449); answers the thumbprint of its key."""
        try:
            jws = jose.read(text)
            jwk = jws.header.get("jwk")
            if jws.header.get("typ") != "dpop+jwt" or not isinstance(jwk, dict):
                raise Refused("invalid_dpop_proof", "The proof names its type and its public key.")
            jose.verify(jws, jose.from_jwk(jwk))
        except jose.BadToken as error:
            raise Refused("invalid_dpop_proof", str(error)) from None
        claims = jws.claims
        if (claims.get("htm"), claims.get("htu")) != (method, url):
            raise Refused("invalid_dpop_proof", "htm and htu are of another request.")
        issued_at = claims.get("iat")
        if not isinstance(issued_at, int | float) or abs(issued_at - self.clock.shown()) > PROOF_AGE_S:
            raise Refused("invalid_dpop_proof", "The proof is too old or from the future.")
        if token is not None and claims.get("ath") != jose.pack(hashlib.sha256(token.encode()).digest()):
            raise Refused("invalid_dpop_proof", "ath is of another token.")
        if "jti" not in claims:
            raise Refused("invalid_dpop_proof", "The proof needs a jti.")
        self._once(claims["jti"], "invalid_dpop_proof", 400)
        if nonce and claims.get("nonce") != self._nonce:
            raise Refused("use_dpop_nonce", "Authorization server requires nonce in DPoP proof.")
        return jose.thumbprint(jwk)

    def check(self, scheme: str, text: str, request: Request) -> frozenset[str]:
        """The scopes of an API call's token. Raises Refused."""
        token = self._tokens.get(text)
        if token is None or self.clock.now() >= token.expires_at:
            raise Refused("invalid_token", "The access token is unknown or expired.", 401)
        if scheme.lower() != ("bearer" if token.thumbprint is None else "dpop"):
            raise Refused("invalid_token", "The token is of another type.", 401)
        if token.thumbprint is not None:
            proof = request.headers.get(b"dpop", b"").decode("latin-1")
            url = self.base_url + request.path
            if self._proof(proof, request.method, url, nonce=False, token=text) != token.thumbprint:
                raise Refused("invalid_dpop_proof", "The proof is by another key than the token's.", 401)
        return token.scopes
