"""JumpCloud's webhook channels: one Directory Insights event, the secret in a header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from providers.hooks import authorization, decoded, ids, inner, objects
from sync.model.ping import Ping

_KINDS: Final = {"user": "users", "user_group": "groups"}
_TYPES: Final = (
    "user_create",
    "user_update",
    "user_delete",
    "user_suspended",
    "user_activated",
    "user_lockout",
    "user_unlocked",
    "group_",
    "association_change",
)
"""Beginnings of the event types that say something about a person's place in the directory."""


def read(headers: Mapping[str, str], body: bytes) -> Ping:
    """The people and groups that an event is about. Raises BadRecord."""
    document = decoded(body)
    events = objects(document if isinstance(document, list) else [document])
    named: dict[str, list[Any]] = {"users": [], "groups": []}
    for event in events:
        if not str(event.get("event_type")).startswith(_TYPES):
            continue
        # Who joins or leaves a group changes the group: the person is read with it.
        ends = [inner(event, "association", "connection", end) for end in ("from", "to")]
        named["groups"] += [inner(end, "object_id") for end in ends if inner(end, "type") == "user_group"]
        kind = inner(event, "resource", "type")
        if kind in _KINDS:
            named[_KINDS[kind]].append(inner(event, "resource", "id"))
    return Ping(
        secrets=authorization(headers),
        messages=tuple(sorted(ids(event.get("id") for event in events))),
        users=ids(named["users"]),
        groups=ids(named["groups"]),
    )
