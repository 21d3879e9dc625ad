"""JumpCloud's webhook channels: one Directory Insights event, the secret in a header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from providers.hooks import authorization, decoded, ids, objects
from providers.jumpcloud_feed import Named, note_named
from sync.model.ping import Ping

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
    named = Named()
    for event in events:
        if str(event.get("event_type")).startswith(_TYPES):
            note_named(event, named)
    return Ping(
        secrets=authorization(headers),
        messages=tuple(sorted(ids(event.get("id") for event in events))),
        users=ids(named.users),
        groups=ids(named.groups),
    )
