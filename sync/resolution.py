"""A person's answer to what needs attention, remembered and carried out at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sync.apply import writer
from sync.apply.context import Context
from sync.diff import decide
from sync.known import load
from sync.match import match_row
from sync.model.connection import Connection, Policy
from sync.model.errors import Conflict, Misconfigured, NotFound
from sync.model.resources import DirectoryUser
from sync.policy import address_of
from sync.proposal import fresh_ids, stored_record
from sync.store import attention, people, resources
from sync.store.database import Conn
from sync.store.times import to_text

ANSWERS: Final = {
    "disputed": ("link", "separate", "ignore"),
    "confirm_adoption": ("link", "separate", "ignore"),
}
"""What may be said to each kind of question; every other kind can only be ignored."""


def resolve(
    conn: Conn,
    connection: Connection,
    policy: Policy,
    attention_id: str,
    *,
    how: str,
    by: str,
    now: datetime,
    user_ref: str | None = None,
) -> str | None:
    """Remember the answer and do what it says; returns the action that followed, None for none.

    ``how`` is "link" (to ``user_ref``, needed when there are several accounts), "separate" (an
    account of its own) or "ignore". Raises Misconfigured, NotFound or Conflict with a sentence.
    """
    question = attention.get(conn, attention_id)
    if question["state"] != "open":
        raise Conflict(f"{attention_id} is {question['state']} already")
    allowed = ANSWERS.get(question["kind"], ("ignore",))
    if how not in allowed:
        raise Misconfigured(
            f"{question['label']} ({question['kind']}): say {' or '.join(allowed)}, not {how!r}"
        )
    user_id = _account(conn, question, user_ref) if how == "link" else None
    attention.answer(conn, attention_id, how=how, user_id=user_id, by=by, now=now)
    row = _row(conn, connection, question)
    if row is None or how == "ignore":
        return None
    return _carry_out(conn, connection, policy, row, by=by, now=now)


def retry(
    conn: Conn, connection: Connection, policy: Policy, row: DirectoryUser, *, now: datetime
) -> str | None:
    """Decide a stored record once more, as when a seat has become free; the action that followed."""
    return _carry_out(conn, connection, policy, row, by="seats", now=now)


def _account(conn: Conn, question: Mapping[str, Any], user_ref: str | None) -> str:
    if user_ref is not None:
        return str(people.user(conn, user_ref)["id"])
    choices = question["detail"].get("user_ids", [])
    if len(choices) != 1:
        raise NotFound(
            f"say which account {question['label']} is: --user ID (one of {', '.join(choices) or 'none yet'})"
        )
    return str(choices[0])


def _row(conn: Conn, connection: Connection, question: Mapping[str, Any]) -> DirectoryUser | None:
    """The directory user the question is about, by whatever it was known by then."""
    key, row_id = question["key"], question["detail"].get("directory_user_id") or question["key"]
    rows = resources.directory_users(
        conn, connection.id, external_ids=[key], scim_external_ids=[key], ids=[row_id]
    )
    return rows[0] if rows else None


def _carry_out(
    conn: Conn, connection: Connection, policy: Policy, row: DirectoryUser, *, by: str, now: datetime
) -> str | None:
    record = stored_record(row)
    known = load(conn, connection, policy, [record], rows=[row])
    address = address_of(record, policy)
    found = match_row(record, address, row, known.candidates)
    change = decide(record, found, known.facts(record, address, found), policy, fresh_ids()).change
    if change is None:
        return None
    origin = row.origin if row.origin in ("pull", "push") else "pull"
    context = Context(connection=connection, at=to_text(now), actor=f"admin:{by}", origin=origin)
    outcome = writer.apply(conn, [change], context)
    if outcome.stale:
        raise Conflict(f"{change.subject.label} changed in between ({outcome.stale[0][1]}); try again")
    return change.action.value
