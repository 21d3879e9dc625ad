"""Records and changes as the text that staged rows and plans keep, and back, decoded into their types.

A first run reads two of these texts for each person: typed decoding takes a third of what building
dictionaries and picking them apart does.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sync.model.change import Action, Change, Subject, change_row
from sync.model.resources import GroupRecord, UserRecord
from sync.store.text import to_json

Fields = dict[str, Any]


class _Stored(msgspec.Struct, gc=False, kw_only=True):
    """A change as ``sync.model.change.change_row`` lays it out: what is empty is not there."""

    action: Action
    subject: Subject
    reason: str
    before: Fields
    after: Fields
    user: UserRecord | None = None
    group: GroupRecord | None = None
    document: Fields | None = None
    fingerprint: str | None = None
    members: tuple[str, ...] = ()
    expects_version: int | None = None
    expects_user_version: int | None = None
    rule: str | None = None
    new: bool = False
    tombstone: bool = False
    restore: Fields | None = None
    whole: int = 0
    part: int = 0
    count: int = 1


_CHANGE: Final = msgspec.json.Decoder(_Stored)
_USER: Final = msgspec.json.Decoder(UserRecord)
_GROUP: Final = msgspec.json.Decoder(GroupRecord)


def text_of(change: Change) -> str:
    """The text a plan keeps; ``change`` is its inverse."""
    return to_json(change_row(change))


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
        expects_user_version=stored.expects_user_version,
        fingerprint=bytes.fromhex(stored.fingerprint) if stored.fingerprint else None,
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
