"""Groups: made, renamed, deleted, and put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync import undo
from sync.apply.context import Applied, Context, external_id_of, origin_after, put_back
from sync.apply.ledger import tell
from sync.apply.members import KNOWN_NOW, Move, put_members_back, tell_moves
from sync.model.change import Action, Change
from sync.model.document import group_document
from sync.model.resources import GroupRecord, fold
from sync.store import memberships, writes
from sync.store.database import Conn
from sync.store.schema import directory_group
from sync.store.text import from_json, to_json

Row = Mapping[str, Any]


def write_groups(conn: Conn, changes: Sequence[Change], context: Context, applied: Applied) -> None:
    """Write a batch of changes to groups."""
    rows = writes.rows_by_id(conn, directory_group, [c.subject.id for c in changes if not c.new])
    new_ids_wanted = [external_id_of(c) for c in changes if c.new and external_id_of(c)]
    new_ids_wanted += [c.subject.external_id for c in changes if c.restore and c.subject.external_id]
    writes.lock_keys(conn, [f"group:{context.connection.id}:{name}" for name in new_ids_wanted])
    taken = writes.taken_external_ids(conn, directory_group, context.connection.id, new_ids_wanted)
    fit: list[Change] = []
    new_rows: list[Row] = []
    changed_rows: list[Row] = []
    names: dict[str, str] = {}
    for change in changes:
        row = rows.get(change.subject.id)
        why = _group_stale(change, row, taken)
        if why is not None:
            applied.stale.append((change, why))
            continue
        fit.append(change)
        written = _group_row(change, row, context)
        (new_rows if row is None else changed_rows).append(written)
        if row is None:
            names.update(
                (name, change.subject.id) for name in (written["external_id"], change.subject.id) if name
            )
    writes.insert_groups(conn, new_rows)
    writes.replace_rows(conn, directory_group, changed_rows)
    moves: list[Move] = []
    if names:
        known = memberships.resolve_pending(conn, context.connection.id, names, "group")
        moves += [Move(Action.MEMBER_ADD, id_, value, "group", KNOWN_NOW) for id_, value in known]
    after = {row["id"]: row for row in (*new_rows, *changed_rows)}
    applied.written.update(after)
    kept = [_kept_of_group(conn, change, rows, after, context) for change in fit]
    for change in fit:
        moves += _members_follow(conn, change, context)
    applied.done.extend(fit)
    tell(conn, fit, after, context, kept)
    tell_moves(conn, moves, context)


def _members_follow(conn: Conn, change: Change, context: Context) -> list[Move]:
    """A deleted group's memberships end with it, on both sides; one that is put back has them again."""
    group_id = change.subject.id
    if change.action is Action.GROUP_DELETE:
        memberships.empty_group(conn, group_id)
        left = memberships.leave_all_groups(conn, group_id, context.at)
        return [Move(Action.MEMBER_REMOVE, each, group_id, "group", change.reason) for each in left]
    return put_members_back(conn, group_id, change.restore, context) if change.restore is not None else []


def _kept_of_group(
    conn: Conn, change: Change, rows: Mapping[str, Row], after: Mapping[str, Row], context: Context
) -> dict[str, Any] | None:
    """What history keeps of a run's change to a group; the members of one that is deleted, too."""
    before = rows.get(change.subject.id)
    if context.run_id is None or before is None or change.action is Action.RECORD:
        return None
    kept: dict[str, Any] = {"row": undo.altered(before, after[change.subject.id])}
    if change.action is Action.GROUP_DELETE:
        kept["members"] = memberships.members_of(conn, change.subject.id)
        kept["inside"] = memberships.memberships_of(conn, change.subject.id)
    return kept


def _group_stale(change: Change, row: Row | None, taken: set[str]) -> str | None:
    """Why the change does not fit any more. A note hangs on the name alone: members come and go."""
    if change.new:
        return "the group exists by now" if external_id_of(change) in taken else None
    if change.restore is not None and change.action is Action.GROUP_CREATE:
        if row is None or row["deleted_at"] is None or row["external_id"] in taken:
            return "the group exists by now"
        return None
    if row is None or row["deleted_at"] is not None:
        return "the group is gone by now"
    if change.action is Action.RECORD and isinstance(change.record, GroupRecord):
        return None if row["name"] == change.record.name else "a newer write came first"
    if change.expects_version is not None and row["version"] != change.expects_version:
        return "a newer write came first"
    return None


def _group_row(change: Change, row: Row | None, context: Context) -> dict[str, Any]:
    before: Row = row or {}
    if change.restore is not None:
        return put_back(before, change.restore["row"], context) | {"member_digest": None}
    record = change.record if isinstance(change.record, GroupRecord) else None
    name = record.name if record else before["name"]
    external_id = (record.external_id if record else None) or before.get("external_id")
    scim_external_id = (record.scim_external_id if record else None) or before.get("scim_external_id")
    document = before.get("document")
    if change.document is not None:
        document = to_json(change.document)
    elif document is not None:
        document = to_json(
            group_document(name=name, scim_external_id=scim_external_id, base=from_json(document))
        )
    return {
        "id": change.subject.id,
        "connection_id": context.connection.id,
        "external_id": external_id,
        "scim_external_id": scim_external_id,
        "name": name,
        "name_key": fold(name),
        "tag": change.after.get("tag", before.get("tag")),
        "document": document,
        "origin": origin_after(before, context),
        "fingerprint": change.fingerprint if context.origin == "pull" else None,
        "member_digest": before.get("member_digest"),
        "version": before.get("version", 0) + 1,
        "deleted_at": context.at if change.action is Action.GROUP_DELETE else None,
        "created_at": before.get("created_at", context.at),
        "updated_at": context.at,
    }
