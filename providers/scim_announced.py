"""What a SCIM service says of itself in its ServiceProviderConfig, as far as it says anything."""

from __future__ import annotations

from typing import NamedTuple

from providers.failures import Absent, CredentialRefused
from providers.http import Ask, Wire
from providers.rows import inside, tolerant_json
from providers.scim_walk import ACCEPT
from sync.model.errors import Denied, Incomplete, Misconfigured


class Announced(NamedTuple):
    """Whether lists go by cursor, and whether a filter may be tried: by a silent service, it may."""

    has_cursor: bool = False
    has_filter: bool = True


def announced(wire: Wire, path: str) -> Announced:
    """Asked once a read. A service that has no such page, or shows it to nobody, is read all the same."""
    ask = Ask(f"{path}/ServiceProviderConfig", "what the service offers", "ServiceProviderConfig", ACCEPT)
    try:
        _, told = wire.ask(ask, lambda answer: tolerant_json(answer.body))
    except (Absent, CredentialRefused, Denied, Incomplete, Misconfigured):
        return Announced()
    return Announced(
        has_cursor=inside(told, "pagination", "cursor") is True,
        has_filter=inside(told, "filter", "supported") is not False,
    )
