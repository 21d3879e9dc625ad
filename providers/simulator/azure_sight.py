"""What a caller of the simulated Graph gets to see, where that is less, older or odder than the truth."""

from dataclasses import dataclass, field

from providers.simulator.sight import Sight


@dataclass(slots=True, kw_only=True)
class AzureSight(Sight):
    """The common sight, and what only Graph can hide or garble."""

    hidden_members: set[str] = field(default_factory=set)
    mixed_members: set[str] = field(default_factory=set)
    broken_members: set[str] = field(default_factory=set)
    mute_groups: set[str] = field(default_factory=set)
    photo: str | None = None
    photo_edition: int = 0
    no_delta: int = 0
    most_rows: int = 999
    delta_lag_s: float = 0.0
    members_per_row: int = 200
    replays: bool = False
    omits_removals: bool = False
