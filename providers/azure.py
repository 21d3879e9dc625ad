"""Microsoft Entra ID as a source: users, groups and members by Microsoft Graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from providers.ahead import Ahead
from providers.answers import Answer
from providers.azure_batch import MOST, Batches, Item
from providers.azure_delta import Bookmarks, Changed, Feeds, bookmarks
from providers.azure_dialect import AzureDialect
from providers.azure_groups import Groups
from providers.azure_login import Tokens
from providers.azure_photos import Photos
from providers.azure_records import (
    GROUP_SELECT,
    Listed,
    MemberIds,
    UserReader,
    page_of,
    read_group,
    read_groups,
)
from providers.azure_rights import Proof
from providers.azure_scope import Application
from providers.azure_settings import azure_settings
from providers.azure_subscriptions import RESOURCES, Subscriptions
from providers.azure_walk import EVENTUAL, UNITS, VERSION, List, Walks
from providers.budget import Budget, Timeouts
from providers.failures import ENDS_THE_READ, Absent, BadRequest
from providers.http import Ask, RenewedAuth, Wire
from providers.places import BEHIND_PEOPLE, behind, lost
from providers.rows import GroupRow, Rows, id_of, inside
from sync.model.errors import ConnectorError, CursorExpired, Denied, Incomplete, Misconfigured
from sync.model.resources import UserRecord
from sync.model.source import (
    Effort,
    End,
    Found,
    Gone,
    GroupsFound,
    MemberChange,
    Members,
    Page,
    Photo,
    Right,
    SetAside,
    Wanted,
)

_BELIEVABLE: Final = 0.8
"""Part of the people that Graph's own count names which a list of all must reach: the count may be late."""
_LOST: Final = "deleted at the directory, or a guest, which is out of this connection's scope"
_USERS_COST: Final = 2
_DEEP_COST: Final = 4
_GUID_LENGTH: Final = 36


