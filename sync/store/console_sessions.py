"""Signed-in browsers, one-time links, and how often somebody guessed wrong; secrets are kept as SHA-256."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.access import ConsoleAccount, Link, Role, Session
from sync.model.errors import NotFound
from sync.store import console_accounts
from sync.store.schema import console_account, console_link, console_session, sign_in_failure
from sync.store.times import from_text, to_text

ADDRESS_CHARS = 64
AGENT_CHARS = 200


def begin(
    conn: Conn,
    *,
    id: str,
    hash: str,  # noqa: A002 - the word for it
    account_id: str,
    how: str,
    address: str,
    agent: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """A browser signs in; sessions that have ended go."""
    at = to_text(now)
    conn.execute(sa.delete(console_session).where(console_session.c.expires_at <= at))
    row = {"id": id, "hash": hash, "account_id": account_id, "how": how, "created_at": at}
    row |= {"last_seen_at": at, "expires_at": to_text(expires_at)}
    row |= {"address": address[:ADDRESS_CHARS], "agent": agent[:AGENT_CHARS]}
    conn.execute(sa.insert(console_session).values(row))


def find(
    conn: Conn,
    hash: str,  # noqa: A002 - the word for it
    *,
    now: datetime,
    seen_after: datetime,
) -> tuple[Session, ConsoleAccount] | None:
    """The live session and its account, which may sign in; None for every kind of no."""
    query = sa.select(console_session).where(
        console_session.c.hash == hash,
        console_session.c.expires_at > to_text(now),
        console_session.c.last_seen_at > to_text(seen_after),
    )
    row = conn.execute(query).first()
    if row is None:
        return None
    account = console_accounts.get(conn, row.account_id)
    return None if account.disabled_at is not None else (_session(row), account)


def touch(conn: Conn, id: str, now: datetime) -> None:
    conn.execute(
        sa.update(console_session).where(console_session.c.id == id).values(last_seen_at=to_text(now))
    )


def listed(conn: Conn, now: datetime, *, account_id: str | None = None) -> list[tuple[Session, str]]:
    """Live sessions with the e-mail of their account, the last seen first."""
    query = (
        sa.select(console_session, console_account.c.email)
        .join(console_account, console_account.c.id == console_session.c.account_id)
        .where(console_session.c.expires_at > to_text(now))
        .order_by(console_session.c.last_seen_at.desc())
    )
    if account_id is not None:
        query = query.where(console_session.c.account_id == account_id)
    return [(_session(row), row.email) for row in conn.execute(query)]


def get(conn: Conn, id: str) -> Session:
    """Raises NotFound."""
    row = conn.execute(sa.select(console_session).where(console_session.c.id == id)).first()
    if row is None:
        raise NotFound(f"there is no session {id}; see: connector accounts sessions")
    return _session(row)


def end(conn: Conn, id: str) -> None:
    conn.execute(sa.delete(console_session).where(console_session.c.id == id))


def end_all(conn: Conn, account_id: str) -> int:
    """End every session of an account; how many."""
    mine = sa.delete(console_session).where(console_session.c.account_id == account_id)
    return conn.execute(mine).rowcount


def add_link(
    conn: Conn,
    *,
    hash: str,  # noqa: A002 - the word for it
    account_id: str | None,
    role: Role,
    by: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """A new link; unused ones for the same end with it."""
    same = (
        console_link.c.account_id.is_(None) if account_id is None else console_link.c.account_id == account_id
    )
    conn.execute(sa.delete(console_link).where(same))
    row = {"hash": hash, "account_id": account_id, "role": role.value, "created_by": by}
    row |= {"created_at": to_text(now), "expires_at": to_text(expires_at)}
    conn.execute(sa.insert(console_link).values(row))


def link(conn: Conn, hash: str, now: datetime) -> Link | None:  # noqa: A002 - the word for it
    """The unused, live link; None for every kind of no."""
    row = conn.execute(
        sa.select(console_link).where(
            console_link.c.hash == hash,
            console_link.c.used_at.is_(None),
            console_link.c.expires_at > to_text(now),
        )
    ).first()
    if row is None:
        return None
    return Link(account_id=row.account_id, role=Role(row.role), expires_at=from_text(row.expires_at))


def use_link(conn: Conn, hash: str, now: datetime) -> bool:  # noqa: A002 - the word for it
    """Use the link up; False when somebody did before."""
    unused = sa.update(console_link).where(console_link.c.hash == hash, console_link.c.used_at.is_(None))
    return conn.execute(unused.values(used_at=to_text(now))).rowcount == 1


def blocked_until(conn: Conn, keys: list[str], now: datetime) -> datetime | None:
    """Until when a sign-in under one of these keys is refused; None when it may be tried."""
    query = sa.select(sa.func.max(sign_in_failure.c.blocked_until)).where(
        sign_in_failure.c.key.in_(keys), sign_in_failure.c.blocked_until > to_text(now)
    )
    found: str | None = conn.scalar(query)
    return from_text(found)


def failures(conn: Conn, key: str, since: datetime) -> int:
    """Wrong guesses under this key, if the last one was since then."""
    query = sa.select(sign_in_failure.c.failures).where(
        sign_in_failure.c.key == key, sign_in_failure.c.last_at > to_text(since)
    )
    return int(conn.scalar(query) or 0)


def failed(conn: Conn, key: str, count: int, *, now: datetime, until: datetime | None) -> None:
    """Note a wrong guess; ``until`` is when the next one may be made."""
    values = {"failures": count, "last_at": to_text(now), "blocked_until": to_text(until)}
    there = sa.update(sign_in_failure).where(sign_in_failure.c.key == key)
    if conn.execute(there.values(values)).rowcount == 0:
        conn.execute(sa.insert(sign_in_failure).values(key=key, **values))


def forgive(conn: Conn, keys: list[str]) -> None:
    """Forget wrong guesses: the right one came."""
    conn.execute(sa.delete(sign_in_failure).where(sign_in_failure.c.key.in_(keys)))


def _session(row: Any) -> Session:
    return Session(
        id=row.id,
        account_id=row.account_id,
        how=row.how,
        address=row.address,
        agent=row.agent,
        created_at=from_text(row.created_at),
        last_seen_at=from_text(row.last_seen_at),
        expires_at=from_text(row.expires_at),
    )
