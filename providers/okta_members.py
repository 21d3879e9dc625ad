"""Reads the members of many groups at once, gives them in order, and keeps one group's trouble to itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from providers.ahead import Ahead
from providers.answers import Answer
from providers.failures import ENDS_THE_READ, Absent, TooSlow
from providers.http import Ask, Wire
from providers.okta_records import GroupRow, Rows, read_member_ids
from providers.pages import PageGuard
from sync.model.errors import ConnectorError, Incomplete, Transient
from sync.model.source import Gone, Members, MembersUnread, Page

Piece = tuple[Answer, Rows[str]]

SHORT: Final = {
    "content-type": "application/json; "
    'okta-response="omitCredentials,omitCredentialsLinks,omitTransitioningToStatus"'
}
_LARGE: Final = 1000
_SMALL: Final = 200
_AHEAD: Final = 8
_TROUBLE_IN_A_ROW: Final = 5
_WORTH_DOUBT: Final = 20
_EMPTY_DOUBT: Final = 5


class MemberReads:
    """The member lists of one pull.

    First pages of the next groups are under way while one group is read to its end, so memory
    holds a few pages whatever the size of the directory. A page that takes too long makes all
    later pages smaller.
    """

    def __init__(self, wire: Wire, ahead: Ahead) -> None:
        self._wire = wire
        self._ahead = ahead
        self._limit = _LARGE

    def read(self, groups: Sequence[GroupRow]) -> Iterator[Page]:
        """One or more pages per group, in the order given.

        A group that is gone is told as Gone, one that cannot be read as MembersUnread. Raises when
        the trouble concerns the whole read, or five groups in a row are met by outages.
        """
        nobody = [Members(group_id=group.id, user_ids=()) for group in groups if group.stated_members == 0]
        if nobody:
            yield Page(members=nobody)
        rest = (group for group in groups if group.stated_members != 0)
        ahead = deque(self._begin(group) for group in islice(rest, _AHEAD))
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
            ahead.extend(self._begin(group) for group in islice(rest, 1))

    def _begin(self, group: GroupRow) -> tuple[GroupRow, Callable[[], Piece]]:
        return group, self._ahead.begin(self._fetch, _target(group.id, self._limit), group.name)

    def _one(self, group: GroupRow, first: Callable[[], Piece]) -> Iterator[Page]:
        """Pages of one group; an outage is raised, every other trouble of the group becomes MembersUnread."""
        try:
            yield from self._pieces(group, first)
        except Absent:
            yield Page(gone=(Gone(kind="group", external_id=group.id),))
        except (Transient, *ENDS_THE_READ):
            raise
        except ConnectorError as error:
            yield _unread(group, error.message)

    def _pieces(self, group: GroupRow, pending: Callable[[], Piece]) -> Iterator[Page]:
        guard = PageGuard(self._wire.origin, _target(group.id, self._limit), f"members of group {group.id}")
        seen: set[str] = set()
        while True:
            answer, rows = pending()
            if rows.set_aside:
                raise Incomplete(rows.set_aside[0].why)
            guard.saw(rows.span)
            target = guard.next(answer.links)
            if target:
                pending = self._ahead.begin(self._fetch, target, group.name)
            fresh = _fresh(rows.rows, seen, is_only=target is None and not seen)
            if target is None:
                self._doubt(group, len(seen) + len(fresh))
            seen.update(fresh if target else ())
            yield Page(members=(Members(group_id=group.id, user_ids=fresh, last=target is None),))
            if target is None:
                return

    def _doubt(self, group: GroupRow, found: int) -> None:
        stated = group.stated_members or 0
        if (stated >= _WORTH_DOUBT and found * 2 < stated) or (stated >= _EMPTY_DOUBT and found == 0):
            raise Incomplete(
                f"The directory counts {stated} members in group {group.name!r} but lists {found}; "
                "its members were left as they are."
            )

    def _fetch(self, target: str, name: str) -> Piece:
        if self._limit == _SMALL:
            target = _smaller(target)
        try:
            return self._ask(target, name, gives_up_when_slow=f"limit={_LARGE}" in target)
        except TooSlow:
            if f"limit={_LARGE}" not in target:
                raise
            self._limit = _SMALL
        return self._ask(_smaller(target), name, gives_up_when_slow=False)

    def _ask(self, target: str, name: str, *, gives_up_when_slow: bool) -> Piece:
        what = f"the members of group {name!r}"
        ask = Ask(target, what, "/api/v1/groups", SHORT, gives_up_when_slow=gives_up_when_slow)
        return self._wire.ask(ask, read_member_ids)


def _target(group_id: str, limit: int) -> str:
    return f"/api/v1/groups/{group_id}/users?limit={limit}"


def _smaller(target: str) -> str:
    return target.replace(f"limit={_LARGE}", f"limit={_SMALL}")


def _fresh(ids: Sequence[str], seen: set[str], *, is_only: bool) -> Sequence[str]:
    """The ids not met before in this group, each once, in their order."""
    if is_only and len(set(ids)) == len(ids):
        return ids
    return [user_id for user_id in dict.fromkeys(ids) if user_id not in seen]


def _unread(group: GroupRow, why: str) -> Page:
    return Page(members=(MembersUnread(group_id=group.id, why=why),))
