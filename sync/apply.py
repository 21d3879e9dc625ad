"""The one writer: everything that changes people, groups, members or links goes through here.

A batch of changes is written in the caller's transaction: rows, links, history and events
together. A change that was decided on a row which has moved since is not written; the caller
hears of it and the next run decides anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sync import event, undo
from sync.model.change import Action, Change
from sync.model.connection import Connection
from sync.model.document import group_document, user_document
from sync.model.resources import GroupRecord, Status, UserRecord, fold
from sync.store import attention, writes
from sync.store.database import Conn
from sync.store.ids import new_ids
from sync.store.schema import directory_group, directory_user, users
from sync.store.text import from_json, to_json

Row = Mapping[str, Any]

USER_FIELDS = ("email", "first_name", "last_name", "picture_url", "active")
LINKING = frozenset({Action.CREATE, Action.ADOPT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Whose changes these are. ``at`` is ISO text in UTC; ``origin`` is "pull" or "push"."""

    connection: Connection
    at: str
    actor: str
    origin: str
    run_id: str | None = None


@dataclass(slots=True)
class Applied:
    """What became of a batch: ``done`` and ``unchanged`` and ``stale``, each in the order given."""

    done: list[Change] = field(default_factory=list)
    unchanged: list[Change] = field(default_factory=list)
    stale: list[tuple[Change, str]] = field(default_factory=list)


def apply(conn: Conn, changes: Sequence[Change], context: Context) -> Applied:
    """Write a batch in the transaction of ``conn``, in the order given."""
    applied = Applied()
    for kind, batch in groupby(changes, key=_kind):
        {"user": _users, "group": _groups, "member": _members}[kind](conn, list(batch), context, applied)
    return applied


def take_turns(conn: Conn, keys: Sequence[str]) -> None:
    """Make writers that want one of these keys wait for each other until commit."""
    writes.lock_keys(conn, keys)


def lock_group(conn: Conn, group_id: str) -> None:
    """Let nobody else change this group's members until commit."""
    writes.lock_group(conn, group_id)


def _kind(change: Change) -> str:
    if change.action in (Action.MEMBER_ADD, Action.MEMBER_REMOVE):
        return "member"
    return change.subject.kind


# --- people -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _People:
    """The rows a batch of user changes turns into."""

    new_rows: list[Row] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    new_users: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)
    relinks: list[Row] = field(default_factory=list)
    unlinks: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    tombstones: list[str] = field(default_factory=list)


def _users(conn: Conn, changes: Sequence[Change], context: Context, applied: Applied) -> None:
    writes.lock_keys(conn, _user_locks(changes, context))
    rows = writes.rows_by_id(conn, directory_user, [c.subject.id for c in changes if not c.new])
    accounts = writes.rows_by_id(conn, users, [c.subject.user_id for c in changes if c.subject.user_id])
    taken = writes.taken_external_ids(
        conn,
        directory_user,
        context.connection.id,
        [_external_id(c) for c in changes if c.new and _external_id(c)],
    )
    emails = writes.taken_email_keys(
        conn, [key for c in changes if _claims_email(c) and (key := fold(c.after.get("email")))]
    )
    people, fit = _People(), []
    for change in changes:
        why = _user_stale(change, rows, accounts, taken, emails)
        if why is not None:
            applied.stale.append((change, why))
            continue
        _claim(change, taken, emails)
        fit.append(change)
        _person(change, rows, accounts, context, people)
    kept = _kept_of_people(conn, fit, rows, people, context)
    _write_people(conn, people, context)
    _settle_questions(conn, fit, context)
    applied.done.extend(fit)
    _tell(conn, fit, {row["id"]: row for row in (*people.new_users, *people.users)}, context, kept)


