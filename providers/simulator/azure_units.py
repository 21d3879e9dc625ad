"""Graph's throttling: resource units in windows of ten seconds, per app and tenant."""

from dataclasses import dataclass, field

from providers.simulator.azure_calls import Call
from providers.simulator.clock import Clock
from providers.simulator.wire import Headers

WINDOW_S = 10
LIMITS = {"generous": 1_000_000_000, "small": 3_500, "medium": 5_000, "large": 8_000}
"""Units per window: under 50 people, under 500, more; and no limit at all."""


@dataclass(slots=True, kw_only=True)
class Units:
    """What is spent of the current window; `neighbour_per_s` units a second are somebody else's."""

    clock: Clock
    limit: int
    neighbour_per_s: float = 0.0
    _opened_at: float = 0.0
    _spent: float = field(default=0.0)

    def take(self, cost: int) -> float | None:
        """Spend; None when it is allowed, else the seconds until the next window."""
        now = self.clock.now()
        if now >= self._opened_at + WINDOW_S:
            self._opened_at, self._spent = now, 0.0
        if self._used(now) + cost > self.limit:
            return self._opened_at + WINDOW_S - now
        self._spent += cost
        return None

    def _used(self, now: float) -> float:
        return self._spent + self.neighbour_per_s * (now - self._opened_at)

    def headers(self, cost: int) -> Headers:
        """What an answer tells of it: its cost, and how much of the limit is used where that is much."""
        told = [(b"x-ms-resource-unit", b"%d" % cost)]
        share = self._used(self.clock.now()) / self.limit
        if share > 0.8:
            told.append((b"x-ms-throttle-limit-percentage", b"%.1f" % min(share, 1.8)))
        return told


def cost_of(call: Call) -> int:
    """Resource units of a call: less with $select and for few rows, more with $expand, at least one."""
    args, cost = call.request.args if call.request.query else {}, call.route.cost
    top = args.get("$top", "100")
    cost -= "$select" in args
    cost -= top.isdecimal() and int(top) < 20
    cost += "$expand" in args
    return max(1, cost)
