"""Roles and groups of OneLogin: their lists, and who is in them by what a walk over all users told."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import quote

from providers.ahead import Begins, InTurn
from providers.answers import Answer
from providers.failures import Absent
from providers.http import Ask, Wire
from providers.onelogin_dialect import ACCOUNT
from providers.onelogin_pages import Lists
from providers.onelogin_records import Person, read_role, read_role_users, read_roles, tolerant_set
from providers.rows import GroupRow, Rows, rows_one_by_one, tolerant_json
from sync.model.errors import Misconfigured
from sync.model.source import MemberChange, Members, MembersUnread, Page, SetAside

ROLES: Final = "/api/2/roles"
_GROUPS_V1: Final = "/api/1/groups"
_GROUPS_V2: Final = "/api/2/groups"
_PIECE: Final = 5000
RolesBegun = Callable[[], Sequence[Rows[GroupRow]]]


class Sets:
    """Lists roles and groups, and reads single ones."""

    def __init__(
        self, wire: Wire, ahead: Begins, lists: Lists, *, with_roles: bool, with_groups: bool
    ) -> None:
        self._wire, self._ahead, self._lists = wire, ahead, lists
        self.with_roles, self.with_groups = with_roles, with_groups

    def begin(self) -> RolesBegun | None:
        """Starts the list of roles, to be asked for later on; None where roles do not count."""
        return self._ahead.begin(self._roles_in_turn) if self.with_roles else None

    def _roles_in_turn(self) -> Sequence[Rows[GroupRow]]:
        """In one thread to its end: a walk that begins its next pages elsewhere could wait for itself."""
        return list(self._roles(Lists(self._wire, InTurn())))

    def _roles(self, lists: Lists) -> Iterator[Rows[GroupRow]]:
        for part in lists.parts(ROLES, "roles", read_roles, lambda row: row.id):
            yield part.rows

    def pages(self, roles: RolesBegun | None = None) -> Iterator[Rows[GroupRow]]:
        """Every role and group, as far as the connection takes them; ``roles`` if they were begun."""
        if self.with_roles:
            yield from roles() if roles else self._roles(self._lists)
        if self.with_groups:
            yield from self._groups()

    def _groups(self) -> Iterator[Rows[GroupRow]]:
        """From API v2 where the account has it, else from v1."""
        try:
            pages = list(self._lists.parts(_GROUPS_V2, "groups", _read_groups, lambda row: row.id))
        except (Absent, Misconfigured):
            for _, rows in self._lists.enveloped(_GROUPS_V1, "groups"):
                yield rows_one_by_one(rows, "group", _tolerant_group)
            return
        for part in pages:
            yield part.rows

    def one(self, external_id: str) -> GroupRow:
        """One role or group by our id of it. Raises Absent when there is none."""
        kind, _, number = external_id.partition(":")
        if kind == "role" and self.with_roles:
            ask = Ask(f"{ROLES}/{quote(number, safe='')}", f"role {number}", ACCOUNT)
            return self._wire.ask(ask, read_role)[1]
        if kind == "group" and self.with_groups:
            found = [row for rows in self._groups() for row in rows.rows if row.id == external_id]
            if found:
                return found[0]
        raise Absent(f"OneLogin has no {kind} {number} for this connection.")


class RoleUsers:
    """The users of single roles, for when the list of users does not name their roles."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    def begin(self, group: GroupRow) -> Callable[[], tuple[Answer, Rows[tuple[str, bool]]]]:
        return self._lists.begin(_path(group), _what(group), read_role_users, 1)

    def pages(
        self, group: GroupRow, first: Callable[[], tuple[Answer, Rows[tuple[str, bool]]]]
    ) -> Iterator[Page]:
        parts = self._lists.parts(_path(group), _what(group), read_role_users, lambda row: row[0], first)
        for part in parts:
            ids = [user_id for user_id, is_assigned in part.rows.rows if is_assigned]
            yield Page(
                members=(
                    Members(group_id=group.id, user_ids=ids, last=part.is_last, shown_late=is_late(group)),
                ),
                set_aside=part.rows.set_aside,
            )


class Told:
    """Who is in which role and group, as the rows of one walk over the users told it.

    Numbers are kept, not texts: a hundred thousand people in five roles each take four megabytes.
    """

    def __init__(self) -> None:
        self._members: dict[str, defaultdict[int, array[int]]] = {
            kind: defaultdict(_no_numbers) for kind in ("role", "group")
        }
        self._people = array("q")
        self.lacks_roles = False
        self.lacks_groups = False

    @property
    def people(self) -> int:
        """How many were told of."""
        return len(self._people)

    def note(self, people: Iterable[Person], *, is_whole: bool = True) -> None:
        """Takes down the roles and the group of each; with a row set aside, somebody's are not told."""
        if not is_whole:
            self.lacks_roles = self.lacks_groups = True
        roles, groups = self._members["role"], self._members["group"]
        for person in people:
            if not person.record.external_id.isdecimal():
                self.lacks_roles = self.lacks_groups = True  # nobody can be told by such an id
                continue
            number = int(person.record.external_id)
            self._people.append(number)
            role_ids, group_id, has_group = person.sets
            if role_ids is None:
                self.lacks_roles = True
            for role_id in role_ids or ():
                roles[role_id].append(number)
            self.lacks_groups |= not has_group
            if group_id is not None:
                groups[group_id].append(number)

    def knows(self, group: GroupRow) -> bool:
        """True when every row told whether its person is in a set of this kind."""
        return not (self.lacks_roles if group.type == "role" else self.lacks_groups)

    def members(self, groups: Iterable[GroupRow]) -> Iterator[Page]:
        """All members of these groups; a group that no row named has none."""
        for group in groups:
            ids = list(map(str, dict.fromkeys(self._of(group))))
            for start in range(0, max(1, len(ids)), _PIECE):
                last = start + _PIECE >= len(ids)
                yield Page(
                    members=(
                        Members(
                            group_id=group.id,
                            user_ids=ids[start : start + _PIECE],
                            last=last,
                            shown_late=is_late(group),
                        ),
                    )
                )

    def changes(self, groups: Sequence[GroupRow]) -> list[MemberChange]:
        """For each group, which of these people are in it and which are not: their rows said it outright."""
        everybody = {str(number) for number in self._people}
        found = []
        for group in groups:
            members = {str(number) for number in self._of(group)}
            gone = sorted(everybody - members)
            found.append(
                MemberChange(
                    group_id=group.id, added=sorted(members), removed=gone, shown_late=is_late(group)
                )
            )
        return found

    def _of(self, group: GroupRow) -> Sequence[int]:
        kind, _, number = group.id.partition(":")
        return self._members[kind].get(int(number), ()) if number.isdecimal() else ()


def _no_numbers() -> array[int]:
    return array("q")


def is_late(group: GroupRow) -> bool:
    """OneLogin shows a granted role after seconds to minutes, and not on every answer until then."""
    return group.type == "role"


def unread(group: GroupRow) -> Page:
    """A group whose members no row told."""
    why = f"OneLogin lists users without their group, so the members of {group.name!r} were left as they are."
    return Page(members=(MembersUnread(group_id=group.id, why=why),))


def _read_groups(answer: Answer) -> Rows[GroupRow]:
    return rows_one_by_one(tolerant_json(answer.body), "group", _tolerant_group)


def _tolerant_group(row: object) -> GroupRow | SetAside:
    return tolerant_set(row, "group")


def _path(group: GroupRow) -> str:
    return f"{ROLES}/{quote(group.id.partition(':')[2], safe='')}/users"


def _what(group: GroupRow) -> str:
    return f"the users of role {group.name!r}"
