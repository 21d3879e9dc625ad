"""Okta's member lists: a thousand at a time, smaller where that takes too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from providers.ahead import Ahead
from providers.answers import Answer
from providers.failures import TooSlow
from providers.http import Ask, Wire
from providers.member_reads import doubt, fresh
from providers.okta_records import read_member_ids
from providers.pages import PageGuard
from providers.rows import GroupRow, Rows
from sync.model.errors import Incomplete
from sync.model.source import Members, Page

Piece = tuple[Answer, Rows[str]]

SHORT: Final = {
    "content-type": "application/json; "
    'okta-response="omitCredentials,omitCredentialsLinks,omitTransitioningToStatus"'
}
_LARGE: Final = 1000
_SMALL: Final = 200


class OktaMembers:
    """The member lists of one pull. A page that takes too long makes all later pages smaller."""

    def __init__(self, wire: Wire, ahead: Ahead) -> None:
        self._wire = wire
        self._ahead = ahead
        self._limit = _LARGE

    def begin(self, group: GroupRow) -> Callable[[], Piece]:
        return self._ahead.begin(self._fetch, _target(group.id, self._limit), group.name)

    def pages(self, group: GroupRow, first: Callable[[], Piece]) -> Iterator[Page]:
        guard = PageGuard(self._wire.origin, _target(group.id, self._limit), f"members of group {group.id}")
        pending, seen = first, set[str]()
        while True:
            answer, rows = pending()
            if rows.set_aside:
                raise Incomplete(rows.set_aside[0].why)
            guard.saw(rows.span)
            target = guard.next(answer.links)
            if target:
                pending = self._ahead.begin(self._fetch, target, group.name)
            ids = fresh(rows.rows, seen, is_only=target is None and not seen)
            if target is None:
                doubt(group, group.stated_members, len(seen) + len(ids))
            seen.update(ids if target else ())
            yield Page(members=(Members(group_id=group.id, user_ids=ids, last=target is None),))
            if target is None:
                return

    def _fetch(self, target: str, name: str) -> Piece:
        if self._limit == _SMALL:
            target = _smaller(target)
        try:
            return self._ask(target, name, gives_up_when_slow=f"limit={_LARGE}" in target)
        except TooSlow:
            if f"limit={_LARGE}" not in target:
                raise
            self._limit = _SMALL
        return self._ask(_smaller(target), name, gives_up_when_slow=False)

    def _ask(self, target: str, name: str, *, gives_up_when_slow: bool) -> Piece:
        what = f"the members of group {name!r}"
        ask = Ask(target, what, "/api/v1/groups", SHORT, gives_up_when_slow=gives_up_when_slow)
        return self._wire.ask(ask, read_member_ids)


def _target(group_id: str, limit: int) -> str:
    return f"/api/v1/groups/{group_id}/users?limit={limit}"


def _smaller(target: str) -> str:
    return target.replace(f"limit={_LARGE}", f"limit={_SMALL}")
