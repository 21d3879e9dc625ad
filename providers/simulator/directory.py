"""The truth behind a simulator: people, groups, memberships and applications, and every way they change."""

import copy
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from providers.simulator.clock import SEED_TIME_S, Clock

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Status(StrEnum):
    """Where an account stands, in words no vendor owns."""

    ACTIVE = "active"
    PROVISIONED = "provisioned"
    RECOVERY = "recovery"
    PASSWORD_EXPIRED = "password_expired"
    LOCKED = "locked"
    STAGED = "staged"
    SUSPENDED = "suspended"
    GONE = "gone"


ALLOWED_IN = frozenset(
    {Status.ACTIVE, Status.PROVISIONED, Status.RECOVERY, Status.PASSWORD_EXPIRED, Status.LOCKED}
)
"""Trouble with a password does not end an employment: all of these keep access."""


@dataclass(slots=True, kw_only=True)
class Person:
    """One account; `wire` overrides keys of its rendered form without touching the truth."""

    id: str
    login: str
    email: str | None
    first_name: str | None
    last_name: str | None
    status: Status = Status.ACTIVE
    picture_url: Any = None
    department: str | None = None
    title: str | None = None
    created_at: int = SEED_TIME_S
    updated_at: int = SEED_TIME_S
    status_changed_at: int = SEED_TIME_S
    attributes: dict[str, Any] = field(default_factory=dict)
    wire: dict[str, Any] = field(default_factory=dict)
    revision: int = 0

    @property
    def active(self) -> bool:
        """True for a person who should have access."""
        return self.status in ALLOWED_IN


@dataclass(slots=True, kw_only=True)
class Group:
    """A named set of people; `kind` is ordinary, built_in (everyone) or app; `groups` are nested in it."""

    id: str
    name: str
    description: str | None = None
    kind: str = "ordinary"
    members: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    created_at: int = SEED_TIME_S
    updated_at: int = SEED_TIME_S
    members_updated_at: int = SEED_TIME_S
    members_updated_before: int = SEED_TIME_S
    revision: int = 0


@dataclass(slots=True, kw_only=True)
class App:
    """An application with people and groups assigned to it."""

    id: str
    name: str
    label: str
    people: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the directory's log; `left` are the groups that somebody fell out of by going."""

    number: int
    at: int
    kind: str
    person_id: str | None = None
    group_id: str | None = None
    name: str | None = None
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdShape:
    """How a vendor writes ids: each takes the seeded random source and gives a fresh one."""

    person: Callable[[random.Random], str]
    group: Callable[[random.Random], str]
    app: Callable[[random.Random], str]


def prefixed(prefix: str, length: int) -> Callable[[random.Random], str]:
    """Ids of a fixed prefix and `length` letters and digits."""

    def mint(rng: random.Random) -> str:
        return prefix + "".join(rng.choices(ALPHABET, k=length))

    return mint


