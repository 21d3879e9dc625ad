"""Rate limits as a vendor keeps them: one bucket per kind of call and caller, in windows of a minute."""

from dataclasses import dataclass

from providers.simulator.clock import Clock

WINDOW_S = 60


@dataclass(slots=True, kw_only=True)
class Bucket:
    """What is left of one window; windows begin with the first call, not with the clock's minute."""

    limit: int
    opened_at: float
    used: float = 0

    @property
    def reset_at(self) -> int:
        """When the next window begins, epoch seconds, never too early."""
        return int(self.opened_at) + WINDOW_S + 1


class Buckets:
    """All buckets of one directory; `neighbour_rpm` calls a minute are somebody else's."""

    def __init__(self, *, limits: dict[str, int], clock: Clock, enforced: bool) -> None:
        self.limits, self.clock, self.enforced = limits, clock, enforced
        self.neighbour_rpm = 0
        self._open: dict[tuple[str, str], Bucket] = {}

    def take(self, name: str, caller: str) -> tuple[bool, Bucket, int]:
        """Spend one call: whether it is allowed, its bucket, and what remains as the caller is told."""
        now = self.clock.now()
        bucket = self._open.get((name, caller))
        if bucket is None or now >= bucket.reset_at:
            bucket = Bucket(limit=self.limits[name], opened_at=now)
            self._open[(name, caller)] = bucket
        others = self.neighbour_rpm * (now - bucket.opened_at) / WINDOW_S
        allowed = not self.enforced or bucket.used + others < bucket.limit
        if allowed:
            bucket.used += 1
        return allowed, bucket, max(0, int(bucket.limit - bucket.used - others))

    def use(self, limits: dict[str, int], *, enforced: bool) -> None:
        """Change to other limits; windows start afresh."""
        self.limits, self.enforced = limits, enforced
        self._open.clear()
