"""Okta as a source: users, groups and members by the management API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote

from providers import okta_rights
from providers.ahead import Ahead
from providers.answers import Answer
from providers.budget import Budget, Timeouts
from providers.failures import Absent, BadRequest
from providers.http import Ask
from providers.lookups import look_each
from providers.member_reads import MemberReads
from providers.okta_line import OktaLine
from providers.okta_members import SHORT, OktaMembers
from providers.okta_records import (
    BUILT_IN,
    UserReader,
    everyone_count,
    read_embedded_groups,
    read_group,
    read_groups,
)
from providers.okta_settings import Holder, OktaSettings, okta_settings
from providers.pages import PageGuard
from providers.places import BEHIND_PEOPLE, behind, lost
from providers.rows import GroupRow, Rows, tolerant_json
from providers.watermark import bookmark, time_of
from sync.model.errors import CursorExpired, Denied, Incomplete, Misconfigured
from sync.model.resources import UserRecord
from sync.model.source import Effort, End, Found, Gone, GroupsFound, Members, Page, Right, Wanted

T = TypeVar("T")

_USERS: Final = "/api/v1/users"
_GROUPS: Final = "/api/v1/groups"
_APPS: Final = "/api/v1/apps"
_NOT_FOUND: Final = "E0000007"
_STARTS: Final = 3
_OVERLAP: Final = timedelta(minutes=5)
_BELIEVABLE: Final = 0.8
"""Part of the members Okta counts in Everyone that a list of all users must reach: the count lags."""


class Okta:
    """One Okta organisation, read with an API token or by a service app (a ``sync.model.source.Source``).

    Groups of type BUILT_IN ("Everyone", "Okta Administrators") are read for the cross-check of the
    user list and are not given as groups: a tag that everybody carries says nothing. Groups
    imported from applications (APP_GROUP) are. The plain user list leaves out DEPROVISIONED people;
    they are absent, and ``lookup`` says what became of them. Counts Okta states lag behind, so
    ``End`` states none.
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
        self.settings: OktaSettings = okta_settings(settings)
        self._line = OktaLine(
            self.settings,
            budget,
            scopes=self.settings.oauth_scopes,
            holder=self.settings.holder,
            timeouts=timeouts,
            observer=observer,
        )
        self.wire = self._line.wire
        self.effort = self.wire.effort
        self._wanted = wanted
        self._users = self._reader()
        self._ahead = Ahead(self.wire, "okta")
        self._members = MemberReads(OktaMembers(self.wire, self._ahead))

    def close(self) -> None:
        self._ahead.close()
        self._line.close()

    def identity(self) -> str | None:
        """The organisation's id from `/.well-known/okta-organization`, None where it does not tell."""
        ask = Ask("/.well-known/okta-organization", "the organisation's id", "", is_anonymous=True)
        try:
            _, body = self.wire.ask(ask, lambda answer: tolerant_json(answer.body))
        except (Misconfigured, Denied, Incomplete, Absent):
            return None
        found = body.get("id") if isinstance(body, dict) else None
        return found if isinstance(found, str) and found else None

    def check(self) -> Sequence[Right]:
        """Credential, users, groups, members, and whether the role sees everybody, one by one."""
        return okta_rights.prove(self.wire, self.settings, self._line.withheld)

    def full(self, place: str | None = None, /) -> Iterator[Page]:
        """Everything in scope. Raises before an End whenever less than everything may have come.

        Where people are the members of listed groups, no place is told.
        """
        walks = {"all": self._whole, "app": self._assigned, "groups": self._listed}
        try:
            yield from walks[self.settings.scope](place)
        except Absent as absent:
            raise Misconfigured(f"{absent.message} Check the address and the scope.") from absent

    def changes(self, cursor: str) -> Iterator[Page]:
        """People and groups changed since the cursor's time, five minutes of overlap included.

        Deletions do not show here; a delta removes nobody by silence. Only scope "all" has deltas.
        """
        since = time_of(cursor)
        if self.settings.scope != "all":
            raise CursorExpired(
                "Okta has no change feed for one application or for listed groups: read in full."
            )
        stamp = since.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        try:
            yield from self._changed(stamp, since)
        except BadRequest as refused:
            raise CursorExpired(
                f"{refused.message} The change feed cannot be used: read in full."
            ) from refused

    def lookup(self, external_ids: Sequence[str]) -> Found:
        """People by id, a few at a time; who could not be read is in neither part of the answer."""
        present, gone = look_each(self._ahead, external_ids, self._look, _is_gone)
        same = {key: found for key, found in present.items() if found[0].external_id == key}
        return Found(
            present={key: record for key, (record, _) in same.items()},
            gone=gone,
            raw={key: raw for key, (_, raw) in same.items()},
        )

    def lookup_groups(self, external_ids: Sequence[str]) -> GroupsFound:
        """Groups by id, like ``lookup``."""
        present, gone = look_each(self._ahead, external_ids, self._look_group, _is_gone)
        return GroupsFound(
            present=frozenset(key for key, group in present.items() if group.id == key), gone=gone
        )

    def groups(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Groups by id with all their members (``sync.model.source.GroupReader``)."""
        present, gone = look_each(self._ahead, external_ids, self._look_group, _is_gone)
        groups = _own(group for key, group in present.items() if group.id == key)
        yield Page(
            groups=[group.record() for group in groups],
            gone=[Gone(kind="group", external_id=key) for key in sorted(gone)],
        )
        yield from self._members.read(self._in_scope(groups))

    # -- the three scopes ------------------------------------------------------------------

    def _whole(self, place: str | None) -> Iterator[Page]:
        as_of, users_read = None, 0
        for answer, rows in self._people(f"{_USERS}?limit=200", "users", _USERS, self._users, place):
            as_of = as_of or answer.date
            users_read = (0 if rows.begins_anew else users_read) + len(rows.rows) + len(rows.set_aside)
            yield _people_page(rows)
        groups: dict[str, GroupRow] = {}
        try:
            yield from self._group_pages(f"{_GROUPS}?limit=200&expand=stats", groups)
        except Denied as denied:
            nobody = not users_read and place is None
            raise (Denied(_no_role(self.wire.host, self.settings.holder)) if nobody else denied) from denied
        if place is None:
            self._believe(users_read, groups.values())
        yield from self._members.read(self._in_scope(groups.values()))
        yield self._end(as_of, has_feed=True)

    def _assigned(self, place: str | None) -> Iterator[Page]:
        app, as_of = f"{_APPS}/{self.settings.scope_ids[0]}", None
        reader = self._reader(is_assignment=True)
        users = self._people(
            f"{app}/users?limit=500&expand=user", "users of the application", _APPS, reader, place
        )
        for answer, rows in users:
            as_of = as_of or answer.date
            yield _people_page(rows)
        groups: dict[str, GroupRow] = {}
        for _, found in self._walk(
            f"{app}/groups?limit=200&expand=group", "groups of the application", _APPS, read_embedded_groups
        ):
            yield _group_page(found, groups)
        yield from self._members.read(self._in_scope(groups.values()))
        yield self._end(as_of, has_feed=False)

    def _listed(self, _place: str | None) -> Iterator[Page]:
        """People are those in the listed groups, so a group that cannot be read ends the walk."""
        as_of, seen, members, groups, gone = None, set[str](), list[Members](), list[GroupRow](), list[Gone]()
        for group_id in self.settings.scope_ids:
            ids: list[str] = []
            try:
                _, group = self.wire.ask(_one(f"{_GROUPS}/{group_id}", f"group {group_id}"), read_group)
                for answer, rows in self._member_users(group_id):
                    as_of = as_of or answer.date
                    ids.extend(record.external_id for record in rows.rows)
                    yield _unseen(rows, seen)
            except Absent:
                gone.append(Gone(kind="group", external_id=group_id))
                continue
            groups.append(group)
            members.append(Members(group_id=group_id, user_ids=list(dict.fromkeys(ids))))
        if not groups:
            raise Misconfigured("groups: none of the listed groups exists at the directory. Check their ids.")
        yield Page(groups=[group.record() for group in groups], gone=gone)
        yield Page(members=members)
        yield self._end(as_of, has_feed=False)

    # -- pieces ----------------------------------------------------------------------------

    def _reader(self, *, is_assignment: bool = False) -> UserReader:
        return UserReader(
            self.settings.picture_attribute,
            is_assignment=is_assignment,
            attributes=self._wanted.attributes,
        )

    def _in_scope(self, groups: Iterable[GroupRow]) -> list[GroupRow]:
        """The groups whose members matter."""
        return [group for group in _own(groups) if self._wanted.group(group.record())]

    def _changed(self, stamp: str, since: datetime) -> Iterator[Page]:
        as_of = None
        users = f"{_USERS}?limit=200&filter={quote(f'lastUpdated gt {_quoted(stamp)}')}"
        for answer, rows in self._walk(users, "changed users", _USERS, self._users.page):
            as_of = as_of or answer.date
            yield Page(users=rows.rows, raw=rows.raw, set_aside=rows.set_aside)
        condition = f"lastUpdated gt {_quoted(stamp)} or lastMembershipUpdated gt {_quoted(stamp)}"
        groups: dict[str, GroupRow] = {}
        yield from self._group_pages(f"{_GROUPS}?limit=200&expand=stats&filter={quote(condition)}", groups)
        yield from self._members.read(self._in_scope(groups.values()))
        end = self._end(as_of, has_feed=True).end
        cursor = end.cursor if end and end.cursor else None
        newer = cursor if cursor and time_of(cursor) > since else bookmark(since)
        yield Page(end=End(cursor=newer, as_of=as_of))

    def _group_pages(self, target: str, groups: dict[str, GroupRow]) -> Iterator[Page]:
        for _, rows in self._walk(target, "groups", _GROUPS, read_groups):
            yield _group_page(rows, groups)

    def _member_users(self, group_id: str) -> Iterator[tuple[Answer, Rows[UserRecord]]]:
        what = f"members of group {group_id}"
        return self._walk(f"{_GROUPS}/{group_id}/users?limit=200", what, _GROUPS, self._users.page)

    def _people(
        self, first: str, what: str, bucket: str, reader: UserReader, place: str | None
    ) -> Iterator[tuple[Answer, Rows[UserRecord]]]:
        """The pages of people, or those behind this place. Raises CursorExpired when it is no more."""
        if place is None:
            yield from self._walk(first, what, bucket, reader.page)
        elif place != BEHIND_PEOPLE:
            try:
                yield from self._walk(place, what, bucket, reader.page, goes_on=True)
            except (BadRequest, Absent) as refused:
                raise lost(refused) from refused

    def _walk(
        self, first: str, what: str, bucket: str, read: Callable[[Answer], Rows[T]], *, goes_on: bool = False
    ) -> Iterator[tuple[Answer, Rows[T]]]:
        """Every page of a list, the next one under way while the caller works on this one.

        A cursor that expires on the way (400, 404) makes the walk start over, twice at most; people
        met again are the caller's to recognise. A walk that ``goes_on`` begins within the list.
        """
        starts, target, guard = 1, first, PageGuard(self.wire.origin, first, what)
        pending = self._ahead.begin(self.wire.ask, Ask(first, what, bucket, SHORT), read)
        while True:
            try:
                answer, rows = pending()
            except (BadRequest, Absent):
                if goes_on or target == first or starts >= _STARTS:
                    raise
                starts, target, guard = starts + 1, first, PageGuard(self.wire.origin, first, what)
                pending = self._ahead.begin(self.wire.ask, Ask(first, what, bucket, SHORT), read)
                continue
            guard.saw(rows.span)
            begins_anew, following = starts > 1 and target == first, guard.next(answer.links)
            if following is not None:
                pending = self._ahead.begin(self.wire.ask, Ask(following, what, bucket, SHORT), read)
            yield answer, rows._replace(begins_anew=begins_anew, following=following)
            if following is None:
                return
            target = following

    def _believe(self, users_read: int, groups: Iterable[GroupRow]) -> None:
        """Raises when Okta's own count of everybody shows that the user list was short."""
        stated = everyone_count(groups)
        if not users_read and stated != 0:
            raise Denied(_no_role(self.wire.host, self.settings.holder))
        if stated is None:
            if self.settings.role_is_narrow:
                return
            raise Incomplete(
                "The group Everyone is not visible: the token's role is narrowed to some groups, "
                "and the user list is not everybody. "
                "Give it a role that sees all, or set role_is_narrow when that is meant."
            )
        if users_read < stated * _BELIEVABLE:
            raise Incomplete(
                f"The directory counts {stated} people in Everyone but listed {users_read}. "
                "The token's role may be narrowed to some groups; nobody is removed because of this read."
            )

    def _look(self, user_id: str) -> tuple[UserRecord, Mapping[str, Any]]:
        what, name = f"user {user_id}", quote(user_id, safe="")
        if self.settings.scope == "app":
            reader = self._reader(is_assignment=True)
            target = f"{_APPS}/{self.settings.scope_ids[0]}/users/{name}?expand=user"
            return self.wire.ask(Ask(target, what, _APPS), reader.one)[1]
        _, found = self.wire.ask(Ask(f"{_USERS}/{name}", what, f"{_USERS}/id"), self._users.one)
        if self.settings.scope == "groups":
            _, groups = self.wire.ask(Ask(f"{_USERS}/{name}/groups", what, _USERS), read_groups)
            if not any(group.id in self.settings.scope_ids for group in groups.rows):
                raise Absent(f"User {user_id} is in none of the listed groups.", code=_NOT_FOUND)
        return found

    def _look_group(self, group_id: str) -> GroupRow:
        what, name = f"group {group_id}", quote(group_id, safe="")
        if self.settings.scope == "app":
            self.wire.ask(Ask(f"{_APPS}/{self.settings.scope_ids[0]}/groups/{name}", what, _APPS), read_group)
        if self.settings.scope == "groups" and group_id not in self.settings.scope_ids:
            raise Absent(f"Group {group_id} is not one of the listed groups.", code=_NOT_FOUND)
        return self.wire.ask(_one(f"{_GROUPS}/{name}", what), read_group)[1]

    def _end(self, as_of: datetime | None, *, has_feed: bool) -> Page:
        if as_of is None:
            return Page(
                end=End(), warnings=("The directory does not tell its time, so changes are read in full.",)
            )
        return Page(end=End(cursor=bookmark(as_of - _OVERLAP) if has_feed else None, as_of=as_of))


def _no_role(host: str, holder: Holder) -> str:
    return (
        f"{host} lists no users although it has some: the {holder.noun} has no admin role, "
        f"or a role that sees nobody. {holder.remedy}"
    )


def _is_gone(absent: Absent) -> bool:
    return absent.code == _NOT_FOUND


def _own(groups: Iterable[GroupRow]) -> list[GroupRow]:
    return [group for group in groups if group.type != BUILT_IN]


def _unseen(rows: Rows[UserRecord], seen: set[str]) -> Page:
    """The page without those whom another group's page gave already."""
    fresh = [place for place, record in enumerate(rows.rows) if record.external_id not in seen]
    seen.update(rows.rows[place].external_id for place in fresh)
    raw = [rows.raw[place] for place in fresh] if rows.raw else ()
    return Page(users=[rows.rows[place] for place in fresh], raw=raw, set_aside=rows.set_aside)


def _people_page(rows: Rows[UserRecord]) -> Page:
    place = behind(rows.following)
    return Page(users=rows.rows, raw=rows.raw, set_aside=rows.set_aside, place=place)


def _group_page(rows: Rows[GroupRow], groups: dict[str, GroupRow]) -> Page:
    groups.update((group.id, group) for group in rows.rows)
    return Page(groups=[group.record() for group in _own(rows.rows)], set_aside=rows.set_aside)


def _one(target: str, what: str) -> Ask:
    return Ask(target, what, f"{_GROUPS}/id")


def _quoted(stamp: str) -> str:
    return f'"{stamp}"'
