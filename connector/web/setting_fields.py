"""Settings of a connection as fields of a form: what each is called, how it is typed, what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from connector.directory_settings import TYPES
from connector.web.fields import Fields, last
from sync.model.connection import Safeguards

Kind = Literal["text", "list", "choice", "check", "secret", "long secret"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingField:
    """One field. ``name`` is the setting's path; ``usual`` stands in the field while nothing is set.

    ``names_application`` says that the directory can list applications, to choose one by name.
    """

    name: str
    label: str
    kind: Kind = "text"
    hint: str = ""
    usual: str = ""
    options: tuple[tuple[str, str], ...] = ()
    names_application: bool = False

    @property
    def is_secret(self) -> bool:
        return self.kind in ("secret", "long secret")


def _text(name: str, label: str, hint: str = "", usual: str = "") -> SettingField:
    return SettingField(name=name, label=label, hint=hint, usual=usual)


def _secret(name: str, label: str, hint: str = "") -> SettingField:
    return SettingField(name=name, label=label, hint=hint, kind="secret")


def _list(name: str, label: str, hint: str = "", usual: str = "") -> SettingField:
    return SettingField(name=name, label=label, hint=hint, usual=usual, kind="list")


def _check(name: str, label: str, hint: str = "") -> SettingField:
    return SettingField(name=name, label=label, hint=hint, kind="check")


def _choice(name: str, label: str, *options: tuple[str, str], hint: str = "") -> SettingField:
    return SettingField(name=name, label=label, hint=hint, kind="choice", options=options)


APPLICATION: Final = "application"
"""What a form calls the application that was chosen from the list; it is the scope then."""

_OTHER_ADDRESS: Final = "Only if it is not the usual one."

CREDENTIALS: Final[dict[str, tuple[SettingField, ...]]] = {
    "okta": (
        _text("domain", "Okta domain", "The organisation's host.", "acme.okta.com"),
        _secret("api_token", "API token", "Security → API → Tokens. A read-only administrator's is enough."),
        _text("client_id", "Client ID", "Instead of the token: an API service app with its private key."),
        SettingField(name="private_key", label="Private key", kind="long secret", hint="As JWK or PEM."),
        _check("dpop", "The app asks for proof of possession (DPoP)"),
        _text("base_url", "Address", _OTHER_ADDRESS, "https://acme.okta.com"),
    ),
    "azure": (
        _text("tenant_id", "Directory (tenant) ID"),
        _text("client_id", "Application (client) ID"),
        _secret("client_secret", "Client secret", "Its value, not its ID."),
        SettingField(
            name="certificate",
            label="Certificate",
            kind="long secret",
            hint="Instead of the secret: certificate and private key as PEM.",
        ),
        _choice("cloud", "Cloud", ("global", "Global"), ("us", "US government"), ("china", "China")),
        _text("authority_url", "Sign-in address", _OTHER_ADDRESS, "https://login.microsoftonline.com"),
        _text("base_url", "Graph's address", _OTHER_ADDRESS, "https://graph.microsoft.com"),
    ),
    "onelogin": (
        _text("subdomain", "Subdomain", "The first part of your OneLogin address.", "acme"),
        _text("client_id", "Client ID", "Developers → API credentials, with the right Read all."),
        _secret("client_secret", "Client secret"),
        _text("base_url", "Address", _OTHER_ADDRESS, "https://acme.onelogin.com"),
    ),
    "jumpcloud": (
        _choice("region", "Region", ("us", "US"), ("eu", "EU"), ("in", "India")),
        _secret("api_key", "API key", "Of an administrator who may read; or a service account below."),
        _text("client_id", "Service account's client ID"),
        _secret("client_secret", "Service account's secret"),
        _text("org_id", "Organisation ID", "Only for providers with several organisations."),
        _text("base_url", "Address", _OTHER_ADDRESS, "https://console.jumpcloud.com"),
    ),
    "scim": (
        _text(
            "base_url",
            "SCIM base URL",
            "Of the service that is read, up to /v2.",
            "https://idp.example.com/scim/v2",
        ),
        _secret("token", "Bearer token"),
        _text("token_header", "Header of the token", "Only if it is not Authorization.", "Authorization"),
        _text("username", "User name", "Instead of a token."),
        _secret("password", "Password"),
    ),
}
"""What a pull needs, by type."""

_SCOPE: Final = _text("scope", "Who is read", "all, groups:ID,ID or app:ID.", "all")
SCOPE: Final[dict[str, tuple[SettingField, ...]]] = {
    "okta": (
        replace(_SCOPE, names_application=True),
        _check("role_is_narrow", "The token's role is meant to see some groups only"),
    ),
    "azure": (_SCOPE, _check("guests", "Guests count"), _check("photos", "Fetch photos")),
    "onelogin": (
        _text("scope", "Who is read", "all, roles:ID,ID or app:ID.", "all"),
        _check("unlicensed_is_active", "People in the state Unlicensed are active"),
    ),
    "jumpcloud": (_SCOPE,),
    "scim": (),
}

_NESTED: Final = (("direct", "Direct members only"), ("transitive", "Members of nested groups too"))
_GROUPS_OF: Final[dict[str, tuple[SettingField, ...]]] = {
    "okta": (),
    "azure": (_choice("nested", "Nested groups", *_NESTED),),
    "onelogin": (
        _choice("groups_from", "Groups are", ("roles", "Roles"), ("groups", "Groups"), ("both", "Both")),
    ),
    "jumpcloud": (_choice("membership", "Nested groups", *_NESTED),),
    "scim": (
        _choice(
            "groups_from",
            "Groups",
            ("groups", "Are read"),
            ("users", "Are what users say they are in"),
            ("none", "Are not read"),
        ),
    ),
}

GROUPS: Final = (
    _list(
        "groups.include", "Only these groups", "Names or ids, Prefix* or /regex/, with commas between.", "all"
    ),
    _list("groups.exclude", "Not these groups", "The same; these win.", "none"),
    _text("groups.template", "Tag", "{name} stands for the group's name.", "Group:{name}"),
)

MATCHING: Final = (
    _choice(
        "matching.adopt",
        "Accounts with the same e-mail",
        ("auto", "are taken over"),
        ("confirm", "wait for a person's word"),
        ("never", "are never taken over"),
    ),
    _list(
        "matching.verified_domains",
        "Your domains",
        "E-mails of other domains then wait for a word.",
        "example.com",
    ),
    _text(
        "matching.external_id",
        "SCIM externalId",
        "The attribute your IdP sends as externalId, if not its id.",
    ),
    _list("email_from", "E-mail from", "The first of these that has one.", "email, user_name"),
    _text("rank", "Rank", "For a person in two connections the lowest number's profile wins.", "100"),
    _choice(
        "active_rule",
        "A person in two connections is active",
        ("any", "while one says so"),
        ("highest", "when the first in rank says so"),
    ),
)

_LIMIT: Final = "So many, or a share: 5, 10%, 5 or 10% (the larger counts), off."


def _limit(name: str, label: str, hint: str = "") -> SettingField:
    usual = getattr(Safeguards(), name)
    return _text(f"safeguards.{name}", label, hint, f"{usual.floor} or {usual.share * 100:g}%")


SAFEGUARDS: Final = (
    _limit("suspensions", "People suspended", _LIMIT),
    _limit("group_deletions", "Groups deleted"),
    _limit("member_removals", "Members taken out of one group"),
    _text("safeguards.member_removals_from", "… of groups with so many members or more", "", "20"),
    _limit("tag_removals", "Tags lost in all"),
    _limit("creations", "People created"),
    _limit("updates", "Profiles changed"),
    _text("safeguards.user_count_fall", "The directory shrank by", "", "50%"),
    _text("grace", "Absences count only after", "A span; at once when empty.", "at once"),
    _check("safeguards.empty_source", "Hold when the directory is empty"),
    _check("safeguards.first_run", "Hold the first run"),
    _check("apply_harmless_when_held", "While held, do what no safeguard objects to"),
    _check("push_brake", "Answer a burst of pushed suspensions with 503 until a person has looked"),
)

SCHEDULE: Final = (
    _text("schedule.full", "Read everything", "Every 24h, a cron line (0 3 * * *), or off.", "24h"),
    _text("schedule.delta", "Read what changed", "The same.", "15m"),
    _text("schedule.timezone", "Time zone of cron lines", "", "UTC"),
    _text("time_limit", "A pull may take", "", "1h"),
)

MODE: Final = _choice(
    "mode",
    "How it works",
    ("both", "Pull and push"),
    ("pull", "Pull only"),
    ("push", "Push only: the IdP sends SCIM"),
)
LOG: Final = (
    _check("scim.log_bodies", "Keep bodies, with every value masked"),
    _text("scim.log_kept", "Kept for", "", "7d"),
)


def fields_of(tab: str, type: str) -> tuple[SettingField, ...]:
    """The fields of a tab for a type of connection."""
    return {
        "credentials": (MODE, *CREDENTIALS[type], *SCOPE[type]),
        "mapping": MATCHING,
        "groups": (*GROUPS, *_GROUPS_OF[type]),
        "safeguards": SAFEGUARDS,
        "schedule": SCHEDULE,
        "log": LOG,
        "scope": (*SCOPE[type], *GROUPS, *_GROUPS_OF[type]),
        "pull": CREDENTIALS[type],
    }[tab]


def typed(fields: Iterable[SettingField], form: Fields, type: str) -> dict[str, Any]:
    """The form as settings, section by section; what is left empty, or is usual, goes back to its default.

    A secret that is left empty is not spoken of: it stays as it is.
    """
    given: dict[str, Any] = {}
    for field in fields:
        if field.names_application and last(form, APPLICATION):
            put(given, field.name, last(form, APPLICATION))
            continue
        values = [each.strip() for each in form.get(field.name, ())]
        value: Any = next(filter(None, values), None)
        if field.kind == "check":
            is_on = "true" in values
            value = None if is_on == _usual(field.name, type) else is_on
        if field.is_secret and value is None:
            continue
        put(given, field.name, value)
    return given


def put(given: dict[str, Any], path: str, value: Any) -> None:
    """Set ``a.b`` within nested sections."""
    *above, name = path.split(".")
    for step in above:
        given = given.setdefault(step, {})
    given[name] = value


def shown(fields: Iterable[SettingField], connection: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields say of a stored connection: texts, truth values for checks, nothing for secrets."""
    settings = {**connection["settings"], "mode": connection["mode"]}
    return {field.name: _shown(field, settings, connection["type"]) for field in fields}


def _shown(field: SettingField, settings: Mapping[str, Any], type: str) -> Any:
    value = at(settings, field.name)
    if field.is_secret:
        return ""
    if field.kind == "check":
        return _usual(field.name, type) if value is None else str(value).lower() in ("true", "1", "yes", "on")
    if field.kind == "choice" and value is None:
        return str(_usual(field.name, type))
    return as_text(value)


def as_text(value: Any) -> str:
    """A setting as an admin would type it."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        parts = [value.get("floor"), value.get("share")]
        texts = [str(parts[0]) if parts[0] is not None else "", _percent(parts[1])]
        return " or ".join(filter(None, texts))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _percent(share: Any) -> str:
    if share is None:
        return ""
    return share if isinstance(share, str) else f"{share * 100:g}%"


def at(settings: Mapping[str, Any], path: str) -> Any:
    """The value at ``a.b`` of nested sections; None where there is none."""
    value: Any = settings
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _usual(path: str, type: str) -> Any:
    """The default of a setting."""
    owner: Any = TYPES[type]
    *above, name = path.split(".")
    for step in above:
        owner = owner.model_fields[step].annotation
    return owner.model_fields[name].default
