"""What a directory lets its caller see, where that is less or older than the truth."""

from dataclasses import dataclass, field

from providers.simulator.directory import Directory, Person


@dataclass(slots=True, kw_only=True)
class Sight:
    """Everything between the truth and the caller's eyes; as made, nothing."""

    hidden: set[str] = field(default_factory=set)
    out_of_scope: set[str] = field(default_factory=set)
    shares: dict[str, float] = field(default_factory=dict)
    empty_users: bool = False
    no_admin_role: bool = False
    scoped_groups: set[str] | None = None
    lost_rights: set[str] = field(default_factory=set)
    strangers: dict[str, list[Person]] = field(default_factory=dict)
    index_lag_s: float = 0.0
    membership_lag_s: float = 0.0
    dropped_scopes: set[str] = field(default_factory=set)
    revision: int = 0

    @property
    def is_stable(self) -> bool:
        """True while what is seen changes only when the directory does."""
        return not self.index_lag_s and not self.membership_lag_s

    def may_see(self, person_id: str, directory: Directory) -> bool:
        """True when the caller's rights reach this person."""
        if person_id in self.out_of_scope:
            return False
        if self.scoped_groups is None:
            return True
        return any(
            person_id in directory.groups[g].members for g in self.scoped_groups if g in directory.groups
        )

    def people(self, ids: list[str], directory: Directory) -> list[str]:
        """The people of a list that its caller gets to see."""
        if self.empty_users or self.no_admin_role:
            return []
        if not (self.hidden or self.out_of_scope or self.scoped_groups is not None):
            return ids
        return [i for i in ids if i not in self.hidden and self.may_see(i, directory)]

    def groups(self, ids: list[str]) -> list[str]:
        """The groups of a list that its caller gets to see."""
        return ids if self.scoped_groups is None else [i for i in ids if i in self.scoped_groups]

    def share(self, op: str, ids: list[str]) -> list[str]:
        """The part of a list that is shown as if it were the whole."""
        if op not in self.shares:
            return ids
        return ids[: int(len(ids) * self.shares[op])]
