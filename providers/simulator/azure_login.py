"""Microsoft's login authority: OIDC discovery, and access tokens for a client secret or a certificate."""

import datetime as dt
import random
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from providers.simulator import jose
from providers.simulator.clock import Clock
from providers.simulator.directory import ALPHABET
from providers.simulator.wire import JSON, Answer, Request

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ROLES = frozenset(
    {"User.Read.All", "Group.Read.All", "Application.Read.All", "Directory.Read.All", "Member.Read.Hidden"}
)
TOKEN_LIFE_S = 3599
DISCOVERY = re.compile(r"/([^/]+)/v2\.0/\.well-known/openid-configuration")
TOKEN = re.compile(r"/([^/]+)/oauth2/v2\.0/token")
INSTANCES = "/common/discovery/instance"

AADSTS: dict[int, tuple[str, int, str]] = {
    7000215: ("invalid_client", 401, "Invalid client secret provided."),
    7000222: ("invalid_client", 401, "The provided client secret keys for app are expired."),
    700016: ("unauthorized_client", 400, "Application was not found in the directory."),
    700027: ("invalid_client", 401, "The certificate used to sign is not registered on application."),
    700023: ("invalid_client", 401, "Client assertion audience claim does not match Realm issuer."),
    700024: ("invalid_client", 401, "Client assertion is not within its valid time range."),
    90002: ("invalid_tenant", 400, "Tenant not found. Check to make sure you have the correct tenant ID."),
    900144: ("invalid_request", 400, "The request body must contain the following parameter."),
    1002012: ("invalid_scope", 400, "The provided value for scope is not valid."),
    70003: ("unsupported_grant_type", 400, "The app requested an unsupported grant type."),
}  # fmt: skip
"""By number: OAuth's error, the status, and the sentence."""


