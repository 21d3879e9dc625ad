"""Console accounts: who may sign in, with which role."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy.exc import IntegrityError

from sync.model.access import ConsoleAccount, Role
from sync.model.errors import Duplicate, NotFound
from sync.model.resources import fold
from sync.store.schema import console_account as table
from sync.store.text import nearest
from sync.store.times import from_text, to_text


def add(
    conn: Conn,
    *,
    id: str,
    email: str,
    name: str,
    role: Role,
    by: str,
    now: datetime,
    password_hash: str | None = None,
    subject: str | None = None,
) -> ConsoleAccount:
    """A new account. Raises Duplicate for an e-mail that has one."""
    row = {"id": id, "email": email, "email_key": fold(email), "name": name, "role": role.value}
    row |= {"password_hash": password_hash, "subject": subject}
    try:
        with conn.begin_nested():
            conn.execute(sa.insert(table).values(**row, created_by=by, created_at=to_text(now)))
    except IntegrityError as error:
        raise Duplicate(f"a console account for {email} exists already") from error
    return get(conn, id)


def get(conn: Conn, id: str) -> ConsoleAccount:
    """Raises NotFound."""
    row = conn.execute(sa.select(table).where(table.c.id == id)).first()
    if row is None:
        raise NotFound(f"there is no console account {id}; see: connector accounts list")
    return _account(row)


def find(conn: Conn, ref: str) -> ConsoleAccount:
    """The account with this id or e-mail in any case. Raises NotFound."""
    found = by_email(conn, ref)
    if found is not None:
        return found
    known = list(conn.scalars(sa.select(table.c.email)))
    if conn.scalar(sa.select(table.c.id).where(table.c.id == ref)) is None:
        close = nearest(ref, known) or "; see: connector accounts list"
        raise NotFound(f"there is no console account {ref}{close}")
    return get(conn, ref)


def by_email(conn: Conn, email: str) -> ConsoleAccount | None:
    row = conn.execute(sa.select(table).where(table.c.email_key == fold(email))).first()
    return None if row is None else _account(row)


def by_subject(conn: Conn, subject: str) -> ConsoleAccount | None:
    """Who this is at the sign-in provider."""
    row = conn.execute(sa.select(table).where(table.c.subject == subject)).first()
    return None if row is None else _account(row)


def listed(conn: Conn) -> list[ConsoleAccount]:
    """Every account, by e-mail."""
    return [_account(row) for row in conn.execute(sa.select(table).order_by(table.c.email_key))]


def exist(conn: Conn) -> bool:
    """Whether anybody can sign in."""
    usable = sa.select(table.c.id).where(table.c.disabled_at.is_(None)).limit(1)
    return conn.execute(usable).first() is not None


def other_admins(conn: Conn, id: str) -> int:
    """How many admins that may sign in there are besides this one."""
    others = sa.select(sa.func.count()).where(
        table.c.id != id, table.c.role == Role.ADMIN.value, table.c.disabled_at.is_(None)
    )
    return int(conn.scalar(others) or 0)


def update(conn: Conn, id: str, **columns: Any) -> None:
    """Set columns; times and roles as themselves. Raises NotFound."""
    values = {
        name: to_text(value) if isinstance(value, datetime) else value for name, value in columns.items()
    }
    if conn.execute(sa.update(table).where(table.c.id == id).values(values)).rowcount == 0:
        raise NotFound(f"there is no console account {id}; see: connector accounts list")


def remove(conn: Conn, id: str) -> None:
    """Forget the account with its sessions and links."""
    conn.execute(sa.delete(table).where(table.c.id == id))


def _account(row: Any) -> ConsoleAccount:
    return ConsoleAccount(
        id=row.id,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        password_hash=row.password_hash,
        subject=row.subject,
        disabled_at=from_text(row.disabled_at),
        created_at=from_text(row.created_at),
        created_by=row.created_by,
        last_sign_in_at=from_text(row.last_sign_in_at),
    )
