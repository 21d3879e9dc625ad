"""What the engine asks of a directory: pages of records, look-ups by id, rights one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from sync.model.resources import GroupRecord, UserRecord


def no_picture(_external_id: str) -> None:
    """The pictures of a connection that keeps none."""


def every_group(_record: GroupRecord) -> bool:
    """The rule of a connection that leaves no group out."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a connection's settings ask of a source beyond its plain records.

    ``attributes`` are key paths into the IdP's own attributes of a person (("profile",
    "nickName")): they come as ``raw`` with pages and look-ups. ``group`` says whether a group is in
    scope: a source gives every group, but needs to read no members of one that is not. ``picture``
    is the address of the picture that was kept of a person (see ``PhotoReader``), by external id.
    """

    attributes: frozenset[tuple[str, ...]] = frozenset()
    group: Callable[[GroupRecord], bool] = every_group
    picture: Callable[[str], str | None] = no_picture


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that could not be used. With an id the person still counts as present.

    ``kind`` is "user", "group" or "member"; ``why`` is a sentence for the admin. A record
    without an id makes the snapshot partial: nobody can say who it was.
    """

    kind: str
    external_id: str | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Members of one group, whole or in pieces; the piece with ``last`` ends the group.

    ``user_ids`` and ``group_ids`` are external ids. A group without a last piece is unread.
    ``shown_late`` says that the directory may show a membership late, or not for a while: whoever it
    misses leaves only when the next read of the group misses them too.
    """

    group_id: str
    user_ids: Sequence[str]
    group_ids: Sequence[str] = ()
    last: bool = True
    shown_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersUnread:
    """The members of this group could not be read: they stay as they are, and it is reported."""

    group_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange:
    """A delta's word on single members of a group (adds and removals by external id).

    It may name people as removed who were no members. ``shown_late`` is as in ``Members``.
    """

    group_id: str
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    shown_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """An explicit statement that one user or group no longer exists (a tombstone).

    A user's memberships end with it, told or not. ``may_exist`` says that the user may only be out of
    scope: then memberships end as the groups' own lists tell.
    """

    kind: str
    external_id: str
    why: str = "deleted at the directory"
    may_exist: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Stands on the last page only, after a legal end of every walk.

    ``cursor`` is the bookmark for the next delta pull; the engine commits it with the changes.
    ``stated_users`` / ``stated_groups`` are the API's own counts where they are exact.
    ``as_of`` is the server's clock when the read began.
    """

    cursor: str | None = None
    stated_users: int | None = None
    stated_groups: int | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of the IdP, in our words.

    ``raw`` holds the IdP's own attributes of each of ``users``, in the same order, when the source
    was opened with wanted key paths; it needs to hold no more than those. Empty otherwise.

    ``place`` is where a full read can go on behind this page, for ``full`` to be told after a kill:
    opaque to the engine, and no secret. Places lie between pages of people or behind the last of them;
    groups and members are always read anew. None where the read cannot go on from here.
    """

    users: Sequence[UserRecord] = ()
    raw: Sequence[Mapping[str, Any]] = ()
    groups: Sequence[GroupRecord] = ()
    members: Sequence[Members | MembersUnread | MemberChange] = ()
    gone: Sequence[Gone] = ()
    set_aside: Sequence[SetAside] = ()
    warnings: Sequence[str] = ()
    place: str | None = None
    end: End | None = None


@dataclass(slots=True, kw_only=True)
class Effort:
    """What a read has cost so far: requests sent, pages read, seconds spent waiting as told.

    ``told_at`` is the directory's clock in its newest answer, None while it has not told it.
    """

    requests: int = 0
    pages: int = 0
    throttled_s: float = 0.0
    told_at: datetime | None = None


class RightState(StrEnum):
    """Outcome of proving one right."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One right the pull needs, proved or not, with the remedy when it is missing."""

    name: str
    state: RightState
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Answers of a look-up by id.

    ``present`` maps id to record; ``gone`` holds ids the IdP says do not exist. An id in
    neither could not be read: nothing is known of it. ``raw`` is as in ``Page``, by id.
    """

    present: Mapping[str, UserRecord] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    raw: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsFound:
    """Answers of a look-up of groups by id; in neither set: it could not be read."""

    present: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()


class Source(Protocol):
    """A provider opened for one connection. Errors are those of ``sync.model.errors``."""

    effort: Effort

    def identity(self) -> str | None:
        """The IdP's id of the tenant or organisation, to notice another one answering."""

    def check(self) -> Sequence[Right]:
        """Prove the needed rights one by one."""

    def full(self, place: str | None = None, /) -> Iterator[Page]:
        """Read everything in scope from page 1. Users come before groups, groups before members.

        ``place`` is one that a page of an earlier read told: that read is gone on with, and whoever
        came before that place does not come again. Raises CursorExpired when it is no longer good.
        """

    def changes(self, cursor: str) -> Iterator[Page]:
        """Read what changed since ``cursor``; raises CursorExpired when only full() can help."""

    def lookup(self, external_ids: Sequence[str]) -> Found:
        """Read single people by id, bounded and within the time budget.

        Whoever exists but lies outside the connection's scope is gone for us.
        """

    def lookup_groups(self, external_ids: Sequence[str]) -> GroupsFound:
        """Read single groups by id, like ``lookup``."""

    def close(self) -> None:
        """Give back connections; safe to call twice."""


@runtime_checkable
class GroupReader(Protocol):
    """A source that can also read single groups with their members, for a run about a few of them.

    A source without it still pulls in full and by delta; only a run about named groups is refused.
    """

    def groups(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Read these groups by id, and all their members: pages of groups, then of members, no End.

        Each group speaks for itself. One that does not exist, or lies outside the scope of the
        connection, is ``Gone``; one whose members could not be read to their end is
        ``MembersUnread``; of one that is not spoken of at all nothing is known. A group that
        ``Wanted.group`` leaves out comes as a record without members.
        """


@runtime_checkable
class MembershipReader(Protocol):
    """A source whose deltas leave out the memberships of somebody who comes back."""

    def memberships(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """The groups in scope that these people are in, as pages of ``MemberChange``, no End.

        Raises when somebody's groups cannot be read; who does not exist any more is left out.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture's bytes, of a type that browsers show."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """What the directory has of somebody's photo now, told where it is not what was known.

    ``version`` changes whenever the photo does, "" where there is none. ``image`` is None where there
    is none, or none that can be used.
    """

    external_id: str
    version: str
    image: Image | None = None


@runtime_checkable
class PhotoReader(Protocol):
    """A source whose pictures are bytes that we have to keep, not addresses of somebody else's."""

    def photos(self, known: Mapping[str, str | None]) -> Iterator[Photo]:
        """The photos of these people whose version is another than the known one (None: never seen).

        Who is not spoken of has the known one still, or could not be read.
        """


@runtime_checkable
class Subscriber(Protocol):
    """A source that tells changes to an address only while it was asked to lately.

    ``resources`` are what it is asked to tell of, each by a subscription of its own.
    """

    resources: Sequence[str]

    def subscribe(self, resource: str, url: str, secret: str, ends_at: datetime) -> str:
        """Ask for calls to ``url`` that show ``secret``; the subscription's id. The url must answer."""

    def renew(self, subscription_id: str, ends_at: datetime) -> bool:
        """Keep it alive until then; False when it does not exist any more."""

    def unsubscribe(self, subscription_id: str) -> None:
        """End it; nothing happens when it does not exist any more."""
