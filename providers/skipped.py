"""Lists that are read by skip and limit: several pages under way, every row met, drift noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Generic, NamedTuple, TypeVar

from providers.pace import WIDEST
from providers.pages import DEFAULT_PAGE_CAP
from sync.model.errors import Incomplete

T = TypeVar("T")

_STARTS: Final = 3
_DEEP: Final = 2 * WIDEST
"""Pages begun at most: as many again as are under way, so that the line never waits for who works on one."""


class Left(NamedTuple):
    """Behind which rows of a list a read is: so many skipped, the last of them with this id."""

    skip: int
    last: str | None


class Step(NamedTuple, Generic[T]):
    """One page's content, whether the list begins anew with it, and where the read is behind it."""

    content: T
    begins_anew: bool
    left: Left


class Slice(NamedTuple, Generic[T]):
    """One page: its content, first and last id, its places, and those of the whole list, if it says."""

    content: T
    first: str | None
    last: str | None
    places: int
    total: int | None


class Moved(Exception):
    """Rows changed their places while the list was read, so that one may have been missed."""


class Ahead(Generic[T]):
    """The pages of one list; those that will be needed are begun while one is worked on."""

    def __init__(self, begin: Callable[[int], Callable[[], T]], step: int) -> None:
        self._begin, self._step = begin, step
        self._under_way: dict[int, Callable[[], T]] = {}

    def foresee(self, skip: int, total: int | None) -> None:
        """Begins the page at ``skip``, and the next ones as far as the list is known to go."""
        for place in range(skip, skip + _DEEP * self._step, self._step):
            is_due = place == skip or (total is not None and place < total)
            if is_due and place not in self._under_way:
                self._under_way[place] = self._begin(place)

    def at(self, skip: int) -> T:
        """The page at ``skip``."""
        if skip not in self._under_way:
            self._under_way[skip] = self._begin(skip)
        return self._under_way.pop(skip)()


def overlapping(begin: Callable[[int], Callable[[], Slice[T]]], limit: int, what: str) -> Iterator[Step[T]]:
    """A sorted list's pages, each beginning with the last row of the one before.

    A page that begins with another row shows that rows were deleted or came in between: the list
    is read again from its start, twice at most. Rows met again are the caller's to recognise.
    """
    for start in range(_STARTS):
        try:
            for number, (content, left) in enumerate(rest(begin, limit, Left(0, None))):
                yield Step(content, start > 0 and number == 0, left)
            return
        except Moved as moved:
            why = str(moved)
    raise Incomplete(
        f"The list of {what} {why} each time it was read; nobody is removed because of this read. "
        "The next run tries again."
    )


def rest(begin: Callable[[int], Callable[[], Slice[T]]], limit: int, left: Left) -> Iterator[tuple[T, Left]]:
    """The pages behind this place, once. Raises Moved when what lies there does not follow what was read."""
    ahead, (skip, last) = Ahead(begin, limit - 1), left
    for _ in range(DEFAULT_PAGE_CAP):
        page = ahead.at(skip)
        overlap = 1 if skip else 0
        if page.places <= overlap and page.total is not None and skip + page.places < page.total:
            raise Moved(f"counts {page.total} rows and ends after {skip + page.places}")
        if page.places > limit:
            raise Moved("gives more rows than were asked for")
        if skip and page.places and page.first != last:
            raise Moved("changed while it was read")
        if page.places <= overlap:
            if not skip:
                yield page.content, left
            return
        skip, last = left = Left(skip + page.places - 1, page.last)
        ahead.foresee(skip, page.total)
        yield page.content, left
    raise Incomplete(f"A list does not end after {DEFAULT_PAGE_CAP} pages; the read was ended.")
