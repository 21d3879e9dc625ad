"""The nouns: what a source says of people and groups, and what we keep of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeVar


class Unset:
    """The type of UNSET: the source did not speak of this field (None means: it is empty)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Final = Unset()


class Status(StrEnum):
    """What a directory says of a person's account, after the vendor's own table.

    UNKNOWN changes nothing and is reported. GONE is never read from a page: it is the state of
    a person who is absent from a complete snapshot, deleted or unassigned.
    """

    ACTIVE = "active"
    PENDING = "pending"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"
    GONE = "gone"


class UserRecord(NamedTuple):
    """What one answer of a source says of one person. A tuple, since 100,000 of them pass by.

    ``external_id`` is the IdP's immutable id ("" when a push did not name one).
    ``scim_external_id`` is the value the IdP sends, or would send, as SCIM ``externalId``.
    ``status_text`` is the vendor's own word, for people to read.
    ``extra`` holds further mapped attributes as sorted (name, value) pairs.
    """

    external_id: str
    user_name: str = ""
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    picture_url: str | None = None
    status: Status = Status.ACTIVE
    status_text: str = ""
    scim_external_id: str | None = None
    extra: tuple[tuple[str, str], ...] = ()


class GroupRecord(NamedTuple):
    """What one answer of a source says of one group, without its members."""

    external_id: str
    name: str
    scim_external_id: str | None = None


PROFILE_FIELDS: Final = ("email", "first_name", "last_name", "picture_url")
"""The user fields a connection owns, by the names of UserRecord and User alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person's account in the application."""

    id: str
    email: str | None
    first_name: str | None = None
    last_name: str | None = None
    picture_url: str | None = None
    active: bool = True
    suspended_by_hand: bool = False
    protected: bool = False
    admin: bool = False
    origin: str = "manual"
    waiting_for_seat: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUser:
    """What one connection says of one person, as stored; also its SCIM User resource.

    ``user_id`` is the linked user, None while unlinked. ``deleted_at`` marks a tombstone.
    """

    id: str
    connection_id: str
    external_id: str | None
    scim_external_id: str | None
    user_name: str
    email: str | None
    first_name: str | None
    last_name: str | None
    picture_url: str | None
    status: Status
    status_text: str = ""
    reason: str = ""
    user_id: str | None = None
    version: int = 1
    origin: str = "pull"
    fingerprint: bytes | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    deleted_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def live(self) -> bool:
        return self.deleted_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherLink:
    """What another connection says of the same user; a lower ``rank`` outranks a higher one."""

    connection_id: str
    connection: str
    rank: int
    row: DirectoryUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named set in one connection's directory; ``tag`` is what its members carry."""

    id: str
    connection_id: str
    external_id: str | None
    scim_external_id: str | None
    name: str
    tag: str | None
    version: int = 1
    origin: str = "pull"
    fingerprint: bytes | None = None
    member_digest: bytes | None = None
    deleted_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """A SCIM bearer token as people may see it: never the token itself."""

    id: str
    last_four: str
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None


@lru_cache(maxsize=4096)
def fold(text: str | None) -> str | None:
    """The comparison key of an e-mail, userName or name: trimmed, NFC, casefolded; "" is None.

    One person's names are folded a dozen times on their way: the last few thousand are remembered.
    """
    if text is None:
        return None
    text = text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
        return text or None
    return text.lower() or None


def fingerprint(record: UserRecord | GroupRecord, salt: str) -> bytes:
    """16 bytes that change when the record, or the settings named by ``salt``, change.

    Length-prefixing is not needed: the separator cannot pass JSON unescaped, and a record that
    does hold it costs a needless comparison at worst, never a missed one across fields of the
    same values, since repr keeps the quotes.
    """
    said = _said(record) if isinstance(record, UserRecord) else repr(tuple(record))
    return blake2b(f"{salt}\x1f{said}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


_SAID_STATUS: Final = {status: repr(status) for status in Status}


def _said(record: UserRecord) -> str:
    """The repr of the record as a plain tuple, in half the time: every person of a read needs it."""
    id_, user_name, email, first, last, picture, status, text, scim_id, extra = record
    return (
        f"({id_!r}, {user_name!r}, {email!r}, {first!r}, {last!r}, {picture!r}, "
        f"{_SAID_STATUS[status]}, {text!r}, {scim_id!r}, {extra!r})"
    )


def member_digest(
    user_ids: set[str] | frozenset[str], group_ids: set[str] | frozenset[str] = frozenset()
) -> bytes:
    """16 bytes over the sorted external ids of a group's members; equal sets, equal digests."""
    digest = blake2b(digest_size=16)
    digest.update("\x1f".join(sorted(user_ids)).encode("utf-8", "surrogatepass"))
    if group_ids:
        digest.update(b"\x1e")
        digest.update("\x1f".join(sorted(group_ids)).encode("utf-8", "surrogatepass"))
    return digest.digest()


RecordT = TypeVar("RecordT", UserRecord, GroupRecord)


def without_nul(record: RecordT) -> RecordT:
    """The record without NUL characters: no name means them, and PostgreSQL cannot store them."""
    if "\\x00" not in repr(tuple(record)):
        return record
    said: dict[str, Any] = {name: _stripped(value) for name, value in record._asdict().items()}
    return record._replace(**said)


def _stripped(value: object) -> object:
    if type(value) is str:
        return value.replace("\0", "")
    return tuple(_stripped(part) for part in value) if isinstance(value, tuple) else value