class Refused(Exception):
    """The authority says no, by the number of its sentence."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(slots=True, kw_only=True)
class RegisteredApp:
    """An app registration: its secrets and the public keys of its certificates, by thumbprint."""

    client_id: str
    secrets: set[str] = field(default_factory=set)
    keys: dict[str, jose.PublicKey] = field(default_factory=dict)


class LoginAuthority:
    """Knows one tenant and its apps, issues their tokens and checks them."""

    def __init__(self, *, clock: Clock, seed: int) -> None:
        self.clock = clock
        rng = self._rng = random.Random(f"entra {seed}")
        self.tenant_id = self._guid()
        self.client_id = self._guid()
        self.secret = "sim8Q~" + "".join(rng.choices(ALPHABET, k=34))
        self.apps = {self.client_id: RegisteredApp(client_id=self.client_id, secrets={self.secret})}
        self._good_until: dict[str, float] = {}
        self._used: set[str] = set()
        self._served = 0

    def _guid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def owns(self, path: str) -> bool:
        """True for an address of the login authority, not of Graph."""
        return path == INSTANCES or bool(DISCOVERY.fullmatch(path) or TOKEN.fullmatch(path))

    def register_certificate(self) -> dict[str, str]:
        """A new app with a certificate; answers its client id and the PEM of key and certificate."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated")])
        begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(begin)
            .not_valid_after(begin + dt.timedelta(days=3650))
            .sign(key, hashes.SHA256())
        )
        app = RegisteredApp(client_id=self._guid())
        for algorithm in (hashes.SHA256(), hashes.SHA1()):  # noqa: S303 - what older clients name keys by
            app.keys[jose.pack(made.fingerprint(algorithm))] = key.public_key()
        self.apps[app.client_id] = app
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + made.public_bytes(serialization.Encoding.PEM)
        return {"client_id": app.client_id, "certificate": pem.decode()}

    def answer(self, request: Request) -> Answer:
        """The answer to a request for the authority."""
        self._served += 1
        try:
            if request.path == INSTANCES:
                return self._instances(request)
            if found := DISCOVERY.fullmatch(request.path):
                return self._discovery(request, found[1])
            return self._issue(request, request.path.split("/")[1])
        except Refused as refused:
            return self.refusal(refused.number)

    def refusal(self, number: int) -> Answer:
        """The authority's error of this number."""
        kind, status, sentence = AADSTS[number]
        told = {
            "error": kind,
            "error_description": f"AADSTS{number}: {sentence} Trace ID: {uuid.UUID(int=self._served)}",
            "error_codes": [number],
            "timestamp": dt.datetime.fromtimestamp(self.clock.shown(), dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
            "trace_id": str(uuid.UUID(int=self._served)),
            "correlation_id": str(uuid.UUID(int=self._served + 1)),
            "error_uri": f"https://login.microsoftonline.com/error?code={number}",
        }
        return Answer(status=status, body=orjson.dumps(told), headers=[JSON])

    def _know(self, tenant: str) -> None:
        if tenant.lower() != self.tenant_id:
            raise Refused(90002)

    @staticmethod
    def _json(body: Any) -> Answer:
        return Answer(body=orjson.dumps(body), headers=[JSON])

    def _base(self, request: Request) -> str:
        # clients accept https endpoints only, also from an authority they reached by plain http
        return f"https://{request.host}/{self.tenant_id}"

    def _discovery(self, request: Request, tenant: str) -> Answer:
        self._know(tenant)
        base = self._base(request)
        return self._json(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "issuer": f"https://login.microsoftonline.com/{self.tenant_id}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
                "msgraph_host": "graph.microsoft.com",
            }
        )

    def _instances(self, request: Request) -> Answer:
        return self._json(
            {
                "tenant_discovery_endpoint": f"{self._base(request)}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [
                    {
                        "preferred_network": request.host,
                        "preferred_cache": request.host,
                        "aliases": [request.host],
                    }
                ],
            }
        )

    def _issue(self, request: Request, tenant: str) -> Answer:
        self._know(tenant)
        form = request.form
        if form.get("grant_type") != "client_credentials":
            raise Refused(70003)
        if "client_id" not in form:
            raise Refused(900144)
        app = self.apps.get(form["client_id"].lower())
        if app is None:
            raise Refused(700016)
        self._prove(app, request)
        if not form.get("scope", "").split()[:1] or not form["scope"].split()[0].endswith("/.default"):
            raise Refused(1002012)
        token = f"eyJ.{self._served}." + "".join(self._rng.choices(ALPHABET, k=48))
        self._good_until[token] = self.clock.now() + TOKEN_LIFE_S
        return self._json(
            {
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFE_S,
                "ext_expires_in": TOKEN_LIFE_S,
                "access_token": token,
            }
        )

    def _prove(self, app: RegisteredApp, request: Request) -> None:
        form = request.form
        if "client_assertion" not in form:
            if form.get("client_secret") not in app.secrets:
                raise Refused(7000215)
            return
        try:
            jws = jose.read(form["client_assertion"])
            named = jws.header.get("x5t#S256") or jws.header.get("x5t")
            key = app.keys.get(str(named).rstrip("="))
            if key is None or form.get("client_assertion_type") != ASSERTION:
                raise Refused(700027)
            jose.verify(jws, key)
        except jose.BadToken:
            raise Refused(700027) from None
        self._believe(app, jws.claims, f"{self._base(request)}/oauth2/v2.0/token")

    def _believe(self, app: RegisteredApp, claims: dict[str, Any], audience: str) -> None:
        if claims.get("aud") != audience or {claims.get("iss"), claims.get("sub")} != {app.client_id}:
            raise Refused(700023)
        now, until = self.clock.shown(), claims.get("exp")
        if not isinstance(until, int | float) or until < now - 300 or str(claims.get("jti")) in self._used:
            raise Refused(700024)
        self._used.add(str(claims.get("jti")))

    def forget(self, token: str) -> None:
        """Let this token end now."""
        self._good_until.pop(token, None)

    def knows(self, token: str) -> bool:
        """True for a token that is good at this moment."""
        return self.clock.now() < self._good_until.get(token, 0.0)