class Directory:
    """People, groups and apps, changed only by these methods, which keep stamps and the log right.

    ``domains`` are the e-mail domains of most people and of some.
    """

    def __init__(self, *, ids: IdShape, seed: int, clock: Clock) -> None:
        self.ids, self.seed, self.clock = ids, seed, clock
        self.rng = random.Random(seed)
        self.domains = ("example.com", "example.org")
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.apps: dict[str, App] = {}
        self.events: list[Event] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.before: dict[str, tuple[float, Person | None]] = {}
        self.touched: set[str] = set()
        self.revision = 0

    def tell(self, kind: str, **about: Any) -> None:
        """Write one line into the log and count the change."""
        self.revision += 1
        number = len(self.events) + 1
        event = Event(number=number, at=int(self.clock.now()), kind=kind, **about)
        self.events.append(event)
        for listen in self.listeners:
            listen(event)

    def _remember(self, person_id: str, image: Person | None) -> None:
        # a lagging index answers from this picture of the person
        self.before[person_id] = (self.clock.now(), image)

    def everyone(self) -> Group | None:
        """The built-in group of all people, when the directory has groups at all."""
        return next((group for group in self.groups.values() if group.kind == "built_in"), None)

    def add_person(self, **values: Any) -> Person:
        """A new person, at once a member of Everyone."""
        now = int(self.clock.now())
        stamps = {"created_at": now, "updated_at": now, "status_changed_at": now}
        person = Person(id=values.pop("id", None) or self.ids.person(self.rng), **{**stamps, **values})
        self.people[person.id] = person
        self._remember(person.id, None)
        everyone = self.everyone()
        if everyone is not None and person.status is not Status.GONE:
            self._touch_members(everyone)
            everyone.members.add(person.id)
        self.tell("user.created", person_id=person.id, name=person.login)
        return person

    def change_person(self, person_id: str, **values: Any) -> Person:
        """Set fields of a person; a new status also moves its own stamp. KeyError for an unknown id."""
        person = self.people[person_id]
        self._remember(person_id, copy.copy(person))
        was = person.status
        for name, value in values.items():
            setattr(person, name, value)
        person.updated_at = int(self.clock.now())
        person.revision += 1
        left = self._leave_all(person_id) if person.status is Status.GONE else ()
        if person.status is not was:
            person.status_changed_at = person.updated_at
            self.tell(f"user.status.{person.status}", person_id=person_id, name=person.login, left=left)
        else:
            self.tell("user.changed", person_id=person_id, name=person.login)
        return person

    def remove_person(self, person_id: str) -> None:
        """Delete a person for good, memberships and assignments included. KeyError for an unknown id."""
        person = self.people.pop(person_id)
        self._remember(person_id, person)
        left = self._leave_all(person_id)
        self.tell("user.removed", person_id=person_id, name=person.login, left=left)

    def _leave_all(self, person_id: str) -> tuple[str, ...]:
        left = [group for group in self.groups.values() if person_id in group.members]
        for group in left:
            group.members.discard(person_id)
            self._touch_members(group)
        for app in self.apps.values():
            app.people.discard(person_id)
        return tuple(group.id for group in left)

    def restore_person(self, person_id: str) -> None:
        """Bring back somebody who was deleted and kept, with the memberships of then. KeyError if unknown."""
        told = (event for event in reversed(self.events) if event.person_id == person_id and event.left)
        self.change_person(person_id, status=Status.ACTIVE)
        for group_id in next((event.left for event in told), ()):
            if group_id in self.groups:
                group = self.groups[group_id]
                group.members.add(person_id)
                self._touch_members(group)
                self.tell("member.restored", group_id=group_id, person_id=person_id, name=group.name)

    def add_group(
        self, name: str, *, kind: str = "ordinary", members: Iterable[str] = (), **values: Any
    ) -> Group:
        """A new group. KeyError when a member is unknown."""
        now = int(self.clock.now())
        chosen = {self.people[person_id].id for person_id in members}
        stamps = {
            "created_at": now,
            "updated_at": now,
            "members_updated_at": now,
            "members_updated_before": now,
        }
        group_id = values.pop("id", None) or self.ids.group(self.rng)
        group = Group(id=group_id, name=name, kind=kind, members=chosen, **{**stamps, **values})
        self.groups[group.id] = group
        self.tell("group.created", group_id=group.id, name=name)
        return group

    def change_group(self, group_id: str, **values: Any) -> Group:
        """Set fields of a group's profile. KeyError for an unknown id."""
        group = self.groups[group_id]
        for name, value in values.items():
            setattr(group, name, value)
        group.updated_at = int(self.clock.now())
        group.revision += 1
        self.tell("group.changed", group_id=group_id, name=group.name)
        return group

    def remove_group(self, group_id: str) -> None:
        """Delete a group. KeyError for an unknown id."""
        group = self.groups.pop(group_id)
        for app in self.apps.values():
            app.groups.discard(group_id)
        above = [other for other in self.groups.values() if group_id in other.groups]
        for other in above:
            other.groups.discard(group_id)
            self._touch_members(other)
        left = tuple(other.id for other in above)
        self.tell("group.removed", group_id=group_id, name=group.name, left=left)

    def _touch_members(self, group: Group) -> None:
        group.members_updated_before = group.members_updated_at
        group.members_updated_at = int(self.clock.now())
        group.revision += 1

    def add_member(self, group_id: str, person_id: str) -> None:
        """Put a person into a group. KeyError when either is unknown."""
        group, person = self.groups[group_id], self.people[person_id]
        if person.id not in group.members:
            group.members.add(person.id)
            self._touch_members(group)
            self.tell("member.added", group_id=group_id, person_id=person_id, name=group.name)

    def remove_member(self, group_id: str, person_id: str) -> None:
        """Take a person out of a group. KeyError when the group is unknown or the person is no member."""
        group = self.groups[group_id]
        group.members.remove(person_id)
        self._touch_members(group)
        self.tell("member.removed", group_id=group_id, person_id=person_id, name=group.name)

    def nest(self, group_id: str, inner_id: str) -> None:
        """Put a group into a group; a circle is allowed, as vendors do. KeyError when either is unknown."""
        group, inner = self.groups[group_id], self.groups[inner_id]
        if inner.id not in group.groups:
            group.groups.add(inner.id)
            self._touch_members(group)
            self.tell("group.nested", group_id=group_id, person_id=inner_id, name=group.name)

    def groups_of(self, person_id: str) -> list[Group]:
        """The groups a person is in, by id."""
        return sorted((g for g in self.groups.values() if person_id in g.members), key=lambda group: group.id)

    def assigned(self, app: App) -> set[str]:
        """Everybody assigned to an app, directly or through a group."""
        through = (self.groups[group_id].members for group_id in app.groups if group_id in self.groups)
        return {person_id for person_id in app.people.union(*through) if person_id in self.people}
