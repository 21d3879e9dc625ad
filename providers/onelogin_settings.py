"""The settings of a OneLogin connection, checked by hand so that every refusal names its key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from providers.given import Given
from providers.pace import DEFAULT_SHARE
from providers.scope import scope_of
from providers.transport import checked_origin
from sync.model.errors import Misconfigured

KEYS: Final = (
    "subdomain",
    "base_url",
    "client_id",
    "client_secret",
    "groups_from",
    "scope",
    "roles",
    "unlicensed_is_active",
    "picture_attribute",
    "rate_share",
)
_ID: Final = re.compile(r"\d{1,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OneLoginSettings:
    """What a OneLogin connection needs. ``scope`` is "all", "app" or "roles"; ``scope_ids`` what it names.

    ``unlicensed_is_active`` keeps the access of people whom OneLogin has no licence for.
    """

    origin: str
    client_id: str
    client_secret: str
    with_roles: bool = True
    with_groups: bool = False
    scope: str = "all"
    scope_ids: tuple[str, ...] = ()
    unlicensed_is_active: bool = False
    picture_attribute: str | None = None
    rate_share: float = DEFAULT_SHARE

    def __repr__(self) -> str:
        return f"OneLoginSettings(origin={self.origin!r}, scope={self.scope!r})"


def onelogin_settings(settings: Mapping[str, object]) -> OneLoginSettings:
    """Checks a plain mapping; raises Misconfigured naming the key and the remedy."""
    given = Given(settings, KEYS, "OneLogin")
    source = given.one_of("groups_from", ("roles", "groups", "both"), "roles")
    scope, scope_ids = scope_of(given, _ID, "OneLogin", listed="roles")
    made = "set the value shown in OneLogin under Developers > API Credentials."
    return OneLoginSettings(
        origin=_origin(given),
        client_id=given.credential("client_id", made),
        client_secret=given.credential("client_secret", made),
        with_roles=source != "groups" or scope == "roles",
        with_groups=source != "roles" and scope != "roles",
        scope=scope,
        scope_ids=scope_ids,
        unlicensed_is_active=given.flag("unlicensed_is_active"),
        picture_attribute=given.text("picture_attribute").removeprefix("custom_attributes.") or None,
        rate_share=given.share(),
    )


def _origin(given: Given) -> str:
    base_url = given.text("base_url")
    if base_url:
        return checked_origin(base_url)
    name = given.text("subdomain").removeprefix("https://").rstrip("/").lower().removesuffix(".onelogin.com")
    if not name:
        raise Misconfigured("subdomain: name the account, such as acme for acme.onelogin.com.")
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise Misconfigured(f"subdomain: {name!r} is no account's name; for acme.onelogin.com it is acme.")
    return checked_origin(f"https://{name}.onelogin.com", "subdomain")
