"""Okta's event hooks: lines of the System Log, the secret in a header (developer.okta.com, Event hooks)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from providers.hooks import authorization, decoded, ids, objects
from providers.rows import inside
from sync.model.ping import Ping

EVENTS: Final = (
    "user.lifecycle.create",
    "user.lifecycle.activate",
    "user.lifecycle.deactivate",
    "user.lifecycle.reactivate",
    "user.lifecycle.suspend",
    "user.lifecycle.unsuspend",
    "user.lifecycle.delete.initiated",
    "user.account.update_profile",
    "group.lifecycle.create",
    "group.lifecycle.delete",
    "group.profile.update",
    "group.user_membership.add",
    "group.user_membership.remove",
    "application.user_membership.add",
    "application.user_membership.remove",
)
"""Events about people and groups that are named in them; those of other types name nobody."""

_OF_THE_SCOPE: Final = ("group.application_assignment.",)
"""They change who is in the scope, without naming anybody."""


REGISTERED: Final = (
    *EVENTS,
    "group.application_assignment.add",
    "group.application_assignment.remove",
)
"""What a hook is made for when we make it."""


def read(headers: Mapping[str, str], body: bytes) -> Ping:
    """The people and groups that a delivery is about. Raises BadRecord."""
    document = decoded(body)
    events = objects(inside(document, "data", "events"))
    told = [(str(each.get("eventType")), each) for each in events]
    about = [each for type, each in told if type in EVENTS]
    return Ping(
        secrets=authorization(headers),
        messages=tuple(ids([inside(document, "eventId")])),
        # Who joins or leaves a group changes the group: the person is read with it.
        users=ids(_targets((each for each in about if not _of_a_group(each)), "User")),
        groups=ids(_targets(about, "UserGroup")),
        everything=any(type.startswith(_OF_THE_SCOPE) for type, _ in told),
    )


def _of_a_group(event: Mapping[str, Any]) -> bool:
    return str(event.get("eventType")).startswith("group.")


def _targets(events: Iterable[Mapping[str, Any]], type: str) -> Iterable[Any]:
    for event in events:
        listed = event.get("target")
        for each in listed if isinstance(listed, list) else ():
            if inside(each, "type") == type:
                yield inside(each, "id")
