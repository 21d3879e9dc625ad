"""People: directory users, the accounts behind them, and the links between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync import undo
from sync.apply.context import LINKING, USER_FIELDS, Applied, Context, external_id_of, origin_after, put_back
from sync.apply.held import Held
from sync.apply.ledger import tell
from sync.apply.members import KNOWN_NOW, Move, tell_moves
from sync.model.change import Action, Change
from sync.model.document import user_document
from sync.model.resources import Status, UserRecord, fold
from sync.store import attention, further_emails, memberships, writes
from sync.store.database import Conn
from sync.store.schema import directory_user, users
from sync.store.text import from_json, to_json

Row = Mapping[str, Any]


DELETED = "deleted at the directory"


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
    emails: dict[str, set[str]] = field(default_factory=dict)
    """The further e-mails of those who have, or had, any."""


def write_people(
    conn: Conn, changes: Sequence[Change], context: Context, applied: Applied, held: Held
) -> None:
    """Write a batch of changes to people."""
    writes.lock_keys(conn, held.untaken(_user_locks(changes, context)))
    rows = held.known(conn, directory_user, [c.subject.id for c in changes if not c.new])
    known = [c.subject.user_id for c in changes if c.subject.user_id and c.action is not Action.CREATE]
    accounts = held.known(conn, users, known)
    taken, emails = _taken(conn, changes, context, held)
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
    moves = _write_people(conn, people, context)
    _settle_questions(conn, fit, context)
    applied.done.extend(fit)
    applied.written.update((row["id"], row) for row in (*people.new_rows, *people.rows))
    applied.moved.update(move.value for move in moves)
    tell(conn, fit, {row["id"]: row for row in (*people.new_users, *people.users)}, context, kept)
    tell_moves(conn, moves, context)


def _taken(conn: Conn, changes: Sequence[Change], context: Context, held: Held) -> tuple[set[str], set[str]]:
    """The IdP's ids of new rows, and the new e-mails, that somebody has already."""
    connection_id = context.connection.id
    ids = [id_ for c in changes if c.new and (id_ := external_id_of(c))]
    emails = [key for c in changes if _claims_email(c) and (key := fold(c.after.get("email")))]
    ids = [id_ for id_ in ids if external_id_turn(connection_id, id_) not in held.turns]
    emails = [key for key in emails if email_turn(key) not in held.turns]
    return (
        writes.taken_external_ids(conn, directory_user, connection_id, ids),
        writes.taken_email_keys(conn, emails),
    )


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


def _user_locks(changes: Iterable[Change], context: Context) -> Iterator[str]:
    """Keys that two writers must not claim at once: new e-mails, and new rows' ids."""
    for change in changes:
        if _claims_email(change):
            yield email_turn(fold(change.after.get("email")))
        if change.new and external_id_of(change):
            yield external_id_turn(context.connection.id, external_id_of(change))


def email_turn(key: str | None) -> str:
    """The key to take turns by for a folded e-mail, of whatever connection."""
    return f"email:{key}"


def external_id_turn(connection_id: str, external_id: str) -> str:
    """The key to take turns by for an IdP's id of a connection."""
    return f"external:{connection_id}:{external_id}"


def _claim(change: Change, taken: set[str], emails: set[str]) -> None:
    """What this change takes is no longer free for the rest of the batch."""
    if change.new and external_id_of(change):
        taken.add(external_id_of(change))
    if change.action is Action.CREATE and (key := fold(change.after.get("email"))):
        emails.add(key)


def _user_stale(
    change: Change, rows: Mapping[str, Row], accounts: Mapping[str, Row], taken: set[str], emails: set[str]
) -> str | None:
    row = rows.get(change.subject.id)
    if change.new:
        if external_id_of(change) in taken:
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
        return _account_stale(change, accounts.get(change.subject.user_id), emails)
    return None


def _account_stale(change: Change, account: Row | None, emails: set[str]) -> str | None:
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
        people.rows.append(put_back(row, change.restore["row"], context))
        _note_emails(people.rows[-1], row, people)
        _put_link_back(change, change.restore, people)
    elif isinstance(change.record, UserRecord):
        written = _directory_user_row(change, change.record, row, context)
        (people.new_rows if row is None else people.rows).append(written)
        _note_emails(written, row, people)
        for name in (written["external_id"], written["scim_external_id"], change.subject.id):
            if name and (row is None or name not in (row["external_id"], row["scim_external_id"], row["id"])):
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


def _write_people(conn: Conn, people: _People, context: Context) -> list[Move]:
    """Write the rows; returns the memberships that began or ended with them."""
    moves: list[Move] = []
    writes.insert_directory_users(conn, people.new_rows)
    writes.replace_rows(conn, directory_user, people.rows)
    for directory_id, keys in people.emails.items():
        writes.set_further_emails(conn, directory_id, keys)
    writes.insert_users(conn, people.new_users)
    writes.replace_rows(conn, users, people.users)
    writes.insert_links(conn, people.links)
    writes.delete_links(conn, people.unlinks)
    for row in people.relinks:
        writes.set_link(conn, row)
    if people.names:
        known = memberships.resolve_pending(conn, context.connection.id, people.names, "user")
        for group_id in dict.fromkeys(group_id for group_id, _ in known):
            memberships.touch_group(conn, group_id, context.at)
        moves += [Move(Action.MEMBER_ADD, id_, value, "user", KNOWN_NOW) for id_, value in known]
    for directory_id in people.tombstones:
        left = memberships.leave_all_groups(conn, directory_id, context.at)
        moves += [Move(Action.MEMBER_REMOVE, id_, directory_id, "user", DELETED) for id_ in left]
    return moves


def _note_emails(written: Row, before: Row | None, people: _People) -> None:
    """Further e-mails are written only where they change."""
    now = further_emails.keys_of(written["document"], written["email_key"])
    had = further_emails.keys_of(before["document"], before["email_key"]) if before is not None else set()
    if now != had:
        people.emails[written["id"]] = now


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
        "origin": origin_after(before, context),
        "fingerprint": change.fingerprint if context.origin == "pull" else None,
        "version": before.get("version", 0) + 1,
        "deleted_at": context.at if change.tombstone else None,
        "created_at": before.get("created_at", context.at),
        "updated_at": context.at,
    }


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
        "extra": _extra_text(change, None),
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
        "extra": _extra_text(change, account["extra"]),
        "version": account["version"] + 1,
        "updated_at": context.at,
    }


def _extra_text(change: Change, before: str | None) -> str | None:
    """The further fields as stored: those of the change, else those from before."""
    if "extra" not in change.after:
        return before
    return to_json(change.after["extra"]) if change.after["extra"] else None


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
