"""What an admin may set on one connection, per type; the same models read config.yaml and ``--set``."""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connector.durations import span
from connector.schedule import OFF, check_schedule, check_timezone
from scim_server.schemas import catalogue_of
from sync import expression, group_rules, mapping
from sync.model.connection import ActiveRule, Adopt, AttributeRule, Limit, Mode, Policy, Safeguards
from sync.model.errors import Misconfigured

WITHOUT_SECRETS = {"secrets": "sealed"}
"""Validation context of settings whose credentials are not at hand."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$"


_LIMIT = re.compile(r"(?:(?:(?P<floor>\d+)\s*(?:or|,)\s*)?(?P<share>\d+(?:\.\d+)?\s*%))|(?P<only>\d+)")


def _listed(value: Any) -> Any:
    """``a, b`` is a list too, so that lists can be set from a command line."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _patterns_listed(value: Any) -> Any:
    """Like a list of names, but a comma within ``/…/`` belongs to the expression."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in re.findall(r"\s*/.*?/(?=\s*(?:,|$))|[^,]+", value) if part.strip()]


def _percent(text: str) -> float:
    return float(text.removesuffix("%").strip()) / 100


def _limit(value: Any) -> Any:
    """``10%``, ``5``, ``5 or 10%`` and ``off`` as the floor and share of a Limit."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"floor": value, "share": 0.0}
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text == "off":
        return {"floor": 1_000_000_000, "share": 1.0}
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise ValueError(f"{value!r} is not a limit; write 10%, 5, '5 or 10%' (the larger counts) or off")
    if found["share"]:
        return {"floor": int(found["floor"] or 0), "share": _percent(found["share"])}
    return {"floor": int(found["only"]), "share": 0.0}


def _fraction(value: Any) -> Any:
    return _percent(value) if isinstance(value, str) and value.strip().endswith("%") else value


def _safe_url(url: str) -> str:
    """Https anywhere, http for loopback only: credentials travel with every request."""
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(f"{url!r} is not a web address; write https://…")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(
            f"{url!r} would send credentials in clear; write https:// (http is for loopback only)"
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_span(text: str) -> str:
    span(text)
    return text


def _checked_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    try:
        group_rules.check(patterns)
    except Misconfigured as error:
        raise ValueError(error.message) from error
    return patterns


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])]
Patterns = Annotated[
    tuple[str, ...],
    BeforeValidator(_patterns_listed, json_schema_input_type=str | tuple[str, ...]),
    AfterValidator(_checked_patterns),
]
Url = Annotated[str, AfterValidator(_safe_url)]
Times = Annotated[str, AfterValidator(check_schedule)]
Span = Annotated[str, AfterValidator(_checked_span)]
Fraction = Annotated[float, BeforeValidator(_fraction, json_schema_input_type=float | str), Field(ge=0, le=1)]


class Section(BaseModel):
    """A group of settings; an unknown key in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class LimitSettings(Section):
    """Holds when more than the larger of ``floor`` people and ``share`` of the whole would change."""

    floor: int | None = Field(default=None, ge=0)
    """So many people may always change."""
    share: Fraction | None = None
    """So much of the whole may change, as 0.1 or 10%."""

    def over(self, default: Limit) -> Limit:
        return Limit(
            floor=default.floor if self.floor is None else self.floor,
            share=default.share if self.share is None else self.share,
        )


LimitText = Annotated[
    LimitSettings, BeforeValidator(_limit, json_schema_input_type=int | str | LimitSettings)
]


class SafeguardSettings(Section):
    """Limits that stop a plan until a person has looked; what is not set keeps the product's default."""

    suspensions: LimitText = LimitSettings()
    """People suspended by one plan."""
    group_deletions: LimitText = LimitSettings()
    """Groups deleted by one plan."""
    member_removals: LimitText = LimitSettings()
    """Members that one group loses."""
    member_removals_from: int = Field(default=Safeguards().member_removals_from, ge=1)
    """Groups smaller than this are not watched for lost members."""
    tag_removals: LimitText = LimitSettings()
    """People who lose a tag."""
    creations: LimitText = LimitSettings()
    """People created by one plan."""
    updates: LimitText = LimitSettings()
    """People whose profile changes in one plan."""
    user_count_fall: Fraction = Safeguards().user_count_fall
    """How far the number of people read may fall since the last complete read."""
    empty_source: bool = True
    """Whether a source with nobody in it is held."""
    first_run: bool = True
    """Whether the first plan of a connection waits for a person."""

    def to_model(self) -> Safeguards:
        defaults = Safeguards()
        limits = ("suspensions", "group_deletions", "member_removals", "tag_removals", "creations", "updates")
        return Safeguards(
            **{name: getattr(self, name).over(getattr(defaults, name)) for name in limits},
            member_removals_from=self.member_removals_from,
            user_count_fall=self.user_count_fall,
            empty_source=self.empty_source,
            first_run=self.first_run,
        )


