"""The settings of an Okta connection, checked by hand so that every refusal names its key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from providers.given import Given
from providers.okta_key import OktaApp, okta_app
from providers.pace import DEFAULT_SHARE
from providers.scope import scope_of
from providers.transport import checked_origin
from sync.model.errors import Misconfigured

KEYS: Final = (
    "domain",
    "base_url",
    "api_token",
    "client_id",
    "private_key",
    "dpop",
    "scope",
    "groups",
    "picture_attribute",
    "role_is_narrow",
    "rate_share",
)
_TAKEN: Final = frozenset({"login", "email", "firstName", "lastName"})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose rights a read has: what people call it, the setting it is given by, and where its role is set."""

    noun: str
    key: str
    remedy: str


TOKEN: Final = Holder(
    noun="token",
    key="api_token",
    remedy="Give the admin who made it a role that can view all users and groups, "
    "such as Read-only Administrator.",
)
APP: Final = Holder(
    noun="app",
    key="private_key",
    remedy="Give it a role that can view all users and groups, such as Read-only Administrator, "
    "under the app's tab Admin roles.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaSettings:
    """What an Okta connection needs. ``scope`` is "all", "app" or "groups"; ``scope_ids`` what it names.

    It holds an ``api_token`` or an ``app`` that fetches tokens; ``is_bound`` says that the app is known
    to ask for proof of possession, which is found out otherwise.
    ``role_is_narrow`` says that the token's role is meant to see some groups only; otherwise a
    read that cannot see the group Everyone is not believed. ``rate_share`` is the part of the
    advertised rate limits this program may use, more than 0 and at most 1.
    """

    origin: str
    api_token: str | None = None
    app: OktaApp | None = None
    is_bound: bool = False
    scope: str = "all"
    scope_ids: tuple[str, ...] = ()
    picture_attribute: str | None = None
    role_is_narrow: bool = False
    rate_share: float = DEFAULT_SHARE

    @property
    def holder(self) -> Holder:
        return APP if self.app else TOKEN

    @property
    def oauth_scopes(self) -> tuple[str, ...]:
        """What a token of the app has to be good for."""
        of_apps = ("okta.apps.read",) if self.scope == "app" else ()
        return ("okta.users.read", "okta.groups.read", *of_apps)

    def __repr__(self) -> str:
        return f"OktaSettings(origin={self.origin!r}, scope={self.scope!r})"


def okta_settings(settings: Mapping[str, object]) -> OktaSettings:
    """Checks a plain mapping; raises Misconfigured naming the key and the remedy."""
    given = Given(settings, KEYS, "Okta")
    scope, scope_ids = scope_of(given, _ID, "Okta")
    app = _app(given)
    return OktaSettings(
        origin=_origin(given),
        api_token=None if app else _token(given),
        app=app,
        is_bound=given.flag("dpop"),
        scope=scope,
        scope_ids=scope_ids,
        picture_attribute=_picture(given),
        role_is_narrow=given.flag("role_is_narrow"),
        rate_share=given.share(),
    )


def _origin(given: Given) -> str:
    base_url = given.text("base_url")
    if base_url:
        return checked_origin(base_url)
    domain = given.text("domain").removeprefix("https://").rstrip("/").lower()
    if not domain:
        raise Misconfigured("domain: name the Okta organisation's host, such as example.okta.com.")
    name, _, rest = domain.partition(".")
    if name.endswith("-admin"):
        raise Misconfigured(
            f"domain: {domain} is the admin console's host; "
            f"the API's is {name.removesuffix('-admin')}.{rest}."
        )
    if not re.fullmatch(r"[a-z0-9.-]+(:\d+)?", domain):
        raise Misconfigured(f"domain: {domain!r} is not a host name; write it as example.okta.com.")
    return checked_origin(f"https://{domain}", "domain")


def _app(given: Given) -> OktaApp | None:
    client_id, private_key = given.text("client_id"), given.text("private_key")
    if not client_id and not private_key:
        return None
    if given.text("api_token"):
        raise Misconfigured("api_token: give either it, or client_id and private_key.")
    if not _ID.fullmatch(client_id):
        raise Misconfigured("client_id: set the Client ID from the General tab of the service app.")
    if not private_key:
        raise Misconfigured("private_key: set the private key whose public half the service app knows.")
    return okta_app(client_id, private_key)


def _token(given: Given) -> str:
    token = given.text("api_token").removeprefix("SSWS ").strip()
    if not token:
        raise Misconfigured("api_token: set the API token made in Okta under Security > API > Tokens.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Misconfigured("api_token: the value holds characters no Okta token has; copy it again.")
    return token


def _picture(given: Given) -> str | None:
    name = given.text("picture_attribute")
    if name and (not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or name in _TAKEN):
        raise Misconfigured(
            f"picture_attribute: {name!r} is not the variable name of a profile attribute for it."
        )
    return name or None
