"""The settings of an Okta connection, checked by hand so that every refusal names its key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from providers.pace import DEFAULT_SHARE
from providers.transport import checked_origin
from sync.model.errors import Misconfigured

KEYS: Final = (
    "domain",
    "base_url",
    "api_token",
    "scope",
    "groups",
    "picture_attribute",
    "role_is_narrow",
    "rate_share",
)
_TAKEN: Final = frozenset({"login", "email", "firstName", "lastName"})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaSettings:
    """What an Okta connection needs. ``scope`` is "all", "app" or "groups"; ``scope_ids`` what it names.

    ``role_is_narrow`` says that the token's role is meant to see some groups only; otherwise a
    read that cannot see the group Everyone is not believed. ``rate_share`` is the part of the
    advertised rate limits this program may use, more than 0 and at most 1.
    """

    origin: str
    api_token: str
    scope: str = "all"
    scope_ids: tuple[str, ...] = ()
    picture_attribute: str | None = None
    role_is_narrow: bool = False
    rate_share: float = DEFAULT_SHARE

    def __repr__(self) -> str:
        return f"OktaSettings(origin={self.origin!r}, scope={self.scope!r})"


def okta_settings(settings: Mapping[str, object]) -> OktaSettings:
    """Checks a plain mapping; raises Misconfigured naming the key and the remedy."""
    for key in settings:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" Known are: {', '.join(KEYS)}."
            raise Misconfigured(f"{key}: an Okta connection has no such setting.{hint}")
    scope, scope_ids = _scope(settings)
    return OktaSettings(
        origin=_origin(settings),
        api_token=_token(settings),
        scope=scope,
        scope_ids=scope_ids,
        picture_attribute=_picture(settings),
        role_is_narrow=_flag(settings, "role_is_narrow"),
        rate_share=_share(settings),
    )


def _origin(settings: Mapping[str, object]) -> str:
    base_url = _text(settings, "base_url")
    if base_url:
        return checked_origin(base_url)
    domain = _text(settings, "domain").removeprefix("https://").rstrip("/").lower()
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


def _token(settings: Mapping[str, object]) -> str:
    token = _text(settings, "api_token").removeprefix("SSWS ").strip()
    if not token:
        raise Misconfigured("api_token: set the API token made in Okta under Security > API > Tokens.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Misconfigured("api_token: the value holds characters no Okta token has; copy it again.")
    return token


def _scope(settings: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    text = _text(settings, "scope") or "all"
    kind, _, rest = text.partition(":")
    if kind == "all" and not rest:
        return "all", ()
    if kind == "app":
        return "app", _ids([rest], "scope", "write it as app:ID with the application's id")
    if kind == "groups":
        listed = settings.get("groups") or [part.strip() for part in rest.split(",") if part.strip()]
        return "groups", _ids(listed, "groups", "list the ids of the groups whose members are in scope")
    raise Misconfigured(f"scope: {text!r} is unknown; it is all, app:ID or groups.")


def _ids(listed: object, key: str, remedy: str) -> tuple[str, ...]:
    if isinstance(listed, str) or not isinstance(listed, Sequence) or not listed:
        raise Misconfigured(f"{key}: {remedy}.")
    for item in listed:
        if not isinstance(item, str) or not _ID.fullmatch(item):
            raise Misconfigured(f"{key}: {item!r} is not an Okta id; {remedy}.")
    return tuple(dict.fromkeys(listed))


def _picture(settings: Mapping[str, object]) -> str | None:
    name = _text(settings, "picture_attribute")
    if name and (not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or name in _TAKEN):
        raise Misconfigured(
            f"picture_attribute: {name!r} is not the variable name of a profile attribute for it."
        )
    return name or None


def _share(settings: Mapping[str, object]) -> float:
    value = settings.get("rate_share", DEFAULT_SHARE)
    try:
        share = float(str(value))
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise Misconfigured(
            f"rate_share: {value!r} is not a share; give a number above 0 and at most 1, such as 0.4."
        )
    return share


def _flag(settings: Mapping[str, object], key: str) -> bool:
    value = settings.get(key, False)
    if isinstance(value, bool):
        return value
    if str(value).lower() in {"true", "false"}:
        return str(value).lower() == "true"
    raise Misconfigured(f"{key}: {value!r} is neither true nor false.")


def _text(settings: Mapping[str, object], key: str) -> str:
    value = settings.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Misconfigured(f"{key}: a text is due, not {type(value).__name__}.")
    return value.strip()
