"""OneLogin's lists: pages by number on v2, with their counts as the proof; cursors in envelopes on v1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

from providers.ahead import Begins
from providers.answers import Answer
from providers.http import Ask, Wire
from providers.onelogin_dialect import ACCOUNT
from providers.onelogin_records import read_envelope
from providers.pages import DEFAULT_PAGE_CAP, PageGuard
from providers.rows import Rows
from providers.skipped import Ahead, Moved
from sync.model.errors import Incomplete

T = TypeVar("T")

LIMIT: Final = 100
_WALKS: Final = 3


class Left(NamedTuple):
    """Behind which page of a list a read is: the number of the next one, and what the list counted."""

    number: int = 1
    total: int | None = None


class Part(NamedTuple):
    """One page of a walk; ``begins_anew`` marks the first of a walk that had to start over."""

    answer: Answer
    rows: Rows[Any]
    begins_anew: bool
    is_last: bool
    left: Left


class Lists:
    """Reads whole lists.

    The cursor that v2 hands out is a page number in disguise, so pages are asked for by number:
    they can be under way together, and drift shows in the count. A walk counts only when the count
    stood still and as many different rows came.
    """

    def __init__(self, wire: Wire, threads: Begins) -> None:
        self._wire = wire
        self._threads = threads

    def begin(
        self, path: str, what: str, read: Callable[[Answer], Rows[T]], page: int
    ) -> Callable[[], tuple[Answer, Rows[T]]]:
        """Starts one page; ``path`` may have a query."""
        mark = "&" if "?" in path else "?"
        ask = Ask(f"{path}{mark}limit={LIMIT}&page={page}", what, ACCOUNT)
        return self._threads.begin(self._wire.ask, ask, read)

    def parts(
        self,
        path: str,
        what: str,
        read: Callable[[Answer], Rows[T]],
        ids: Callable[[T], object],
        first: Callable[[], tuple[Answer, Rows[T]]] | None = None,
    ) -> Iterator[Part]:
        """All pages; the list is read again, twice at most, when its count and its rows disagree."""
        why = ""
        for walk in range(_WALKS):
            pages = Ahead(lambda page: self.begin(path, what, read, page), 1)
            guard = PageGuard(self._wire.origin, path, what)
            try:
                for number, part in enumerate(_walk(pages, guard, ids, first)):
                    yield part._replace(begins_anew=walk > 0 and number == 0)
                return
            except Moved as moved:
                why, first = str(moved), None
        raise Incomplete(
            f"The list of {what} {why}, each time it was read; nobody is removed because of this read. "
            "The next run tries again."
        )

    def rest(
        self,
        path: str,
        what: str,
        read: Callable[[Answer], Rows[T]],
        ids: Callable[[T], object],
        left: Left,
    ) -> Iterator[Part]:
        """The pages behind this place, once. Raises Moved when the list is not the one that was left."""
        pages = Ahead(lambda page: self.begin(path, what, read, page), 1)
        yield from _walk(pages, PageGuard(self._wire.origin, path, what), ids, None, left)

    def enveloped(self, path: str, what: str) -> Iterator[tuple[Answer, list[Any]]]:
        """All pages of a list of API v1."""
        seen, target = set[str](), path
        mark = "&" if "?" in path else "?"
        for _ in range(DEFAULT_PAGE_CAP):
            answer, (rows, after) = self._wire.ask(Ask(target, what, ACCOUNT), read_envelope)
            yield answer, rows
            if after is None:
                return
            if after in seen:
                raise Incomplete(f"The list of {what} leads back to a page already read; the read was ended.")
            seen.add(after)
            target = f"{path}{mark}after_cursor={quote(after, safe='')}"
        raise Incomplete(f"The list of {what} does not end after {DEFAULT_PAGE_CAP} pages.")


def _walk(
    pages: Ahead[tuple[Answer, Rows[T]]],
    guard: PageGuard,
    ids: Callable[[T], object],
    first: Callable[[], tuple[Answer, Rows[T]]] | None,
    left: Left = Left(),  # noqa: B008 - immutable
) -> Iterator[Part]:
    number, total = left
    met, odd = set[object](), (number - 1) * LIMIT
    for _ in range(DEFAULT_PAGE_CAP):
        answer, rows = first() if first and number == 1 else pages.at(number)
        guard.saw(rows.span)
        stated, last = _number(answer, "total-count"), _number(answer, "total-pages")
        if number > 1 and stated != total:
            raise Moved("changed while it was read")
        total = stated
        met.update(map(ids, rows.rows))
        odd += len(rows.set_aside)
        is_last = not rows.rows and not rows.set_aside if last is None else number >= last
        found = len(met) + odd
        if total is not None and (found > total or (is_last and found < total)):
            raise Moved(f"counts {total} rows and gives {found}")
        if not is_last:
            pages.foresee(number + 1, last + 1 if last is not None else None)
        yield Part(answer, rows, False, is_last, Left(number + 1, total))
        if is_last:
            return
        number += 1
    raise Incomplete(f"A list does not end after {DEFAULT_PAGE_CAP} pages; the read was ended.")


def _number(answer: Answer, name: str) -> int | None:
    told = answer.headers.get(name, "")
    return int(told) if told.isdecimal() else None
