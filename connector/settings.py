"""The program's settings: config.yaml, CONNECTOR_* variables and secret files, checked as one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeVar

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from connector.connection_settings import WITHOUT_SECRETS, ConnectionSettings
from connector.directory_settings import TYPES, AnyConnection
from connector.durations import span
from connector.nearest import hint
from connector.references import read_secret_file, resolve
from connector.setting_mistakes import explain
from connector.setting_types import Section, Texts, is_loopback
from connector.settings_file import read_yaml
from sync.model.errors import Misconfigured

PREFIX: Final = "CONNECTOR_"
DEFAULT_FILE: Final = "config.yaml"
_SECRETS_BY_FILE: Final = ("key", "api_key", "database_url")
_NOT_SETTINGS: Final = frozenset({"CONNECTOR_CONFIG", "CONNECTOR_SERVER"})

M = TypeVar("M", bound=BaseModel)


class Seats(Section):
    """The licence: how many active users there may be; None is no limit."""

    limit: int | None = Field(default=None, ge=0)
    """Active users the licence allows; null is no limit. At the limit new people wait, nobody is evicted."""
    count_unmanaged: bool = False
    """Whether active users that no directory manages take a seat too."""


class Tags(Section):
    """The labels directory users get: one for being managed, one per group (``{name}``)."""

    managed: str = "scim"
    """What every managed user is labelled with."""
    group: str = "Group:{name}"
    """What the members of a group are labelled with; `{name}` is the group's name."""

    @field_validator("group")
    @classmethod
    def _names_the_group(cls, template: str) -> str:
        if "{name}" not in template:
            raise ValueError("the template must hold {name}, or all groups would be one tag")
        return template


class Webhooks(Section):
    """How webhooks are called: whether on private networks, how long at most, and how long again."""

    allow_private: bool = False
    """Whether webhooks may go to this machine and to private networks, by plain http too."""
    timeout: str = "15s"
    """How long one call may take, the whole answer included; 1s to 45s."""
    give_up_after: str = "3d"
    """How long an event that is not accepted is tried again."""
    endpoints_at_once: int = Field(default=16, ge=1, le=64)
    """Endpoints that are called at the same time, 1 to 64."""

    @field_validator("timeout", "give_up_after")
    @classmethod
    def _is_a_span(cls, text: str) -> str:
        span(text)
        return text

    @field_validator("timeout")
    @classmethod
    def _is_short(cls, text: str) -> str:
        if not timedelta(seconds=1) <= span(text) <= timedelta(seconds=45):
            raise ValueError("webhooks.timeout must be between 1s and 45s")
        return text


class Email(Section):
    """Notices by e-mail, through an SMTP server."""

    host: str
    """The mail server."""
    port: int = Field(default=587, ge=1, le=65535)
    """Its port."""
    tls: Literal["starttls", "tls", "off"] = "starttls"
    """`starttls` (587), `tls` from the beginning (465), or `off` for a server on this machine."""
    user: str | None = None
    """Whom to sign in as; nobody when not set."""
    password: SecretStr | None = None
    """The user's password."""
    sender: str = "directory-connector@localhost"
    """Whom the mail is from."""
    to: Texts = ()
    """Who gets it."""
    timeout: str = "15s"
    """How long the server may take over each step, 1s to 60s."""

    @field_validator("timeout")
    @classmethod
    def _is_short(cls, text: str) -> str:
        if not timedelta(seconds=1) <= span(text) <= timedelta(seconds=60):
            raise ValueError("notices.email.timeout must be between 1s and 60s")
        return text

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        if not self.to:
            raise ValueError("say who gets the mail: to: [admin@example.com]")
        if self.tls == "off" and not is_loopback(self.host):
            raise ValueError("tls: off is for a mail server on this machine only; use starttls or tls")
        return self


class Notices(Section):
    """Where admins hear of what wants them, once per episode."""

    email: Email | None = None
    """By e-mail."""
    chat_url: SecretStr | None = None
    """A chat's incoming webhook (Slack, Mattermost, Teams, …): gets `{"text": "…"}`."""


