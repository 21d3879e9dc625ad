"""Directory Insights: the log of a JumpCloud organisation, by time and `search_after`."""

from typing import Any

import orjson

from providers.simulator import jumpcloud_objects as objects
from providers.simulator.calls import Refusal, Visit
from providers.simulator.clock import DAY_S, Clock, parse_iso
from providers.simulator.directory import Directory, Event
from providers.simulator.wire import JSON, Answer

LIMIT, MOST = 1000, 10_000


class Insights:
    """Answers POST /events and /events/count."""

    def __init__(self, *, directory: Directory, clock: Clock, org_id: str) -> None:
        self.directory, self.clock, self.org_id = directory, clock, org_id
        self.denied = False
        self.retention_days = 90.0
        self.late_s = 0.0

    def serve(self, visit: Visit) -> Answer:
        """The answer to an allowed call. Raises Refusal."""
        if self.denied:
            raise Refusal(objects.error(403, "Forbidden: no access to Directory Insights", error="Forbidden"))
        asked = orjson.loads(visit.request.body or b"{}")
        if "service" not in asked or "start_time" not in asked:
            raise Refusal(objects.error(400, "Bad Request: service and start_time are required"))
        found = self._found(asked)
        if visit.op == "events.count":
            return Answer(body=orjson.dumps({"count": len(found)}), headers=[JSON])
        return self._page(found, asked)

    def _found(self, asked: dict[str, Any]) -> list[Event]:
        try:
            since = parse_iso(str(asked["start_time"]))
            until = parse_iso(str(asked.get("end_time", "9999-01-01")))
        except ValueError:
            raise Refusal(objects.error(400, "Bad Request: times are RFC 3339")) from None
        now, skew_s = self.clock.now(), self.clock.skew_s
        oldest = max(since - skew_s, now - self.retention_days * DAY_S)
        newest = min(until - skew_s, now - self.late_s)
        wanted = [term["event_type"] for term in asked.get("search_term", {}).get("and", ())]
        found = [event for event in self.directory.events if oldest <= event.at <= newest]
        if not wanted:
            return found
        return [event for event in found if objects.EVENT_TYPES.get(event.kind, "user_update") in wanted]

    def _page(self, found: list[Event], asked: dict[str, Any]) -> Answer:
        limit = min(int(asked.get("limit", LIMIT)), MOST)
        sort = str(asked.get("sort", "ASC")).upper()
        if sort == "DESC":
            found.reverse()
        after = asked.get("search_after") or []
        if after:
            place = next((n for n, event in enumerate(found) if event.number == after[0]), len(found))
            found = found[place + 1 :]
        chunk = found[:limit]
        # the mark comes on the last page too
        mark = orjson.dumps([chunk[-1].number] if chunk else after)
        rows = [objects.event(event, self.org_id) for event in chunk]
        headers = [
            JSON,
            (b"x-result-count", b"%d" % len(chunk)),
            (b"x-limit", b"%d" % limit),
            (b"x-search_after", mark),
            (b"x-sort", sort.encode()),
        ]
        return Answer(body=orjson.dumps(rows), headers=headers)
