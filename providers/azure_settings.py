"""The settings of a connection to Microsoft Entra ID, checked by hand so that every refusal names its key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from providers.given import RATE_SHARE, Given
from providers.pace import DEFAULT_SHARE
from providers.scope import scope_of
from providers.transport import checked_origin
from sync.model.errors import Misconfigured

KEYS: Final = (
    "tenant_id",
    "client_id",
    "client_secret",
    "certificate",
    "cloud",
    "base_url",
    "authority_url",
    "scope",
    "groups",
    "nested",
    "guests",
    "photos",
    RATE_SHARE,
)
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_KEY: Final = re.compile(r"-----BEGIN (?P<kind>[A-Z ]*PRIVATE KEY)-----.*?-----END (?P=kind)-----", re.DOTALL)
_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class Cloud(NamedTuple):
    """Where a national cloud signs in and where its Graph is."""

    login: str
    graph: str


CLOUDS: Final[Mapping[str, Cloud]] = {
    "global": Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "us": Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "china": Cloud("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"),
}
_OTHER_GRAPHS: Final = frozenset({"dod-graph.microsoft.us"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A private key and the certificate that Entra knows it by, both in PEM."""

    private_key: str
    public: str

    def __repr__(self) -> str:
        return "Certificate(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings:
    """What a connection to Entra needs. ``scope`` is "all", "app" or "groups"; ``scope_ids`` what it names.

    ``resource`` is the Graph that the token is for. ``is_transitive`` takes members of nested groups
    in. ``rate_share`` is the part of the tenant's limits that this program may use.
    """

    origin: str
    authority: str
    resource: str
    tenant_id: str
    client_id: str
    credential: str | Certificate
    scope: str = "all"
    scope_ids: tuple[str, ...] = ()
    is_transitive: bool = False
    guests: bool = False
    photos: bool = False
    rate_share: float = DEFAULT_SHARE

    def __repr__(self) -> str:
        return f"AzureSettings(origin={self.origin!r}, tenant_id={self.tenant_id!r}, scope={self.scope!r})"


def azure_settings(settings: Mapping[str, object]) -> AzureSettings:
    """Checks a plain mapping; raises Misconfigured naming the key and the remedy."""
    given = Given(settings, KEYS, "Microsoft Entra ID")
    cloud = CLOUDS[given.one_of("cloud", tuple(CLOUDS), "global")]
    origin = checked_origin(given.text("base_url") or cloud.graph)
    scope, scope_ids = scope_of(given, _GUID, "Entra")
    return AzureSettings(
        origin=origin,
        authority=checked_origin(given.text("authority_url") or cloud.login, "authority_url"),
        resource=origin if _is_graph(origin) else cloud.graph,
        tenant_id=_tenant(given),
        client_id=_client(given),
        credential=_credential(given),
        scope=scope,
        scope_ids=tuple(dict.fromkeys(item.lower() for item in scope_ids)),
        is_transitive=given.one_of("nested", ("direct", "transitive"), "direct") == "transitive",
        guests=given.flag("guests"),
        photos=given.flag("photos"),
        rate_share=given.share(),
    )


def _is_graph(origin: str) -> bool:
    host = urlsplit(origin).hostname or ""
    return host in _OTHER_GRAPHS or any(host == urlsplit(cloud.graph).hostname for cloud in CLOUDS.values())


def _tenant(given: Given) -> str:
    tenant = given.text("tenant_id")
    if not tenant:
        raise Misconfigured("tenant_id: set the directory (tenant) id shown on the app registration's page.")
    if not (_GUID.fullmatch(tenant) or _DOMAIN.fullmatch(tenant)):
        raise Misconfigured(
            f"tenant_id: {tenant!r} is neither a tenant id (a GUID) nor one of the tenant's domains."
        )
    return tenant.lower()


def _client(given: Given) -> str:
    client = given.text("client_id")
    if not client:
        raise Misconfigured("client_id: set the application (client) id of the app registration.")
    if not _GUID.fullmatch(client):
        raise Misconfigured(f"client_id: {client!r} is not an application (client) id, which is a GUID.")
    return client.lower()


def _credential(given: Given) -> str | Certificate:
    secret, certificate = given.text("client_secret"), given.text("certificate")
    if secret and certificate:
        raise Misconfigured("client_secret and certificate: give one of the two.")
    if certificate:
        return _pem(certificate)
    return given.credential(
        "client_secret",
        "set the client secret's value (not its id) made under Certificates & secrets, or a certificate.",
    )


def _pem(text: str) -> Certificate:
    key, public = _KEY.search(text), _CERTIFICATE.findall(text)
    if key is None or not public:
        raise Misconfigured(
            "certificate: give the PEM text of the private key and of its certificate, one after the other; "
            "${file:PATH} reads it from a file."
        )
    if "ENCRYPTED" in key[0]:
        raise Misconfigured("certificate: the private key is encrypted; give it without a passphrase.")
    return Certificate(private_key=key[0], public="\n".join(public))
