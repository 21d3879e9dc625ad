"""A tenant's groups and their members, begun while its people are still being read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from providers.ahead import Ahead, InTurn
from providers.azure_members import GroupMembers
from providers.azure_records import GROUP_SELECT, read_groups
from providers.azure_walk import VERSION, List, Walks
from providers.http import Wire
from providers.member_reads import MemberReads
from providers.pace import WIDEST
from providers.rows import GroupRow, Rows
from sync.model.source import Page, Wanted

_LIST: Final = List(f"{VERSION}/groups?$select={GROUP_SELECT}&$top=999", "groups", 1)
_BESIDE: Final = WIDEST - 1


class _Listed(NamedTuple):
    """The list of groups, those whose members count, and the member lists, the first of them under way."""

    pages: Sequence[Rows[GroupRow]]
    wanted: Sequence[GroupRow]
    members: GroupMembers


class Groups:
    """Reads groups over one line; ``wanted`` says whose members count.

    The line has room for more than the pages of people, which follow each other: so the list of groups
    and the first members are read beside them, a few megabytes of these, and one lane stays theirs.
    """

    def __init__(self, wire: Wire, ahead: Ahead, wanted: Wanted, *, is_transitive: bool) -> None:
        self._wire, self._ahead, self._wanted, self._is_transitive = wire, ahead, wanted, is_transitive
        self.beside = Ahead(wire, "azure groups", _BESIDE)

    def close(self) -> None:
        self.beside.close()

    def begin(self) -> Callable[[], Iterator[Page]]:
        """Starts the list; the returned function gives pages of groups, then of their members."""
        listed = self.beside.begin(self._list)
        return lambda: self._pages(listed())

    def members_of(self, groups: Iterable[GroupRow]) -> Iterator[Page]:
        """The members of these groups, as far as they count."""
        wanted = [group for group in groups if self._wanted.group(group.record())]
        yield from MemberReads(self._members(wanted)).read(wanted)

    def _list(self) -> _Listed:
        """In one thread to its end: a walk that begins its next pages elsewhere could wait for itself."""
        walks = Walks(self._wire, InTurn())
        pages = [page.rows for _, page in walks.pages(_LIST, read_groups)]
        groups = {group.id: group for rows in pages for group in rows.rows}
        wanted = [group for group in groups.values() if self._wanted.group(group.record())]
        members = self._members(wanted)
        members.begin_beside(self.beside, _BESIDE)
        return _Listed(pages, wanted, members)

    def _members(self, wanted: Sequence[GroupRow]) -> GroupMembers:
        return GroupMembers(self._wire, self._ahead, wanted, is_transitive=self._is_transitive)

    def _pages(self, listed: _Listed) -> Iterator[Page]:
        for rows in listed.pages:
            yield Page(groups=[group.record() for group in rows.rows], set_aside=rows.set_aside)
        yield from MemberReads(listed.members).read(listed.wanted)
