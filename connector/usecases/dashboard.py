"""What the console's first page, the metrics and the probes show, each read in one go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from connector.usecases import shapes
from connector.usecases.wires import Wires
from sync.model.connection import Connection
from sync.model.run import ItemState, PlanState, RunState, StoredPlan
from sync.model.session import Gateway
from sync.store import attention, connections, freezes, groups, history, migrate, outbox, people, plans, runs
from sync.store import resources as stored
from sync.store.database import Conn, ping
from sync.store.times import from_text

ITEMS_SHOWN: Final = 6
CHANGES_SHOWN: Final = 14
ATTENTION_SHOWN: Final = 8
RUNS_SHOWN: Final = 12


class Dashboard:
    """Everything an admin looks at first."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def gateway(self) -> Gateway:
        """The engine as the SCIM endpoint sees it."""
        from sync.push import Push

        wires = self._wires
        return Push(wires.database, clock=wires.clock, policy_of=wires.policy_of)

    def ready(self) -> str | None:
        """None when work can be taken; else the sentence that says what is missing. Raises Transient."""
        ping(self._wires.database)
        version = migrate.current(self._wires.database)
        if version == migrate.HEAD:
            return None
        return (
            f"the database is at version {version}, this program needs {migrate.HEAD}: connector db upgrade"
        )

    def page(self) -> dict[str, Any]:
        """Held plans with their first items, connections, people, seats, changes, questions and runs."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            known = connections.listed(conn)
            recent = runs.listed(conn, limit=RUNS_SHOWN)
            questions = attention.listed(conn)
            held = plans.listed(conn, states=[PlanState.HELD])
            return {
                "now": now,
                "held_plans": [self._held(conn, plan) for plan in held],
                "connections": [self._connection(conn, each, held) for each in known],
                "people": self._people(conn),
                "seats": self._seats(conn),
                "changes": _changes(conn, known),
                "attention": [_question(each) for each in questions[:ATTENTION_SHOWN]],
                "attention_count": len(questions),
                "runs": [shapes.run(run) for run in recent],
                "freezes": [freeze.sentence for freeze in freezes.listed(conn, now)],
            }

    def figures(self) -> dict[str, Any]:
        """What is counted: ``ages_s`` is the age of the last complete read by connection, in seconds."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            known = connections.listed(conn)
            ages = {each.name: (now - each.last_complete_at) for each in known if each.last_complete_at}
            return {
                "connections": {
                    "active": sum(each.enabled for each in known),
                    "paused": sum(not each.enabled for each in known),
                },
                "people": self._people(conn),
                "seats": self._seats(conn),
                "held_plans": len(plans.listed(conn, states=[PlanState.HELD])),
                "ages_s": {name: age / timedelta(seconds=1) for name, age in ages.items()},
                "runs": {state.value: 0 for state in RunState} | runs.counts(conn),
                "attention": len(attention.listed(conn)),
                "events": outbox.count(conn),
            }

    def _held(self, conn: Conn, plan: StoredPlan) -> dict[str, Any]:
        from sync.render import item_json

        waiting = plans.items(conn, plan.id, state=ItemState.HELD, limit=ITEMS_SHOWN)
        return shapes.plan(plan) | {
            "items": [item_json(item) for item in waiting],
            "further": max(0, plans.count_items(conn, plan.id, ItemState.HELD) - len(waiting)),
        }

    def _connection(self, conn: Conn, one: Connection, held: list[StoredPlan]) -> dict[str, Any]:
        last = runs.listed(conn, connection_id=one.id, limit=1)
        waiting = next((plan.id for plan in held if plan.connection_id == one.id), None)
        soonest = min(filter(None, (one.next_full_at, one.next_delta_at)), default=None)
        return shapes.connection(one) | {
            "people": stored.live_count(conn, "user", one.id),
            "groups": stored.live_count(conn, "group", one.id),
            "scim_base_url": f"{self._wires.settings.url}/scim/v2/{one.id}",
            "last_run": shapes.run(last[0]) if last else None,
            "held_plan": waiting,
            "next_run_at": shapes.at(soonest),
        }

    def _people(self, conn: Conn) -> dict[str, int]:
        """Counts: all, active, managed, both, and the groups there are."""
        count = {
            name: people.users(conn, limit=1, **narrow)[1]
            for name, narrow in {
                "total": {},
                "active": {"active": True},
                "managed": {"managed": True},
                "active_managed": {"active": True, "managed": True},
            }.items()
        }
        return count | {"groups": groups.groups(conn, limit=1)[1]}

    def _seats(self, conn: Conn) -> dict[str, Any]:
        found = people.seats(conn)
        return {"limit": self._wires.settings.seats.limit, "waiting": plans.waiting_count(conn)} | found


def _changes(conn: Conn, known: list[Connection]) -> list[dict[str, Any]]:
    names = {each.id: each.name for each in known}
    return [
        {
            "at": shapes.at(from_text(row["at"])),
            "action": row["action"],
            "subject": row["label"],
            "reason": row["reason"],
            "count": row["count"],
            "connection": names.get(row["connection_id"]),
            "through": _through(row),
            "actor": row["actor"],
        }
        for row in history.newest(conn, limit=CHANGES_SHOWN)
    ]


def _through(row: dict[str, Any]) -> str:
    if row["run_id"]:
        return "pull"
    return "SCIM push" if row["connection_id"] else "by hand"


def _question(row: Any) -> dict[str, Any]:
    said = {name: row[name] for name in ("id", "kind", "label", "why", "connection")}
    return said | {"since": shapes.at(from_text(row["first_seen_at"]))}
