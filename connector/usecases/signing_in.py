"""Signing in to the console: by password, by one-time link, by a sign-in provider; and staying so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector import passwords
from connector.keyring import SESSION_PREFIX, hash_of, new_token
from connector.oidc import Identity
from connector.usecases import accounts
from connector.usecases.audit import note
from connector.usecases.wires import Wires
from sync.model.access import Actor, ConsoleAccount, Link, Role, Session, Via
from sync.model.errors import Denied, Refused
from sync.model.resources import fold
from sync.store import console_accounts as store
from sync.store import console_sessions as sessions
from sync.store.database import Conn
from sync.store.ids import new_id

IDLE: Final = timedelta(hours=12)
"""A session nobody uses ends after so long."""

LIVES: Final = timedelta(days=7)
TOUCH_EVERY: Final = timedelta(minutes=1)

FREE_GUESSES: Final = 5
"""Wrong passwords an account takes before it has to rest; an address may try several accounts."""

ADDRESS_GUESSES: Final = 30
REST_FIRST: Final = timedelta(seconds=30)
REST_MOST: Final = timedelta(minutes=15)
FORGOTTEN_AFTER: Final = timedelta(hours=24)
WRONG: Final = "The e-mail or the password is wrong."


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Where a sign-in comes from."""

    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A browser's session and whose it is."""

    session: Session
    account: ConsoleAccount
    address: str = ""

    @property
    def actor(self) -> Actor:
        return Actor(name=self.account.email, via=Via.CONSOLE, role=self.account.role, address=self.address)


