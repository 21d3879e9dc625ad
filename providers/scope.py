"""The scope of a connection: everybody, those assigned to an application, or members of listed groups."""

from __future__ import annotations

import re
from collections.abc import Sequence

from providers.given import Given
from sync.model.errors import Misconfigured


def scope_of(
    given: Given, id_pattern: re.Pattern[str], vendor: str, *, listed: str = "groups"
) -> tuple[str, tuple[str, ...]]:
    """("all" | "app" | "groups", the ids it names). Raises Misconfigured for anything else.

    ``listed`` is what the vendor calls groups; it is also the key that may hold the list.
    """
    text = given.text("scope") or "all"
    kind, _, rest = text.partition(":")
    if kind == "all" and not rest:
        return "all", ()
    if kind == "app":
        return "app", _ids(
            [rest], "scope", "write it as app:ID with the application's id", id_pattern, vendor
        )
    if kind == listed:
        ids = given.raw(listed) or [part.strip() for part in rest.split(",") if part.strip()]
        remedy = f"list the ids of the {listed} whose members are in scope"
        return listed, _ids(ids, listed, remedy, id_pattern, vendor)
    raise Misconfigured(f"scope: {text!r} is unknown; it is all, app:ID or {listed}.")


def _ids(listed: object, key: str, remedy: str, id_pattern: re.Pattern[str], vendor: str) -> tuple[str, ...]:
    if isinstance(listed, str) or not isinstance(listed, Sequence) or not listed:
        raise Misconfigured(f"{key}: {remedy}.")
    for item in listed:
        if not isinstance(item, str) or not id_pattern.fullmatch(item):
            raise Misconfigured(f"{key}: {item!r} is not an id of {vendor}'s; {remedy}.")
    return tuple(dict.fromkeys(listed))
