"""Records and changes as the text that staged rows and plans keep, and back, decoded into their types.

A first run reads two of these texts for each person: typed decoding takes a third of what building
dictionaries and picking them apart does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sync.model.change import Action, Change, Subject
from sync.model.resources import GroupRecord, UserRecord

Fields = dict[str, Any]


class _Stored(msgspec.Struct, gc=False, omit_defaults=True):
    """A change as plans keep it: what is empty is not there."""

    action: Action
    subject: Subject
    reason: str
    before: Fields
    after: Fields
    user: UserRecord | None = None
    group: GroupRecord | None = None
    document: Mapping[str, Any] | None = None
    fingerprint: str | None = None
    members: tuple[str, ...] = ()
    expects_version: int | None = None
    expects_user_version: int | None = None
    rule: str | None = None
    new: bool = False
    tombstone: bool = False
    restore: Mapping[str, Any] | None = None
    whole: int = 0
    part: int = 0
    count: int = 1


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_CHANGE: Final = msgspec.json.Decoder(_Stored)
_USER: Final = msgspec.json.Decoder(UserRecord)
_GROUP: Final = msgspec.json.Decoder(GroupRecord)


def text_of(change: Change) -> str:
    """The text a plan keeps; ``change`` is its inverse."""
    record = change.record
    return _ENCODER.encode(
        _Stored(
            change.action,
            change.subject,
            change.reason,
            dict(change.before),
            dict(change.after),
            record if isinstance(record, UserRecord) else None,
            record if isinstance(record, GroupRecord) else None,
            change.document or None,
            change.fingerprint.hex() if change.fingerprint is not None else None,
            change.members,
            change.expects_version,
            change.expects_user_version,
            change.rule or None,
            change.new,
            change.tombstone,
            change.restore or None,
            change.whole,
            change.part,
            change.count,
        )
    ).decode()


def change(text: str) -> Change:
    """The change that a plan's text stands for, equal to the one it was made of."""
    stored = _CHANGE.decode(text)
    return Change(
        action=stored.action,
        subject=stored.subject,
        reason=stored.reason,
        before=stored.before,
        after=stored.after,
        record=stored.group if stored.user is None else stored.user,
        document=stored.document,
        new=stored.new,
        expects_version=stored.expects_version,
        fingerprint=bytes.fromhex(stored.fingerprint) if stored.fingerprint else None,
        expects_user_version=stored.expects_user_version,
        rule=stored.rule,
        members=stored.members,
        tombstone=stored.tombstone,
        restore=stored.restore,
        whole=stored.whole,
        part=stored.part,
        count=stored.count,
    )


def user_record(text: str) -> UserRecord:
    """What a staged row holds of a person."""
    return _USER.decode(text)


def group_record(text: str) -> GroupRecord:
    """What a staged row holds of a group."""
    return _GROUP.decode(text)