def _kept_of_people(
    conn: Conn, changes: Sequence[Change], rows: Mapping[str, Row], people: _People, context: Context
) -> list[Any]:
    """What history keeps of each change so that the run can be taken back; of a push, nothing."""
    if context.run_id is None:
        return []
    relinked = {row["directory_user_id"] for row in (*people.links, *people.relinks)} | {*people.unlinks}
    links = writes.links_of(conn, [*people.unlinks, *(row["directory_user_id"] for row in people.relinks)])
    written = {row["id"]: row for row in (*people.new_rows, *people.rows)}
    versions = {row["id"]: row["version"] for row in (*people.new_users, *people.users)}
    return [
        undo.of_user(
            change,
            rows.get(change.subject.id),
            written.get(change.subject.id),
            versions.get(change.subject.user_id, 1),
            links if change.subject.id in relinked else None,
        )
        for change in changes
    ]


def _claims_email(change: Change) -> bool:
    """Whether nobody else may have the e-mail that this change writes."""
    return change.action is Action.CREATE or (change.restore is not None and "email" in change.after)


ABOUT_LINKS = ("no_email", "disputed", "confirm_adoption", "waiting_for_seat")
ABOUT_EMAILS = ("no_email", "email_taken")


def _settle_questions(conn: Conn, changes: Sequence[Change], context: Context) -> None:
    """Who has an account, or a new e-mail, needs nobody's attention for want of it any more."""
    linked = [change for change in changes if change.action in LINKING or change.rule == "returned"]
    moved = [change for change in changes if "email" in change.after and change.action not in LINKING]
    for kinds, about in ((ABOUT_LINKS, linked), (ABOUT_EMAILS, moved)):
        keys = {name for change in about for name in (change.subject.external_id, change.subject.id) if name}
        if keys:
            attention.settle(conn, context.connection.id, kinds, keys, context.at)


def _user_locks(changes: Iterable[Change], context: Context) -> list[str]:
    """Keys that two writers must not claim at once: new e-mails, and new rows' ids."""
    keys = []
    for change in changes:
        if _claims_email(change):
            keys.append(f"email:{fold(change.after.get('email'))}")
        if change.new and _external_id(change):
            keys.append(f"external:{context.connection.id}:{_external_id(change)}")
    return keys


def _external_id(change: Change) -> str:
    return change.record.external_id if change.record is not None else ""


def _claim(change: Change, taken: set[str], emails: set[str]) -> None:
    """What this change takes is no longer free for the rest of the batch."""
    if change.new and _external_id(change):
        taken.add(_external_id(change))
    if change.action is Action.CREATE and (key := fold(change.after.get("email"))):
        emails.add(key)


def _user_stale(
    change: Change, rows: Mapping[str, Row], accounts: Mapping[str, Row], taken: set[str], emails: set[str]
) -> str | None:
    row = rows.get(change.subject.id)
    if change.new:
        if _external_id(change) in taken:
            return "the directory user exists by now"
    elif row is None or row["deleted_at"] is not None:
        return "the directory user is gone by now"
    elif change.expects_version is not None and row["version"] != change.expects_version:
        return "a newer write came first"
    if change.action is Action.CREATE:
        if change.rule == "separate":
            return None
        return "somebody has this e-mail by now" if fold(change.after.get("email")) in emails else None
    if change.subject.user_id and change.action is not Action.RECORD:
        account = accounts.get(change.subject.user_id)
        if account is None:
            return "the user is gone by now"
        if change.expects_user_version is not None and account["version"] != change.expects_user_version:
            return "the user was changed in between"
        key = fold(change.after.get("email"))
        if _claims_email(change) and key in emails and key != account["email_key"]:
            return "somebody has this e-mail by now"
    return None


def _person(
    change: Change, rows: Mapping[str, Row], accounts: Mapping[str, Row], context: Context, people: _People
) -> None:
    row = rows.get(change.subject.id)
    if change.restore is not None and row is not None:
        people.rows.append(_put_back(row, change.restore["row"], context))
        _put_link_back(change, change.restore, people)
    elif isinstance(change.record, UserRecord):
        written = _directory_user_row(change, change.record, row, context)
        (people.new_rows if row is None else people.rows).append(written)
        for name in (written["external_id"], written["scim_external_id"], change.subject.id):
            if name and (row is None or name not in (row["external_id"], row["scim_external_id"])):
                people.names[name] = change.subject.id
    if change.tombstone:
        people.tombstones.append(change.subject.id)
    if change.action is Action.RECORD or change.subject.user_id is None:
        return
    if change.action is Action.CREATE:
        people.new_users.append(_new_user_row(change, context))
    else:
        people.users.append(_user_row(change, accounts[change.subject.user_id], context))
    if change.restore is None and (change.action in LINKING or change.rule == "returned"):
        (people.links if row is None else people.relinks).append(_link_row(change, context))


