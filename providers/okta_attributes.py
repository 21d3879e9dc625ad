"""The attributes of an Okta user that a connection's mapping asks for, and no others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

_OWN_PROFILE: Final = ("login", "email", "firstName", "lastName")
_OWN: Final = ("id", "status", "profile")


class Wanted:
    """Which attributes of a user are decoded beside those that every read uses.

    ``paths`` are key paths as the mapping names them: ``("profile", "nickName")`` is an attribute
    of the profile, ``("created",)`` one of the account.
    """

    def __init__(self, picture_attribute: str | None, paths: Collection[tuple[str, ...]]) -> None:
        profile = {path[1] for path in paths if path[0] == "profile" and len(path) > 1}
        account = {path[0] for path in paths if path[0] != "profile"}
        self._picture = picture_attribute
        known = dict.fromkeys(_OWN_PROFILE) | ({picture_attribute: None} if picture_attribute else {})
        self._profile = _named(sorted(profile - known.keys()), "more_")
        self._profile_read = [(name, self._field(name)) for name in sorted(profile)]
        self._account = _named(sorted(account - set(_OWN)), "also_")
        self._account_read = [(name, self._account.get(name, name)) for name in sorted(account)]

    def __bool__(self) -> bool:
        return bool(self._profile_read or self._account_read)

    def _field(self, name: str) -> str:
        if name == self._picture:
            return "picture"
        return self._profile.get(name, name)

    def user_type(self, id_type: Any) -> Any:
        """The struct that a row of the user list is decoded into."""
        own = [(name, str | None, None) for name in (*_OWN_PROFILE, "picture")]
        rename = {"picture": self._picture or "no picture"} | _swapped(self._profile)
        profile = msgspec.defstruct(
            "OktaProfile",
            [*own, *((field, Any, None) for field in self._profile.values())],
            rename=rename,
            gc=bool(self._profile),
        )
        return msgspec.defstruct(
            "OktaUser",
            [
                ("id", id_type),
                ("profile", profile),
                ("status", str, ""),
                *((field, Any, None) for field in self._account.values()),
            ],
            rename=_swapped(self._account),
            gc=bool(self),
        )

    def raw(self, row: Any) -> dict[str, Any]:
        """The wanted attributes of a decoded row, under the names that Okta gives them."""
        account = {name: getattr(row, field) for name, field in self._account_read}
        return account | {
            "profile": {name: getattr(row.profile, field) for name, field in self._profile_read}
        }


def _named(names: list[str], prefix: str) -> dict[str, str]:
    """Attribute names, which may be any text, with names that a struct can have."""
    return {name: f"{prefix}{number}" for number, name in enumerate(names)}


def _swapped(fields: dict[str, str]) -> dict[str, str]:
    return {field: name for name, field in fields.items()}