class Retention(Section):
    """How long things are kept; what says why something is as it is stays for good."""

    history: str = "730d"
    """Changes; the last one of each kind to each person and group stays for good."""
    runs: str = "180d"
    """Runs that changed nothing, and notices that are over; runs that did stay as long as their changes."""
    plans: str = "90d"
    """The items of decided plans; their counts stay with the run."""
    events: str = "90d"
    """The feed. What a webhook in use has not had yet stays."""
    deliveries: str = "30d"
    """What was delivered or given up."""
    audit: str = "730d"
    """Who changed what."""

    @field_validator("*")
    @classmethod
    def _is_a_day_at_least(cls, text: str) -> str:
        if span(text) < timedelta(days=1):
            raise ValueError("keep it for a day at least: write 1d, 90d")
        return text


class RunSettings(Section):
    """How many runs one process does at a time, and how long a dead one keeps a run from the others."""

    at_once: int = Field(default=4, ge=1, le=64)
    """Runs that one process does at the same time, each of another connection; 1 to 64."""
    lease: str = "30s"
    """How long a dead process keeps its run from the others; 1s to 10m."""

    @field_validator("lease")
    @classmethod
    def _is_a_lease(cls, text: str) -> str:
        if not timedelta(seconds=1) <= span(text) <= timedelta(minutes=10):
            raise ValueError("runs.lease must be between 1s and 10m")
        return text


class Roles(Section):
    """Which values of the claim give which role."""

    admin: Texts = ()
    """Values that make an admin."""
    operator: Texts = ()
    """Values that make an operator."""
    viewer: Texts = ()
    """Values that make a viewer."""


class Oidc(Section):
    """Signing in to the console through an OpenID Connect provider."""

    issuer: str
    """The provider's issuer address; its discovery document is read from there."""
    client_id: str
    """The client this program is registered as."""
    client_secret: SecretStr | None = None
    """The client's secret; none for a public client."""
    scopes: Texts = ("openid", "email", "profile")
    """The scopes asked for."""
    claim: str = "groups"
    """The claim whose values give the role; the highest counts."""
    roles: Roles = Roles()
    default_role: Literal["none", "viewer", "operator"] = "none"
    """The role of whoever has none of the values."""
    label: str = "single sign-on"
    """What the button on the sign-in page says."""


