"""What an admin may set on any connection; the same models read config.yaml and ``--set``."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from connector.schedule import OFF, check_timezone
from connector.setting_types import Fraction, LimitSettings, LimitText, Patterns, Section, Span, Texts, Times
from scim_server.schemas import catalogue_of
from sync import expression, mapping
from sync.model.connection import ActiveRule, Adopt, AttributeRule, Mode, Policy, Safeguards
from sync.model.errors import Misconfigured

WITHOUT_SECRETS = {"secrets": "sealed"}
"""Validation context of settings whose credentials are not at hand."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$"


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