class SigningIn:
    """The ways in. Each answers the session's text for the browser's cookie."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def with_password(self, email: str, password: str, browser: Browser) -> str:
        """Raises Refused while there were too many wrong guesses, Denied for a wrong one."""
        now = self._wires.clock()
        keys = {
            f"account:{(fold(email) or '')[:300]}": FREE_GUESSES,
            f"address:{browser.address}": ADDRESS_GUESSES,
        }
        with self._wires.database.read() as conn:
            until = sessions.blocked_until(conn, list(keys), now)
            account = store.by_email(conn, email)
        if until is not None:
            wait_s = max(1, round((until - now).total_seconds()))
            raise Refused(f"Too many wrong sign-ins. Try again in {wait_s} seconds.")
        right = passwords.matches(password, account.password_hash if account else None)
        if account is None or not right or account.disabled_at is not None:
            with self._wires.database.write() as conn:
                for key, free in keys.items():
                    self._failed(conn, key, free, now)
                _note(conn, "sign_in.failed", account, email, browser=browser, now=now)
            raise Denied(WRONG)
        with self._wires.database.write() as conn:
            sessions.forgive(conn, list(keys)[:1])
            return self._begin(conn, account, "password", browser)

    def link(self, text: str) -> Link | None:
        """What the one-time link leads to; None when it is none, used up or over."""
        with self._wires.database.read() as conn:
            return sessions.link(conn, hash_of(text), self._wires.clock())

    def with_link(
        self, text: str, browser: Browser, *, email: str = "", name: str = "", password: str | None = None
    ) -> str:
        """Use a link up. One without an account makes it of ``email``, ``name`` and ``password``.

        Raises Denied, Misconfigured, Duplicate.
        """
        now = self._wires.clock()
        kept = None if password is None else passwords.hashed(password)
        with self._wires.database.write() as conn:
            link = sessions.link(conn, hash_of(text), now)
            if link is None or not sessions.use_link(conn, hash_of(text), now):
                raise Denied("This link was used or is over. Make another one: connector admin link")
            if link.account_id is not None:
                account = store.get(conn, link.account_id)
                if kept is not None:
                    store.update(conn, account.id, password_hash=kept)
            else:
                account = accounts.make(
                    conn, email, link.role, by="set-up link", now=now, name=name, password_hash=kept
                )
            if account.disabled_at is not None:
                raise Denied("This account is disabled.")
            return self._begin(conn, account, "link", browser)

    def with_identity(self, who: Identity, role: Role | None, browser: Browser) -> str:
        """Sign in whom the sign-in provider vouches for, with the role its claims give. Raises Denied.

        An account is found by who they are there and, the first time, by a verified e-mail of an
        account that has no password; else it is made.
        """
        if role is None:
            raise Denied(
                f"{who.email or who.subject} has no role here. Ask an admin to map a group of yours to one."
            )
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            account = store.by_subject(conn, who.subject) or self._first_time(conn, who, role, now)
            if account.disabled_at is not None:
                raise Denied("This account is disabled.")
            if account.role is not role:
                account = self._changed_role(conn, account, role, now)
            return self._begin(conn, account, "oidc", browser)

    def _changed_role(self, conn: Conn, account: ConsoleAccount, role: Role, now: datetime) -> ConsoleAccount:
        """What the provider's claims say now."""
        store.update(conn, account.id, role=role.value)
        note(
            conn,
            "accounts.set",
            now=now,
            kind="account",
            id=account.id,
            label=account.email,
            before={"role": account.role.value},
            after={"role": role.value},
            by="openid",
        )
        return store.get(conn, account.id)

    def _first_time(self, conn: Conn, who: Identity, role: Role, now: datetime) -> ConsoleAccount:
        if not who.email or not who.email_verified:
            raise Denied("The sign-in provider did not say your e-mail address, or not that it is verified.")
        known = store.by_email(conn, who.email)
        if known is None:
            return accounts.make(
                conn, who.email, role, by="openid", now=now, name=who.name, subject=who.subject
            )
        if known.password_hash is not None or known.subject is not None:
            raise Denied(
                f"{who.email} has an account with another way to sign in. Ask an admin to remove it first."
            )
        store.update(conn, known.id, subject=who.subject)
        return store.get(conn, known.id)

    def session(self, text: str, address: str = "") -> SignedIn | None:
        """Whose session this is; None for every kind of no."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            found = sessions.find(conn, hash_of(text), now=now, seen_after=now - IDLE)
        if found is None:
            return None
        session, account = found
        if now - session.last_seen_at > TOUCH_EVERY:
            self._wires.database.submit(lambda conn: sessions.touch(conn, session.id, now))
        return SignedIn(session=session, account=account, address=address)

    def sign_out(self, session_id: str) -> None:
        with self._wires.database.write() as conn:
            sessions.end(conn, session_id)

    def _begin(self, conn: Conn, account: ConsoleAccount, how: str, browser: Browser) -> str:
        secret, now = new_token(SESSION_PREFIX), self._wires.clock()
        sessions.begin(
            conn,
            id=new_id(),
            hash=secret.hash,
            account_id=account.id,
            how=how,
            address=browser.address,
            agent=browser.agent,
            now=now,
            expires_at=now + LIVES,
        )
        store.update(conn, account.id, last_sign_in_at=now)
        _note(conn, "sign_in.done", account, account.email, browser=browser, now=now, how=how)
        return secret.text

    def _failed(self, conn: Conn, key: str, free: int, now: datetime) -> None:
        count = sessions.failures(conn, key, now - FORGOTTEN_AFTER) + 1
        over = count - free
        rest = min(REST_FIRST * 2 ** min(over, 10), REST_MOST) if over >= 0 else None
        sessions.failed(conn, key, count, now=now, until=None if rest is None else now + rest)


def _note(
    conn: Conn,
    action: str,
    account: ConsoleAccount | None,
    email: str,
    *,
    browser: Browser,
    now: datetime,
    **said: str,
) -> None:
    note(
        conn,
        action,
        now=now,
        kind="account",
        id=account.id if account else "",
        label=email[:200],
        after={"address": browser.address, **said},
        by=f"console:{email[:180]}" if account else "console",
    )
