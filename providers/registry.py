"""The only list of providers; each is loaded when it is opened."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from providers.budget import Budget, Timeouts
from sync.model.administration import Administration
from sync.model.errors import Misconfigured
from sync.model.ping import ReadsPings
from sync.model.source import Effort, Source, Wanted

DEFAULT_BUDGET_S: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderType:
    """What people see of a provider: its settings' names and which of them are secret.

    ``opens`` is "module:Class" of what reads its directory, loaded when it is used; None while it
    can only be pushed from. The class takes (settings, budget) and the keywords observer, timeouts
    and wanted, checks its settings by raising Misconfigured, and sends nothing before it is asked.
    ``hooks`` is "module:function" of what reads its event hooks, None where it has none. ``administers``
    is "module:Class" of what is asked for an admin now and then, which needs the package that
    ``administers_by`` names; None where there is no such thing.
    """

    name: str
    label: str
    keys: tuple[str, ...]
    secret_keys: frozenset[str] = frozenset()
    opens: str | None = None
    hooks: str | None = None
    administers: str | None = None
    administers_by: str = ""

    @property
    def is_available(self) -> bool:
        return self.opens is not None


def _table(*types: ProviderType) -> Mapping[str, ProviderType]:
    return MappingProxyType({each.name: each for each in types})


TYPES: Final = _table(
    ProviderType(
        name="okta",
        label="Okta",
        keys=(
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
        ),
        secret_keys=frozenset({"api_token", "private_key"}),
        opens="providers.okta:Okta",
        hooks="providers.okta_hooks:read",
        administers="providers.okta_admin:OktaAdmin",
        administers_by="okta",
    ),
    ProviderType(
        name="azure",
        label="Microsoft Entra ID",
        keys=(
            "tenant_id",
            "client_id",
            "client_secret",
            "certificate",
            "cloud",
            "base_url",
            "authority_url",
            "scope",
            "groups",
            "nested",
            "guests",
            "photos",
            "rate_share",
        ),
        secret_keys=frozenset({"client_secret", "certificate"}),
        opens="providers.azure:Azure",
        hooks="providers.azure_hooks:read",
    ),
    ProviderType(
        name="onelogin",
        label="OneLogin",
        keys=(
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
        ),
        secret_keys=frozenset({"client_secret"}),
        opens="providers.onelogin:OneLogin",
        hooks="providers.onelogin_hooks:read",
    ),
    ProviderType(
        name="jumpcloud",
        label="JumpCloud",
        keys=(
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
        ),
        secret_keys=frozenset({"api_key", "client_secret", "second_client_secret"}),
        opens="providers.jumpcloud:JumpCloud",
        hooks="providers.jumpcloud_hooks:read",
    ),
    ProviderType(
        name="scim",
        label="SCIM 2.0 service",
        keys=("base_url", "token", "username", "password", "token_header", "groups_from"),
        secret_keys=frozenset({"token", "password"}),
        opens="providers.scim:Scim",
    ),
)


def reads_pings(type_name: str) -> ReadsPings | None:
    """What reads the deliveries of this type's event hooks; None where it has none."""
    chosen = TYPES.get(type_name)
    if chosen is None or chosen.hooks is None:
        return None
    module, _, name = chosen.hooks.partition(":")
    found: ReadsPings = getattr(importlib.import_module(module), name)
    return found


def open_source(
    type_name: str,
    settings: Mapping[str, object],
    *,
    budget_s: float = DEFAULT_BUDGET_S,
    observer: Callable[[Effort], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
    wanted: Wanted = Wanted(),  # noqa: B008 - immutable
) -> Source:
    """A source for one read; its time budget of ``budget_s`` seconds begins now.

    ``observer`` is told the effort after every page, from any thread. ``stop`` is asked between
    requests and during waits. ``wanted`` is what the connection's mapping and group rules ask for.
    Raises Misconfigured for an unknown type or a wrong setting.
    """
    chosen = TYPES.get(type_name)
    if chosen is None or chosen.opens is None:
        usable = ", ".join(each.name for each in TYPES.values() if each.is_available)
        state = "is not available yet" if chosen else "is unknown"
        raise Misconfigured(f"type: {type_name!r} {state}; available: {usable}.")
    budget = Budget(budget_s, monotonic=monotonic, sleep=sleep, stop=stop)
    module, _, name = chosen.opens.partition(":")
    opened: Source = getattr(importlib.import_module(module), name)(
        settings, budget, observer=observer, timeouts=timeouts, wanted=wanted
    )
    return opened


def administers(type_name: str) -> bool:
    """Whether this type of directory can be asked things for an admin."""
    chosen = TYPES.get(type_name)
    return chosen is not None and chosen.administers is not None


def open_administration(
    type_name: str,
    settings: Mapping[str, object],
    *,
    budget_s: float,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
) -> Administration:
    """What is asked for an admin; its time budget begins now.

    Raises Misconfigured where there is no such thing, or its package is not installed.
    """
    chosen = TYPES.get(type_name)
    if chosen is None or chosen.administers is None:
        raise Misconfigured(f"{chosen.label if chosen else type_name} cannot be asked for this.")
    module, _, name = chosen.administers.partition(":")
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != chosen.administers_by:
            raise
        raise Misconfigured(
            f"This needs {chosen.label}'s own package: install directory-connector[{chosen.name}]. "
            "Ids can be typed and event hooks made by hand without it."
        ) from error
    opened: Administration = getattr(loaded, name)(settings, Budget(budget_s), timeouts=timeouts)
    return opened
