"""The settings of a connection to a SCIM service, checked so that every refusal names its key."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from providers.given import Given
from providers.transport import checked_origin
from sync.model.errors import Misconfigured

KEYS: Final = ("base_url", "token", "username", "password", "token_header", "groups_from")
GROUPS_FROM: Final = ("groups", "users", "none")
_HEADER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")


_AUTHORIZATION: Final = "authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScimSettings:
    """Where the service is, the headers that let us in, and where its groups come from.

    ``path`` is what stands before ``/Users`` on ``origin``, without a slash at its end.
    """

    origin: str
    path: str
    credential: Mapping[str, str]
    groups_from: str = "groups"

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
        credential=_credential(given),
        groups_from=given.one_of("groups_from", GROUPS_FROM, "groups"),
    )


def _credential(given: Given) -> Mapping[str, str]:
    header = given.text("token_header") or _AUTHORIZATION
    if not _HEADER.fullmatch(header):
        raise Misconfigured(
            "token_header: a header's name is letters, digits and hyphens, such as X-Api-Key."
        )
    if given.text("token"):
        token = given.credential("token", "set the token of the SCIM service.")
        return {header.lower(): f"Bearer {token}" if header.lower() == _AUTHORIZATION else token}
    if header != _AUTHORIZATION:
        raise Misconfigured("token: token_header says where the token goes; set the token too.")
    return {_AUTHORIZATION: _basic(given)}


def _basic(given: Given) -> str:
    name, password = given.text("username"), given.text("password")
    if not name and not password:
        raise Misconfigured("token: set the bearer token of the SCIM service, or username and password.")
    if not name or not password:
        missing = "password" if name else "username"
        raise Misconfigured(f"{missing}: username and password go together; set this one too.")
    if ":" in name:
        raise Misconfigured("username: a colon cannot be part of it.")
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