def _write_people(conn: Conn, people: _People, context: Context) -> None:
    writes.insert_directory_users(conn, people.new_rows)
    writes.replace_rows(conn, directory_user, people.rows)
    writes.insert_users(conn, people.new_users)
    writes.replace_rows(conn, users, people.users)
    writes.insert_links(conn, people.links)
    writes.delete_links(conn, people.unlinks)
    for row in people.relinks:
        writes.set_link(conn, row)
    if people.names:
        for group_id in dict.fromkeys(
            writes.resolve_pending(conn, context.connection.id, people.names, "user")
        ):
            writes.touch_group(conn, group_id, context.at)
    for directory_id in people.tombstones:
        writes.leave_all_groups(conn, directory_id, context.at)


def _put_back(row: Row, former: Row, context: Context) -> dict[str, Any]:
    """The row with its former values; without a fingerprint, so that the next read looks at it anew."""
    columns = {name: value for name, value in row.items() if name not in ("seq", "absences")}
    settled = {"fingerprint": None, "version": row["version"] + 1, "updated_at": context.at}
    return columns | dict(former) | settled


def _put_link_back(change: Change, restore: Row, people: _People) -> None:
    if "link" in restore and restore["link"] is None:
        people.unlinks.append(change.subject.id)
    elif "link" in restore:
        people.relinks.append(restore["link"])


def _directory_user_row(
    change: Change, record: UserRecord, row: Row | None, context: Context
) -> dict[str, Any]:
    """The whole row after the change; a pull keeps what only a push knows, and the reverse."""
    before: Row = row or {}
    scim_external_id = record.scim_external_id or before.get("scim_external_id")
    return {
        "id": change.subject.id,
        "connection_id": context.connection.id,
        "external_id": record.external_id or before.get("external_id"),
        "scim_external_id": scim_external_id,
        "user_name": record.user_name,
        "user_name_key": fold(record.user_name),
        "email": record.email,
        "email_key": fold(record.email),
        "first_name": record.first_name,
        "last_name": record.last_name,
        "picture_url": record.picture_url,
        "status": record.status.value,
        "status_text": record.status_text,
        "reason": change.reason,
        "extra": to_json(dict(record.extra)) if record.extra else None,
        "document": _document_text(change, record, before),
        "origin": _origin(before, context),
        "fingerprint": change.fingerprint if context.origin == "pull" else None,
        "version": before.get("version", 0) + 1,
        "deleted_at": context.at if change.tombstone else None,
        "created_at": before.get("created_at", context.at),
        "updated_at": context.at,
    }


def _origin(before: Row, context: Context) -> str:
    return context.origin if before.get("origin", context.origin) == context.origin else "both"


def _document_text(change: Change, record: UserRecord, before: Row) -> str | None:
    if change.document is not None:
        return to_json(change.document)
    if before.get("document") is None:
        return None
    merged = user_document(
        user_name=record.user_name,
        scim_external_id=record.scim_external_id or before["scim_external_id"],
        email=record.email,
        first_name=record.first_name,
        last_name=record.last_name,
        picture_url=record.picture_url,
        active=record.status is Status.ACTIVE,
        base=from_json(before["document"]),
    )
    return to_json(merged)


def _new_user_row(change: Change, context: Context) -> dict[str, Any]:
    fields = {name: change.after.get(name) for name in USER_FIELDS}
    return {
        "id": change.subject.user_id,
        **fields,
        "email_key": fold(change.after.get("email")),
        "origin": context.origin,
        "version": 1,
        "created_at": context.at,
        "updated_at": context.at,
    }


def _user_row(change: Change, account: Row, context: Context) -> dict[str, Any]:
    fields = {name: change.after.get(name, account[name]) for name in USER_FIELDS}
    return {
        "id": account["id"],
        **fields,
        "email_key": fold(fields["email"]),
        "version": account["version"] + 1,
        "updated_at": context.at,
    }


