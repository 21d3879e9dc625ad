"""What the SCIM server asks of the engine: one request inside one connection, one transaction.

The SCIM server speaks in whole documents (canonical SCIM attributes without ``id``, ``meta``,
``groups`` and ``members``); members travel apart, as edits, so that no group is ever loaded to
change one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar

from sync.model.query import Query

T = TypeVar("T")


class Kind(StrEnum):
    """The two SCIM resource types we keep."""

    USER = "User"
    GROUP = "Group"


class Resource(NamedTuple):
    """A stored SCIM resource. ``text`` is its document in JSON: its attributes by canonical name.

    As text, since most are sent on as they are. Times are RFC 3339 in UTC with microseconds. ``groups``
    are a user's where they were read along with it, else None. A tuple, as a page makes hundreds of them.
    """

    kind: Kind
    id: str
    text: str
    version: int
    created_at: str
    updated_at: str
    groups: Sequence[GroupRef] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a query: how many match in all, and the rows of this page.

    ``next`` is the keyset position after the last row (what ``Query.after`` takes), in the
    store's own text form; None exactly when no further row follows.
    """

    total: int
    resources: Sequence[Resource]
    next: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRef:
    """A member as a group shows it. ``kind`` None: pending, nobody has this id yet."""

    value: str
    kind: Kind | None
    display: str | None = None


class GroupRef(NamedTuple):
    """A group as a user shows it; ``direct`` is False when it comes through a nested group."""

    value: str
    display: str
    direct: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """A member a client names: the id it sent (ours, or a foreign one) and its display text."""

    value: str
    display: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMembers:
    """Put these into the group; who is in it already stays once."""

    members: Sequence[NewMember]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveMembers:
    """Take exactly these out of the group."""

    values: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMembers:
    """The exact new set; an empty one clears the group."""

    members: Sequence[NewMember]


MemberEdit = AddMembers | RemoveMembers | SetMembers


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A connection as its token opened it.

    ``paused`` holds the sentence for the IdP's log while the connection is paused. ``profile``
    names the set of leniencies (its type); ``settings`` are its SCIM knobs by name.
    """

    connection_id: str
    token_id: str
    profile: str
    paused: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


class Session(Protocol):
    """One SCIM request. What is read later is never older; writes commit together or not at all.

    Writers raise Duplicate (409 uniqueness), Stale (412), NotFound (404), Refused (403),
    Conflict (409), Transient (503). ``if_version`` is the version the client demands, None when
    it demands none. A write that changes nothing returns the resource with its old version.
    """

    def get(self, kind: Kind, resource_id: str) -> Resource | None:
        """The live resource, or None; another connection's resources are None."""

    def find(self, kind: Kind, query: Query) -> Listing:
        """A page of live resources in stable order (created, id) unless sorted."""

    def members_of(self, group_ids: Sequence[str]) -> Mapping[str, Sequence[MemberRef]]:
        """Members of each group, in the order they joined."""

    def has_more_members(self, group_id: str, than: int) -> bool:
        """Whether a group has more than so many members; reads no more rows than that."""

    def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[GroupRef]]:
        """Groups of each user."""

    def labels(self, resource_ids: Iterable[str]) -> Mapping[str, tuple[Kind, str]]:
        """Kind and display text of live resources by id; unknown ids are absent."""

    def create_user(self, document: Mapping[str, Any]) -> Resource: ...

    def replace_user(
        self, user_id: str, document: Mapping[str, Any], if_version: Sequence[int] | None = None
    ) -> Resource: ...

    def delete_user(self, user_id: str, if_version: Sequence[int] | None = None) -> None: ...

    def create_group(self, document: Mapping[str, Any], members: Sequence[NewMember]) -> Resource: ...

    def change_group(
        self,
        group_id: str,
        document: Mapping[str, Any],
        edits: Sequence[MemberEdit],
        if_version: Sequence[int] | None = None,
    ) -> Resource:
        """Write the group's attributes and apply the member edits in order."""

    def delete_group(self, group_id: str, if_version: Sequence[int] | None = None) -> None: ...


class Gateway(Protocol):
    """How the SCIM server reaches the engine."""

    def authenticate(self, connection_id: str, token: str) -> Access | None:
        """The access a bearer token gives, or None: unknown connection and wrong token alike."""

    def known(self, connection_id: str, token: str) -> Access | None:
        """The same from memory alone; None also when it would have to be looked up."""

    def is_at_once(self, *, writes: bool, is_short: bool) -> bool:
        """Whether such a request's work is done sooner here than another thread could be woken."""

    def start(self, work: Callable[[], T], *, writes: bool, is_short: bool) -> Future[T]:
        """Begin the whole work of a request, which calls ``read`` or ``write``, in another thread.

        The future ends when what was written is durable.
        """

    def read(self, access: Access, work: Callable[[Session], T]) -> T:
        """Run ``work``, which only reads."""

    def write(self, access: Access, work: Callable[[Session], T]) -> T:
        """Run ``work`` in one transaction; it may run again when it lost a race."""
