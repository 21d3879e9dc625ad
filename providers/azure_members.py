"""Members of groups, the first page of twenty groups in one batch, and further pages where there are more."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from providers.ahead import Ahead
from providers.answers import Answer
from providers.azure_batch import MOST, Batches, Item, Outcome
from providers.azure_records import HIDDEN, Listed, MemberIds, onward_of, read_members
from providers.azure_walk import VERSION, List, Walks
from providers.failures import Absent
from providers.http import Wire
from providers.member_reads import fresh
from providers.rows import GroupRow
from sync.model.errors import ConnectorError, Incomplete
from sync.model.source import Members, Page

_COST: Final = 2
_AHEAD: Final = 4
"""Batches under way at a time: their answers wait in memory until their groups' turn comes."""

_BESIDE_BYTES: Final = 4 * 2**20
"""Answers kept from before the members' turn, at most, but for what is under way."""

_FURTHER: Final = 3
"""Pages of a group behind its first that are read before its turn comes; a larger one's rest waits for it."""


class GroupMembers:
    """How Graph's member lists are read (``providers.member_reads.MemberList``).

    ``groups`` are those of one read, in the order in which they will be asked for: their first pages
    come twenty at a time. With ``is_transitive`` groups inside groups are members too, and what they
    lead to is found out where the memberships are kept.
    """

    def __init__(self, wire: Wire, ahead: Ahead, groups: Sequence[GroupRow], *, is_transitive: bool) -> None:
        self._wire, self._ahead = wire, ahead
        self._walks = Walks(wire, ahead)
        self._batches = Batches(wire)
        self._is_transitive = is_transitive
        self._place = {group.id: place for place, group in enumerate(groups)}
        self._chunks = [groups[start : start + MOST] for start in range(0, len(groups), MOST)]
        self._begun: dict[int, Callable[[], dict[str, Outcome]]] = {}
        self._beginning = threading.Lock()
        self._beside: Ahead | None = None
        self._kept_bytes = 0
        self._further: dict[str, Callable[[], deque[Listed[MemberIds]]]] = {}

    def begin(self, group: GroupRow) -> Callable[[], Outcome]:
        number = self._place[group.id] // MOST
        for near in range(number, number + _AHEAD):
            self._begin_batch(near)
        answers = self._begun[number]
        return lambda: answers()[group.id]

    def begin_beside(self, ahead: Ahead, at_once: int) -> None:
        """Starts batch after batch over ``ahead`` while something else is read, up to a few megabytes."""
        self._beside = ahead
        for number in range(at_once):
            self._begin_batch(number)

    def _begin_batch(self, number: int) -> None:
        with self._beginning:
            if number < len(self._chunks) and number not in self._begun:
                groups = self._chunks[number]
                items = [Item(each.id, _path(each), _what(each), cost=_COST) for each in groups]
                self._begun[number] = _once((self._beside or self._ahead).begin(self._ask, items))

    def _keep(self, *answers: Outcome) -> None:
        """Counts what waits, and begins another batch where there is room."""
        with self._beginning:
            self._kept_bytes += sum(len(each.body) for each in answers if isinstance(each, Answer))
            has_room = self._beside is not None and self._kept_bytes < _BESIDE_BYTES
            following = max(self._begun, default=-1) + 1
        if has_room:
            self._begin_batch(following)

    def _ask(self, items: Sequence[Item]) -> dict[str, Outcome]:
        """First pages, and the next ones of the groups that have more begun at once."""
        outcomes = self._batches.ask(items)
        self._keep(*outcomes.values())
        for item in items:
            onward = _next_of(outcomes[item.key])
            if onward is not None:
                listing = List(f"{VERSION}{item.path}", item.what, _COST)
                ahead = self._beside or self._ahead
                self._further[item.key] = ahead.begin(self._walk_on, listing, onward)
        return outcomes

    def _walk_on(self, listing: List, onward: str) -> deque[Listed[MemberIds]]:
        """The next few pages, as far as nothing stands in the way: what does is met again in its turn."""
        guard, found = self._walks.guard(listing), deque[Listed[MemberIds]]()
        following: str | None = onward
        with suppress(ConnectorError):
            while following is not None and len(found) < _FURTHER:
                answer, page = self._wire.ask(listing.ask(guard.admit(following)), read_members)
                found.append(page)
                self._kept_bytes += len(answer.body)
                following = page.next
        return found

    def pages(self, group: GroupRow, first: Callable[[], Outcome]) -> Iterator[Page]:
        self._beside = None
        outcome = first()
        if self._place[group.id] % MOST == MOST - 1:
            self._begun.pop(self._place[group.id] // MOST, None)
        if isinstance(outcome, Absent):
            raise self._gone_or_broken(group, outcome)
        if isinstance(outcome, ConnectorError):
            raise outcome
        seen: set[str] = set()
        for listed, is_last in self._listed(group, outcome):
            users = fresh(listed.users, seen, is_only=is_last and not seen)
            groups = [ident for ident in dict.fromkeys(listed.groups) if self._is_transitive]
            self._doubt(group, len(seen) + len(users) + len(groups), is_last=is_last)
            seen.update(users if not is_last else ())
            yield Page(members=(Members(group_id=group.id, user_ids=users, group_ids=groups, last=is_last),))

    def _listed(self, group: GroupRow, first: Answer) -> Iterator[tuple[MemberIds, bool]]:
        listing = List(f"{VERSION}{_path(group)}", _what(group), _COST)
        guard = self._walks.guard(listing)
        page, begun = read_members(first), self._further.pop(group.id, None)
        known = begun() if begun else deque[Listed[MemberIds]]()
        while True:
            if page.rows.set_aside:
                raise Incomplete(page.rows.set_aside[0].why)
            guard.saw(page.rows.span)
            following = guard.admit(page.next) if page.next else None
            pending = self._begin_page(listing, following) if following and not known else None
            yield page.rows.rows[0], following is None
            if following is None:
                return
            page = pending()[1] if pending else known.popleft()

    def _begin_page(self, listing: List, target: str) -> Callable[[], tuple[Answer, Listed[MemberIds]]]:
        return self._ahead.begin(self._wire.ask, listing.ask(target), read_members)

    def _doubt(self, group: GroupRow, found: int, *, is_last: bool) -> None:
        if is_last and not found and group.type == HIDDEN:
            raise Incomplete(
                f"Group {group.name!r} hides its members. Give the app registration Member.Read.Hidden, "
                "or leave the group out."
            )

    def _gone_or_broken(self, group: GroupRow, absent: Absent) -> ConnectorError:
        """404 is said of a group that is gone, and of one whose list trips over a deleted member."""
        outcome = self._batches.ask([Item(group.id, f"/groups/{group.id}?$select=id", _what(group))])[
            group.id
        ]
        if isinstance(outcome, Answer):
            return Incomplete(
                f"The members of group {group.name!r} cannot be listed although the group exists; "
                "a deleted member may stand in the way."
            )
        return absent if isinstance(outcome, Absent) else outcome


def _next_of(outcome: Outcome) -> str | None:
    """Where a group's members go on; what cannot be read is found out in the group's turn."""
    return onward_of(outcome) if isinstance(outcome, Answer) else None


def _path(group: GroupRow) -> str:
    return f"/groups/{group.id}/members?$select=id&$top=999"


def _what(group: GroupRow) -> str:
    return f"the members of group {group.name!r}"


def _once(call: Callable[[], dict[str, Outcome]]) -> Callable[[], dict[str, Outcome]]:
    """The result of a call that is made when it is first asked for, whoever asks."""
    results: list[dict[str, Outcome] | ConnectorError] = []

    def result() -> dict[str, Outcome]:
        if not results:
            try:
                results.append(call())
            except ConnectorError as error:
                results.append(error)
        if isinstance(results[0], ConnectorError):
            raise results[0]
        return results[0]

    return result
