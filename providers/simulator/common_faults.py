"""Faults that look the same at every vendor: what is seen of the truth, and changes between two reads."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Protocol

from providers.simulator import seeding
from providers.simulator.clock import Clock
from providers.simulator.directory import Directory, Status
from providers.simulator.faults import Armed, BadFault, Board, Kind
from providers.simulator.sight import Sight
from providers.simulator.truth_faults import TRUTH, fill_group, some_groups, somebody


class Sighted(Protocol):
    """What these faults need of a simulated IdP; ``stand_in`` answers for another tenant when it is set."""

    directory: Directory
    clock: Clock
    board: Board
    stand_in: Any

    @property
    def sight(self) -> Sight: ...

    def twin(self, directory: Directory) -> Any:
        """Another tenant at the same address, with the same keys."""


class CommonFaults:
    """Applies to one simulated IdP the faults that act once and need no vendor's words.

    A vendor's class adds its own to ``once``, and answers and shapes in its own way.
    """

    def __init__(self, vendor: Sighted) -> None:
        self._seen_by = vendor
        self.once: dict[str, Callable[[Armed], None]] = {
            "other_org": self._other_org,
            "hide": self._hide,
            "half": self._half,
            "lag": self._lag,
            "clock": self._clock,
            "empty_users": self._empty_users,
            "shrink_scope": self._shrink_scope,
            "members": self._members,
            "nested": self._nested,
        }

    def settle(self) -> None:
        """Let the faults act that act once and whose time has come."""
        for armed in self._seen_by.board.due(Kind.SET):
            if armed.strikes():
                self.apply(armed)

    def apply(self, armed: Armed) -> None:
        """Change the directory, or what of it is seen. BadFault when that cannot be done."""
        self._seen_by.sight.revision += 1
        if armed.name in self.once:
            self.once[armed.name](armed)
        elif armed.name in TRUTH:
            TRUTH[armed.name](self._seen_by.directory, armed)
        else:
            raise BadFault(f"{armed.spec}: this directory does not know it")

    def _other_org(self, _armed: Armed) -> None:
        mine = self._seen_by.directory
        other = Directory(ids=mine.ids, seed=mine.seed + 1000, clock=self._seen_by.clock)
        seeding.fill(other, users=len(mine.people), groups=len(mine.groups), memberships=None, scenario=None)
        self._seen_by.stand_in = self._seen_by.twin(other)

    def _hide(self, armed: Armed) -> None:
        directory = self._seen_by.directory
        named = [arg for arg in armed.args if arg in directory.people]
        ids = named or [person.id for person in somebody(directory, armed)]
        armed.memory["touched"] = ids
        self._seen_by.sight.hidden.update(ids)

    def _half(self, armed: Armed) -> None:
        self._seen_by.sight.shares[armed.op or "users.list"] = armed.number("share", 0.5)

    def _lag(self, armed: Armed) -> None:
        if not set(armed.named) & {"index", "membership"}:
            raise BadFault(f"{armed.spec}: say lag(index=seconds) or lag(membership=seconds)")
        if "index" in armed.named:
            self._seen_by.sight.index_lag_s = armed.number("index", 10)
        if "membership" in armed.named:
            self._seen_by.sight.membership_lag_s = armed.number("membership", 6)

    def _clock(self, armed: Armed) -> None:
        self._seen_by.clock.skew_s = armed.number("skew", 7200)

    def _empty_users(self, _armed: Armed) -> None:
        self._seen_by.sight.empty_users = True

    def _shrink_scope(self, armed: Armed) -> None:
        directory = self._seen_by.directory
        ids = sorted(i for i, person in directory.people.items() if person.active)
        lost = directory.rng.sample(ids, int(len(ids) * armed.number("share", 0.4)))
        armed.memory["touched"] = sorted(lost)
        self._seen_by.sight.out_of_scope.update(lost)

    def _members(self, armed: Armed) -> None:
        directory = self._seen_by.directory
        if armed.arg("unknown_user") != "unknown_user":
            fill_group(directory, armed, int(armed.number("members", 100_000)))
            return
        group = some_groups(directory, armed)[0]
        identities = seeding.Identities([person.login for person in directory.people.values()])
        stranger = seeding.stranger(directory, identities)
        armed.memory["touched"] = [group.id, stranger.id]
        self._seen_by.sight.strangers.setdefault(group.id, []).append(stranger)

    def _nested(self, armed: Armed) -> None:
        """Groups inside groups: a chain so many deep, or one that comes back to its beginning."""
        directory, is_cycle = self._seen_by.directory, armed.arg("3") == "cycle"
        count = 2 if is_cycle else int(armed.number("depth", 3)) + 1
        chain = some_groups(directory, armed, count)
        for outer, inner in itertools.pairwise(chain):
            directory.nest(outer.id, inner.id)
        if is_cycle:
            directory.nest(chain[-1].id, chain[0].id)

    def between(self, armed: Armed) -> None:
        """Somebody goes between two pages of a list, and with swap_between somebody else comes."""
        directory = self._seen_by.directory
        first = next(i for i in sorted(directory.people) if directory.people[i].status is Status.ACTIVE)
        directory.remove_person(armed.id or first)
        armed.memory["touched"] = [armed.id or first]
        if armed.name == "swap_between":
            identities = seeding.Identities([person.login for person in directory.people.values()])
            armed.memory["touched"].append(directory.add_person(**seeding.invent(directory, identities)).id)

    def delete_group(self, armed: Armed, group_id: str) -> None:
        """A group goes after it was listed and before its members are read."""
        group = self._seen_by.directory.groups.get(group_id)
        if group is None or group.kind == "built_in":
            armed.fired -= 1  # Everyone cannot be deleted: the next group will be
            return
        armed.memory["touched"] = [group.id]
        self._seen_by.directory.remove_group(group.id)
