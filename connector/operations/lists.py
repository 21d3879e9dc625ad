"""Lists: every row of one in all its pages, and pages of those that are short enough to be read whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from connector.operations.local import carry_out

if TYPE_CHECKING:
    from connector.app import App
    from connector.operations.operation import Operation
    from sync.model.access import Actor

PAGE: Final = 500
Row = Mapping[str, Any]


def every_row(app: App, actor: Actor, operation: Operation, given: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of all pages, behind the cursor where one is given."""
    paged = "limit" in operation.arguments.model_fields
    asked = dict(given) | ({"limit": PAGE} if paged else {}) | operation.uncounted
    while True:
        found = carry_out(app, actor, operation, asked)
        yield from found[operation.rows]
        following = found.get("next")
        if not paged or following in (None, "") or following == asked.get(operation.cursor):
            return
        asked = asked | {operation.cursor: following}


def page_of(
    rows: Iterable[Row],
    *,
    after: str | None,
    limit: int,
    key: str = "id",
    search: str | None = None,
    within: Collection[str] = (),
    **wanted: Any,
) -> tuple[list[Row], str | None]:
    """A page by ``key`` of a list that is short enough to be read whole, and its ``next``.

    It has the rows that hold ``search`` in one of the columns ``within``, in any case, and that are as
    ``wanted``; None wants nothing.
    """
    fitting = [
        row
        for row in rows
        if (after is None or row[key] > after)
        and all(value is None or row[name] == value for name, value in wanted.items())
        and (search is None or _holds(row, within, search.casefold()))
    ]
    page = sorted(fitting, key=lambda row: row[key])[:limit]
    return page, page[-1][key] if len(fitting) > limit else None


def _holds(row: Row, within: Collection[str], search: str) -> bool:
    return any(search in str(row[name] or "").casefold() for name in within)
