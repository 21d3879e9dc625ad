"""What a PATCH says of a group's members, as edits: the members themselves are almost never read.

Set semantics by ``value``. Nothing unreadable is ever taken for "everybody": only a replace by an
empty list, or a remove of ``members`` without any value, clears a group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scim_server.bodies import read_members
from scim_server.coerce import Reading
from scim_server.errors import immutable, invalid_value, no_target
from scim_server.matching import equalities, matches, named_values
from scim_server.paths import Target
from sync.model.query import Filter
from sync.model.session import AddMembers, MemberEdit, MemberRef, NewMember, RemoveMembers, SetMembers


class MemberPatch:
    """Collects the edits of one PATCH; ``load`` reads the members for the rare filter that needs them."""

    def __init__(self, reading: Reading, load: Callable[[], Sequence[MemberRef]]) -> None:
        self.reading = reading
        self.load = load
        self.edits: list[MemberEdit] = []

    def assign(self, op: str, target: Target, value: Any) -> None:
        """An add or replace on ``members``, on some of them, or on a sub-attribute."""
        sub = target.found.sub
        if target.filter is not None:
            self._assign_filtered(target, target.filter, value)
        elif sub is not None and sub.name != "value":
            raise immutable(f"members.{sub.name} follows from the member and cannot be set for all.")
        elif value is None:
            self._set_or_nothing(op, [])
        else:
            members = read_members(value, self.reading)
            if members is not None:
                self._set_or_nothing(op, members)

    def _set_or_nothing(self, op: str, members: list[NewMember]) -> None:
        if op == "replace":
            self.edits.append(SetMembers(members=members))
        elif members:
            self.edits.append(AddMembers(members=members))

    def _assign_filtered(self, target: Target, tree: Filter, value: Any) -> None:
        """``members[value eq "x"]``: makes x a member; its display text is all that can be set."""
        sub = target.found.sub
        if sub is not None and sub.name != "display":
            raise immutable("A member is removed and added, not changed.")
        chosen = named_values(tree)
        if chosen is None:
            chosen = self._matching(tree)
        if not chosen:
            raise no_target("The path's filter matches no member.")
        if equalities(tree) is None and sub is None:
            raise immutable("A member is removed and added, not changed.")
        display = self._display(sub is not None, value)
        self.edits.append(AddMembers(members=[NewMember(value=each, display=display) for each in chosen]))

    def _display(self, is_text: bool, value: Any) -> str | None:
        if is_text:
            return value if isinstance(value, str) and value else None
        members = read_members(value, self.reading) if value else []
        return members[0].display if members else None

    def remove(self, target: Target, value: Any) -> None:
        """A remove of some members; of all only when neither filter nor value narrows it."""
        if target.filter is not None:
            self._remove_filtered(target, target.filter)
        elif value is None:
            self.edits.append(SetMembers(members=()))
        else:
            self._remove_listed(value)

    def _remove_filtered(self, target: Target, tree: Filter) -> None:
        if target.found.sub is not None and target.found.sub.name != "value":
            self.reading.notes.append("generic_read_only_path")
            return
        chosen = named_values(tree)
        if chosen is None:
            chosen = self._matching(tree)
        if chosen:
            self.edits.append(RemoveMembers(values=chosen))

    def _remove_listed(self, value: Any) -> None:
        """Entra's form: exactly the listed ids go; a list nobody can read removes nobody."""
        if self.reading.knobs.remove_value_list == "reject":
            raise invalid_value('A remove of members names them in its path: members[value eq "…"].')
        self.reading.notes.append("entra_remove_value_list")
        values = [member.value for member in read_members(value, self.reading) or ()]
        if values:
            self.edits.append(RemoveMembers(values=values))

    def _matching(self, tree: Filter) -> list[str]:
        """The ids of present members that satisfy a filter on more than ``value``."""
        return [value for value, entry in self._present().items() if matches(tree, entry)]

    def _present(self) -> dict[str, dict[str, Any]]:
        """The members as they stand after the edits so far."""
        present = {ref.value: _entry(ref) for ref in self.load()}
        for edit in self.edits:
            if isinstance(edit, RemoveMembers):
                for value in edit.values:
                    present.pop(value, None)
                continue
            if isinstance(edit, SetMembers):
                present = {each.value: present[each.value] for each in edit.members if each.value in present}
            for each in edit.members:
                present.setdefault(each.value, {"value": each.value, "display": each.display})
        return present


def _entry(ref: MemberRef) -> dict[str, Any]:
    return {
        "value": ref.value,
        "display": ref.display,
        "type": ref.kind.value if ref.kind is not None else None,
    }
