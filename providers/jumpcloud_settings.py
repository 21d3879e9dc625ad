"""The settings of a JumpCloud connection, checked by hand so that every refusal names its key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from providers.given import Given
from providers.scope import scope_of
from providers.transport import checked_origin
from sync.model.errors import Misconfigured

KEYS: Final = (
    "region",
    "base_url",
    "api_key",
    "client_id",
    "client_secret",
    "second_client_secret",
    "org_id",
    "scope",
    "groups",
    "membership",
    "picture_attribute",
)
REGIONS: Final[Mapping[str, tuple[str, str, str]]] = {
    region: (
        f"https://console.{part}jumpcloud.com",
        f"https://api.{part}jumpcloud.com",
        f"https://admin-oauth.id.{part}jumpcloud.com",
    )
    for region, part in (("us", ""), ("eu", "eu."), ("in", "in."))
}
"""Per region: the hosts of API v1 and v2, of Directory Insights, and of the token endpoint."""

_ID: Final = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpCloudSettings:
    """What a JumpCloud connection needs: its three hosts, and a key or a service account.

    ``secrets`` are tried in their order: a service account has two while one is being replaced.
    ``transitive`` reads members of nested and dynamic groups as well.
    """

    region: str
    console: str
    insights: str
    token: str
    api_key: str = ""
    client_id: str = ""
    secrets: tuple[str, ...] = ()
    org_id: str | None = None
    scope: str = "all"
    scope_ids: tuple[str, ...] = ()
    transitive: bool = False
    picture_attribute: str | None = None

    def __repr__(self) -> str:
        return f"JumpCloudSettings(console={self.console!r}, scope={self.scope!r})"

    @property
    def credential_key(self) -> str:
        """The setting that holds the credential in use."""
        return "api_key" if self.api_key else "client_secret"


def jumpcloud_settings(settings: Mapping[str, object]) -> JumpCloudSettings:
    """Checks a plain mapping; raises Misconfigured naming the key and the remedy."""
    given = Given(settings, KEYS, "JumpCloud")
    region = given.one_of("region", tuple(REGIONS), "us")
    base_url = given.text("base_url")
    hosts = (checked_origin(base_url),) * 3 if base_url else REGIONS[region]
    api_key, client_id, secrets = _credential(given)
    scope, scope_ids = scope_of(given, _ID, "JumpCloud")
    return JumpCloudSettings(
        region="" if base_url else region,
        console=hosts[0],
        insights=hosts[1],
        token=hosts[2],
        api_key=api_key,
        client_id=client_id,
        secrets=secrets,
        org_id=_org_id(given),
        scope=scope,
        scope_ids=scope_ids,
        transitive=given.one_of("membership", ("direct", "transitive"), "direct") == "transitive",
        picture_attribute=given.text("picture_attribute") or None,
    )


def _credential(given: Given) -> tuple[str, str, tuple[str, ...]]:
    if given.text("api_key"):
        return given.credential("api_key", ""), "", ()
    if not given.text("client_id"):
        raise Misconfigured(
            "api_key: set the API key of a JumpCloud admin, "
            "or client_id and client_secret of a service account."
        )
    made = "set the secret that JumpCloud showed when the service account was made."
    secrets = [given.credential("client_secret", made)]
    if given.text("second_client_secret"):
        secrets.append(given.credential("second_client_secret", made))
    client_id = given.credential("client_id", "set the service account's client id.")
    return "", client_id, tuple(secrets)


def _org_id(given: Given) -> str | None:
    org_id = given.text("org_id")
    if org_id and not _ID.fullmatch(org_id):
        raise Misconfigured("org_id: an organisation's id is 24 digits and letters from a to f.")
    return org_id or None
