"""The settings of a connection as they were given, read one by one; every refusal names its key."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Final

from providers.pace import DEFAULT_SHARE
from sync.model.errors import Misconfigured

RATE_SHARE: Final = "rate_share"


class Given:
    """A plain mapping of settings. Raises Misconfigured for a key that is not among ``known``."""

    def __init__(self, settings: Mapping[str, object], known: Collection[str], vendor: str) -> None:
        self._settings = settings
        for key in settings:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f" Did you mean {near[0]}?" if near else f" Known are: {', '.join(known)}."
                raise Misconfigured(f"{key}: a connection to {vendor} has no such setting.{hint}")

    def text(self, key: str) -> str:
        """The text without outer blanks; empty when it is not set."""
        value = self._settings.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Misconfigured(f"{key}: a text is due, not {type(value).__name__}.")
        return value.strip()

    def credential(self, key: str, remedy: str) -> str:
        """A text for a header: printable ASCII without blanks; ``remedy`` says where it is made."""
        value = self.text(key)
        if not value:
            raise Misconfigured(f"{key}: {remedy}")
        if not value.isascii() or not value.isprintable() or " " in value:
            raise Misconfigured(f"{key}: the value holds characters that no such key has; copy it again.")
        return value

    def flag(self, key: str) -> bool:
        value = self._settings.get(key, False)
        if isinstance(value, bool):
            return value
        if str(value).lower() in {"true", "false"}:
            return str(value).lower() == "true"
        raise Misconfigured(f"{key}: {value!r} is neither true nor false.")

    def one_of(self, key: str, choices: Collection[str], default: str) -> str:
        value = self.text(key) or default
        if value not in choices:
            raise Misconfigured(f"{key}: {value!r} is unknown; it is one of {', '.join(choices)}.")
        return value

    def share(self, key: str = RATE_SHARE) -> float:
        """The part of the advertised rate limits that may be used: above 0 and at most 1."""
        value = self._settings.get(key, DEFAULT_SHARE)
        try:
            share = float(str(value))
        except ValueError:
            share = 0.0
        if not 0 < share <= 1:
            raise Misconfigured(
                f"{key}: {value!r} is not a share; give a number above 0 and at most 1, such as 0.4."
            )
        return share

    def raw(self, key: str) -> object:
        """The value as it was given, for what is neither text nor flag."""
        return self._settings.get(key)