class ScheduleSettings(Section):
    """When to pull: an interval (``15m``), a cron line (in UTC, or in ``timezone``), or ``off``."""

    full: Times = "24h"
    """When everything is read."""
    delta: Times = "15m"
    """When only what changed is read, where the IdP has a feed of changes."""
    timezone: Annotated[str, AfterValidator(check_timezone)] = "UTC"
    """What cron lines are read in, as Europe/Berlin."""

    @property
    def is_off(self) -> bool:
        """Whether nothing happens by time."""
        return self.full == self.delta == OFF


class GroupSettings(Section):
    """Which groups count, by name or id (``prefix*`` and ``/regex/`` too), and the tag they give."""

    include: Patterns = ()
    """The only groups that count; all when empty."""
    exclude: Patterns = ()
    """Groups that do not count."""
    template: str | None = None
    """The tag of these groups instead of `tags.group`; empty text: no tags."""

    @field_validator("template")
    @classmethod
    def _names_the_group(cls, template: str | None) -> str | None:
        if template and "{name}" not in template:
            raise ValueError("the template must hold {name}, or all groups would be one tag; empty: no tags")
        return template


def _readable_rule(rule: str) -> str:
    try:
        expression.parse(rule)
    except Misconfigured as error:
        raise ValueError(error.message) from error
    return rule


class AttributeSetting(Section):
    """Where one field of a user comes from: a path into the IdP's attributes, ``=text``, or an expression.

    ``on_create`` gives the field once, with the account; ``default`` stands in for nothing.
    """

    value: Annotated[str, AfterValidator(_readable_rule)]
    """The rule."""
    on_create: bool = False
    """Whether the field is given once only, with the account."""
    default: str | None = None
    """What stands in for nothing."""


