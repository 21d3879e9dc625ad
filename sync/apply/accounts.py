"""The writer's part for accounts that no directory speaks of: made, changed and tagged by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync import event
from sync.model.change import Change
from sync.model.resources import fold
from sync.store import writes
from sync.store.database import Conn
from sync.store.ids import new_ids
from sync.store.schema import users
from sync.store.text import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """The creation of one account, with what only a hand sets."""

    change: Change
    origin: str
    tags: tuple[str, ...] = ()
    admin: bool = False


def take_turns(conn: Conn, keys: Sequence[str]) -> None:
    """Make writers that want one of these keys wait for each other until commit."""
    writes.lock_keys(conn, keys)


def create(conn: Conn, accounts: Sequence[NewAccount], *, by: str, at: str) -> None:
    """Write new accounts, their tags, history and events."""
    writes.insert_users(conn, [_row(account, at) for account in accounts])
    tags = [
        (account.change.subject.user_id, tag) for account in accounts for tag in dict.fromkeys(account.tags)
    ]
    writes.insert_user_tags(
        conn, [{"user_id": user_id, "tag": tag, "set_by": by, "set_at": at} for user_id, tag in tags]
    )
    _tell(conn, [account.change for account in accounts], {}, by=by, at=at)


def change(conn: Conn, wanted: Change, *, by: str, at: str) -> None:
    """Write what a hand set on one account; ``after`` names columns of ``users``."""
    row = writes.rows_by_id(conn, users, [wanted.subject.user_id or ""])[wanted.subject.user_id or ""]
    written = {"id": row["id"], **wanted.after, "version": row["version"] + 1, "updated_at": at}
    writes.replace_rows(conn, users, [written])
    _tell(conn, [wanted], {row["id"]: {**row, **written}}, by=by, at=at)


def retag(conn: Conn, wanted: Change, *, by: str, at: str) -> None:
    """Make the account's tags by hand exactly those of ``after``."""
    user_id = wanted.subject.user_id or ""
    gone = set(wanted.before["tags"]) - set(wanted.after["tags"])
    new = [tag for tag in wanted.after["tags"] if tag not in wanted.before["tags"]]
    writes.delete_user_tags(conn, user_id, gone)
    writes.insert_user_tags(
        conn, [{"user_id": user_id, "tag": tag, "set_by": by, "set_at": at} for tag in new]
    )
    _tell(conn, [wanted], {}, by=by, at=at)


def _row(account: NewAccount, at: str) -> dict[str, Any]:
    fields = dict(account.change.after)
    return {
        "id": account.change.subject.user_id,
        **fields,
        "email_key": fold(fields["email"]),
        "origin": account.origin,
        "admin": account.admin,
        "version": 1,
        "created_at": at,
        "updated_at": at,
    }


def _tell(
    conn: Conn, changes: Sequence[Change], rows: Mapping[str, Mapping[str, Any]], *, by: str, at: str
) -> None:
    actor = f"admin:{by}"
    writes.insert_history(conn, [_history(change, actor, at) for change in changes])
    writes.insert_events(
        conn,
        [
            _event(change, event_id, rows.get(change.subject.id), actor, at)
            for change, event_id in zip(changes, new_ids(len(changes)), strict=True)
        ],
    )


def _history(change: Change, actor: str, at: str) -> dict[str, Any]:
    return {
        "at": at,
        "actor": actor,
        "action": change.action.value,
        "kind": "user",
        "subject_id": change.subject.id,
        "user_id": change.subject.user_id,
        "label": change.subject.label,
        "reason": change.reason,
        "rule": "by hand",
        "count": 1,
        "before": to_json(dict(change.before)),
        "after": to_json(dict(change.after)),
    }


def _event(
    change: Change, event_id: str, row: Mapping[str, Any] | None, actor: str, at: str
) -> dict[str, Any]:
    names = ("id", "email", "first_name", "last_name", "picture_url", "active")
    snapshot = {name: row[name] for name in names} if row else {"id": change.subject.id, **change.after}
    body = event.body(
        change, event_id=event_id, at=at, connection={}, run_id=None, actor=actor, snapshot=snapshot
    )
    return {
        "id": event_id,
        "type": event.TYPES[change.action],
        "occurred_at": at,
        "subject_id": change.subject.user_id,
        "body": to_json(body),
    }
