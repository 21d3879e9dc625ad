"""A person's answer to what needs attention, remembered and carried out at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from sync import seats
from sync.apply import writer
from sync.apply.context import Context
from sync.diff import decide
from sync.known import load_one
from sync.match import match_row
from sync.model.change import Action
from sync.model.connection import Connection, Policy
from sync.model.errors import Conflict, Misconfigured, NotFound
from sync.model.resources import DirectoryUser
from sync.policy import address_of
from sync.proposal import fresh_ids, raise_attention, stored_record
from sync.store import attention, connections, people, resources
from sync.store.database import Conn, Database
from sync.store.times import from_text, to_text

ANSWERS: Final = {
    "disputed": ("link", "separate", "ignore"),
    "confirm_adoption": ("link", "separate", "ignore"),
}
"""What may be said to each kind of question; every other kind can only be ignored."""

WAITING: Final = "waiting_for_seat"

RETRIED_AT_ONCE: Final = 500
"""People who may come in one go when seats become free."""


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
    return _carry_out(conn, policy, row, _context(connection, row, f"admin:{by}", now))


def retry_waiting(
    database: Database, policy_of: Callable[[Connection], Policy], *, clock: Callable[[], datetime]
) -> int:
    """Let in who waits for a seat since a push, oldest first, as long as seats are free; how many came.

    Each comes in a transaction of her own. Who meets another change is tried again next time.
    """
    with database.read() as conn:
        waiting = attention.oldest_open(conn, WAITING, RETRIED_AT_ONCE)
        by_id = {each.id: each for each in connections.listed(conn)} if waiting else {}
    came = 0
    for attention_id, connection_id in waiting:
        connection = by_id.get(connection_id)
        if connection is None or not connection.enabled:
            continue
        with suppress(Conflict, Misconfigured), database.write() as conn:
            policy = policy_of(connection)
            if not _seat_is_free(conn, policy):
                break
            came += _let_in(conn, connection, policy, attention_id, clock())
    return came


def _seat_is_free(conn: Conn, policy: Policy) -> bool:
    writer.take_turns(conn, ["seats"])
    return policy.seat_limit is None or seats.used(conn, policy) < policy.seat_limit


def _let_in(conn: Conn, connection: Connection, policy: Policy, attention_id: str, now: datetime) -> bool:
    """Decide the stored record once more; a question with nothing left to do is closed."""
    question = attention.get(conn, attention_id)
    if question["state"] != "open":
        return False
    row = _row(conn, connection, question)
    context = _context(connection, row, "seats", now)
    done = _carry_out(conn, policy, row, context) if row is not None else None
    attention.settle(conn, connection.id, [WAITING], [question["key"]], context.at)
    seats.tell_if_short(conn, policy, context)
    return done in (Action.CREATE, Action.ADOPT, Action.REACTIVATE)


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


def _context(connection: Connection, row: DirectoryUser | None, actor: str, now: datetime) -> Context:
    origin = row.origin if row is not None and row.origin in ("pull", "push") else "pull"
    return Context(connection=connection, at=to_text(now), actor=actor, origin=origin)


def _carry_out(conn: Conn, policy: Policy, row: DirectoryUser, context: Context) -> str | None:
    record = stored_record(row)
    known = load_one(conn, context.connection, policy, record, row)
    address = address_of(record, policy)
    found = match_row(record, address, row, known.candidates)
    decision = decide(record, found, known.facts(record, address, found), policy, fresh_ids())
    if decision.attention is not None:
        now = from_text(context.at)
        raise_attention(conn, context.connection.id, [decision.attention], None, now)
    change = decision.change
    if change is None:
        return None
    outcome = writer.apply(conn, [change], context)
    if outcome.stale:
        raise Conflict(f"{change.subject.label} changed in between ({outcome.stale[0][1]}); try again")
    return change.action.value
