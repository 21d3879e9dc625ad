"""Walks Graph's lists page by page, the next one under way while the caller works on this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from providers.ahead import Begins
from providers.answers import Answer
from providers.azure_records import Listed
from providers.failures import Absent, BadRequest
from providers.http import Ask, Wire
from providers.pages import PageGuard

R = TypeVar("R")

VERSION: Final = "/v1.0"
UNITS: Final = "resource units"
EVENTUAL: Final[Mapping[str, str]] = {"ConsistencyLevel": "eventual"}
"""Needed wherever a list is counted or cast; no link carries it, so it goes with every page."""

_STARTS: Final = 3


class List(NamedTuple):
    """One list: where it begins, what it is for people, its cost a page, and the headers of every page.

    ``is_rest`` says that ``first`` lies within the list, so that reading it again would not be a start.
    """

    first: str
    what: str
    cost: int
    headers: Mapping[str, str] = {}
    is_rest: bool = False

    def ask(self, target: str) -> Ask:
        return Ask(target, self.what, UNITS, self.headers, cost=self.cost)


class Walks:
    """The lists of one pull, over one line."""

    def __init__(self, wire: Wire, ahead: Begins) -> None:
        self._wire = wire
        self._ahead = ahead

    def guard(self, listing: List) -> PageGuard:
        return PageGuard(self._wire.origin, listing.first, listing.what)

    def pages(
        self,
        listing: List,
        read: Callable[[Answer], Listed[R]],
    ) -> Iterator[tuple[Answer, Listed[R]]]:
        """Every page.

        A page token that expires on the way makes the walk start over, twice at most.
        People met again are the caller's to recognise; ``begins_anew`` marks the page where that begins.
        """
        starts, target, guard = 1, listing.first, self.guard(listing)
        pending = self._ahead.begin(self._wire.ask, listing.ask(target), read)
        while True:
            try:
                answer, page = pending()
            except (BadRequest, Absent):
                if listing.is_rest or target == listing.first or starts >= _STARTS:
                    raise
                starts, target, guard = starts + 1, listing.first, self.guard(listing)
                pending = self._ahead.begin(self._wire.ask, listing.ask(target), read)
                continue
            guard.saw(page.rows.span)
            begins_anew = starts > 1 and target == listing.first
            following = guard.admit(page.next) if page.next else None
            if following is not None:
                pending = self._ahead.begin(self._wire.ask, listing.ask(following), read)
            rows = page.rows._replace(begins_anew=begins_anew, following=following)
            yield answer, page._replace(rows=rows)
            if following is None:
                return
            target = following