class Azure:
    """One Entra tenant, read by an app registration. Satisfies ``sync.model.source.Source``.

    The list of users leaves out who was deleted in the last 30 days; they are absent, and ``lookup``
    says what became of them. Guests are out of scope unless the settings take them in. Only scope
    "all" has change feeds.
    """

    resources = RESOURCES

    def __init__(
        self,
        settings: Mapping[str, object],
        budget: Budget,
        *,
        observer: Callable[[Effort], None] | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
        wanted: Wanted = Wanted(),  # noqa: B008 - immutable
    ) -> None:
        chosen = self.settings = azure_settings(settings)
        self._dialect = AzureDialect()
        auth = RenewedAuth(self._fetch_token, budget.monotonic)
        self.wire = Wire(
            chosen.origin,
            auth,
            self._dialect,
            budget,
            share=chosen.rate_share,
            timeouts=timeouts,
            observer=observer,
            tenant=chosen.tenant_id,
        )
        self._tokens = Tokens(chosen, budget, timeouts=timeouts, beside=self.wire)
        self.effort = self.wire.effort
        self._wanted = wanted
        self._users = UserReader(guests=chosen.guests, attributes=wanted.attributes, picture=wanted.picture)
        self._ahead = Ahead(self.wire, "azure")
        # people's pages follow each other, so that none may queue behind what is read beside them
        self._lane = Ahead(self.wire, "azure people", 1)
        self._walks = Walks(self.wire, self._lane)
        self._groups = Groups(self.wire, self._ahead, wanted, is_transitive=chosen.is_transitive)
        self._batches = Batches(self.wire)
        self._subscriptions = Subscriptions(self.wire)
        self._feeds = Feeds(
            self.wire, self._ahead, self._walks, self._users, is_transitive=chosen.is_transitive
        )
        self._application = Application(
            self.wire, self._walks, chosen.scope_ids[0] if chosen.scope_ids else ""
        )
        self._assigned: MemberIds | None = None

    def _fetch_token(self) -> tuple[Mapping[str, str], float]:
        return self._tokens.fetch()

    def close(self) -> None:
        self._groups.close()
        self._lane.close()
        self._ahead.close()
        self._tokens.close()
        self.wire.close()

    def identity(self) -> str | None:
        """The tenant's id from /organization, else from the authority; None where neither tells."""
        ask = Ask(f"{VERSION}/organization?$select=id", "the tenant's id", UNITS)
        try:
            _, body = self.wire.ask(ask, page_of)
        except (Denied, Incomplete, Absent) as error:
            if isinstance(error, ENDS_THE_READ):
                raise
            return self._tokens.tenant()
        return id_of(body["value"][0]) if body["value"] else self._tokens.tenant()

    def check(self) -> Sequence[Right]:
        """Sign-in, users, groups, members, and what the scope and the settings need, one by one."""
        return list(Proof(self.wire, self.settings, self._feeds, self._application).rights())

    def full(self, place: str | None = None, /) -> Iterator[Page]:
        """Everything in scope. Raises before an End whenever less than everything may have come.

        Only scope "all" tells places: the people of any other are read group by group.
        """
        walks = {"all": self._whole, "app": self._of_application, "groups": self._of_groups}
        try:
            yield from walks[self.settings.scope](place)
        except Absent as absent:
            raise Misconfigured(f"{absent.message} Check the address and the scope.") from absent

    def changes(self, cursor: str) -> Iterator[Page]:
        """What both change feeds told since the cursor; nobody is removed by silence."""
        if self.settings.scope != "all":
            raise CursorExpired(
                "Entra has no change feed for one application or for listed groups: read in full."
            )
        changed, onward = self._feeds.follow(bookmarks(cursor, self._feeds.select))
        yield from self._told(changed)
        yield Page(end=End(cursor=onward.text(), as_of=changed.as_of))

    def lookup(self, external_ids: Sequence[str]) -> Found:
        """People by id, twenty at a time; who could not be read is in neither part of the answer."""
        present: dict[str, tuple[UserRecord, Mapping[str, Any]]] = {}
        gone: set[str] = set()
        items = [self._user_item(user_id) for user_id in dict.fromkeys(external_ids) if _is_id(user_id)]
        gone.update(set(external_ids) - {item.key for item in items})
        for user_id, outcome in self._each(items, self._users.one):
            if isinstance(outcome, Absent) or outcome is None:
                gone.add(user_id)
            elif not isinstance(outcome, ConnectorError) and outcome[0].external_id == user_id:
                present[user_id] = outcome
        for user_id in self._outside(list(present)):
            del present[user_id]
            gone.add(user_id)
        return Found(
            present={key: record for key, (record, _) in present.items()},
            gone=frozenset(gone),
            raw={key: raw for key, (_, raw) in present.items()},
        )

    def lookup_groups(self, external_ids: Sequence[str]) -> GroupsFound:
        """Groups by id, like ``lookup``."""
        found, gone = self._look_groups(external_ids)
        return GroupsFound(present=frozenset(group.id for group in found), gone=gone)

    def groups(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Groups by id with all their members (``sync.model.source.GroupReader``)."""
        found, gone = self._look_groups(external_ids)
        yield Page(
            groups=[group.record() for group in found],
            gone=[Gone(kind="group", external_id=key) for key in sorted(gone)],
        )
        yield from self._groups.members_of(found)

    def memberships(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """The groups of people who came back (``sync.model.source.MembershipReader``)."""
        members: dict[str, list[str]] = {}
        items = [self._groups_item(user_id, "memberOf") for user_id in external_ids if _is_id(user_id)]
        for user_id, outcome in self._each(items, read_groups):
            if isinstance(outcome, Absent):
                continue
            if isinstance(outcome, ConnectorError):
                raise outcome
            for group in outcome.rows.rows if outcome.next is None else self._many_groups(user_id):
                if self._takes_in(group.id) and self._wanted.group(group.record()):
                    members.setdefault(group.id, []).append(user_id)
        yield Page(members=[MemberChange(group_id=key, added=ids) for key, ids in members.items()])

    def subscribe(self, resource: str, url: str, secret: str, ends_at: datetime) -> str:
        """Change notifications (``sync.model.source.Subscriber``)."""
        return self._subscriptions.make(resource, url, secret, ends_at)

    def renew(self, subscription_id: str, ends_at: datetime) -> bool:
        return self._subscriptions.renew(subscription_id, ends_at)

    def unsubscribe(self, subscription_id: str) -> None:
        self._subscriptions.end(subscription_id)

    def photos(self, known: Mapping[str, str | None]) -> Iterator[Photo]:
        """Photos that changed (``sync.model.source.PhotoReader``)."""
        yield from Photos(self._batches).changed(known)

    # -- the three scopes ------------------------------------------------------------------

    def _whole(self, place: str | None) -> Iterator[Page]:
        if place is not None:
            yield from self._rest(place)
            return
        as_of, met = None, 0
        marks, why = self._feeds.open()
        groups = self._groups.begin()
        count = self._groups.beside.begin(self._stated)
        for answer, page in self._walks.pages(self._everybody(), self._users.page):
            as_of = as_of or answer.date
            met = (0 if page.rows.begins_anew else met) + page.read
            self._dialect.met(met)
            yield self._user_page(page, place=behind(page.rows.following))
        self._believe(met, count)
        yield from groups()
        yield self._end(as_of, marks, why)

    def _rest(self, place: str) -> Iterator[Page]:
        """What lies behind this place. A read in two parts proves no count, and brings no bookmark."""
        groups = self._groups.begin()
        listing = self._everybody()._replace(first=place, is_rest=True)
        try:
            for _, page in self._walks.pages(listing, self._users.page) if place != BEHIND_PEOPLE else ():
                yield self._user_page(page, place=behind(page.rows.following))
        except (BadRequest, Absent) as refused:
            raise lost(refused) from refused
        yield from groups()
        yield Page(end=End())

    def _everybody(self) -> List:
        return List(f"{VERSION}/users?$select={self._users.select}&$top=999", "users", _USERS_COST - 1)

    def _of_application(self, _place: str | None) -> Iterator[Page]:
        """People assigned by themselves, and people of the groups that are assigned."""
        assigned = self._assigned = self._application.assigned()
        seen: set[str] = set()
        yield from self._people(assigned.users, seen)
        yield from self._people_of_groups(assigned.groups, seen)
        yield Page(end=End())

    def _of_groups(self, _place: str | None) -> Iterator[Page]:
        yield from self._people_of_groups(self.settings.scope_ids, set())
        yield Page(end=End())

    def _people_of_groups(self, group_ids: Sequence[str], seen: set[str]) -> Iterator[Page]:
        """A group that cannot be read ends the walk: its members are people in scope."""
        groups, gone = self._look_groups(group_ids)
        if len(groups) + len(gone) < len(group_ids):
            raise Incomplete("A group in scope could not be read; nothing was concluded from this read.")
        if self.settings.scope == "groups" and not groups:
            raise Misconfigured("groups: none of the listed groups exists at the directory. Check their ids.")
        members: list[Members] = []
        for group in groups:
            ids: list[str] = []
            for _, page in self._walks.pages(self._people_list(group), self._users.page):
                ids += [*(record.external_id for record in page.rows.rows), *page.unsaid]
                yield self._user_page(_unseen(page, seen))
            members.append(Members(group_id=group.id, user_ids=list(dict.fromkeys(ids))))
        yield Page(
            groups=[group.record() for group in groups],
            gone=[Gone(kind="group", external_id=key) for key in sorted(gone)],
        )
        yield Page(members=members)

    # -- pieces ----------------------------------------------------------------------------

    def _people_list(self, group: GroupRow) -> List:
        kind = "transitiveMembers" if self.settings.is_transitive else "members"
        cost = _DEEP_COST if self.settings.is_transitive else _USERS_COST
        path = f"{VERSION}/groups/{group.id}/{kind}/microsoft.graph.user"
        query = f"?$select={self._users.select}&$top=999&$count=true"
        return List(path + query, f"members of group {group.name!r}", cost, EVENTUAL)

    def _people(self, user_ids: Sequence[str], seen: set[str]) -> Iterator[Page]:
        """People by id, as pages; who is gone meanwhile is absent, who cannot be read ends the walk."""
        for start in range(0, len(user_ids), MOST):
            users, raw = list[UserRecord](), list[Mapping[str, Any]]()
            for outcome in self._read_people(user_ids[start : start + MOST]).values():
                if isinstance(outcome, ConnectorError) and not isinstance(outcome, Absent):
                    raise outcome
                if outcome is not None and not isinstance(outcome, ConnectorError):
                    users.append(outcome[0])
                    raw.append(outcome[1])
            seen.update(user.external_id for user in users)
            yield Page(users=users, raw=raw if self._wanted.attributes else ())

    def _user_page(self, page: Listed[UserRecord], place: str | None = None) -> Page:
        """The page's people, and those whose row left something out, read by id."""
        users, raw, odd = list(page.rows.rows), list(page.rows.raw), list(page.rows.set_aside)
        for user_id, outcome in self._read_people(page.unsaid).items():
            if isinstance(outcome, Absent) or outcome is None:
                continue
            if isinstance(outcome, ConnectorError):
                odd.append(SetAside(kind="user", external_id=user_id, why=outcome.message))
            else:
                users.append(outcome[0])
                raw.append(outcome[1])
        return Page(users=users, raw=raw if self._wanted.attributes else (), set_aside=odd, place=place)

    def _told(self, changed: Changed) -> Iterator[Page]:
        completed = self._user_page(Listed(Rows(()), unsaid=sorted(changed.unsaid)))
        there = {record.external_id for record in completed.users}
        there |= {odd.external_id or "" for odd in completed.set_aside}
        lost = [
            Gone(kind="user", external_id=key, why=_LOST, may_exist=True)
            for key in sorted(changed.unsaid - there)
        ]
        yield Page(
            users=[*changed.users.values(), *completed.users],
            raw=[*changed.raw.values(), *completed.raw] if self._wanted.attributes else (),
            set_aside=[*changed.set_aside, *completed.set_aside],
        )
        yield Page(groups=list(changed.groups.values()), gone=list(changed.gone_groups.values()))
        yield Page(members=list(changed.member_changes()))
        yield Page(gone=[*changed.gone.values(), *lost])

    def _read_people(
        self, user_ids: Sequence[str]
    ) -> dict[str, tuple[UserRecord, Mapping[str, Any]] | ConnectorError | None]:
        return dict(self._each([self._user_item(user_id) for user_id in user_ids], self._users.one))

    def _user_item(self, user_id: str) -> Item:
        return Item(user_id, f"/users/{user_id}?$select={self._users.select}", f"user {user_id}")

    def _groups_item(self, user_id: str, kind: str) -> Item:
        query = "$select=id,displayName&$top=999&$count=true"
        path = f"/users/{user_id}/{kind}/microsoft.graph.group?{query}"
        return Item(user_id, path, f"the groups of user {user_id}", EVENTUAL, cost=2)

    def _many_groups(self, user_id: str) -> list[GroupRow]:
        """All groups of somebody who is in more of them than one answer holds."""
        item = self._groups_item(user_id, "memberOf")
        listing = List(f"{VERSION}{item.path}", item.what, item.cost, EVENTUAL)
        return [group for _, page in self._walks.pages(listing, read_groups) for group in page.rows.rows]

    def _each(self, items: Sequence[Item], read: Callable[[Answer], Any]) -> Iterator[tuple[str, Any]]:
        for key, outcome in self._batches.each(items, read) if items else ():
            if isinstance(outcome, ENDS_THE_READ):
                raise outcome
            yield key, outcome

    def _look_groups(self, group_ids: Sequence[str]) -> tuple[list[GroupRow], frozenset[str]]:
        """The groups in scope that were found, in the order asked for, and the ids that are gone."""
        wanted = list(dict.fromkeys(group_ids))
        gone = {group_id for group_id in wanted if not _is_id(group_id) or not self._takes_in(group_id)}
        items = [
            Item(group_id, f"/groups/{group_id}?$select={GROUP_SELECT}", f"group {group_id}")
            for group_id in wanted
            if group_id not in gone
        ]
        found: dict[str, GroupRow] = {}
        for group_id, outcome in self._each(items, read_group):
            if isinstance(outcome, Absent):
                gone.add(group_id)
            elif isinstance(outcome, GroupRow) and outcome.id == group_id:
                found[group_id] = outcome
        return [found[group_id] for group_id in wanted if group_id in found], frozenset(gone)

    def _takes_in(self, group_id: str) -> bool:
        """Whether the scope names this group; where it names none, every group is in it."""
        if self.settings.scope == "groups":
            return group_id in self.settings.scope_ids
        return self.settings.scope == "all" or group_id in self._who_is_assigned().groups

    def _who_is_assigned(self) -> MemberIds:
        if self._assigned is None:
            self._assigned = self._application.assigned()
        return self._assigned

    def _outside(self, user_ids: Sequence[str]) -> set[str]:
        """Those of these people who exist and lie outside the scope. Raises when that cannot be read."""
        if self.settings.scope == "all" or not user_ids:
            return set()
        of_app = self._who_is_assigned() if self.settings.scope == "app" else None
        groups = set(of_app.groups if of_app else self.settings.scope_ids)
        rest = [user_id for user_id in user_ids if not of_app or user_id not in of_app.users]
        kind = "transitiveMemberOf" if self.settings.is_transitive else "memberOf"
        items = [self._groups_item(user_id, kind) for user_id in rest]
        outside: set[str] = set()
        for user_id, outcome in self._each(items, read_groups):
            if isinstance(outcome, ConnectorError):
                raise outcome
            if not any(group.id in groups for group in outcome.rows.rows) and outcome.next is None:
                outside.add(user_id)
        return outside

    def _believe(self, met: int, count: Callable[[], int | None]) -> None:
        """Raises when the list of users was empty, or much shorter than Graph's own count of them."""
        if not met:
            raise Incomplete(
                f"{self.wire.host} lists no users, which no tenant is without. "
                "Check the app's permissions; nobody is removed because of this read."
            )
        stated = count()
        if stated is not None and met < stated * _BELIEVABLE:
            raise Incomplete(
                f"The directory counts {stated} users but listed {met}; "
                "nobody is removed because of this read."
            )

    def _stated(self) -> int | None:
        """Graph's own count of users, guests included, which sets the limit; None where it does not tell."""
        target = f"{VERSION}/users?$select=id&$top=1&$count=true"
        ask = Ask(target, "the number of users", UNITS, EVENTUAL)
        try:
            _, body = self.wire.ask(ask, page_of)
        except (BadRequest, Denied, Absent, Incomplete) as error:
            if isinstance(error, ENDS_THE_READ):
                raise
            return None
        count = inside(body, "@odata.count")
        if not isinstance(count, int) or isinstance(count, bool):
            return None
        self._dialect.met(count)
        return count

    def _end(self, as_of: datetime | None, marks: Bookmarks | None, why: str) -> Page:
        if marks is None:
            said = f"This tenant has no change feed, so every pull reads in full: {why}"
            return Page(end=End(as_of=as_of), warnings=(said,))
        return Page(end=End(cursor=marks.text(), as_of=as_of))


def _is_id(text: str) -> bool:
    """Only ids of Entra's own shape go into a path."""
    return len(text) == _GUID_LENGTH and all(part.isalnum() for part in text.split("-"))


def _unseen(page: Listed[UserRecord], seen: set[str]) -> Listed[UserRecord]:
    """The page without those whom another group's page gave already."""
    rows = page.rows
    fresh = [place for place, record in enumerate(rows.rows) if record.external_id not in seen]
    unsaid = [user_id for user_id in page.unsaid if user_id not in seen]
    seen.update(rows.rows[place].external_id for place in fresh)
    seen.update(unsaid)
    raw = [rows.raw[place] for place in fresh] if rows.raw else ()
    kept = rows._replace(rows=[rows.rows[place] for place in fresh], raw=raw)
    return page._replace(rows=kept, unsaid=unsaid)
