"""JumpCloud as a source: system users by API v1, groups and members by API v2, changes by its log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from providers import jumpcloud_rights
from providers.ahead import Ahead
from providers.answers import Answer
from providers.budget import Budget, Timeouts
from providers.failures import Absent, BadRequest
from providers.http import Ask, FixedAuth, Wire
from providers.jumpcloud_dialect import JumpCloudDialect, auth_of
from providers.jumpcloud_feed import OVERLAP, Feed, closed
from providers.jumpcloud_graph import GROUPS, LIMIT, Graph, JumpCloudMembers, bucket_of
from providers.jumpcloud_records import (
    EVERYBODY,
    Listed,
    UserReader,
    read_bound_groups,
    read_bound_users,
    read_group,
    read_groups,
)
from providers.jumpcloud_settings import JumpCloudSettings, jumpcloud_settings
from providers.lookups import look_each
from providers.member_reads import MemberReads
from providers.places import lost
from providers.rows import GroupRow, Rows, inside, text_of, tolerant_json
from providers.skipped import Left, Moved, Slice, overlapping, rest
from providers.watermark import bookmark, time_of
from sync.model.errors import CursorExpired, Denied, Incomplete, Misconfigured
from sync.model.resources import UserRecord
from sync.model.source import Effort, End, Found, Gone, GroupsFound, Members, Page, Right, Wanted

USERS: Final = "/api/systemusers"
_APPS: Final = "/api/v2/applications"


class JumpCloud:
    """One JumpCloud organisation, read with an API key or a service account.

    Satisfies ``sync.model.source.Source`` and ``GroupReader``. The built-in group "All Users" is
    not given: a tag that everybody carries says nothing. Counts of members include associations
    with deleted users, so ``End`` states none. With scope app or groups the ids of those in scope
    are read first, and their records from the list of all users.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        budget: Budget,
        *,
        observer: Callable[[Effort], None] | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
        wanted: Wanted = Wanted(),  # noqa: B008 - immutable
    ) -> None:
        self.settings: JumpCloudSettings = jumpcloud_settings(settings)
        dialect = JumpCloudDialect(self.settings)

        def line(origin: str, auth: Any, beside: Wire | None) -> Wire:
            return Wire(
                origin,
                auth,
                dialect,
                budget,
                timeouts=timeouts,
                observer=observer,
                beside=beside,
            )

        auth = auth_of(self.settings, lambda: self._token_wire, budget.monotonic)
        self.wire = line(self.settings.console, auth, None)
        self._token_wire = line(self.settings.token, FixedAuth({}), self.wire)
        self._insights = line(self.settings.insights, auth, self.wire)
        self.effort = self.wire.effort
        self._wanted = wanted
        self._users = UserReader(self.settings.picture_attribute, wanted.attributes)
        self._ahead = Ahead(self.wire, "jumpcloud")
        self._graph = Graph(self.wire, self._ahead)
        self._lists = JumpCloudMembers(self._graph, transitive=self.settings.transitive)
        self._members = MemberReads(self._lists)
        self._feed = Feed(self._insights)

    def close(self) -> None:
        self._ahead.close()
        for wire in (self.wire, self._token_wire, self._insights):
            wire.close()

    def identity(self) -> str | None:
        """The organisation that the users belong to; a service account may not ask for it directly."""
        ask = Ask(f"{USERS}?limit=1&sort=_id", "the organisation's id", bucket_of(USERS))
        try:
            _, body = self.wire.ask(ask, lambda answer: tolerant_json(answer.body))
        except (Misconfigured, Denied, Incomplete, Absent):
            return None
        results = inside(body, "results")
        first = results[0] if isinstance(results, list) and results else None
        return text_of(inside(first, "organization")) or None

    def check(self) -> Sequence[Right]:
        """Credential and organisation, users, groups, members, the scope and the log, one by one."""
        return jumpcloud_rights.prove(self.wire, self._feed, self.settings)

    def full(self, place: str | None = None, /) -> Iterator[Page]:
        """Everything in scope. Raises before an End whenever less than everything may have come.

        A place is how many people were read and who was the last: the row before it has to be hers still.
        """
        try:
            yield from self._everything(place)
        except Absent as absent:
            raise Misconfigured(f"{absent.message} Check the address and the scope.") from absent

    def changes(self, cursor: str) -> Iterator[Page]:
        """Whoever the log names since the cursor, read again by id. Only scope "all" has deltas.

        Somebody is gone when JumpCloud says so of that very id; silence says nothing.
        """
        since = time_of(cursor)
        if self.settings.scope != "all":
            raise CursorExpired("The log knows no application and no list of groups: read in full.")
        try:
            named = self._feed.since(since)
        except (Denied, BadRequest, Absent) as error:
            raise closed(error) from error
        yield self._again(list(named.users))
        yield from self.groups(list(named.groups))
        as_of = named.as_of
        newer = as_of - OVERLAP if as_of and as_of - OVERLAP > since else since
        yield Page(end=End(cursor=bookmark(newer), as_of=as_of))

    def lookup(self, external_ids: Sequence[str]) -> Found:
        """People by id, a few at a time; who could not be read is in neither part of the answer."""
        assigned: frozenset[str] | None = None
        if self.settings.scope == "app":
            assigned = frozenset(self._assigned("users", read_bound_users))
        present, gone = look_each(self._ahead, external_ids, lambda ident: self._look(ident, assigned))
        same = {key: found for key, found in present.items() if found[0].external_id == key}
        return Found(
            present={key: record for key, (record, _) in same.items()},
            gone=gone,
            raw={key: raw for key, (_, raw) in same.items()},
        )

    def lookup_groups(self, external_ids: Sequence[str]) -> GroupsFound:
        """Groups by id, like ``lookup``."""
        present, gone = look_each(self._ahead, external_ids, self._look_group)
        return GroupsFound(
            present=frozenset(key for key, group in present.items() if group.id == key), gone=gone
        )

    def groups(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Groups by id with all their members (``sync.model.source.GroupReader``)."""
        present, gone = look_each(self._ahead, external_ids, self._look_group)
        groups = self._own(group for key, group in present.items() if group.id == key)
        yield Page(
            groups=[group.record() for group in groups],
            gone=[Gone(kind="group", external_id=key) for key in sorted(gone)],
        )
        yield from self._members.read(self._in_scope(groups))

    # -- a full read -----------------------------------------------------------------------

    def _everything(self, place: str | None) -> Iterator[Page]:
        groups, gone = self._groups_in_scope()
        members = [page for group in groups for page in self._members_of(group)]
        people = self._people(members)
        as_of, users_read = None, 0
        for date, rows in self._user_pages(place):
            as_of = as_of or date
            users_read = (0 if rows.begins_anew else users_read) + len(rows.rows) + len(rows.set_aside)
            yield _page_of(rows, people)
        if not users_read and place is None:
            raise Incomplete(
                f"{self.wire.host} lists no users at all, which no organisation in use does. "
                "Check the credential's organisation; nobody is removed because of this read."
            )
        if self.settings.scope == "groups":
            yield Page(groups=[group.record() for group in groups], gone=gone)
            yield from members
        else:
            yield from self._group_pages(groups)
            yield from self._members.read(self._in_scope(groups))
        yield self._end(as_of)

    def _groups_in_scope(self) -> tuple[list[GroupRow], list[Gone]]:
        """The listed groups, for scope groups; one that cannot be read ends the walk."""
        found, gone = list[GroupRow](), list[Gone]()
        for group_id in self.settings.scope_ids if self.settings.scope == "groups" else ():
            try:
                found.append(self._look_group(group_id))
            except Absent:
                gone.append(Gone(kind="group", external_id=group_id))
        if self.settings.scope == "groups" and not found:
            raise Misconfigured("groups: none of the listed groups exists at the directory. Check their ids.")
        return found, gone

    def _members_of(self, group: GroupRow) -> Iterator[Page]:
        return self._lists.pages(group, self._lists.begin(group))

    def _people(self, members: Sequence[Page]) -> frozenset[str] | None:
        """The ids of those in scope; None for everybody."""
        if self.settings.scope == "all":
            return None
        if self.settings.scope == "app":
            return frozenset(self._assigned("users", read_bound_users))
        pieces = (piece for page in members for piece in page.members if isinstance(piece, Members))
        return frozenset(ident for piece in pieces for ident in piece.user_ids)

    def _assigned(self, kind: str, read: Callable[[Answer], Listed[str]]) -> list[str]:
        path = f"{_APPS}/{self.settings.scope_ids[0]}/{kind}"
        return self._graph.ids(path, f"the {kind} of the application", read)

    def _user_pages(self, place: str | None) -> Iterator[tuple[datetime | None, Rows[UserRecord]]]:
        fields = quote(" ".join(self._users.keys))
        target = f"{USERS}?limit={LIMIT}&sort=_id&fields={fields}&skip="

        def fetch(skip: int) -> Slice[tuple[datetime | None, Rows[UserRecord]]]:
            ask = Ask(f"{target}{skip}", "users", bucket_of(USERS))
            answer, page = self.wire.ask(ask, self._users.page)
            return _slice((answer.date, page.rows), page)

        def begin(skip: int) -> Callable[[], Slice[tuple[datetime | None, Rows[UserRecord]]]]:
            return self._ahead.begin(fetch, skip)

        if place is None:
            for (date, rows), begins_anew, left in overlapping(begin, LIMIT, "users"):
                yield date, rows._replace(begins_anew=begins_anew, following=_place(left))
            return
        try:
            for (date, rows), left in rest(begin, LIMIT, _left(place)):
                yield date, rows._replace(following=_place(left))
        except Moved as moved:
            raise lost(Incomplete(f"The list of users {moved}")) from moved

    def _group_pages(self, groups: list[GroupRow]) -> Iterator[Page]:
        """The groups in scope; fills ``groups`` with those whose members are to be read."""
        chosen: Collection[str] | None = None
        if self.settings.scope == "app":
            chosen = frozenset(self._assigned("usergroups", read_bound_groups))
        known: dict[str, GroupRow] = {}

        def fetch(skip: int) -> Slice[Rows[GroupRow]]:
            ask = Ask(f"{GROUPS}?limit={LIMIT}&sort=name&skip={skip}", "groups", bucket_of(GROUPS))
            page = self.wire.ask(ask, read_groups)[1]
            return _slice(page.rows, page)

        for rows, _, _ in overlapping(lambda skip: self._ahead.begin(fetch, skip), LIMIT, "groups"):
            own = [group for group in self._own(rows.rows) if chosen is None or group.id in chosen]
            known.update((group.id, group) for group in own)
            yield Page(groups=[group.record() for group in own], set_aside=rows.set_aside)
        groups.extend(known.values())

    def _end(self, as_of: datetime | None) -> Page:
        if as_of is None:
            told = "The directory does not tell its time, so changes are read in full."
            return Page(end=End(), warnings=(told,))
        if self.settings.scope != "all":
            return Page(end=End(as_of=as_of))
        if not self._feed.is_open():
            told = "This credential may not read Directory Insights, so changes are read in full."
            return Page(end=End(as_of=as_of), warnings=(told,))
        return Page(end=End(cursor=bookmark(as_of - OVERLAP), as_of=as_of))

    # -- single people and groups ----------------------------------------------------------

    def _again(self, user_ids: Sequence[str]) -> Page:
        """These people as they are now; who could not be read makes the whole run try again later."""
        found = self.lookup(user_ids)
        unknown = [key for key in user_ids if key not in found.present and key not in found.gone]
        if unknown:
            raise Incomplete(
                f"{len(unknown)} people named by the log could not be read; the next run tries again."
            )
        return Page(
            users=list(found.present.values()),
            raw=[found.raw[key] for key in found.present] if self._wanted.attributes else (),
            gone=[Gone(kind="user", external_id=key) for key in sorted(found.gone)],
        )

    def _look(self, user_id: str, assigned: frozenset[str] | None) -> tuple[UserRecord, Mapping[str, Any]]:
        name = quote(user_id, safe="")
        ask = Ask(f"{USERS}/{name}", f"user {user_id}", bucket_of(USERS))
        found = self.wire.ask(ask, self._users.one)[1]
        if assigned is not None and user_id not in assigned:
            raise Absent(f"User {user_id} is not assigned to the application.")
        if self.settings.scope == "groups" and not self._is_member(name):
            raise Absent(f"User {user_id} is in none of the listed groups.")
        return found

    def _is_member(self, user_id: str) -> bool:
        path = f"/api/v2/users/{user_id}/memberof"
        groups = self._graph.ids(path, f"the groups of user {user_id}", read_bound_groups)
        return not set(self.settings.scope_ids).isdisjoint(groups)

    def _look_group(self, group_id: str) -> GroupRow:
        if self.settings.scope == "groups" and group_id not in self.settings.scope_ids:
            raise Absent(f"Group {group_id} is not one of the listed groups.")
        ask = Ask(f"{GROUPS}/{quote(group_id, safe='')}", f"group {group_id}", bucket_of(GROUPS))
        return self.wire.ask(ask, read_group)[1]

    def _own(self, groups: Any) -> list[GroupRow]:
        """The groups that are given: all but the built-in one, which is given when it is listed."""
        listed = self.settings.scope_ids if self.settings.scope == "groups" else ()
        return [group for group in groups if group.name != EVERYBODY or group.id in listed]

    def _in_scope(self, groups: Sequence[GroupRow]) -> list[GroupRow]:
        """The groups whose members matter."""
        return [group for group in groups if self._wanted.group(group.record())]


def _slice(content: Any, page: Listed[Any]) -> Slice[Any]:
    first, last = page.rows.span or (None, None)
    return Slice(content, first, last, page.places, page.total)


def _place(left: Left) -> str:
    return f"{left.skip} {left.last or ''}"


def _left(place: str) -> Left:
    skip, _, last = place.partition(" ")
    return Left(int(skip), last or None)


def _page_of(rows: Rows[UserRecord], people: frozenset[str] | None) -> Page:
    """The page less those out of scope."""
    if people is None:
        return Page(users=rows.rows, raw=rows.raw, set_aside=rows.set_aside, place=rows.following)
    kept = [place for place, record in enumerate(rows.rows) if record.external_id in people]
    return Page(
        users=[rows.rows[place] for place in kept],
        raw=[rows.raw[place] for place in kept] if rows.raw else (),
        set_aside=[row for row in rows.set_aside if row.external_id is None or row.external_id in people],
        place=rows.following,
    )