class Log(Section):
    """``auto`` is readable on a terminal and JSON elsewhere."""

    format: Literal["auto", "json", "console"] = "auto"
    """`auto` is readable on a terminal and JSON elsewhere."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""


class Settings(BaseSettings):
    """Everything that can be set, with the defaults of config.example.yaml."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", str_strip_whitespace=True
    )

    database_url: str = "sqlite:///connector.db"
    """`sqlite:///FILE`, or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`."""
    listen: str = "127.0.0.1:8080"
    """Where the daemon listens, HOST:PORT. A proxy in front speaks TLS."""
    public_url: str | None = None
    """The address IdPs and people reach it at; `http://<listen>` when not set."""
    trusted_proxies: Texts = ()
    """Addresses or networks of proxies in front, whose `X-Forwarded-For` names the one who asks."""
    key_file: str | None = None
    """The file with the key that seals credentials, made when missing; default: beside a SQLite database."""
    key: SecretStr | None = None
    """The key itself, instead of a file."""
    api_key: SecretStr | None = None
    """A key with the role admin for the admin API, beside those of `connector keys add`."""
    seats: Seats = Seats()
    tags: Tags = Tags()
    protected: Texts = ()
    """E-mails of accounts that no directory may suspend."""
    webhooks: Webhooks = Webhooks()
    notices: Notices = Notices()
    runs: RunSettings = RunSettings()
    retention: Retention = Retention()
    oidc: Oidc | None = None
    log: Log = Log()
    connections: tuple[AnyConnection, ...] = ()
    """Connections kept equal to the file; made at start, never removed silently."""

    @field_validator("listen")
    @classmethod
    def _has_a_port(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"{listen!r} is not an address; write HOST:PORT, as 127.0.0.1:8080 or [::]:8080")
        return listen

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for each in proxies:
            try:
                ip_network(each)
            except ValueError:
                raise ValueError(f"{each!r} is no address; write 10.0.0.7 or 10.0.0.0/24") from None
        return proxies

    @field_validator("connections")
    @classmethod
    def _differ_in_name(cls, connections: tuple[ConnectionSettings, ...]) -> tuple[ConnectionSettings, ...]:
        names = [connection.name for connection in connections]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two connections are named {', '.join(twice)}; give each its own name")
        return connections

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def url(self) -> str:
        """The address people and IdPs use, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = self.host if is_loopback(self.host) else "127.0.0.1"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def key_path(self) -> Path:
        """Where the key lies when none is given: beside a SQLite database, else in the working directory."""
        if self.key_file:
            return Path(self.key_file).expanduser()
        if self.database_url.startswith("sqlite:///"):
            return Path(self.database_url.removeprefix("sqlite:///")).expanduser().with_name("connector.key")
        return Path("connector.key")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours names the directory itself
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # What `load` read of the file stands in `_file` among the init values.
        given = dict(getattr(init_settings, "init_kwargs", {}))
        file = given.pop("_file", {})
        sources: list[PydanticBaseSettingsSource] = [InitSettingsSource(settings_cls, given), env_settings]
        sources.append(InitSettingsSource(settings_cls, _secret_files(os.environ)))
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if directory and Path(directory).is_dir():
            sources.append(SecretsSettingsSource(settings_cls, secrets_dir=directory, env_prefix=""))
        return (*sources, InitSettingsSource(settings_cls, file))


def load(path: str | Path | None = None, **given: Any) -> Settings:
    """Read the settings; ``given`` ones win over the environment, that over the file.

    Without a path, CONNECTOR_CONFIG names the file, else config.yaml is read if it is there.
    Raises Misconfigured naming every wrong key.
    """
    named = path or os.environ.get("CONNECTOR_CONFIG")
    file = Path(named or DEFAULT_FILE)
    if named and not file.is_file():
        raise Misconfigured(f"the configuration file {file} does not exist; make one with: connector init")
    values = read_yaml(file) if file.is_file() else {}
    where = f"{file}: " if values else ""
    try:
        return Settings(_file=resolve(values), **given)  # type: ignore[call-arg]
    except Misconfigured as error:
        raise Misconfigured(where + error.message) from None
    except ValidationError as error:
        raise Misconfigured(explain(error, Settings, where)) from None


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence per CONNECTOR_* variable that sets nothing.

    They are told and not refused: Kubernetes gives every pod CONNECTOR_PORT and the like when a
    service is called ``connector``.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in _SECRETS_BY_FILE} | _NOT_SETTINGS
    return [
        f"the environment variable {name} sets nothing{hint(name, known)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name.upper().partition("__")[0] not in known
    ]


def connection_from(
    values: Mapping[str, Any], where: str = "", *, has_secrets: bool = True
) -> ConnectionSettings:
    """One connection's settings checked by its type's model; raises Misconfigured.

    Without ``has_secrets`` the credentials are not at hand and not asked for.
    """
    type = str(values.get("type"))
    if type not in TYPES:
        raise Misconfigured(f"there is no connection type {type}{hint(type, TYPES)}")
    try:
        return TYPES[type].model_validate(values, context=None if has_secrets else WITHOUT_SECRETS)
    except ValidationError as error:
        raise Misconfigured(explain(error, TYPES[type], where)) from None


def _secret_files(environ: Mapping[str, str]) -> dict[str, str]:
    """``CONNECTOR_<NAME>_FILE``: the value of the setting stands in that file."""
    found = {}
    for name in _SECRETS_BY_FILE:
        variable = f"{PREFIX}{name.upper()}_FILE"
        # CONNECTOR_KEY_FILE is the key_file setting too: the file is made when it is missing.
        if environ.get(variable) and name != "key":
            found[name] = read_secret_file(environ[variable], variable)
    return found
