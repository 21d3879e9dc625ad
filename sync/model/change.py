"""One intended write: what, to whom, why, before and after. Plans, history and events share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sync.model.resources import GroupRecord, Status, UserRecord


class Action(StrEnum):
    """What a change does. The order of the members is the order of a plan.

    RELEASE takes an adoption back: the account is the application's own again.
    """

    SUSPEND = "suspend"
    RELEASE = "release"
    GROUP_CREATE = "group_create"
    GROUP_RENAME = "group_rename"
    REACTIVATE = "reactivate"
    ADOPT = "adopt"
    CREATE = "create"
    UPDATE = "update"
    RECORD = "record"
    MEMBER_REMOVE = "member_remove"
    MEMBER_ADD = "member_add"
    GROUP_DELETE = "group_delete"


ORDER: Final = {action: place for place, action in enumerate(Action)}
"""Suspensions first: they free the seats that reactivations and creations take."""

COUNTED: Final = tuple(action for action in Action if action is not Action.RECORD)
"""The actions people see. RECORD only keeps what the directory said; no user changes by it."""

REMOVALS: Final = frozenset({Action.SUSPEND, Action.RELEASE, Action.GROUP_DELETE, Action.MEMBER_REMOVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who or what a change is about.

    ``id`` is the directory user's or group's id, ``user_id`` the application user's; ``label``
    is what people call it (e-mail, else userName, else name; a group's name).
    """

    kind: str
    id: str
    label: str
    external_id: str | None = None
    user_id: str | None = None


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Change(NamedTuple):
    """One intended write. A tuple: a first run makes two for each person.

    ``before`` and ``after`` hold only the fields that differ, by the names of ``User`` (groups:
    ``name``, ``tag``). ``record`` is what the source said, kept on the directory user or group.
    ``document`` is the SCIM resource when a push said it. ``new`` says that the directory row
    does not exist yet; ``expects_version`` is the version the decision was made on.
    One record asks for one change at most, so ``fingerprint`` is stored with it.
    ``members`` are external ids; ``count`` is their number, ``whole`` how many the group then has.
    ``part`` tells the pieces of one large member change apart; ``displays`` are the texts a push
    gave for members. ``tombstone`` says that the directory row itself goes (SCIM DELETE).
    ``restore`` is what history kept of the rows before (see ``sync.undo``): a revert puts it back,
    and then no record is needed.
    """

    action: Action
    subject: Subject
    reason: str
    before: Mapping[str, Any] = _NOTHING
    after: Mapping[str, Any] = _NOTHING
    record: UserRecord | GroupRecord | None = None
    document: Mapping[str, Any] | None = None
    new: bool = False
    expects_version: int | None = None
    fingerprint: bytes | None = None
    expects_user_version: int | None = None
    rule: str | None = None
    members: tuple[str, ...] = ()
    displays: Mapping[str, str] = _NOTHING
    tombstone: bool = False
    restore: Mapping[str, Any] | None = None
    whole: int = 0
    part: int = 0
    count: int = 1  # type: ignore[assignment] # a tuple's own count() is nothing that anybody needs here

    @property
    def id(self) -> str:
        """Short id, the same in every plan that wants the same thing of the same subject."""
        return change_id(
            self.action, self.subject.kind, self.subject.external_id or self.subject.id, self.part
        )

    @property
    def removal(self) -> bool:
        return self.action in REMOVALS


def change_id(action: Action, kind: str, external_id: str, part: int = 0) -> str:
    """The id a change of this kind to this subject has in every plan: 12 hex digits."""
    key = f"{action}\x1f{kind}\x1f{external_id}\x1f{part}"
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def zero_counts() -> dict[str, int]:
    """Counts by action name, every counted action present."""
    return {action.value: 0 for action in sorted(COUNTED)}


def counted(changes: Iterable[Change]) -> dict[str, int]:
    """How many of each action; memberships count one by one."""
    counts = zero_counts()
    for change in changes:
        if change.action is not Action.RECORD:
            counts[change.action] += change.count
    return counts


Row = dict[str, Any]
"""A change as JSON can hold it."""

_STATUSES: Final = {status.value: status for status in Status}


def user_record_of(values: list[Any]) -> UserRecord:
    """A UserRecord from its JSON list."""
    id_, user_name, email, first, last, picture, status, text, scim_id, extra = values
    further = tuple((name, value) for name, value in extra)
    return UserRecord(id_, user_name, email, first, last, picture, _STATUSES[status], text, scim_id, further)
