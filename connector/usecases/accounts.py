"""Console accounts: who may sign in, with which role, and one-time links for those who cannot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from connector import passwords
from connector.keyring import LINK_PREFIX, new_token
from connector.usecases import shapes
from connector.usecases.audit import note
from connector.usecases.wires import Wires
from sync.model.access import ConsoleAccount, Role, Session
from sync.model.errors import Misconfigured, Refused
from sync.store import console_accounts as store
from sync.store import console_sessions as sessions
from sync.store.database import Conn
from sync.store.ids import new_id

LINK_LIVES: Final = timedelta(hours=24)


class Accounts:
    """The people of the console."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def needs_set_up(self) -> bool:
        """Whether nobody can sign in yet."""
        with self._wires.database.read() as conn:
            return not store.exist(conn)

    def listed(self) -> list[dict[str, Any]]:
        with self._wires.database.read() as conn:
            return [shape(each) for each in store.listed(conn)]

    def show(self, ref: str) -> dict[str, Any]:
        with self._wires.database.read() as conn:
            return shape(store.find(conn, ref))

    def add(
        self, email: str, role: Role, *, by: str, name: str = "", password: str | None = None
    ) -> dict[str, Any]:
        """A new account. Without a password the answer holds a link to set one. Raises Duplicate."""
        kept = None if password is None else passwords.hashed(password)
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            made = make(conn, email, role, by=by, now=now, name=name, password_hash=kept)
        return shape(made) | ({} if password else {"link": self.link(made.id, by=by)["link"]})

    def set(
        self,
        ref: str,
        *,
        by: str,
        role: Role | None = None,
        name: str | None = None,
        disabled: bool | None = None,
    ) -> dict[str, Any]:
        """Change an account. Raises Refused where nobody would be left to administer."""
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            account = store.find(conn, ref)
            columns: dict[str, Any] = {}
            if role is not None:
                columns["role"] = role.value
            if name is not None:
                columns["name"] = name
            if disabled is not None and disabled != (account.disabled_at is not None):
                columns["disabled_at"] = now if disabled else None
            if (role not in (None, Role.ADMIN) or disabled) and account.role is Role.ADMIN:
                _must_leave_an_admin(conn, account)
            if columns:
                store.update(conn, account.id, **columns)
            if disabled:
                sessions.end_all(conn, account.id)
            changed = store.get(conn, account.id)
            self._note(conn, "accounts.set", changed, by=by, before=shape(account), after=shape(changed))
        return shape(changed)

    def set_password(self, ref: str, password: str, *, by: str) -> dict[str, Any]:
        """Give an account a password; every session of it ends."""
        kept = passwords.hashed(password)
        with self._wires.database.write() as conn:
            account = store.find(conn, ref)
            store.update(conn, account.id, password_hash=kept)
            ended = sessions.end_all(conn, account.id)
            self._note(conn, "accounts.password", account, by=by, after={"sessions_ended": ended})
        return shape(account) | {"sessions_ended": ended}

    def remove(self, ref: str, *, by: str) -> dict[str, Any]:
        """Forget an account; its sessions end. Raises Refused for the last admin."""
        with self._wires.database.write() as conn:
            account = store.find(conn, ref)
            if account.role is Role.ADMIN:
                _must_leave_an_admin(conn, account)
            store.remove(conn, account.id)
            self._note(conn, "accounts.remove", account, by=by, before=shape(account))
        return shape(account) | {"removed": True}

    def link(self, ref: str | None = None, *, by: str) -> dict[str, Any]:
        """A one-time link: into an account or, without one, to making the first (or another) admin."""
        secret, now = new_token(LINK_PREFIX), self._wires.clock()
        with self._wires.database.write() as conn:
            account = store.find(conn, ref) if ref else None
            if account is not None and account.disabled_at is not None:
                raise Refused(f"{account.email} is disabled; enable the account first")
            sessions.add_link(
                conn,
                hash=secret.hash,
                account_id=account.id if account else None,
                role=account.role if account else Role.ADMIN,
                by=by,
                now=now,
                expires_at=now + LINK_LIVES,
            )
            label = account.email if account else "a new administrator"
            said = {"expires_at": shapes.at(now + LINK_LIVES)}
            note(
                conn,
                "accounts.link",
                now=now,
                kind="account",
                id=account.id if account else "",
                label=label,
                after=said,
                by=by,
            )
        return {"account": account.email if account else None, **said, "link": self._url(secret.text)}

    def sessions(self, ref: str | None = None) -> list[dict[str, Any]]:
        """Signed-in browsers, of one account or of all."""
        with self._wires.database.read() as conn:
            account_id = store.find(conn, ref).id if ref else None
            found = sessions.listed(conn, self._wires.clock(), account_id=account_id)
        return [session_shape(each, email) for each, email in found]

    def end_session(self, session_id: str, *, by: str) -> dict[str, Any]:
        """Sign a browser out."""
        with self._wires.database.write() as conn:
            session = sessions.get(conn, session_id)
            account = store.get(conn, session.account_id)
            sessions.end(conn, session.id)
            said = session_shape(session, account.email)
            self._note(conn, "accounts.end_session", account, by=by, before=said)
        return said | {"ended": True}

    def _url(self, text: str) -> str:
        return f"{self._wires.settings.url}/link/{text}"

    def _note(self, conn: Conn, action: str, account: ConsoleAccount, *, by: str, **states: Any) -> None:
        now = self._wires.clock()
        note(conn, action, now=now, kind="account", id=account.id, label=account.email, by=by, **states)


def make(
    conn: Conn,
    email: str,
    role: Role,
    *,
    by: str,
    now: datetime,
    name: str = "",
    password_hash: str | None = None,
    subject: str | None = None,
) -> ConsoleAccount:
    """A new account and its audit row. Raises Misconfigured, Duplicate."""
    address = email.strip()
    before, at, after = address.partition("@")
    if not (before and at and after) or any(letter.isspace() for letter in address):
        raise Misconfigured(f"{email!r} is no e-mail address")
    made = store.add(
        conn,
        id=new_id(),
        email=address,
        name=name.strip(),
        role=role,
        by=by,
        now=now,
        password_hash=password_hash,
        subject=subject,
    )
    note(conn, "accounts.add", now=now, kind="account", id=made.id, label=address, after=shape(made), by=by)
    return made


def _must_leave_an_admin(conn: Conn, account: ConsoleAccount) -> None:
    if account.disabled_at is None and not store.other_admins(conn, account.id):
        raise Refused(f"{account.email} is the only admin who can sign in; make another one first")


def shape(account: ConsoleAccount) -> dict[str, Any]:
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "role": account.role.value,
        "disabled": account.disabled_at is not None,
        "signs_in_by": [
            way
            for way, has in (("password", account.password_hash), ("openid", account.subject))
            if has is not None
        ],
        "created_at": shapes.at(account.created_at),
        "created_by": account.created_by,
        "last_sign_in_at": shapes.at(account.last_sign_in_at),
    }


def session_shape(session: Session, email: str) -> dict[str, Any]:
    return {
        "id": session.id,
        "account": email,
        "how": session.how,
        "address": session.address,
        "agent": session.agent,
        "created_at": shapes.at(session.created_at),
        "last_seen_at": shapes.at(session.last_seen_at),
        "expires_at": shapes.at(session.expires_at),
    }
