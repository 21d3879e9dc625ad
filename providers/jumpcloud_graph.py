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


class Start:
    """The first page of a list under way; as soon as it tells how long the list is, more are begun."""

    def __init__(self, threads: Threads, fetch: Callable[[int], Piece]) -> None:
        self.ahead = Ahead(lambda skip: threads.begin(fetch, skip), LIMIT)
        self._fetch = fetch
        self._pending = threads.begin(self._first)

    def __call__(self) -> Piece:
        return self._pending()

    def _first(self) -> Piece:
        page = self._fetch(0)
        if page.total is not None and page.total > LIMIT:
            self.ahead.foresee(LIMIT, page.total)
        return page


class Graph:
    """Reads whole graph lists.

    A short page is not the last one: null associations take places, so the walk goes on by limit
    until the stated count is reached, and until an empty page where fewer came than were counted.
    """

    def __init__(self, wire: Wire, threads: Threads) -> None:
        self._wire = wire
        self._threads = threads

    def begin(self, path: str, what: str, read: Reader) -> Start:
        """Starts a list."""

        def fetch(skip: int) -> Piece:
            return self._wire.ask(Ask(f"{path}?limit={LIMIT}&skip={skip}", what, bucket_of(path)), read)[1]

        return Start(self._threads, fetch)

    def ids(self, path: str, what: str, read: Reader) -> list[str]:
        """A whole list at once."""
        parts = self.parts(path, what, read, self.begin(path, what, read))
        return [ident for part in parts for ident in part.ids]

    def parts(self, path: str, what: str, read: Reader, start: Start) -> Iterator[Part]:
        """The list, each id once; raises Incomplete when it changes each time it is read."""
        given: set[str] = set()
        for _ in range(_WALKS):
            try:
                for ids, is_last, missing in _walk(start):
                    fresh = [ident for ident in ids if ident not in given]
                    given.update(fresh)
                    yield Part(fresh, is_last, missing)
                return
            except Moved:
                start = self.begin(path, what, read)
        raise Incomplete(f"The list of {what} changed each time it was read; nothing was concluded from it.")


def _walk(start: Start) -> Iterator[Part]:
    met: set[str] = set()
    skip, page, total = 0, start(), None
    for _ in range(DEFAULT_PAGE_CAP):
        if page.rows.set_aside:
            raise Incomplete(page.rows.set_aside[0].why)
        if (skip and page.total != total) or not met.isdisjoint(page.rows.rows):
            raise Moved
        total, skip = page.total, skip + LIMIT
        met.update(page.rows.rows)
        if total is not None and len(met) > total:
            raise Moved
        is_counted = total is not None and skip >= total and len(met) >= total
        is_last = is_counted or (page.places == 0 and skip >= LIMIT + (total or 0))
        if not is_last:
            start.ahead.foresee(skip, total)
        yield Part(list(page.rows.rows), is_last, max(0, (total or 0) - len(met)) if is_last else 0)
        if is_last:
            return
        page = start.ahead.at(skip)
    raise Incomplete(f"A list does not end after {DEFAULT_PAGE_CAP} pages; the read was ended.")


class JumpCloudMembers:
    """The member lists of one pull, direct or transitive."""

    def __init__(self, graph: Graph, *, transitive: bool) -> None:
        self._graph = graph
        self._read: Reader = read_bound_users if transitive else read_members
        self._list = "membership" if transitive else "members"

    def begin(self, group: GroupRow) -> Start:
        return self._graph.begin(self._path(group), _what(group), self._read)

    def pages(self, group: GroupRow, first: Start) -> Iterator[Page]:
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
