"""JumpCloud's graph lists, unsorted and with places kept for the deleted: members, and assignments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from urllib.parse import quote

from providers.ahead import Ahead as Threads
from providers.answers import Answer
from providers.http import Ask, Wire
from providers.jumpcloud_records import Listed, read_bound_users, read_members
from providers.member_reads import doubt
from providers.pages import DEFAULT_PAGE_CAP
from providers.rows import GroupRow
from providers.skipped import Ahead, Moved
from sync.model.errors import Incomplete
from sync.model.source import Members, Page

Piece = Listed[str]
Reader = Callable[[Answer], Piece]

GROUPS: Final = "/api/v2/usergroups"
LIMIT: Final = 100
_WALKS: Final = 2


class Part(NamedTuple):
    """Some ids of a list; ``missing`` on the last part tells how many of those counted have no id."""

    ids: list[str]
    is_last: bool
    missing: int = 0


class Graph:
    """Reads whole graph lists.

    A short page is not the last one: null associations take places, so the walk goes on by limit
    until the stated count is reached, and until an empty page where fewer came than were counted.
    """

    def __init__(self, wire: Wire, threads: Threads) -> None:
        self._wire = wire
        self._threads = threads

    def begin(self, path: str, what: str, read: Reader, skip: int) -> Callable[[], Piece]:
        """Starts one page."""
        ask = Ask(f"{path}?limit={LIMIT}&skip={skip}", what, bucket_of(path))
        return self._threads.begin(lambda: self._wire.ask(ask, read)[1])

    def ids(self, path: str, what: str, read: Reader) -> list[str]:
        """A whole list at once."""
        first = self.begin(path, what, read, 0)
        return [ident for part in self.parts(path, what, read, first) for ident in part.ids]

    def parts(self, path: str, what: str, read: Reader, first: Callable[[], Piece]) -> Iterator[Part]:
        """The list, each id once; raises Incomplete when it changes each time it is read."""
        given: set[str] = set()
        for _ in range(_WALKS):
            ahead = Ahead(lambda skip: self.begin(path, what, read, skip), LIMIT)
            try:
                for ids, is_last, missing in _walk(ahead, first):
                    fresh = [ident for ident in ids if ident not in given]
                    given.update(fresh)
                    yield Part(fresh, is_last, missing)
                return
            except Moved:
                first = self.begin(path, what, read, 0)
        raise Incomplete(f"The list of {what} changed each time it was read; nothing was concluded from it.")


def _walk(ahead: Ahead[Piece], first: Callable[[], Piece]) -> Iterator[Part]:
    met: set[str] = set()
    skip, page, total = 0, first(), None
    for _ in range(DEFAULT_PAGE_CAP):
        if page.rows.set_aside:
            raise Incomplete(page.rows.set_aside[0].why)
        if (skip and page.total != total) or not met.isdisjoint(page.rows.rows):
            raise Moved
        total, skip = page.total, skip + LIMIT
        met.update(page.rows.rows)
        is_counted = total is not None and skip >= total and len(met) >= total
        is_last = is_counted or (page.places == 0 and skip >= LIMIT + (total or 0))
        if not is_last:
            ahead.foresee(skip, total)
        yield Part(list(page.rows.rows), is_last, max(0, (total or 0) - len(met)) if is_last else 0)
        if is_last:
            return
        page = ahead.at(skip)
    raise Incomplete(f"A list does not end after {DEFAULT_PAGE_CAP} pages; the read was ended.")


class JumpCloudMembers:
    """The member lists of one pull, direct or transitive."""

    def __init__(self, graph: Graph, *, transitive: bool) -> None:
        self._graph = graph
        self._read: Reader = read_bound_users if transitive else read_members
        self._list = "membership" if transitive else "members"

    def begin(self, group: GroupRow) -> Callable[[], Piece]:
        return self._graph.begin(self._path(group), _what(group), self._read, 0)

    def pages(self, group: GroupRow, first: Callable[[], Piece]) -> Iterator[Page]:
        found = 0
        for part in self._graph.parts(self._path(group), _what(group), self._read, first):
            found += len(part.ids)
            if part.is_last:
                doubt(group, found + part.missing, found)
            yield Page(
                members=(Members(group_id=group.id, user_ids=part.ids, last=part.is_last),),
                warnings=(_warning(group, part.missing),) if part.missing else (),
            )

    def _path(self, group: GroupRow) -> str:
        return f"{GROUPS}/{quote(group.id, safe='')}/{self._list}"


def bucket_of(path: str) -> str:
    """The rate bucket of a path; no limit is known that is narrower than the organisation's."""
    return path.split("/")[1]


def _what(group: GroupRow) -> str:
    return f"the members of group {group.name!r}"


def _warning(group: GroupRow, missing: int) -> str:
    return (
        f"JumpCloud counts {missing} more members in group {group.name!r} than it lists: "
        "associations with deleted users, as a rule."
    )
