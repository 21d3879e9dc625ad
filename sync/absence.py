"""Since when complete reads miss somebody, and whether that is long enough to count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.store.resources import Unmet
from sync.store.times import from_text, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Absences:
    """``this`` and ``last``: when this complete read and the one before began, by the database's clock.

    ``now`` is the program's; ``grace`` is how long reads in a row have to miss somebody (None: once).
    """

    this: str
    last: str | None
    now: datetime
    grace: timedelta | None

    def again(self, row: Unmet) -> bool:
        """Whether the complete read before missed this row too."""
        return row.absent_at is not None and row.absent_at == self.last

    def since(self, row: Unmet) -> str:
        """When the reads in a row that miss it began; one that met it in between ends the row."""
        goes_on = row.absent_at == self.this or self.again(row)
        return row.absent_since if goes_on and row.absent_since else to_text(self.now)

    def counts(self, row: Unmet) -> bool:
        """Whether the grace is over."""
        return self.grace is None or from_text(self.since(row)) + self.grace <= self.now
