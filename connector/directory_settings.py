"""What an admin may set for one kind of directory: where it is, what lets us in, who is read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from connector.connection_settings import ConnectionSettings
from connector.setting_types import Url


class OktaSettings(ConnectionSettings):
    """Okta: API token, or an OAuth service app."""

    type: Literal["okta"]
    domain: str | None = None
    """The organisation's host, `acme.okta.com`."""
    base_url: Url | None = None
    """Its address, instead of `domain`."""
    api_token: SecretStr | None = None
    """An API token."""
    client_id: str | None = None
    """The service app's client id, with `private_key`."""
    private_key: SecretStr | None = None
    """The service app's private key, as JWK or PEM."""
    dpop: bool = False
    """Whether the service app is known to ask for proof of possession (DPoP); it is found out otherwise."""
    scope: str = Field(default="all", pattern=r"^(all|groups:.+|app:.+)$")
    """`all`, `app:ID` or `groups:ID,ID`."""
    role_is_narrow: bool = False
    """Whether the token's admin role is meant to see some groups only."""
    rate_share: float = Field(default=0.4, gt=0, le=1)
    """The part of Okta's rate limits this program may use."""

    def missing(self) -> str | None:
        if not (self.domain or self.base_url):
            return "domain (acme.okta.com) or base_url"
        if not (self.api_token or (self.client_id and self.private_key)):
            return "api_token, or client_id with private_key"
        return None


class AzureSettings(ConnectionSettings):
    """Microsoft Entra ID, through Graph."""

    type: Literal["azure"]
    tenant_id: str | None = None
    """The directory (tenant) id."""
    client_id: str | None = None
    """The application (client) id."""
    client_secret: SecretStr | None = None
    """A client secret."""
    certificate: SecretStr | None = None
    """The certificate with its private key, as PEM, instead of a secret."""
    cloud: Literal["global", "us", "china"] = "global"
    """Which national cloud."""
    base_url: Url | None = None
    """Graph's address, when it is none of the clouds'."""
    authority_url: Url | None = None
    """The sign-in service's address, when it is none of the clouds'."""
    scope: str = Field(default="all", pattern=r"^(all|groups:.+|app:.+)$")
    """`all`, `app:ID` or `groups:ID,ID`."""
    nested: Literal["direct", "transitive"] = "direct"
    """Whether members of nested groups count."""
    guests: bool = False
    """Whether guests count."""
    rate_share: float = Field(default=0.4, gt=0, le=1)
    """The part of Graph's rate limits this program may use."""
    photos: bool = False
    """Whether people's photos are fetched, kept and served under /pictures/."""

    def missing(self) -> str | None:
        if not (self.tenant_id and self.client_id):
            return "tenant_id and client_id"
        return None if self.client_secret or self.certificate else "client_secret or certificate"


class OneLoginSettings(ConnectionSettings):
    """OneLogin: API credentials of an admin."""

    type: Literal["onelogin"]
    subdomain: str | None = None
    """`acme` of acme.onelogin.com."""
    base_url: Url | None = None
    """Its address, instead of `subdomain`."""
    client_id: str | None = None
    """The API credential's client id."""
    client_secret: SecretStr | None = None
    """The API credential's secret."""
    groups_from: Literal["roles", "groups", "both"] = "roles"
    """What counts as a group."""
    scope: str = Field(default="all", pattern=r"^(all|roles:.+|app:.+)$")
    """`all`, `roles:ID,ID` or `app:ID`."""
    unlicensed_is_active: bool = False
    """Whether people in the state Unlicensed count as active."""
    rate_share: float = Field(default=0.4, gt=0, le=1)
    """The part of OneLogin's rate limits this program may use."""

    def missing(self) -> str | None:
        if not (self.subdomain or self.base_url):
            return "subdomain or base_url"
        return None if self.client_id and self.client_secret else "client_id and client_secret"


class JumpCloudSettings(ConnectionSettings):
    """JumpCloud: API key, or a service account."""

    type: Literal["jumpcloud"]
    region: Literal["us", "eu", "in"] = "us"
    """Where the organisation lives."""
    base_url: Url | None = None
    """The API's address, instead of `region`."""
    api_key: SecretStr | None = None
    """An administrator's API key."""
    client_id: str | None = None
    """The service account's client id."""
    client_secret: SecretStr | None = None
    """The service account's secret."""
    second_client_secret: SecretStr | None = None
    """A second secret, while the first is rotated."""
    org_id: str | None = None
    """Which organisation, for a provider with several."""
    scope: str = Field(default="all", pattern=r"^(all|groups:.+|app:.+)$")
    """`all`, `app:ID` or `groups:ID,ID`."""
    membership: Literal["direct", "transitive"] = "direct"
    """Whether members of nested groups count."""

    def missing(self) -> str | None:
        has_key = self.api_key or (self.client_id and self.client_secret)
        return None if has_key else "api_key, or client_id with client_secret"


class ScimProviderSettings(ConnectionSettings):
    """Any IdP that speaks SCIM 2.0: it pushes to us, or we pull from its service."""

    type: Literal["scim"]
    base_url: Url | None = None
    """The address of its SCIM service, up to `/v2`."""
    token: SecretStr | None = None
    """A bearer token."""
    username: str | None = None
    """A user name, for basic authentication."""
    password: SecretStr | None = None
    """The password, for basic authentication."""
    token_header: str | None = None
    """The header that takes the token as it is, such as `X-Api-Key`, in place of a bearer token."""
    groups_from: Literal["groups", "users", "none"] = "groups"
    """Where groups come from: `/Groups`, what each user says of them, or nowhere."""

    def missing(self) -> str | None:
        if not self.base_url:
            return "base_url"
        return None if self.token or (self.username and self.password) else "token, or username with password"


AnyConnection = Annotated[
    OktaSettings | AzureSettings | OneLoginSettings | JumpCloudSettings | ScimProviderSettings,
    Field(discriminator="type"),
]

TYPES: dict[str, type[ConnectionSettings]] = {
    "okta": OktaSettings,
    "azure": AzureSettings,
    "onelogin": OneLoginSettings,
    "jumpcloud": JumpCloudSettings,
    "scim": ScimProviderSettings,
}


def secret_names(type: str) -> frozenset[str]:
    """The settings of this type that hold a secret."""
    return frozenset(
        name for name, field in TYPES[type].model_fields.items() if "SecretStr" in str(field.annotation)
    )
