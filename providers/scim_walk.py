"""Walking a SCIM list to an end that is believed: by index or by cursor, as the service really does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from providers.ahead import Ahead
from providers.answers import Answer
from providers.failures import Absent, BadRequest
from providers.http import Ask, Wire
from providers.pace import WIDEST
from providers.pages import DEFAULT_PAGE_CAP
from providers.places import lost
from providers.scim_records import Listed
from sync.model.errors import Incomplete

T = TypeVar("T")

Piece = tuple[Answer, Listed[T]]

ACCEPT: Final = {"accept": "application/scim+json, application/json"}
COUNT: Final = 100
_STARTS: Final = 3
_LEAST_COUNT: Final = 10
_CURSOR_OVER: Final = frozenset({"expiredCursor", "invalidCursor"})
_SMALLER_HELPS: Final = frozenset({"tooMany", "invalidCount"})


class ScimList(NamedTuple):
    """A list of the service: its address, what it is about, and the parameters every page repeats."""

    path: str
    what: str
    bucket: str
    parameters: Mapping[str, str] = {}


class _Place(NamedTuple):
    """Where a page begins: at a cursor ("" asks for the first one), else at an index from 1."""

    start: int = 1
    cursor: str | None = None
    is_past_total: bool = False

    def text(self) -> str:
        return f"index {self.start}" if self.cursor is None else f"cursor {self.cursor}"

    @classmethod
    def of(cls, text: str) -> _Place:
        kind, _, where = text.partition(" ")
        return cls(cursor=where) if kind == "cursor" else cls(start=int(where))


class _UnderWay(Generic[T]):
    """The pages of one walk that are begun before their turn.

    By index the next few are, as long as every page is as long as the one before: a service whose pages
    vary is asked for one after the other, so that nothing is asked for in vain. A cursor names one page.
    """

    def __init__(self, begin: Callable[[_Place], Callable[[], Piece[T]]]) -> None:
        self._begin = begin
        self._pages: dict[_Place, Callable[[], Piece[T]]] = {}
        self._is_even = True

    def begin(self, place: _Place) -> Callable[[], Piece[T]]:
        """The page at this place, which may be under way already."""
        known = self._pages.pop(place, None)
        if known is None:
            self._is_even = not self._pages
            self._pages.clear()
        return known or self._begin(place)

    def foresee(self, place: _Place, page: Listed[T]) -> None:
        """Begins the pages behind this place, as far as its list is known to go."""
        if place.cursor is not None or page.total is None or not self._is_even:
            return
        for start in range(place.start + page.received, page.total + page.received + 1, page.received):
            ahead = _Place(start=start, is_past_total=start > page.total)
            if len(self._pages) >= WIDEST - 1 or place.is_past_total:
                return
            if ahead not in self._pages:
                self._pages[ahead] = self._begin(ahead)
            if ahead.is_past_total:
                return


class _StartOver(Exception):
    """The walk cannot be finished, but a new one may; ``fault`` is what to report when it cannot either."""

    def __init__(self, fault: Incomplete) -> None:
        super().__init__(fault.message)
        self.fault = fault


class ScimWalk:
    """Reads lists of one service; ``by_cursor`` says whether it announces cursors (RFC 9865)."""

    def __init__(self, wire: Wire, ahead: Ahead, *, by_cursor: bool) -> None:
        self._wire, self._ahead, self._by_cursor = wire, ahead, by_cursor
        self._count = COUNT

    def pages(self, item: ScimList, read: Callable[[Answer], Listed[T]]) -> Iterator[Piece[T]]:
        """Every page of a list; raises before the last one is followed by an end that is not to be believed.

        A cursor that expires, or a list that shrinks on the way, makes the walk start over; people
        met again are the caller's to recognise.
        """
        for attempt in range(1, _STARTS + 1):
            try:
                yield from self._once(item, read, begins_anew=attempt > 1)
                return
            except _StartOver as again:
                if attempt == _STARTS:
                    raise again.fault from again

    def rest(self, item: ScimList, read: Callable[[Answer], Listed[T]], place: str) -> Iterator[Piece[T]]:
        """The pages behind this place, once. Raises CursorExpired when the service does not go on there."""
        begins = _Place.of(place)
        self._by_cursor = self._by_cursor or begins.cursor is not None
        try:
            yield from self._once(item, read, begins_anew=False, begins=begins)
        except _StartOver as again:
            raise lost(again.fault) from again
        except (BadRequest, Absent) as refused:
            raise lost(refused) from refused

    def _once(
        self,
        item: ScimList,
        read: Callable[[Answer], Listed[T]],
        *,
        begins_anew: bool,
        begins: _Place | None = None,
    ) -> Iterator[Piece[T]]:
        place = begins or _Place(cursor="" if self._by_cursor else None)
        tally = _Tally(item.what, self._count, place)
        under_way = _UnderWay[T](lambda place: self._ahead.begin(self._fetch, item, place, read))
        pending = under_way.begin(place)
        while True:
            try:
                answer, page = pending()
            except (BadRequest, Absent) as refused:
                if place.is_past_total:
                    break  # some services answer an index beyond the total with an error
                if place.cursor and refused.code in _CURSOR_OVER:
                    raise _StartOver(Incomplete(refused.message)) from refused
                raise
            if place.is_past_total and tally.knows(page):
                break  # a service that shows its only page whatever the index
            following = tally.after(place, page)
            # a service that hands out cursors unasked may know nothing else
            self._by_cursor = self._by_cursor or page.next_cursor is not None
            if following is not None:
                pending = under_way.begin(following)
                under_way.foresee(following, page)
            where = following and following.text()
            yield answer, page._replace(rows=page.rows._replace(begins_anew=begins_anew, following=where))
            begins_anew = False
            if following is None:
                break
            place = following
        tally.believe()

    def _fetch(self, item: ScimList, place: _Place, read: Callable[[Answer], Listed[T]]) -> Piece[T]:
        while True:
            count = self._count
            try:
                return self._wire.ask(Ask(_target(item, place, count), item.what, item.bucket, ACCEPT), read)
            except BadRequest as refused:
                if refused.code not in _SMALLER_HELPS or count <= _LEAST_COUNT:
                    raise
                self._count = max(_LEAST_COUNT, count // 2)


class _Tally:
    """What one walk has seen so far: rows, stated totals, cursors and pages, and the faults among them.

    A walk that begins within its list counts the rows before its index as received; behind a cursor
    nobody knows how many there were, so that its totals prove nothing.
    """

    def __init__(self, what: str, count: int, begins: _Place) -> None:
        self._what, self._count = what, count
        self._received = begins.start - 1
        self._proves = not begins.cursor
        self._totals: list[int] = []
        self._cursors: set[str] = set()
        self._spans: set[tuple[str, str]] = set()
        self._pages = 0

    def knows(self, page: Listed[T]) -> bool:
        return page.rows.span in self._spans

    def after(self, place: _Place, page: Listed[T]) -> _Place | None:
        """Where the walk goes on after this page, None at its end; raises Incomplete for a page that lies."""
        self._take(page)
        if page.next_cursor is not None:
            if page.next_cursor in self._cursors:
                raise self._fault("leads back to a page already read")
            self._cursors.add(page.next_cursor)
            return _Place(cursor=page.next_cursor)
        if place.cursor or not page.received:
            return None
        total = page.total
        if place.cursor == "" and (total is None or self._received >= total):
            return None
        is_past = total is not None and self._received >= total
        return _Place(start=place.start + page.received, is_past_total=is_past)

    def _take(self, page: Listed[T]) -> None:
        span = page.rows.span
        if span is not None and span in self._spans:
            raise self._fault("repeats a page already read")
        if span is not None:
            self._spans.add(span)
        if page.total is not None:
            self._totals.append(page.total)
            if page.received > max(page.total, self._count):
                raise self._fault("gives more rows on one page than it says there are")
        self._received += page.received
        self._pages += 1
        if self._pages >= DEFAULT_PAGE_CAP:
            raise self._fault(f"does not end after {DEFAULT_PAGE_CAP} pages")

    def believe(self) -> None:
        """Raises when the counts that were stated speak against the end."""
        if not self._totals or not self._proves:
            return
        first, last = self._totals[0], self._totals[-1]
        if min(self._totals) < first:
            raise _StartOver(self._fault("became shorter while it was read"))
        if self._received < last:
            fault = self._fault(f"ended after {self._received} rows of the {last} it says there are")
            if last != first:
                raise _StartOver(fault)
            raise fault

    def _fault(self, what: str) -> Incomplete:
        return Incomplete(f"The list of {self._what} {what}; the read was ended. The next run tries again.")


def _target(item: ScimList, place: _Place, count: int) -> str:
    where = {"startIndex": str(place.start)} if place.cursor is None else {"cursor": place.cursor}
    query = urlencode({**item.parameters, **where, "count": str(count)}, quote_via=quote)
    return f"{item.path}?{query}"
