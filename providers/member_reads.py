"""Reads the members of many groups at once, gives them in order, and keeps one group's trouble to itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Generic, Protocol, TypeVar

from providers.failures import ENDS_THE_READ, Absent
from providers.rows import GroupRow
from sync.model.errors import ConnectorError, Incomplete, Transient
from sync.model.source import Gone, Members, MembersUnread, Page

F = TypeVar("F")

_AHEAD: Final = 8
_TROUBLE_IN_A_ROW: Final = 5
_WORTH_DOUBT: Final = 20
_EMPTY_DOUBT: Final = 5


class MemberList(Protocol[F]):
    """How one vendor's member lists are read."""

    def begin(self, group: GroupRow) -> F:
        """Starts the group's first page; gives what waits for it."""

    def pages(self, group: GroupRow, first: F) -> Iterator[Page]:
        """The group's members from that first page to the last; raises what stands in the way."""


class MemberReads(Generic[F]):
    """The member lists of one pull.

    First pages of the next groups are under way while one group is read to its end, so memory
    holds a few pages whatever the size of the directory.
    """

    def __init__(self, lists: MemberList[F]) -> None:
        self._lists = lists

    def read(self, groups: Sequence[GroupRow]) -> Iterator[Page]:
        """One or more pages per group, in the order given.

        A group that is gone is told as Gone, one that cannot be read as MembersUnread. Raises when
        the trouble concerns the whole read, or five groups in a row are met by outages.
        """
        nobody = [Members(group_id=group.id, user_ids=()) for group in groups if group.stated_members == 0]
        if nobody:
            yield Page(members=nobody)
        rest = (group for group in groups if group.stated_members != 0)
        ahead = deque((group, self._lists.begin(group)) for group in islice(rest, _AHEAD))
        trouble = 0
        while ahead:
            group, first = ahead.popleft()
            try:
                yield from self._one(group, first)
                trouble = 0
            except Transient as error:
                trouble += 1
                if isinstance(error, ENDS_THE_READ) or trouble >= _TROUBLE_IN_A_ROW:
                    raise
                yield _unread(group, error.message)
            ahead.extend((group, self._lists.begin(group)) for group in islice(rest, 1))

    def _one(self, group: GroupRow, first: F) -> Iterator[Page]:
        """Pages of one group; an outage is raised, every other trouble of the group becomes MembersUnread."""
        try:
            yield from self._lists.pages(group, first)
        except Absent:
            yield Page(gone=(Gone(kind="group", external_id=group.id),))
        except (Transient, *ENDS_THE_READ):
            raise
        except ConnectorError as error:
            yield _unread(group, error.message)


def doubt(group: GroupRow, stated: int | None, found: int) -> None:
    """Raises Incomplete when a group that should have members lists far fewer, or none."""
    stated = stated or 0
    if (stated >= _WORTH_DOUBT and found * 2 < stated) or (stated >= _EMPTY_DOUBT and found == 0):
        raise Incomplete(
            f"The directory counts {stated} members in group {group.name!r} but lists {found}; "
            "its members were left as they are."
        )


def fresh(ids: Sequence[str], seen: set[str], *, is_only: bool) -> Sequence[str]:
    """The ids not met before in this group, each once, in their order."""
    if is_only and len(set(ids)) == len(ids):
        return ids
    return [user_id for user_id in dict.fromkeys(ids) if user_id not in seen]


def _unread(group: GroupRow, why: str) -> Page:
    return Page(members=(MembersUnread(group_id=group.id, why=why),))
