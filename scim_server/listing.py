"""Queries: GET on a collection, ``/.search``, and the root over both (RFC 7644 §3.4.2, §3.4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scim_server.attributes import ResourceType
from scim_server.errors import ScimError, invalid_path, invalid_syntax, invalid_value
from scim_server.exchange import Answer, Call
from scim_server.filter import parse_filter
from scim_server.paging import page_size, question_hash, read_cursor, whole_number, write_cursor
from scim_server.paths import parse_sort
from scim_server.projection import names_in, projection_of
from scim_server.render import render
from sync.model.query import Query
from sync.model.session import Kind, Listing, Session

LIST_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is asked, from a query string or a ``/.search`` body alike; counts are still as sent."""

    filter: str | None = None
    sort_by: str | None = None
    sort_order: str = "ascending"
    start_index: Any = None
    count: Any = None
    cursor: str | None = None
    attributes: Any = ()
    excluded: Any = ()


def from_parameters(parameters: Mapping[str, Any]) -> Search:
    """The search of a query string: the last of a repeated parameter counts, but attributes add up."""
    last = {name: values[-1] for name, values in parameters.items()}
    return Search(
        filter=last.get("filter"),
        sort_by=last.get("sortby"),
        sort_order=last.get("sortorder", "ascending"),
        start_index=last.get("startindex"),
        count=last.get("count"),
        cursor=last.get("cursor"),
        attributes=parameters.get("attributes", ()),
        excluded=parameters.get("excludedattributes", ()),
    )


def from_body(body: Any) -> Search:
    """The search of a ``/.search`` body."""
    if not isinstance(body, dict):
        raise invalid_syntax("The body must be one JSON object.")
    keys = {key.lower(): value for key, value in body.items() if value is not None}
    for name in ("filter", "sortby", "sortorder", "cursor"):
        if name in keys and not isinstance(keys[name], str):
            raise invalid_value(f"{name} takes a text.")
    return Search(
        filter=keys.get("filter"),
        sort_by=keys.get("sortby"),
        sort_order=keys.get("sortorder", "ascending"),
        start_index=keys.get("startindex"),
        count=keys.get("count"),
        cursor=keys.get("cursor"),
        attributes=keys.get("attributes", ()),
        excluded=keys.get("excludedattributes", ()),
    )


def list_resources(call: Call, kind: Kind, search: Search) -> Answer:
    """A page of one collection, by index or, when the client speaks of one, by cursor."""
    if search.cursor is not None:
        return _page_by_cursor(call, kind, search)
    start = max(1, whole_number("startIndex", search.start_index, 1))
    query = _query(call, call.catalogue.of(kind), search, start=start, count=page_size(search.count))

    def work(session: Session) -> Answer:
        listing = session.find(kind, query)
        return _list_response(_rendered(session, call, kind, listing, search), listing.total, start)

    return call.gateway.read(call.access, work)


def _page_by_cursor(call: Call, kind: Kind, search: Search) -> Answer:
    question = question_hash(kind.value, search.filter, search.sort_by, search.sort_order.lower())
    position = read_cursor(call.cursor_key, question, search.cursor or "", search.count)
    query = _query(call, call.catalogue.of(kind), search, count=position.count, after=position.after)

    def work(session: Session) -> Answer:
        listing = session.find(kind, query)
        cursor = None
        if listing.next is not None and position.count > 0:
            cursor = write_cursor(call.cursor_key, question, listing.next, position.count)
        return _list_response(
            _rendered(session, call, kind, listing, search), listing.total, next_cursor=cursor
        )

    return call.gateway.read(call.access, work)


def list_everything(call: Call, search: Search) -> Answer:
    """The root: users first, then groups, as one list with one index."""
    if search.cursor is not None:
        raise ScimError(400, "Cursors page one collection; ask /Users or /Groups.", "invalidCursor")
    start = max(1, whole_number("startIndex", search.start_index, 1))
    count = page_size(search.count)

    def work(session: Session) -> Answer:
        shown: list[str] = []
        before = 0
        for kind in (Kind.USER, Kind.GROUP):
            room = count - len(shown)
            first = max(1, start - before)
            listing = session.find(
                kind, _query(call, call.catalogue.of(kind), search, start=first, count=room)
            )
            shown += _rendered(session, call, kind, listing, search)
            before += listing.total
        return _list_response(shown, before, start)

    return call.gateway.read(call.access, work)


def _query(
    call: Call,
    resource_type: ResourceType,
    search: Search,
    *,
    count: int,
    start: int = 1,
    after: tuple[str, str] | None = None,
) -> Query:
    tree = (
        parse_filter(search.filter, resource_type, call.knobs)
        if search.filter and search.filter.strip()
        else None
    )
    sort_by = parse_sort(search.sort_by, resource_type) if search.sort_by else None
    if search.sort_by and sort_by is None and call.knobs.strict:
        raise invalid_path(f"sortBy names no attribute we can sort by: {search.sort_by[:100]!r}.")
    descending = search.sort_order.strip().lower() == "descending"
    return Query(filter=tree, sort_by=sort_by, descending=descending, start=start, count=count, after=after)


def _rendered(session: Session, call: Call, kind: Kind, listing: Listing, search: Search) -> list[str]:
    projection = projection_of(
        call.catalogue.of(kind), names_in(search.attributes), names_in(search.excluded), call.knobs
    )
    return render(session, call, kind, listing.resources, projection)


def _list_response(
    shown: list[str], total: int, start: int | None = None, *, next_cursor: str | None = None
) -> Answer:
    """The page as one text; a cursor is unreserved characters only."""
    index = "" if start is None else f'"startIndex":{start},'
    cursor = "" if next_cursor is None else f'"nextCursor":"{next_cursor}",'
    return Answer.of_text(
        f'{{"schemas":["{LIST_URN}"],"totalResults":{total},{index}"itemsPerPage":{len(shown)},{cursor}'
        f'"Resources":[{",".join(shown)}]}}'
    )