def _link_row(change: Change, context: Context) -> dict[str, Any]:
    how = {Action.CREATE: "created", Action.ADOPT: "adopted"}.get(change.action, "returned")
    return {
        "directory_user_id": change.subject.id,
        "user_id": change.subject.user_id,
        "how": how,
        "rule": change.rule or "",
        "run_id": context.run_id,
        "linked_at": context.at,
    }


# --- groups -----------------------------------------------------------------------------------


def _groups(conn: Conn, changes: Sequence[Change], context: Context, applied: Applied) -> None:
    rows = writes.rows_by_id(conn, directory_group, [c.subject.id for c in changes if not c.new])
    new_ids_wanted = [_external_id(c) for c in changes if c.new and _external_id(c)]
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
    if names:
        writes.resolve_pending(conn, context.connection.id, names, "group")
    after = {row["id"]: row for row in (*new_rows, *changed_rows)}
    kept = [_kept_of_group(conn, change, rows, after, context) for change in fit]
    for change in fit:
        if change.action is Action.GROUP_DELETE:
            writes.empty_group(conn, change.subject.id)
            writes.leave_all_groups(conn, change.subject.id, context.at)
        elif change.restore is not None:
            _put_members_back(conn, change.subject.id, change.restore, context)
    applied.done.extend(fit)
    _tell(conn, fit, after, context, kept)


def _kept_of_group(
    conn: Conn, change: Change, rows: Mapping[str, Row], after: Mapping[str, Row], context: Context
) -> dict[str, Any] | None:
    """What history keeps of a run's change to a group; the members of one that is deleted, too."""
    before = rows.get(change.subject.id)
    if context.run_id is None or before is None or change.action is Action.RECORD:
        return None
    kept: dict[str, Any] = {"row": undo.altered(before, after[change.subject.id])}
    if change.action is Action.GROUP_DELETE:
        kept["members"] = writes.members_of(conn, change.subject.id)
        kept["inside"] = writes.memberships_of(conn, change.subject.id)
    return kept


def _put_members_back(conn: Conn, group_id: str, restore: Row, context: Context) -> int:
    """Former memberships of a group, and those it had itself; returns how many it has again."""
    rows = [(group_id, *row) for row in restore.get("members", ())]
    inside = [(other, group_id, *row) for other, *row in restore.get("inside", ())]
    writes.put_members(conn, inside, run_id=context.run_id)
    for other, *_ in inside:
        writes.touch_group(conn, other, context.at)
    return writes.put_members(conn, rows, run_id=context.run_id)


def _group_stale(change: Change, row: Row | None, taken: set[str]) -> str | None:
    if change.new:
        return "the group exists by now" if _external_id(change) in taken else None
    if change.restore is not None and change.action is Action.GROUP_CREATE:
        if row is None or row["deleted_at"] is None or row["external_id"] in taken:
            return "the group exists by now"
        return None
    if row is None or row["deleted_at"] is not None:
        return "the group is gone by now"
    if change.expects_version is not None and row["version"] != change.expects_version:
        return "a newer write came first"
    return None


def _group_row(change: Change, row: Row | None, context: Context) -> dict[str, Any]:
    before: Row = row or {}
    if change.restore is not None:
        return _put_back(before, change.restore["row"], context) | {"member_digest": None}
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
        "origin": _origin(before, context),
        "fingerprint": change.fingerprint if context.origin == "pull" else None,
        "member_digest": before.get("member_digest"),
        "version": before.get("version", 0) + 1,
        "deleted_at": context.at if change.action is Action.GROUP_DELETE else None,
        "created_at": before.get("created_at", context.at),
        "updated_at": context.at,
    }


# --- members ----------------------------------------------------------------------------------


