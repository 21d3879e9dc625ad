"""Any SCIM 2.0 service provider as a source: we are its client, and believe it no further than it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from providers import scim_rights
from providers.ahead import Ahead
from providers.budget import Budget, Timeouts
from providers.failures import Absent, BadRequest
from providers.http import Ask, FixedAuth, Wire
from providers.lookups import look_each
from providers.member_reads import MemberReads
from providers.rows import GroupRow
from providers.scim_announced import Announced, announced
from providers.scim_dialect import ScimDialect
from providers.scim_records import ScimGroup, UserReader, read_group, read_groups
from providers.scim_settings import ScimSettings, scim_settings
from providers.scim_user_groups import ATTRIBUTE, UserGroups
from providers.scim_walk import ACCEPT, Piece, ScimList, ScimWalk
from providers.watermark import end_after, time_of
from sync.model.errors import CursorExpired, Denied, Incomplete, Misconfigured
from sync.model.resources import UserRecord
from sync.model.source import (
    Effort,
    End,
    Found,
    Gone,
    GroupsFound,
    Members,
    MembersUnread,
    Page,
    Right,
    Wanted,
)

_NO_MEMBERS: Final = "The service does not tell the members of group {name!r}; they were left as they are."


class Scim:
    """One SCIM service. Satisfies ``sync.model.source.Source`` and ``GroupReader``.

    The service's own id of a person is the external id, and what it would send as SCIM
    ``externalId``. A user without ``active`` is active. SCIM has no name for the tenant that
    answers, so there is no identity to compare.
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
        self.settings: ScimSettings = scim_settings(settings)
        self.wire = Wire(
            self.settings.origin,
            FixedAuth(self.settings.credential),
            ScimDialect(),
            budget,
            timeouts=timeouts,
            observer=observer,
        )
        self.effort = self.wire.effort
        self._wanted = wanted
        self._asks_people = self.settings.groups_from == "users"
        self._users = UserReader([*wanted.attributes, *([(ATTRIBUTE,)] if self._asks_people else [])])
        self._ahead = Ahead(self.wire, "scim")
        self._path = self.settings.path

    def close(self) -> None:
        self._ahead.close()
        self.wire.close()

    def identity(self) -> str | None:
        return None

    def check(self) -> Sequence[Right]:
        """Address, credential, users, paging, groups, members and the change filter, one by one."""
        return scim_rights.prove(self.wire, self.settings)

    def full(self, place: str | None = None, /) -> Iterator[Page]:
        """Everything. Raises before an End whenever less than everything may have come.

        Where people tell of their groups all of them have to be heard at once, so no place is told.
        """
        try:
            told = announced(self.wire, self._path)
            yield from self._read(told, "", place=place)
        except Absent as absent:
            raise Misconfigured(
                f"{absent.message} Check base_url: /Users stands right behind it."
            ) from absent

    def changes(self, cursor: str) -> Iterator[Page]:
        """People and groups changed since the cursor's time; deletions do not show here."""
        if self._asks_people:
            raise CursorExpired("Groups are known by what all people say of them: read in full.")
        since = time_of(cursor)
        stamp = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            told = announced(self.wire, self._path)
            yield from self._read(told, f'meta.lastModified gt "{stamp}"', since)
        except (BadRequest, Absent) as refused:
            raise CursorExpired(
                f"{refused.message} The service cannot tell what changed: read in full."
            ) from refused

    def lookup(self, external_ids: Sequence[str]) -> Found:
        """People by id, a few at a time; who could not be read is in neither part of the answer."""
        present, gone = look_each(self._ahead, external_ids, self._look)
        same = {key: found for key, found in present.items() if found[0].external_id == key}
        return Found(
            present={key: record for key, (record, _) in same.items()},
            gone=gone,
            raw={key: raw for key, (_, raw) in same.items()} if self._wanted.attributes else {},
        )

    def lookup_groups(self, external_ids: Sequence[str]) -> GroupsFound:
        """Groups by id, like ``lookup``. Raises Denied where only people tell of groups."""
        if self._asks_people:
            raise Denied("This service has no /Groups to be asked about a group by its id.")
        present, gone = look_each(self._ahead, external_ids, self._group)
        return GroupsFound(
            present=frozenset(key for key, found in present.items() if found.row.id == key), gone=gone
        )

    def groups(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """These groups and all their members; of none where only a read of everybody tells."""
        if self._asks_people:
            return
        present, gone = look_each(self._ahead, external_ids, self._group)
        same = [found for key, found in present.items() if found.row.id == key]
        yield Page(
            groups=[found.row.record() for found in same],
            gone=[Gone(kind="group", external_id=key) for key in sorted(gone)],
        )
        told = [_members_of(found) for found in same if self._wanted.group(found.row.record())]
        yield Page(members=told)

    # -- pieces ----------------------------------------------------------------------------

    def _read(
        self, told: Announced, condition: str, since: datetime | None = None, place: str | None = None
    ) -> Iterator[Page]:
        """Users, groups and members, all of them or those that meet the condition."""
        as_of = None
        walk = ScimWalk(self.wire, self._ahead, by_cursor=told.has_cursor)
        parameters = {"filter": condition} if condition else {}
        by_people = UserGroups()
        for answer, page in self._people(walk, parameters, place):
            as_of = as_of or answer.date
            if self._asks_people:
                if page.rows.begins_anew:
                    by_people.begin_anew()
                by_people.take(page.rows.rows, page.rows.raw, page.rows.set_aside)
            raw = page.rows.raw if self._wanted.attributes else ()
            where = None if self._asks_people else page.rows.following
            yield Page(users=page.rows.rows, raw=raw, set_aside=page.rows.set_aside, place=where)
        if self._asks_people:
            yield from by_people.pages(self._wanted.group)
        elif self.settings.groups_from == "groups":
            yield from self._read_groups(walk, parameters)
        if self._asks_people or not told.has_filter:
            yield Page(end=End(as_of=as_of))
        elif as_of is None and since is None:
            warning = "The service does not tell its time, so changes are read in full."
            yield Page(end=End(), warnings=(warning,))
        else:
            yield Page(end=end_after(as_of, since=since))

    def _people(
        self, walk: ScimWalk, parameters: Mapping[str, str], place: str | None
    ) -> Iterator[Piece[UserRecord]]:
        """The pages of people, or those behind this place."""
        users = ScimList(f"{self._path}/Users", "users", "Users", parameters)
        read = self._users.page
        return walk.pages(users, read) if place is None else walk.rest(users, read, place)

    def _read_groups(self, walk: ScimWalk, parameters: Mapping[str, str]) -> Iterator[Page]:
        groups: dict[str, ScimGroup] = {}
        try:
            yield from self._group_pages(walk, {**parameters, "excludedAttributes": "members"}, groups)
        except BadRequest:
            if groups or parameters:
                raise
            yield from self._group_pages(walk, parameters, groups)
        wanted = [found for found in groups.values() if self._wanted.group(found.row.record())]
        came = [found.members for found in wanted if found.members is not None]
        if came:
            yield Page(members=came)
        rest = [found.row for found in wanted if found.members is None]
        yield from MemberReads(_MemberLists(self._ahead, self._group)).read(rest)

    def _group_pages(
        self, walk: ScimWalk, parameters: Mapping[str, str], groups: dict[str, ScimGroup]
    ) -> Iterator[Page]:
        groups_list = ScimList(f"{self._path}/Groups", "groups", "Groups", parameters)
        for _, page in walk.pages(groups_list, read_groups):
            groups.update((found.row.id, found) for found in page.rows.rows)
            yield Page(groups=_records(page.rows.rows), set_aside=page.rows.set_aside)

    def _look(self, user_id: str) -> tuple[UserRecord, Mapping[str, Any]]:
        target = f"{self._path}/Users/{quote(user_id, safe='')}"
        return self.wire.ask(Ask(target, f"user {user_id}", "Users", ACCEPT), self._users.one)[1]

    def _group(self, group_id: str) -> ScimGroup:
        target = f"{self._path}/Groups/{quote(group_id, safe='')}"
        return self.wire.ask(Ask(target, f"group {group_id}", "Groups", ACCEPT), read_group)[1]


class _MemberLists:
    """A group's members are an attribute of the group: one read gives them all."""

    def __init__(self, ahead: Ahead, read: Callable[[str], ScimGroup]) -> None:
        self._ahead, self._read = ahead, read

    def begin(self, group: GroupRow) -> Callable[[], ScimGroup]:
        return self._ahead.begin(self._read, group.id)

    def pages(self, group: GroupRow, first: Callable[[], ScimGroup]) -> Iterator[Page]:
        found = first()
        if found.row.id != group.id:
            raise Incomplete(f"The service answered with another group than {group.id}.")
        yield Page(members=(_members_of(found),))


def _members_of(found: ScimGroup) -> Members | MembersUnread:
    if found.members is not None:
        return found.members
    return MembersUnread(group_id=found.row.id, why=_NO_MEMBERS.format(name=found.row.name))


def _records(found: Iterable[ScimGroup]) -> list[Any]:
    return [each.row.record() for each in found]
