"""The settings of a connection to a SCIM service, checked so that every refusal names its key."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from providers.given import Given
from providers.transport import checked_origin
from sync.model.errors import Misconfigured

KEYS: Final = ("base_url", "token", "username", "password", "groups_from")
GROUPS_FROM: Final = ("groups", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScimSettings:
    """Where the service is, the header that lets us in, and whether it has groups at all.

    ``path`` is what stands before ``/Users`` on ``origin``, without a slash at its end.
    """

    origin: str
    path: str
    authorization: str
    has_groups: bool = True

    def __repr__(self) -> str:
        return f"ScimSettings(origin={self.origin!r}, path={self.path!r})"


def scim_settings(settings: Mapping[str, object]) -> ScimSettings:
    """Checks a plain mapping; raises Misconfigured naming the key and the remedy."""
    given = Given(settings, KEYS, "a SCIM service")
    address = given.text("base_url")
    if not address:
        raise Misconfigured("base_url: name the SCIM service, such as https://idp.example.com/scim/v2.")
    return ScimSettings(
        origin=checked_origin(address),
        path=urlsplit(address).path.rstrip("/").removesuffix("/Users"),
        authorization=_authorization(given),
        has_groups=given.one_of("groups_from", GROUPS_FROM, "groups") == "groups",
    )


def _authorization(given: Given) -> str:
    if given.text("token"):
        token = given.credential("token", "set the bearer token of the SCIM service.")
        return f"Bearer {token}"
    name, password = given.text("username"), given.text("password")
    if not name and not password:
        raise Misconfigured("token: set the bearer token of the SCIM service, or username and password.")
    if not name or not password:
        missing = "password" if name else "username"
        raise Misconfigured(f"{missing}: username and password go together; set this one too.")
    if ":" in name:
        raise Misconfigured("username: a colon cannot be part of it.")
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