def _members(conn: Conn, changes: Sequence[Change], context: Context, applied: Applied) -> None:
    told, kept = [], []
    for change in changes:
        group_id = change.subject.id
        writes.lock_group(conn, group_id)
        moved, ended = _move_members(conn, change, context)
        if moved:
            writes.touch_group(conn, group_id, context.at)
            told.append(change)
            kept.append({"members": ended} if ended and context.run_id else None)
        (applied.done if moved else applied.unchanged).append(change)
        if context.origin == "pull":
            writes.settle_digest(conn, group_id, change.fingerprint, change.whole)
    _tell(conn, told, {}, context, kept)


def _move_members(conn: Conn, change: Change, context: Context) -> tuple[int, list[writes.Membership]]:
    """How many memberships began or ended, and the ended ones."""
    group_id, connection_id = change.subject.id, context.connection.id
    if change.action is Action.MEMBER_REMOVE:
        ended = writes.remove_members(conn, group_id, connection_id, change.members)
        return len(ended), ended
    if change.restore is not None:
        return _put_members_back(conn, group_id, change.restore, context), []
    moved = writes.add_members(
        conn, group_id, connection_id, change.members, run_id=context.run_id, at=context.at
    )
    writes.set_displays(conn, group_id, change.displays)
    return moved, []


# --- history and events -----------------------------------------------------------------------


def _tell(
    conn: Conn, changes: Sequence[Change], after: Mapping[str, Row], context: Context, kept: Sequence[Any]
) -> None:
    """History for every change, an event for each that somebody outside can notice.

    ``kept`` goes with the changes, one by one, where a run could be taken back; else it is empty.
    """
    undos = kept or [None] * len(changes)
    writes.insert_history(
        conn, [_history_row(change, context, keep) for change, keep in zip(changes, undos, strict=True)]
    )
    told = [change for change in changes if change.action in event.TYPES]
    named = {"id": context.connection.id, "name": context.connection.name}
    rows = []
    for change, event_id in zip(told, new_ids(len(told)), strict=True):
        subject_id = change.subject.user_id if change.subject.kind == "user" else change.subject.id
        rows.append(
            {
                "id": event_id,
                "type": event.TYPES[change.action],
                "occurred_at": context.at,
                "connection_id": context.connection.id,
                "run_id": context.run_id,
                "subject_id": subject_id,
                "body": to_json(
                    event.body(
                        change,
                        event_id=event_id,
                        at=context.at,
                        connection=named,
                        run_id=context.run_id,
                        actor=context.actor,
                        snapshot=_snapshot(change, after.get(subject_id or "")),
                    )
                ),
            }
        )
    writes.insert_events(conn, rows)


def announce(conn: Conn, event_type: str, said: Mapping[str, Any], context: Context) -> None:
    """An event about something that is no change: a run's end, a held plan, seats running out."""
    event_id = new_ids(1)[0]
    body = {
        "id": event_id,
        "type": event_type,
        "occurred_at": context.at,
        "connection": {"id": context.connection.id, "name": context.connection.name},
        "run": context.run_id,
        "actor": context.actor,
        **said,
    }
    row = {
        "id": event_id,
        "type": event_type,
        "occurred_at": context.at,
        "connection_id": context.connection.id,
        "run_id": context.run_id,
        "subject_id": None,
        "body": to_json(body),
    }
    writes.insert_events(conn, [row])


def _snapshot(change: Change, row: Row | None) -> dict[str, Any]:
    if change.members:
        return {"members": list(change.members)}
    if row is None:
        return {}
    names = ("id", *USER_FIELDS) if change.subject.kind == "user" else ("id", "name", "tag", "external_id")
    return {name: row[name] for name in names}


def _history_row(change: Change, context: Context, kept: Any) -> dict[str, Any]:
    after = dict(change.after)
    if change.members:
        after["members"] = list(change.members)
    return {
        "at": context.at,
        "connection_id": context.connection.id,
        "run_id": context.run_id,
        "actor": context.actor,
        "action": change.action.value,
        "kind": change.subject.kind,
        "subject_id": change.subject.id,
        "user_id": change.subject.user_id,
        "label": change.subject.label,
        "reason": change.reason,
        "rule": change.rule,
        "count": change.count,
        "before": to_json(dict(change.before)),
        "after": to_json(after),
        "undo": None if kept is None else to_json(kept),
    }
