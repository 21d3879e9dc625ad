"""What a connection may be lenient about: the knobs, and the profiles that set them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from sync.model.session import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """One choice per question that the RFCs or real clients leave open; defaults are lenient."""

    strict: bool = False
    """Refuse what the RFCs do not know: coercions, unknown names, empty operations."""
    unknown_attributes: Literal["ignore", "reject"] = "ignore"
    unknown_members: Literal["keep", "reject"] = "keep"
    patch_response: Literal["auto", "representation", "empty"] = "auto"
    unmatched_value_path: Literal["create", "reject"] = "create"
    remove_value_list: Literal["apply", "reject"] = "apply"
    unquoted_literals: bool = True
    empty_string: Literal["unset", "keep"] = "unset"
    group_name_unique: bool = False
    external_id_unique: bool = False
    reactivate_on_post: bool = True
    put_absent_members: Literal["keep", "clear"] = "keep"


DEFAULT = Knobs()

PROFILES: Mapping[str, Knobs] = {
    "entra": replace(DEFAULT, group_name_unique=True),
    "azure": replace(DEFAULT, group_name_unique=True),
    "rippling": replace(DEFAULT, external_id_unique=True),
    "strict": Knobs(
        strict=True,
        unknown_attributes="reject",
        unknown_members="reject",
        unmatched_value_path="reject",
        remove_value_list="reject",
        unquoted_literals=False,
        empty_string="keep",
        reactivate_on_post=False,
    ),
}
"""Profiles by name; a name that is not here (okta, onelogin, jumpcloud, google, scim, …) is the default."""

_NAMES = frozenset(each.name for each in fields(Knobs))


def knobs_of(access: Access) -> Knobs:
    """The knobs of a connection: its profile's, changed by the settings of the same names."""
    settings = access.settings
    profile = PROFILES.get(str(settings.get("profile", access.profile)).lower(), DEFAULT)
    changed: dict[str, Any] = {name: settings[name] for name in _NAMES & settings.keys()}
    return replace(profile, **changed) if changed else profile
