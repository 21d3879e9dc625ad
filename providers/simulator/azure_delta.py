"""Graph's change feeds: rounds over users and groups, from a token to the token of the next round."""

from collections.abc import Iterator
from typing import Any

import orjson

from providers.simulator import azure_objects as objects
from providers.simulator.azure_calls import Call, pack
from providers.simulator.azure_objects import GRAPH_JSON, Failed
from providers.simulator.azure_reads import Reads, link, origin, projected, selected
from providers.simulator.directory import Event, Person, Status
from providers.simulator.wire import Answer

ROWS = 200
LIFE_S = 7 * 86_400
Row = dict[str, Any]
REPLAYED = 25
"""Events of the last round that a replay tells again."""


class Deltas:
    """Answers users/delta and groups/delta; every token is complete in itself."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._rounds: dict[Any, list[Row]] = {}

    def serve(self, call: Call) -> Answer:
        """One page of a round. Failed for an expired token or a refused parameter."""
        args, sight = call.request.args, self._reads.sight
        if sight.no_delta:
            raise Failed("NotImplemented" if sight.no_delta == 501 else "Request_BadRequest", "delta")
        if {"$top", "$orderby", "$expand"} & set(args):
            raise Failed("Request_UnsupportedQuery")
        last = self._last()
        if args.get("$deltatoken") == "latest":
            return self._answer(call, [], self._link(call, "$deltatoken", {"from": last}))
        cursor = call.cursor or {"from": -1}
        if self._reads.clock.now() > cursor.get("at", self._reads.clock.now()) + LIFE_S:
            raise Failed("resyncRequired")
        until = int(cursor.get("to", last))
        rows = self._round(call, int(cursor["from"]), until)
        page = call.page
        chunk = rows[(page - 1) * ROWS : page * ROWS]
        if page * ROWS < len(rows):
            onward = {"from": cursor["from"], "to": until, "p": page + 1}
            return self._answer(call, chunk, self._link(call, "$skiptoken", onward))
        return self._answer(call, chunk, self._link(call, "$deltatoken", {"from": until}))

    def fresh_link(self, call: Call) -> str:
        """Where a round begins anew, for a 410."""
        return f"{origin(call)}{call.request.path}?$select={call.select}"

    def _last(self) -> int:
        """The number of the newest event that the feed tells of already."""
        events, lag_s = self._reads.directory.events, self._reads.sight.delta_lag_s
        if not lag_s:
            return len(events)
        until = self._reads.clock.now() - lag_s
        return sum(1 for event in events if event.at <= until)

    def _link(self, call: Call, name: str, cursor: dict[str, Any]) -> tuple[str, str]:
        stamped = {**cursor, "s": call.select, "at": int(self._reads.clock.now())}
        kind = "@odata.deltaLink" if name == "$deltatoken" else "@odata.nextLink"
        plain = link(call, name, pack(stamped)).replace(
            f"$select={call.request.args.get('$select', '')}&", ""
        )
        return kind, plain

    def _answer(self, call: Call, rows: list[Row], onward: tuple[str, str]) -> Answer:
        body = {
            "@odata.context": f"{origin(call)}/v1.0/$metadata#{call.op.partition('.')[0]}",
            onward[0]: onward[1],
            "value": rows,
        }
        return Answer(body=orjson.dumps(body), headers=[GRAPH_JSON])

    def _round(self, call: Call, since: int, until: int) -> list[Row]:
        if self._reads.sight.replays and since > 0:
            since = max(0, since - REPLAYED)
        key = (call.op, call.select, since, until, self._reads.directory.revision, self._reads.sight.revision)
        if key not in self._rounds:
            self._rounds.clear()
            make = self._users if call.op == "users.delta" else self._groups
            self._rounds[key] = list(make(call, since, until))
        return self._rounds[key]

    def _events(self, since: int, until: int) -> list[Event]:
        return self._reads.directory.events[max(0, since) : until]

    # ---- people

    def _users(self, call: Call, since: int, until: int) -> Iterator[Row]:
        people = self._reads.directory.people
        wanted = selected(call.select)
        if since < 0:
            ids = sorted(i for i, person in people.items() if person.status is not Status.GONE)
        else:
            told = [e.person_id for e in self._events(since, until) if e.kind.startswith("user.")]
            ids = list(dict.fromkeys(i for i in told if i is not None))
        for person_id in ids:
            person = people.get(person_id)
            if person is None or person.status is Status.GONE:
                reason = "deleted" if person is None else "changed"
                yield {"id": person_id, "@removed": {"reason": reason}}
            else:
                yield _changed(person, wanted)

    # ---- groups

    def _groups(self, call: Call, since: int, until: int) -> Iterator[Row]:
        groups, select = self._reads.directory.groups, call.select
        wanted = set(select.split(",")) if select else None
        members = wanted is None or "members" in wanted
        if since < 0:
            for group_id in self._reads.shown_groups():
                group = groups[group_id]
                pieces = [(i, True) for i in sorted({*group.members, *group.groups})]
                yield from self._split(group_id, wanted, pieces if members else [])
            return
        for group_id, edits in self._edits(since, until).items():
            if group_id not in groups:
                yield {"id": group_id, "@removed": {"reason": "deleted"}}
            elif groups[group_id].kind != "built_in":
                yield from self._split(group_id, wanted, list(edits.items()) if members else [])

    def _edits(self, since: int, until: int) -> dict[str, dict[str, bool]]:
        """By group, who came (True) or went (False), the last word on each."""
        edits: dict[str, dict[str, bool]] = {}
        for event in self._events(since, until):
            for group_id in event.left if not self._reads.sight.omits_removals else ():
                gone = event.person_id or event.group_id
                edits.setdefault(group_id, {})[str(gone)] = False
            is_hidden = event.kind == "member.restored" and self._reads.sight.omits_removals
            if event.group_id is None or is_hidden:
                continue
            of_group = edits.setdefault(event.group_id, {})
            group = self._reads.directory.groups.get(event.group_id)
            if event.kind == "group.created" and group is not None:
                of_group |= dict.fromkeys(sorted(group.members), True)
            elif event.person_id is not None:
                of_group[event.person_id] = event.kind != "member.removed"
        return edits

    def _split(self, group_id: str, wanted: set[str] | None, edits: list[tuple[str, bool]]) -> Iterator[Row]:
        """The group, as often as it takes to tell all its members a few at a time."""
        sight = self._reads.sight
        plain = projected(objects.group(self._reads.directory.groups[group_id]), wanted)
        plain = {key: value for key, value in plain.items() if value is not None or key == "id"}
        if not edits or group_id in sight.hidden_members:
            yield plain
            return
        for start in range(0, len(edits), sight.members_per_row):
            piece = [self._member(*edit) for edit in edits[start : start + sight.members_per_row]]
            yield {**plain, "members@delta": piece}

    def _member(self, ident: str, came: bool) -> Row:
        kind = "group" if ident in self._reads.directory.groups else "user"
        row: Row = {"@odata.type": f"#microsoft.graph.{kind}", "id": ident}
        return row if came else {**row, "@removed": {"reason": "deleted"}}


def _changed(person: Person, wanted: set[str] | None) -> Row:
    """All selected properties of somebody, except those that never held anything."""
    row = projected(objects.user(person), wanted)
    return {key: value for key, value in row.items() if value is not None or person.revision}
