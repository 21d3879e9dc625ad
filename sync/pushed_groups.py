"""Groups as a directory pushes them, and who is in them: members travel as edits, never as whole lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.apply import writer
from sync.diff import decide_group
from sync.model.change import Action, Change, Subject
from sync.model.document import group_record
from sync.model.errors import Conflict
from sync.model.resources import Group, GroupRecord, fold, without_nul
from sync.model.session import AddMembers, Kind, MemberEdit, NewMember, RemoveMembers, Resource
from sync.pushing import Pushing
from sync.store import resources
from sync.store.text import to_json


class PushedGroups:
    """The groups of one request."""

    def __init__(self, request: Pushing) -> None:
        self._request = request

    def create(self, document: Mapping[str, Any], members: Sequence[NewMember]) -> Resource:
        record = without_nul(group_record(document))
        self._request.take_turns(f"displayName:{fold(record.name)}")
        row = self._pulled_group(record)
        change = decide_group(
            record if row is None else record._replace(external_id=row.external_id or ""),
            row,
            self._request.policy,
            self._request.ids,
            document=document,
            document_differs=True,
        )
        if change is None:
            raise Conflict("the group cannot be created right now; try again")
        self._request.apply([change])
        self._edit_members(change.subject, [AddMembers(members=members)])
        return self._request.again(Kind.GROUP, change.subject.id)

    def change(
        self,
        group_id: str,
        document: Mapping[str, Any],
        edits: Sequence[MemberEdit],
        if_version: Sequence[int] | None = None,
    ) -> Resource:
        row = self._request.group(group_id, if_version)
        record = without_nul(group_record(document))._replace(external_id=row.external_id or "")
        stored = self._request.get(Kind.GROUP, group_id)
        differs = stored is None or stored.text != to_json(document)
        change = decide_group(
            record, row, self._request.policy, self._request.ids, document=document, document_differs=differs
        )
        if change is not None:
            self._request.apply([change])
        subject = Subject(kind="group", id=row.id, label=record.name, external_id=row.external_id)
        self._edit_members(subject, edits)
        return self._request.again(Kind.GROUP, group_id)

    def delete(self, group_id: str, if_version: Sequence[int] | None = None) -> None:
        row = self._request.group(group_id, if_version)
        subject = Subject(kind="group", id=row.id, label=row.name, external_id=row.external_id)
        before = {"name": row.name, "tag": row.tag}
        reason = "deleted at the directory (SCIM DELETE)"
        self._request.apply(
            [Change(action=Action.GROUP_DELETE, subject=subject, reason=reason, before=before)]
        )

    def _pulled_group(self, record: GroupRecord) -> Group | None:
        """The group a POST speaks of, when a pull made it first."""
        key = record.scim_external_id
        rows = resources.directory_groups(
            self._request.conn,
            self._request.connection.id,
            external_ids=[key] if key else [],
            name_keys=[name] if (name := fold(record.name)) else [],
        )
        pulled = [row for row in rows if row.origin == "pull" and (not key or row.external_id in (key, None))]
        return pulled[0] if len(pulled) == 1 else None

    def _edit_members(self, subject: Subject, edits: Sequence[MemberEdit]) -> None:
        for edit in edits:
            if isinstance(edit, RemoveMembers):
                self._move(Action.MEMBER_REMOVE, subject, edit.values)
                continue
            named = {member.value: member for member in edit.members}
            if not isinstance(edit, AddMembers):
                self._move(Action.MEMBER_REMOVE, subject, self._others(subject.id, list(named)))
            displays = {value: member.display for value, member in named.items() if member.display}
            self._move(Action.MEMBER_ADD, subject, list(named), displays)

    def _others(self, group_id: str, values: Sequence[str]) -> Sequence[str]:
        """Members besides those named; nobody when none of those named is known (RFC 7644 leaves it open).

        A list of strangers is more likely a mistake than a wish to empty the group.
        """
        writer.lock_group(self._request.conn, group_id)
        meant = resources.resolve_members(self._request.conn, self._request.connection.id, values)
        if values and not meant:
            return []
        kept = {meant.get(value, value) for value in values}
        return [value for value in resources.member_values(self._request.conn, group_id) if value not in kept]

    def _move(
        self,
        action: Action,
        subject: Subject,
        values: Sequence[str],
        displays: Mapping[str, str] | None = None,
    ) -> None:
        if not values:
            return
        reason = "pushed by the directory"
        change = Change(
            action=action,
            subject=subject,
            reason=reason,
            members=tuple(values),
            displays=displays or {},
            count=len(values),
        )
        self._request.apply([change])
