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
