"""Accounts by hand: people who came by SSO or were typed in, and what an admin sets on any account.

These are the application's own; no directory changes them while they are unmanaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sync.apply import accounts as writer
from sync.model.change import Action, Change, Subject
from sync.model.errors import BadRecord, Duplicate, NotFound, Refused
from sync.model.resources import User, UserRecord, fold
from sync.policy import usable_address
from sync.store import people, resources
from sync.store.database import Conn
from sync.store.ids import new_id
from sync.store.times import to_text


class Origin(StrEnum):
    """How an account that no directory made came to be."""

    SSO = "sso"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A new account. ``tags`` are set by hand and stay whatever a directory says."""

    email: str
    first_name: str | None = None
    last_name: str | None = None
    origin: str = Origin.MANUAL
    tags: Sequence[str] = ()
    admin: bool = False


def add_accounts(conn: Conn, accounts: Sequence[Account], *, by: str, now: datetime) -> list[str]:
    """Make all these accounts, or none; their ids in order.

    Raises BadRecord for an e-mail that is none, Duplicate for one that an account has already,
    each naming the row.
    """
    keys = [_checked(account, place) for place, account in enumerate(accounts, start=1)]
    writer.take_turns(conn, [f"email:{key}" for key in keys])
    there = {fold(user.email) for user in resources.application_users(conn, email_keys=keys)}
    for place, key in enumerate(keys, start=1):
        if key in there:
            raise Duplicate(
                f"row {place}: an account with the e-mail {key} exists already; nothing was added"
            )
        there.add(key)
    new = [writer.NewAccount(change=_creation(account), origin=account.origin, tags=tuple(account.tags),
                             admin=account.admin) for account in accounts]  # fmt: skip
    writer.create(conn, new, by=by, at=to_text(now))
    return [each.change.subject.user_id or "" for each in new]


def protect(conn: Conn, ref: str, *, protected: bool, by: str, now: datetime) -> User:
    """Keep an account from every removal, or end that. NotFound for nobody."""
    user = _user(conn, ref)
    said = "protected by hand" if protected else "no longer protected"
    return _set(conn, user, Action.UPDATE, said, {"protected": protected}, by=by, now=now)


def suspend(conn: Conn, ref: str, *, by: str, reason: str, now: datetime) -> User:
    """Take an account's access away by hand: no run gives it back. Refused for the last admin."""
    user = _user(conn, ref)
    if resources.active_admins(conn) == [user.id]:
        raise Refused(f"{user.email} is the last active administrator; make another one first")
    said = {"active": False, "suspended_by_hand": True}
    return _set(conn, user, Action.SUSPEND, reason or "suspended by hand", said, by=by, now=now)


def reactivate(conn: Conn, ref: str, *, by: str, reason: str, now: datetime) -> User:
    """Give back the access that was taken by hand."""
    user = _user(conn, ref)
    said = {"active": True, "suspended_by_hand": False}
    return _set(conn, user, Action.REACTIVATE, reason or "reactivated by hand", said, by=by, now=now)


def set_admin(conn: Conn, ref: str, *, admin: bool, by: str, now: datetime) -> User:
    """Say whether an account administers the application. Refused for the last active one."""
    user = _user(conn, ref)
    if not admin and resources.active_admins(conn) == [user.id]:
        raise Refused(f"{user.email} is the last active administrator; make another one first")
    said = "made an administrator" if admin else "no longer an administrator"
    return _set(conn, user, Action.UPDATE, said, {"admin": admin}, by=by, now=now)


def set_tags(
    conn: Conn, ref: str, *, add: Sequence[str] = (), remove: Sequence[str] = (), by: str, now: datetime
) -> User:
    """Set and take tags by hand; tags that come from a directory are not touched."""
    user = _user(conn, ref)
    before = sorted(
        tag for tag, source in people.tags_of(conn, [user.id]).get(user.id, []) if source == "by hand"
    )
    after = sorted({*before, *(tag for tag in add if tag.strip())} - set(remove))
    if before != after:
        change = _change(user, Action.UPDATE, "tags set by hand", {"tags": before}, {"tags": after})
        writer.retag(conn, change, by=by, at=to_text(now))
    return user


def _set(
    conn: Conn, user: User, action: Action, reason: str, after: dict[str, bool], *, by: str, now: datetime
) -> User:
    before = {name: getattr(user, name) for name in after}
    if before != after:
        writer.change(conn, _change(user, action, reason, before, after), by=by, at=to_text(now))
    return resources.application_users(conn, ids=[user.id])[0]


def _change(
    user: User, action: Action, reason: str, before: Mapping[str, object], after: Mapping[str, object]
) -> Change:
    subject = Subject(kind="user", id=user.id, label=user.email or user.id, user_id=user.id)
    differing = [name for name in after if before.get(name) != after[name]]
    return Change(
        action=action,
        subject=subject,
        reason=reason,
        before={name: before[name] for name in differing},
        after={name: after[name] for name in differing},
        expects_user_version=user.version,
    )


def _creation(account: Account) -> Change:
    user_id = new_id()
    return Change(
        action=Action.CREATE,
        subject=Subject(kind="user", id=user_id, label=account.email.strip(), user_id=user_id),
        reason="came by SSO" if account.origin == Origin.SSO else "added by hand",
        after={
            "email": account.email.strip(),
            "first_name": account.first_name or None,
            "last_name": account.last_name or None,
            "picture_url": None,
            "active": True,
        },
        new=True,
    )


def _checked(account: Account, place: int) -> str:
    key = fold(account.email) if usable_address(UserRecord(external_id="", email=account.email)) else None
    if key is None:
        raise BadRecord(f"row {place}: {account.email!r} is no e-mail address; nothing was added")
    if account.origin not in tuple(Origin):
        raise BadRecord(f"row {place}: origin is sso or manual, not {account.origin!r}; nothing was added")
    return key


def _user(conn: Conn, ref: str) -> User:
    found = resources.application_users(conn, ids=[people.user(conn, ref)["id"]])
    if not found:
        raise NotFound(f"no user {ref}")
    return found[0]
