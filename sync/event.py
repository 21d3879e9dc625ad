"""What a change is called outside: event types and bodies, made from the change and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sync.model.change import Action, Change

TYPES: Final = {
    Action.CREATE: "user.created",
    Action.ADOPT: "user.adopted",
    Action.UPDATE: "user.updated",
    Action.SUSPEND: "user.suspended",
    Action.RELEASE: "user.released",
    Action.REACTIVATE: "user.reactivated",
    Action.GROUP_CREATE: "group.created",
    Action.GROUP_RENAME: "group.renamed",
    Action.GROUP_DELETE: "group.deleted",
    Action.MEMBER_ADD: "group.members_added",
    Action.MEMBER_REMOVE: "group.members_removed",
}
"""Event type by action. RECORD changes nobody, so nobody hears of it."""

ANNOUNCED: Final = (
    "run.succeeded",
    "run.held",
    "run.partial",
    "run.cancelled",
    "run.failed",
    "connection.quarantined",
    "connection.recovered",
    "seats.threshold_reached",
    "push.suspension_burst",
    "notice.raised",
)
"""Types of events that tell of no change: how a run ended, many suspensions, what wants a person."""

ALL_TYPES: Final = (*TYPES.values(), *ANNOUNCED)
"""Every type an event can have."""

ABOUT: Final = {
    "user.created": "An account was made for somebody in the directory, or by hand.",
    "user.adopted": "An account that was there already belongs to somebody in the directory from now on.",
    "user.updated": "The e-mail, a name, the picture or another field of a user changed.",
    "user.suspended": "A user lost access: the account stays, the seat is free.",
    "user.released": "A user is no longer managed by a directory; the account and its access stay.",
    "user.reactivated": "A suspended user has access again.",
    "group.created": "A group is known, and whoever is put into it carries its tag.",
    "group.renamed": "A group has another name, and everybody in it the tag of that name instead of the old.",
    "group.deleted": "A group is gone, and its tag with it. No further events tell of its members.",
    "group.members_added": "Members came into a group; `snapshot.members` names each of them.",
    "group.members_removed": "Members left a group; `snapshot.members` names each of them.",
    "run.succeeded": "A run changed something and is done. One that finds nothing to change tells nothing.",
    "run.held": "A safeguard stopped a plan's removals; a person has to approve or reject it.",
    "run.partial": "A pull did not read everything, so it removed nobody and nothing for being absent.",
    "run.cancelled": "Somebody cancelled a pull while it ran.",
    "run.failed": "A pull failed. Told once per episode, with what helps.",
    "connection.quarantined": "A connection keeps failing and is tried ever less often, down to once a day.",
    "connection.recovered": "A connection that was in quarantine works again.",
    "seats.threshold_reached": "80, 90 or 100 % of the seats are in use. Each is told once until fewer are.",
    "push.suspension_burst": "Unusually many people were suspended by push within an hour. Told once.",
    "notice.raised": "Something wants a person; with the link that helps. Told once per episode.",
}
"""What each type tells, in a sentence for those who receive it."""


def body(
    change: Change,
    *,
    event_id: str,
    at: str,
    connection: Mapping[str, str],
    run_id: str | None,
    actor: str,
    snapshot: Mapping[str, Any],
) -> dict[str, Any]:
    """The envelope: who, what, why, before and after, and the state after the change."""
    subject = change.subject
    return {
        "id": event_id,
        "type": TYPES[change.action],
        "occurred_at": at,
        "connection": dict(connection),
        "run": run_id,
        "actor": actor,
        "subject": {
            "kind": subject.kind,
            "id": subject.user_id if subject.kind == "user" else subject.id,
            "directory_id": subject.id,
            "external_id": subject.external_id,
            "label": subject.label,
        },
        "reason": change.reason,
        "changes": {"before": dict(change.before), "after": dict(change.after)},
        "snapshot": dict(snapshot),
    }
