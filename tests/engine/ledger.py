"""A directory in memory and a source that reads it: the engine's tests change it and let it lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.model.errors import CursorExpired, Denied, Incomplete, Transient
from sync.model.resources import GroupRecord, Status, UserRecord
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
    SetAside,
)


@dataclass
class Team:
    """A group of the ledger: its name, its members and nested groups by id."""

    name: str
    members: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)


@dataclass
class Ledger:
    """The truth, and how the source departs from it.

    ``hidden`` people and groups are left out of lists but answer when asked by id. ``unread``
    groups refuse their members. ``breaks_after`` pages the walk ends in an error. ``mute`` answers
    no look-up, ``denied`` refuses every one. ``ends`` False leaves the walk without an End. ``late``
    says that memberships may be shown late. ``resumes`` tells places behind pages of people;
    ``forgets`` takes none of them back. ``listed`` counts how often people were listed.
    """

    people: dict[str, UserRecord] = field(default_factory=dict)
    groups: dict[str, Team] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    set_aside: list[SetAside] = field(default_factory=list)
    breaks_after: int | None = None
    mute: bool = False
    denied: bool = False
    ends: bool = True
    late: bool = False
    resumes: bool = False
    forgets: bool = False
    listed: int = 0
    stated_users: int | None = None
    cursor: str | None = None
    tenant: str | None = "tenant-1"
    page_size: int = 3
    opened: int = 0
    asked: list[str] = field(default_factory=list)
    delta: list[Page] = field(default_factory=list)
    at_the_end: Callable[[], None] | None = None
    """What happens elsewhere just before the last page of a full read."""

    def add(self, id: str, email: str | None = None, **said: Any) -> UserRecord:
        """A person whose userName is the e-mail; her names come from the id."""
        address = email if email is not None else f"{id.lower()}@example.com"
        named = {"user_name": address, "first_name": id, "last_name": "Person", "status_text": "ACTIVE"}
        self.people[id] = UserRecord(external_id=id, email=address, **(named | said))
        return self.people[id]

    def change(self, id: str, **said: Any) -> None:
        self.people[id] = self.people[id]._replace(**said)

    def suspend(self, id: str) -> None:
        self.change(id, status=Status.SUSPENDED, status_text="SUSPENDED")

    def restore(self, id: str) -> None:
        self.change(id, status=Status.ACTIVE, status_text="ACTIVE")

    def remove(self, id: str) -> None:
        """Delete a person for good, memberships included."""
        del self.people[id]
        for team in self.groups.values():
            team.members.discard(id)

    def team(self, id: str, name: str, *members: str) -> Team:
        self.groups[id] = Team(name, set(members))
        return self.groups[id]

    def source(self) -> LedgerSource:
        self.opened += 1
        return LedgerSource(self)

    def tell_truth(self) -> None:
        """End every lie and every fault."""
        self.hidden, self.unread, self.set_aside = set(), set(), []
        self.breaks_after, self.mute, self.ends, self.stated_users = None, False, True, None


class LedgerSource:
    """Reads a ledger as a provider reads an IdP. Fulfils ``sync.model.source.Source``."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.effort = Effort()

    def identity(self) -> str | None:
        return self._ledger.tenant

    def check(self) -> Sequence[Right]:
        return ()

    def full(self, place: str | None = None, /) -> Iterator[Page]:
        if place is not None and self._ledger.forgets:
            raise CursorExpired("The place where the read was is not known any more: it begins anew.")
        for number, page in enumerate(self._pages(int(place or 0))):
            if number == self._ledger.breaks_after:
                raise Incomplete("the list broke off")
            self.effort.pages += 1
            self.effort.requests += 1
            yield page

    def _pages(self, first: int) -> Iterator[Page]:
        ledger = self._ledger
        shown = [record for id_, record in sorted(ledger.people.items()) if id_ not in ledger.hidden]
        for start in range(first, max(len(shown), 1), ledger.page_size):
            page, end = shown[start : start + ledger.page_size], start + ledger.page_size
            ledger.listed += len(page)
            yield Page(users=page, place=str(end) if ledger.resumes else None)
        teams = [(id_, team) for id_, team in sorted(ledger.groups.items()) if id_ not in ledger.hidden]
        yield Page(groups=[GroupRecord(id_, team.name) for id_, team in teams], set_aside=ledger.set_aside)
        for id_, team in teams:
            yield Page(members=[self._members(id_, team)])
        if ledger.at_the_end is not None:
            ledger.at_the_end()
        yield Page(end=End(cursor=ledger.cursor, stated_users=ledger.stated_users) if ledger.ends else None)

    def _members(self, id_: str, team: Team) -> Members | MembersUnread:
        if id_ in self._ledger.unread:
            return MembersUnread(group_id=id_, why="403 Forbidden")
        return Members(
            group_id=id_,
            user_ids=sorted(team.members),
            group_ids=sorted(team.groups),
            shown_late=self._ledger.late,
        )

    def changes(self, cursor: str) -> Iterator[Page]:
        if cursor == "expired":
            raise CursorExpired("the bookmark is too old")
        yield from self._ledger.delta
        yield Page(end=End(cursor=self._ledger.cursor))

    def lookup(self, external_ids: Sequence[str]) -> Found:
        ledger = self._ledger
        ledger.asked += external_ids
        if ledger.denied:
            raise Denied("single people may not be read")
        if ledger.mute:
            raise Transient("the directory does not answer")
        present = {id_: ledger.people[id_] for id_ in external_ids if id_ in ledger.people}
        return Found(present=present, gone=frozenset(external_ids) - present.keys())

    def lookup_groups(self, external_ids: Sequence[str]) -> GroupsFound:
        ledger = self._ledger
        ledger.asked += external_ids
        if ledger.mute:
            raise Transient("the directory does not answer")
        present = frozenset(external_ids) & ledger.groups.keys()
        return GroupsFound(present=present, gone=frozenset(external_ids) - present)

    def groups(self, external_ids: Sequence[str]) -> Iterator[Page]:
        ledger = self._ledger
        if ledger.mute:
            raise Transient("the directory does not answer")
        there = [id_ for id_ in external_ids if id_ in ledger.groups]
        yield Page(
            groups=[GroupRecord(id_, ledger.groups[id_].name) for id_ in there],
            gone=[Gone(kind="group", external_id=id_) for id_ in external_ids if id_ not in there],
        )
        for id_ in there:
            yield Page(members=[self._members(id_, ledger.groups[id_])])

    def close(self) -> None:
        """Nothing is open."""


def gone(kind: str, external_id: str) -> Page:
    """A delta's tombstone."""
    return Page(gone=[Gone(kind=kind, external_id=external_id)])
