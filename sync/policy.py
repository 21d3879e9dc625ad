"""What a connection's policy allows: a filter over decisions, without looking anything up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sync.model.connection import ActiveRule, Adopt, Policy
from sync.model.resources import OtherLink, Status, User, UserRecord, fold

PROFILE = ("first_name", "last_name", "picture_url")
"""The profile fields besides the e-mail, which has rules of its own."""

_ADDRESS = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f.]+")
"""Looks like an address. Whether mail arrives is not ours to know."""

_GUEST = "#EXT#"
"""Entra's mark of a guest's userPrincipalName, which is no mailbox."""


def address_of(record: UserRecord, policy: Policy) -> str | None:
    """The person's usable e-mail: the first of the policy's fields that looks like an address."""
    for name in policy.email_from:
        value = record.email if name == "email" else getattr(record, name, None)
        if isinstance(value, str) and (address := _usable(value)) is not None:
            return address
    return None


@lru_cache(maxsize=4096)
def _usable(value: str) -> str | None:
    """The address in a text; one person's is asked for three times on its way."""
    address = value.strip()
    return address if _GUEST not in value and _ADDRESS.fullmatch(address) else None


def usable_address(record: UserRecord) -> bool:
    """Whether the record's own e-mail looks like an address."""
    return address_of(record, Policy(email_from=("email",))) is not None


def adoption_doubt(
    user: User, address: str | None, policy: Policy, other_connections: Sequence[str]
) -> str | None:
    """Why adopting this account needs a person's word; None when the policy lets it through.

    ``other_connections`` are names of other connections that hold a live link to the account.
    Matching is an authorisation decision: who may adopt an administrator becomes one.
    """
    if policy.adopt is Adopt.NEVER:
        return "this connection never adopts accounts"
    if policy.adopt is Adopt.CONFIRM:
        return "this connection adopts accounts only when confirmed"
    if user.protected or is_protected(user, policy):
        return "the account is protected"
    if user.admin:
        return "the account is an administrator"
    if other_connections:
        return f"the account belongs to {', '.join(sorted(other_connections))} as well"
    if policy.verified_domains and _domain(address) not in policy.verified_domains:
        return f"the domain {_domain(address)} is not among this connection's verified domains"
    return None


def is_protected(user: User, policy: Policy) -> bool:
    """Whether removals must leave this account alone, whatever the directory says."""
    return user.protected or (fold(user.email) or "") in policy.protected


def _domain(address: str | None) -> str:
    return (fold(address) or "").rpartition("@")[2]


def profile_of(record: UserRecord, policy: Policy, others: Sequence[OtherLink]) -> dict[str, str | None]:
    """Each profile field from the highest-ranked live link that has a value; no value clears it."""
    there = [other for other in others if other.row.status is not Status.GONE]
    ranked: list[tuple[int, int, object]] = [(policy.rank, 0, record)]
    ranked += [(other.rank, 1, other.row) for other in there]
    ranked.sort(key=lambda entry: entry[:2])
    return {
        name: next((value for _, _, said in ranked if (value := getattr(said, name)) is not None), None)
        for name in PROFILE
    }


def extra_of(
    record: UserRecord,
    known: Mapping[str, str],
    user: User | None,
    policy: Policy,
    others: Sequence[OtherLink],
) -> dict[str, str]:
    """The account's further fields: by name from the highest-ranked live link that has one.

    ``known`` are those of this link so far: one that no link gives any more goes. What the account
    has from elsewhere stays.
    """
    ranked = [(policy.rank, 0, dict(record.extra))]
    ranked += [(o.rank, 1, dict(o.row.extra)) for o in others if o.row.status is not Status.GONE]
    ranked.sort(key=lambda entry: entry[:2], reverse=True)
    kept = {name: value for name, value in (user.extra if user else {}).items() if name not in known}
    for _, _, said in ranked:
        kept |= said
    return kept


def should_be_active(status: Status, policy: Policy, others: Sequence[OtherLink]) -> tuple[bool, str | None]:
    """Whether the person has access, and the other connection that decides it, if another does."""
    active = status is Status.ACTIVE
    if policy.active_rule is ActiveRule.HIGHEST:
        above = min(
            (other for other in others if other.rank < policy.rank), key=lambda o: o.rank, default=None
        )
        if above is not None:
            return above.row.status is Status.ACTIVE, above.connection
        return active, None
    if active:
        return True, None
    keeper = next((other.connection for other in others if other.row.status is Status.ACTIVE), None)
    return keeper is not None, keeper