def _attribute(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


AttributeText = Annotated[
    AttributeSetting, BeforeValidator(_attribute, json_schema_input_type=str | AttributeSetting)
]


class MatchingSettings(Section):
    """How a new directory user finds the user it belongs to."""

    adopt: Adopt = Adopt.AUTO
    """Whether a new directory user takes over the account with its e-mail: at once, confirmed, or never."""
    verified_domains: Texts = ()
    """When set, only e-mails of these domains may be adopted without a person's word."""
    external_id: Annotated[str, AfterValidator(_readable_rule)] | None = None
    """Where the id that push and pull share comes from, as an attribute rule."""


class ScimSettings(Section):
    """Leniencies of this connection's SCIM endpoint; what is not set follows the type's profile."""

    profile: str | None = None
    """The set of leniencies to start from, by connection type; the connection's own when not set."""
    strict: bool | None = None
    """Whether a request with one bad part is refused whole."""
    unknown_attributes: Literal["ignore", "reject"] | None = None
    """What happens to attributes no schema knows."""
    unknown_members: Literal["keep", "reject"] | None = None
    """What happens to members nobody has pushed yet: kept until they are, or refused."""
    patch_response: Literal["auto", "representation", "empty"] | None = None
    """Whether PATCH answers with the resource."""
    unmatched_value_path: Literal["create", "reject"] | None = None
    """What a PATCH whose filter meets no value does."""
    remove_value_list: Literal["apply", "reject"] | None = None
    """Whether `remove` with a list of values removes these only."""
    unquoted_literals: bool | None = None
    """Whether filters may leave out the quotes."""
    empty_string: Literal["unset", "keep"] | None = None
    """Whether an empty text unsets an attribute."""
    group_name_unique: bool | None = None
    """Whether two groups may not share a displayName."""
    external_id_unique: bool | None = None
    """Whether two resources may not share an externalId."""
    reactivate_on_post: bool | None = None
    """Whether POST of a suspended person brings them back."""
    put_absent_members: Literal["keep", "clear"] | None = None
    """What a PUT of a group without `members` does to them."""
    extensions: dict[Literal["User", "Group"], list[dict[str, Any]]] | None = None
    """Further schema extensions of users and groups, as RFC 7643 §7 describes attributes."""
    log_bodies: bool | None = None
    """Whether the incoming log keeps bodies, redacted."""
    log_kept: Span | None = None
    """How long the incoming log is kept."""

    @field_validator("extensions")
    @classmethod
    def _schemas(
        cls, given: dict[str, list[dict[str, Any]]] | None
    ) -> dict[str, list[dict[str, Any]]] | None:
        if given is not None:
            try:
                catalogue_of({"extensions": given})
            except Misconfigured as error:
                raise ValueError(error.message) from None
        return given


class ConnectionSettings(Section):
    """What every connection has, whatever its type."""

    name: str = Field(pattern=NAME)
    """What people call it."""
    type: str
    """Which IdP: okta, azure, onelogin, jumpcloud or scim."""
    enabled: bool = True
    """Whether it works at all; the same as `connections pause`."""
    mode: Mode = Mode.BOTH
    """Whether the IdP pushes, is pulled, or both."""
    schedule: ScheduleSettings = ScheduleSettings()
    """When it is pulled."""
    rank: int = 100
    """Which connection's profile wins for a person in two: the lowest."""
    groups: GroupSettings = GroupSettings()
    """Which groups count and the tags they give."""
    attributes: dict[str, AttributeText] = Field(default_factory=dict)
    """Where each field of a user comes from: a path into the IdP's attributes, `=text`, or an expression."""
    matching: MatchingSettings = MatchingSettings()
    """How a new directory user finds its account."""
    safeguards: SafeguardSettings = SafeguardSettings()
    """When a plan waits for a person."""
    scim: ScimSettings = ScimSettings()
    """Leniencies of the SCIM endpoint."""
    active_rule: ActiveRule = ActiveRule.ANY
    """For a person in two connections: `any` keeps them active while one says so."""
    push_brake: bool = False
    """Whether a burst of pushed suspensions is answered with 503 until a person has looked."""
    email_from: Texts = Policy().email_from
    """Where the e-mail comes from: the first of these that has one."""
    apply_harmless_when_held: bool = True
    """Whether what no safeguard objects to is applied while a plan is held."""
    grace: Span | None = None
    """How long complete reads have to miss somebody, or a group, before that counts; at once when not set."""
    credentials_expire: date | None = None
    """The day the IdP's credentials end (2027-01-31), to be told in time; a certificate tells it itself."""
    time_limit: Span = "1h"
    """How long a pull may take."""
    picture_attribute: str | None = None
    """The IdP's attribute with the address of the picture."""

    @field_validator("attributes")
    @classmethod
    def _fields_to_map(cls, chosen: dict[str, AttributeSetting]) -> dict[str, AttributeSetting]:
        try:
            mapping.check_fields(chosen)
        except Misconfigured as error:
            raise ValueError(error.message) from error
        return chosen

    @property
    def mapping(self) -> tuple[AttributeRule, ...]:
        """The fields' rules as the engine takes them."""
        rules = [
            AttributeRule(field=name, rule=each.value, on_create=each.on_create, default=each.default)
            for name, each in sorted(self.attributes.items())
        ]
        if self.matching.external_id:
            rules.append(AttributeRule(field=mapping.EXTERNAL, rule=self.matching.external_id))
        return tuple(rules)

    @property
    def pulls(self) -> bool:
        return self.mode is not Mode.PUSH

    def missing(self) -> str | None:
        """What a pull still needs, as a phrase; None when nothing."""
        return None

    @model_validator(mode="after")
    def _can_pull(self, info: ValidationInfo) -> Self:
        # Without its credentials opened, a stored connection is checked for all but completeness.
        needed = self.missing() if self.pulls and info.context != WITHOUT_SECRETS else None
        if needed:
            raise ValueError(
                f"a pull from {self.type} needs {needed}; or set mode=push if its IdP only pushes"
            )
        return self


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
