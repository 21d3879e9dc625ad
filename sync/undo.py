"""What history keeps so that a change can be taken back, and the change that takes it back.

Beside before and after, which people read, a history row keeps ``undo``, a small JSON object:

- ``row``: the columns of the directory user or group that the change altered, as they were;
- ``versions``: the versions it left behind, of the row and of the user; another one means that
  somebody changed them since;
- ``link``: the link that was in force before a change of the link, None when there was none;
- ``members``: memberships that ended, as [value, kind, display, added_at];
- ``inside``: for a deleted group, the groups it was a member of, as [group_id, kind, display, added_at].

A creation keeps nothing: both rows are new and at version 1. Added memberships carry their run's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sync.model.change import Action, Change, Subject
from sync.model.connection import Policy
from sync.model.resources import DirectoryUser, Group, Status, User
from sync.policy import is_protected

Row = Mapping[str, Any]

UNKEPT: Final = frozenset(
    {"id", "connection_id", "fingerprint", "member_digest", "version", "created_at", "updated_at"}
)
"""Columns that no undo puts back: keys, and what every write sets anew."""

INVERSE: Final = {
    Action.SUSPEND: Action.REACTIVATE,
    Action.REACTIVATE: Action.SUSPEND,
    Action.UPDATE: Action.UPDATE,
    Action.CREATE: Action.SUSPEND,
    Action.ADOPT: Action.RELEASE,
    Action.RELEASE: Action.ADOPT,
    Action.GROUP_CREATE: Action.GROUP_DELETE,
    Action.GROUP_DELETE: Action.GROUP_CREATE,
    Action.GROUP_RENAME: Action.GROUP_RENAME,
    Action.MEMBER_ADD: Action.MEMBER_REMOVE,
    Action.MEMBER_REMOVE: Action.MEMBER_ADD,
}
"""What takes each action back. RECORD is not among them: it changed nobody."""

REASONS: Final = {
    Action.SUSPEND: "the suspension is taken back",
    Action.REACTIVATE: "the reactivation is taken back",
    Action.UPDATE: "the former values are put back",
    Action.CREATE: "the creation is taken back: suspended, not deleted",
    Action.ADOPT: "the adoption is taken back: the account is the application's own again",
    Action.RELEASE: "the release is taken back: the account is managed again",
    Action.GROUP_CREATE: "the group's creation is taken back",
    Action.GROUP_DELETE: "the group is put back with its members",
    Action.GROUP_RENAME: "the former name is put back",
    Action.MEMBER_ADD: "the addition is taken back",
    Action.MEMBER_REMOVE: "the removal is taken back",
}

RULE: Final = "revert"


def altered(before: Row, written: Row) -> dict[str, Any]:
    """The former values of the columns that differ."""
    return {
        str(name): before[name]
        for name in written
        if name not in UNKEPT and before.get(name) != written[name]
    }


def of_user(
    change: Change,
    before: Row | None,
    written: Row | None,
    user_version: int,
    links: Mapping[str, Row] | None,
) -> dict[str, Any] | None:
    """What to keep of a change to a person. ``links`` are the former ones when links change, else None."""
    if change.action is Action.RECORD or (change.action is Action.CREATE and before is None):
        return None
    row = written or before or {}
    kept: dict[str, Any] = {"versions": [row["version"], user_version]}
    if before is not None and written is not None:
        kept["row"] = altered(before, written)
    if links is not None:
        kept["link"] = links.get(change.subject.id)
    return kept


# --- the change that takes another back -------------------------------------------------------


def user_reversal(entry: Row, row: DirectoryUser, user: User) -> Change:
    """The change that takes a person's back. ``entry`` is the history row, decoded."""
    was = Action(entry["action"])
    undo = entry["undo"] or {}
    before = {name: entry["after"].get(name) for name in entry["before"]}
    after = dict(entry["before"])
    restore = {name: undo[name] for name in ("row", "link") if name in undo}
    if was is Action.CREATE:
        # The link stays: when the directory names this person again, the account is found, not made twice.
        before, after = {"active": True}, {"active": False}
        restore = {"row": {"status": Status.GONE.value, "status_text": "the creation was taken back"}}
    elif was is Action.ADOPT:
        before, after = before | {"managed": True}, after | {"managed": False}
    return Change(
        action=INVERSE[was],
        subject=Subject(
            kind="user",
            id=row.id,
            label=entry["label"],
            external_id=row.external_id or row.scim_external_id,
            user_id=user.id,
        ),
        reason=REASONS[was],
        before=before,
        after=after,
        restore={"row": {}} | restore,
        expects_version=row.version,
        expects_user_version=user.version,
        rule=RULE,
    )


def user_conflict(
    entry: Row,
    row: DirectoryUser,
    user: User,
    *,
    changed_by: str | None,
    active_elsewhere: str | None,
    policy: Policy,
) -> str | None:
    """Why this person is left alone; None when nothing stands against it."""
    was, undo = Action(entry["action"]), entry["undo"]
    if undo is None and was is not Action.CREATE:
        return "left alone: an earlier version of this program applied it and kept no former values"
    if [row.version, user.version] != (undo or {}).get("versions", [1, 1]):
        return f"left alone: {changed_by or 'changed by hand since'}"
    ends_active = {**entry["after"], **entry["before"]}.get("active", user.active)
    if was is Action.CREATE:
        ends_active = False
    if ends_active and not user.active and user.suspended_by_hand:
        return "left alone: suspended by hand"
    if user.active and not ends_active:
        if is_protected(user, policy):
            return "left alone: the account is protected"
        if active_elsewhere is not None:
            return f"left alone: kept active by {active_elsewhere}"
    return None


def group_reversal(entry: Row, row: Group | None) -> Change:
    """The change that takes a group's back; ``row`` None for a group that is to come back."""
    was, undo = Action(entry["action"]), entry["undo"] or {}
    before = {name: entry["after"].get(name) for name in entry["before"]}
    after = dict(entry["before"])
    if was is Action.GROUP_CREATE:
        before, after = {name: entry["after"].get(name) for name in ("name", "tag")}, {}
    elif was is Action.GROUP_DELETE:
        before, after = {}, {"name": entry["before"]["name"], "tag": entry["before"]["tag"]}
        after["members"] = len(undo.get("members", ()))
    return Change(
        action=INVERSE[was],
        subject=Subject(
            kind="group",
            id=entry["subject_id"],
            label=after.get("name") or entry["label"],
            external_id=row.external_id or row.scim_external_id if row else None,
        ),
        reason=REASONS[was],
        before=before,
        after=after,
        restore=None if was is Action.GROUP_CREATE else undo,
        expects_version=row.version if row and was is Action.GROUP_RENAME else None,
        rule=RULE,
    )


def group_conflict(entry: Row, row: Group | None, *, changed_by: str | None, back: bool) -> str | None:
    """Why this group is left alone. ``back``: a live group stands in its place already."""
    was = Action(entry["action"])
    if was is Action.GROUP_DELETE:
        if entry["undo"] is None:
            return "left alone: an earlier version of this program deleted it and kept no members"
        return "left alone: the group is in the directory again" if back or row is not None else None
    if row is None:
        return "left alone: the group is gone by now"
    if was is Action.GROUP_CREATE and changed_by is not None:
        return f"left alone: {changed_by}"
    if was is Action.GROUP_RENAME and (row.name, row.tag) != (entry["after"]["name"], entry["after"]["tag"]):
        return f"left alone: {changed_by or 'renamed since'}"
    return None
