"""What the console's first page, the metrics and the probes show, each read in one go."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from itertools import groupby
from typing import Any, Final

from connector.usecases import shapes
from connector.usecases.days import Days
from connector.usecases.plans import counted_items
from connector.usecases.wires import Wires
from sync.model.change import REMOVALS, Action
from sync.model.connection import Connection, Mode
from sync.model.run import ItemState, PlanState, RunState, StoredPlan
from sync.model.session import Gateway
from sync.store import (
    attention,
    connections,
    freezes,
    groups,
    headcount,
    history,
    migrate,
    outbox,
    plans,
    runs,
    standing,
    waiting,
)
from sync.store.database import Conn
from sync.store.history import Change
from sync.store.standing import Standing
from sync.store.times import from_text

ITEMS_SHOWN: Final = 5
CHANGES_READ: Final = 1500
CHANGES_SHOWN: Final = 12
NAMES_SHOWN: Final = 3
"""Changes of one kind, made at once for one reason, are one line."""

ATTENTION_SHOWN: Final = 8
RUNS_SHOWN: Final = 8
DAYS_SHOWN: Final = 14

_KINDS: Final = {
    "given": (Action.CREATE, Action.ADOPT, Action.REACTIVATE, Action.GROUP_CREATE, Action.MEMBER_ADD),
    "changed": (Action.UPDATE, Action.GROUP_RENAME),
    "taken": tuple(sorted(REMOVALS)),
}

_BY_WEIGHT: Final = (
    Action.SUSPEND,
    Action.RELEASE,
    Action.GROUP_DELETE,
    Action.MEMBER_REMOVE,
    *(action for action in Action if action not in REMOVALS),
)


class Dashboard:
    """Everything an admin looks at first."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._days = Days()

    def gateway(self) -> Gateway:
        """The engine as the SCIM endpoint sees it."""
        from sync.push import Push

        wires = self._wires
        return Push(wires.database, clock=wires.clock, policy_of=wires.policy_of)

    def ready(self) -> str | None:
        """None when work can be taken; else the sentence that says what is missing. Raises Transient."""
        return migrate.lacking(self._wires.database)

    def page(self) -> dict[str, Any]:
        """Held plans with their first items, connections, people, seats, changes, questions and runs."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            known = sorted(connections.listed(conn), key=lambda each: (each.mode is Mode.PUSH, each.name))
            recent = runs.listed(conn, limit=RUNS_SHOWN)
            questions = attention.listed(conn, limit=ATTENTION_SHOWN)
            held = plans.listed(conn, states=[PlanState.HELD])
            standings = standing.of_all(conn)
            return {
                "now": now,
                "held_plans": [self._held(conn, plan) for plan in held],
                "connections": [self._connection(each, standings[each.id]) for each in known],
                "people": self._people(conn),
                "seats": self._seats(conn),
                "changes": self._wires.remembered.count(conn, "changes", lambda conn: _changes(conn, known)),
                "attention": [_question(each) for each in questions],
                "attention_count": attention.open_count(conn),
                "runs": [shapes.run(run) for run in recent],
                "freezes": [freeze.sentence for freeze in freezes.listed(conn, now)],
            }

    def waiting(self) -> dict[str, Any]:
        """What every page of the console shows at its edge: counts of what waits, and freezes in force."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            return {
                "plans": plans.count(conn, PlanState.HELD),
                "attention": attention.open_count(conn),
                "freezes": [
                    {"connection_id": each.connection_id, "sentence": each.sentence}
                    for each in freezes.listed(conn, now)
                ],
            }

    def days(self, count: int = DAYS_SHOWN) -> list[dict[str, Any]]:
        """Changes of the last days, oldest first: what was given, changed and taken away."""
        first = (self._wires.clock() - timedelta(days=count - 1)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        with self._wires.database.read() as conn:
            found = self._days.read(conn, first, self._wires.clock())
        return [
            {"day": day, **{kind: sum(found.get((day, each.value), 0) for each in actions)
                            for kind, actions in _KINDS.items()}}
            for day in ((first + timedelta(days=number)).date().isoformat() for number in range(count))
        ]  # fmt: skip

    def figures(self) -> dict[str, Any]:
        """What is counted."""
        with self._wires.database.read() as conn:
            known = connections.listed(conn)
            return {
                "connections": {
                    state: sum(each.state == state for each in known)
                    for state in ("active", "paused", "quarantined")
                },
                "people": self._people(conn),
                "seats": self._seats(conn),
                "held_plans": len(plans.listed(conn, states=[PlanState.HELD])),
                "runs": {state.value: 0 for state in RunState} | runs.counts(conn),
                "attention": attention.open_count(conn),
                "events": outbox.count(conn),
            }

    def _held(self, conn: Conn, plan: StoredPlan) -> dict[str, Any]:
        from sync.render import item_json

        counted = counted_items(self._wires, conn, plan)
        waiting, done = counted[ItemState.HELD.value], counted[ItemState.APPLIED.value]
        first = plans.items(conn, plan.id, state=ItemState.HELD, limit=ITEMS_SHOWN)
        return shapes.plan(plan) | {
            "waiting": {action.value: waiting[action][1] for action in _BY_WEIGHT if action in waiting},
            "done": {action: total for action, (_, total) in done.items()},
            "items": [item_json(item) for item in first],
            "item_count": sum(items for items, _ in waiting.values()),
        }

    def _connection(self, one: Connection, stands: Standing) -> dict[str, Any]:
        return (
            shapes.connection(one)
            | {
                "people": stands.people,
                "groups": stands.groups,
                "scim_base_url": f"{self._wires.settings.url}/scim/v2/{one.id}",
            }
            | shapes.standing(stands)
        )

    def _people(self, conn: Conn) -> dict[str, int]:
        """Counts: all, active, managed, both, and the groups there are."""
        counted = self._wires.remembered.count_people(conn, "people", headcount.headcount)
        return asdict(counted) | {"groups": groups.groups(conn, limit=1)[1]}

    def _seats(self, conn: Conn) -> dict[str, Any]:
        seats = self._wires.settings.seats
        counted = self._wires.remembered.count_people(conn, "people", headcount.headcount)
        used = counted.seats(count_unmanaged=seats.count_unmanaged)
        return {"limit": seats.limit, "used": used, "waiting": waiting.count(conn)}


def _changes(conn: Conn, known: list[Connection]) -> list[dict[str, Any]]:
    """The newest changes, those of one kind and one cause together; ``further`` is how many are not named."""
    names = {each.id: each.name for each in known}
    rows = history.newest(conn, limit=CHANGES_READ)
    lines = [list(alike) for _, alike in groupby(rows, key=_cause)]
    return [
        {
            "at": shapes.at(from_text(alike[0].at)),
            "action": alike[0].action,
            "subjects": [row.label for row in alike[:NAMES_SHOWN]],
            "further": max(0, len(alike) - NAMES_SHOWN),
            "is_cut": alike[-1] is rows[-1] and len(rows) == CHANGES_READ,
            "count": sum(row.number for row in alike),
            "reason": alike[0].reason,
            "connection": names.get(alike[0].connection_id or ""),
            "through": _through(alike[0]),
        }
        for alike in lines[:CHANGES_SHOWN]
    ]


def _cause(row: Change) -> tuple[Any, ...]:
    """Equal for changes that people see as one; what is no run's is told apart by its second."""
    at = None if row.run_id else row.at[:19]
    return row.run_id, at, row.connection_id, row.action, row.reason


def _through(row: Change) -> str:
    if row.run_id:
        return "pull"
    return "SCIM push" if row.connection_id else "by hand"


def _question(row: Any) -> dict[str, Any]:
    said = {name: row[name] for name in ("id", "kind", "label", "why", "connection")}
    return said | {"since": shapes.at(from_text(row["first_seen_at"]))}
