"""OneLogin as a source: users by API v2, roles and groups as groups, changes by time and by the event log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from providers import onelogin_rights
from providers.ahead import Ahead
from providers.budget import Budget, Timeouts
from providers.failures import Absent, BadRequest, CredentialRefused
from providers.http import Ask, Wire
from providers.lookups import look_each
from providers.member_reads import MemberReads
from providers.onelogin_dialect import ACCOUNT, OneLoginDialect, allowance_of
from providers.onelogin_events import Events
from providers.onelogin_pages import Left, Lists, Part
from providers.onelogin_records import Person, PersonReader, read_user_ids
from providers.onelogin_sets import RolesBegun, RoleUsers, Sets, Told, unread
from providers.onelogin_settings import onelogin_settings
from providers.onelogin_token import SharedToken
from providers.pace import bucket
from providers.places import BEHIND_PEOPLE, lost
from providers.rows import GroupRow, inside, tolerant_json
from providers.skipped import Moved
from providers.watermark import bookmark, time_of
from sync.model.errors import CursorExpired, Denied, Incomplete, Misconfigured
from sync.model.source import (
    Effort,
    End,
    Found,
    Gone,
    GroupsFound,
    Members,
    Page,
    Right,
    Wanted,
)

USERS: Final = "/api/2/users"
_APPS: Final = "/api/2/apps"
_LIMITS: Final = "/auth/rate_limit"
_OVERLAP: Final = timedelta(minutes=10)


class _Again(NamedTuple):
    """People read again by id, and those who are gone."""

    people: Sequence[Person]
    gone: Sequence[Gone]


class OneLogin:
    """One OneLogin account, read with an API credential.

    Satisfies ``sync.model.source.Source`` and ``GroupReader``. Groups are roles, OneLogin's groups,
    or both; their ids are "role:ID" and "group:ID", since the two are counted apart. Who is in them
    is told by the list of users itself, at no further call; only where that list names no roles are
    roles read one by one. With scope app or roles the ids of those in scope are read first.
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
        chosen = self.settings = onelogin_settings(settings)
        self._budget = budget
        self.token = SharedToken(chosen.client_id, chosen.client_secret, lambda: self.wire, budget.monotonic)
        self.wire: Wire = Wire(
            chosen.origin,
            self.token,
            OneLoginDialect(),
            budget,
            share=chosen.rate_share,
            timeouts=timeouts,
            observer=observer,
        )
        self.effort = self.wire.effort
        self._wanted = wanted
        self._people = PersonReader(
            chosen.picture_attribute, wanted.attributes, unlicensed_is_active=chosen.unlicensed_is_active
        )
        self._ahead = Ahead(self.wire, "onelogin")
        self._lists = Lists(self.wire, self._ahead)
        self._sets = Sets(
            self.wire, self._ahead, self._lists, with_roles=chosen.with_roles, with_groups=chosen.with_groups
        )
        self._role_users = RoleUsers(self._lists)
        self._members = MemberReads(self._role_users)
        self._events = Events(self.wire, self._lists)

    def close(self) -> None:
        self._ahead.close()
        self.wire.close()

    def identity(self) -> str | None:
        """The account's id, which comes with the token."""
        try:
            self.token.headers()
        except (Misconfigured, Denied, Incomplete, Absent):
            return None
        return self.token.account_id

    def check(self) -> Sequence[Right]:
        """Credential, users, roles or groups, the scope, the log and what is left of the hour, one by one."""
        return onelogin_rights.prove(self.wire, self._events, self.settings)

    def full(self, place: str | None = None, /) -> Iterator[Page]:
        """Everything in scope. Raises before an End whenever less than everything may have come.

        A place is the number of the next page of users and their count, which has to be the same still.
        """
        try:
            yield from self._everything(place)
        except Absent as absent:
            raise Misconfigured(f"{absent.message} Check the address and the scope.") from absent

    def changes(self, cursor: str) -> Iterator[Page]:
        """People changed since the cursor, and those whom the log names. Only scope "all" has deltas.

        Each row states all roles of its person, so that memberships are stated too, for these
        people alone. Somebody is gone when OneLogin says so of that very id.
        """
        since = time_of(cursor)
        if self.settings.scope != "all":
            raise CursorExpired("Changes cannot be narrowed to an application or to roles: read in full.")
        try:
            yield from self._changed(since)
        except BadRequest as refused:
            raise CursorExpired(
                f"{refused.message} The change feed cannot be used: read in full."
            ) from refused

    def lookup(self, external_ids: Sequence[str]) -> Found:
        """People by id, a few at a time; who could not be read is in neither part of the answer."""
        assigned = self._assigned() if self.settings.scope == "app" else None
        present, gone = look_each(self._ahead, external_ids, lambda ident: self._look(ident, assigned))
        same = {key: person for key, person in present.items() if person.record.external_id == key}
        return Found(
            present={key: person.record for key, person in same.items()},
            gone=gone,
            raw={key: person.raw for key, person in same.items()},
        )

    def lookup_groups(self, external_ids: Sequence[str]) -> GroupsFound:
        """Groups by id, like ``lookup``."""
        present, gone = look_each(self._ahead, external_ids, self._look_group)
        return GroupsFound(present=frozenset(present), gone=gone)

    def groups(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Groups by id with all their members (``sync.model.source.GroupReader``)."""
        present, gone = look_each(self._ahead, external_ids, self._look_group)
        groups = list(present.values())
        yield Page(
            groups=[group.record() for group in groups],
            gone=[Gone(kind="group", external_id=key) for key in sorted(gone)],
        )
        wanted = self._in_scope(groups)
        yield from self._members.read([group for group in wanted if group.type == "role"])
        for group in wanted:
            if group.type == "group":
                yield from self._group_members(group)

    # -- a full read -----------------------------------------------------------------------

    def _everything(self, place: str | None) -> Iterator[Page]:
        self._learn_the_limit()
        listed, gone = self._listed_roles()
        members = [page for role in listed for page in self._members_of(role)]
        people = self._people_in_scope(members)
        told, as_of = Told(), None
        roles = self._sets.begin() if self.settings.scope != "roles" else None
        told.note((), is_whole=place is None)
        for part in self._user_parts("", place):
            as_of = as_of or part.answer.date
            told = Told() if part.begins_anew else told
            kept = [p for p in part.rows.rows if people is None or p.record.external_id in people]
            told.note(kept, is_whole=not part.rows.set_aside)
            odd = [row for row in part.rows.set_aside if _is_near(row.external_id, people)]
            yield self._page(kept, odd, place=_place(part))
        if not told.people and people is None and place is None:
            raise Incomplete(
                f"{self.wire.host} lists no users at all, which no account in use does; "
                "nobody is removed because of this read."
            )
        if self.settings.scope == "roles":
            yield Page(groups=[role.record() for role in listed], gone=gone)
            yield from members
        else:
            yield from self._all_sets(told, roles)
        yield self._end(as_of)

    def _listed_roles(self) -> tuple[list[GroupRow], list[Gone]]:
        """The roles of the scope; one that cannot be read ends the walk."""
        found, gone = list[GroupRow](), list[Gone]()
        for role_id in self.settings.scope_ids if self.settings.scope == "roles" else ():
            try:
                found.append(self._sets.one(f"role:{role_id}"))
            except Absent:
                gone.append(Gone(kind="group", external_id=f"role:{role_id}"))
        if self.settings.scope == "roles" and not found:
            raise Misconfigured("roles: none of the listed roles exists at the directory. Check their ids.")
        return found, gone

    def _members_of(self, role: GroupRow) -> Iterator[Page]:
        return self._role_users.pages(role, self._role_users.begin(role))

    def _people_in_scope(self, members: Sequence[Page]) -> frozenset[str] | None:
        """The ids of those in scope; None for everybody."""
        if self.settings.scope == "all":
            return None
        if self.settings.scope == "app":
            return self._assigned()
        pieces = (piece for page in members for piece in page.members if isinstance(piece, Members))
        return frozenset(ident for piece in pieces for ident in piece.user_ids)

    def _assigned(self) -> frozenset[str]:
        ask = Ask(f"{_APPS}/{self.settings.scope_ids[0]}/users", "users of the application", ACCOUNT)
        answer, ids = self.wire.ask(ask, read_user_ids)
        stated = answer.headers.get("total-count", "")
        if stated.isdecimal() and int(stated) > len(ids):
            raise Incomplete(
                f"{self.wire.host} counts {stated} users of the application and lists {len(ids)}; "
                "nobody is removed because of this read."
            )
        return frozenset(ids)

    def _user_parts(self, condition: str, place: str | None = None) -> Iterator[Part]:
        path = f"{USERS}?fields={quote(','.join(self._people.keys))}{condition}"
        for part in self._parts_behind(path, place):
            if not all(person.has_attributes for person in part.rows.rows):
                raise Misconfigured(
                    "picture_attribute: OneLogin lists users without their custom attributes here, so nobody "
                    "can say what they hold. Leave out the picture, and fields mapped from custom attributes."
                )
            yield part

    def _parts_behind(self, path: str, place: str | None) -> Iterator[Part]:
        """The pages of users behind this place, all of them without one."""
        if place is None:
            yield from self._lists.parts(path, "users", self._people.page, _id_of)
        elif place != BEHIND_PEOPLE:
            number, total = map(int, place.split())
            try:
                left = Left(number, total)
                yield from self._lists.rest(path, "users", self._people.page, _id_of, left)
            except Moved as moved:
                raise lost(Incomplete(f"The list of users {moved}")) from moved

    def _all_sets(self, told: Told, roles: RolesBegun | None) -> Iterator[Page]:
        """Roles and groups, then who is in them."""
        known: dict[str, GroupRow] = {}
        for rows in self._sets.pages(roles):
            known.update((group.id, group) for group in rows.rows)
            yield Page(groups=[group.record() for group in rows.rows], set_aside=rows.set_aside)
        wanted = self._in_scope(known.values())
        yield from told.members(group for group in wanted if told.knows(group))
        rest = [group for group in wanted if not told.knows(group)]
        yield from self._members.read([group for group in rest if group.type == "role"])
        for group in rest:
            if group.type == "group":
                yield unread(group)

    def _changed_sets(self, told: Told) -> Iterator[Page]:
        """Roles and groups as they are called now, and what the changed people's rows say of them."""
        known: list[GroupRow] = []
        for rows in self._sets.pages():
            known += rows.rows
            yield Page(groups=[group.record() for group in rows.rows], set_aside=rows.set_aside)
        wanted = [group for group in self._in_scope(known) if told.knows(group)]
        yield Page(members=told.changes(wanted))

    def _end(self, as_of: datetime | None) -> Page:
        if as_of is None:
            clockless = "The directory does not tell its time, so changes are read in full."
            return Page(end=End(), warnings=(clockless,))
        has_feed = self.settings.scope == "all"
        return Page(end=End(cursor=bookmark(as_of - _OVERLAP) if has_feed else None, as_of=as_of))

    def _page(self, people: Sequence[Person], set_aside: Any, **more: Any) -> Page:
        raw = [person.raw for person in people] if self._wanted.attributes else ()
        return Page(users=[person.record for person in people], raw=raw, set_aside=set_aside, **more)

    def _learn_the_limit(self) -> None:
        """What is left of the account's hour: answers of API v2 do not tell it."""
        try:
            _, body = self.wire.ask(
                Ask(_LIMITS, "the rate limit", ACCOUNT), lambda answer: tolerant_json(answer.body)
            )
        except CredentialRefused:
            raise
        except (Denied, Absent, Misconfigured, Incomplete):
            return
        data = inside(body, "data")
        told = {str(key).lower(): value for key, value in data.items()} if isinstance(data, dict) else {}
        allowance = allowance_of(told)
        if allowance is not None:
            bucket(self.wire.host, ACCOUNT).learn(allowance, self._budget.monotonic())

    def _changed(self, since: datetime) -> Iterator[Page]:
        self._learn_the_limit()
        told, as_of, met = Told(), None, set[str]()
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        for part in self._user_parts(f"&updated_since={quote(stamp)}"):
            as_of = as_of or part.answer.date
            told.note(part.rows.rows)
            met.update(person.record.external_id for person in part.rows.rows)
            yield self._page(part.rows.rows, part.rows.set_aside)
        again, warnings = self._named(since, met)
        told.note(again.people)
        yield self._page(again.people, (), gone=again.gone, warnings=warnings)
        yield from self._changed_sets(told)
        newer = as_of - _OVERLAP if as_of and as_of - _OVERLAP > since else since
        yield Page(end=End(cursor=bookmark(newer), as_of=as_of))

    # -- single people and groups ----------------------------------------------------------

    def _named(self, since: datetime, met: set[str]) -> tuple[_Again, tuple[str, ...]]:
        """Those whom the log names and no page gave, read again by id."""
        try:
            named, _ = self._events.named_since(since)
        except CredentialRefused:
            raise
        except (Denied, Absent, Misconfigured, BadRequest) as denied:
            off = "Role changes and deletions are seen by full reads alone."
            return _Again((), ()), (f"{denied.message} {off}",)
        ids = [ident for ident in named if ident not in met]
        present, gone = look_each(self._ahead, ids, lambda ident: self._look(ident, None))
        if len(present) + len(gone) < len(ids):
            lost = len(ids) - len(present) - len(gone)
            raise Incomplete(f"{lost} people named by the log could not be read; the next run tries again.")
        tombstones = tuple(Gone(kind="user", external_id=key) for key in sorted(gone))
        return _Again(tuple(present.values()), tombstones), ()

    def _look(self, user_id: str, assigned: frozenset[str] | None) -> Person:
        ask = Ask(f"{USERS}/{quote(user_id, safe='')}", f"user {user_id}", ACCOUNT)
        found = self.wire.ask(ask, self._people.one)[1]
        if assigned is not None and user_id not in assigned:
            raise Absent(f"User {user_id} is not assigned to the application.")
        if self.settings.scope == "roles":
            if found.sets.role_ids is None:
                raise Incomplete(
                    f"User {user_id} comes without roles, so nobody can say whether it is in scope."
                )
            if not {str(role_id) for role_id in found.sets.role_ids} & set(self.settings.scope_ids):
                raise Absent(f"User {user_id} is in none of the listed roles.")
        return found

    def _look_group(self, external_id: str) -> GroupRow:
        if self.settings.scope == "roles" and external_id.partition(":")[2] not in self.settings.scope_ids:
            raise Absent(f"{external_id} is not one of the listed roles.")
        return self._sets.one(external_id)

    def _group_members(self, group: GroupRow) -> Iterator[Page]:
        """The members of one of OneLogin's groups, by the list of its users."""
        ids: list[str] = []
        for part in self._user_parts(f"&group_id={group.id.partition(':')[2]}"):
            ids += [person.record.external_id for person in part.rows.rows]
        yield Page(members=(Members(group_id=group.id, user_ids=list(dict.fromkeys(ids))),))

    def _in_scope(self, groups: Iterable[GroupRow]) -> list[GroupRow]:
        """The groups whose members matter."""
        return [group for group in groups if self._wanted.group(group.record())]


def _id_of(person: Person) -> str:
    return person.record.external_id


def _place(part: Part) -> str | None:
    """None where the account does not count its users: nothing would tell that rows have moved."""
    if part.left.total is None:
        return None
    return BEHIND_PEOPLE if part.is_last else f"{part.left.number} {part.left.total}"


def _is_near(external_id: str | None, people: frozenset[str] | None) -> bool:
    """False for somebody who is certainly out of scope."""
    return people is None or external_id is None or external_id in people
