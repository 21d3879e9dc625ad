"""Users, groups, seats and events: what the application has, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from connector.usecases import shapes
from connector.usecases.wires import Wires
from sync.model.run import PlanState
from sync.store import connections, groups, outbox, people, plans, runs

if TYPE_CHECKING:
    from sync.explanation import Explanation

PAGE = 500

SHOWN_WAITING = 50
"""People named who wait for a seat; the number counts them all."""


class People:
    """Reads of users and groups, and accounts made by hand."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def users(self, *, connection: str | None = None, **wanted: Any) -> dict[str, Any]:
        """``{"users", "total", "next"}``; ``wanted`` are search, active, managed, tag, limit and after."""
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, connection).id if connection else None
            rows, total = people.users(conn, connection_id=connection_id, **wanted)
        more = len(rows) == wanted.get("limit", 100)
        return {"users": rows, "total": total, "next": rows[-1]["id"] if rows and more else None}

    def every_user(self, **wanted: Any) -> dict[str, Any]:
        """All users that fit, whatever their number."""
        rows, after = [], None
        while True:
            page = self.users(limit=PAGE, after=after, **wanted)
            rows += page["users"]
            after = page["next"]
            if after is None:
                return {"users": rows, "total": page["total"]}

    def user(self, ref: str) -> dict[str, Any]:
        with self._wires.database.read() as conn:
            return people.user(conn, ref)

    def explain(self, ref: str) -> Explanation:
        """Why a person is as they are, each fact with where it comes from."""
        from sync.explain import explain

        with self._wires.database.read() as conn:
            return explain(conn, ref)

    def protect(self, ref: str, *, protected: bool, by: str) -> dict[str, Any]:
        """Keep an account from every removal, or end that."""
        from sync.accounts import protect

        with self._wires.database.write() as conn:
            user_id = people.user(conn, ref)["id"]
            protect(conn, user_id, protected=protected, by=by, now=self._wires.clock())
        return self.user(user_id)

    def add(self, accounts: Sequence[dict[str, Any]], *, by: str) -> list[str]:
        """Make accounts by hand, all or none, by the fields of ``Account``; their ids. Raises Duplicate."""
        from sync.accounts import Account, add_accounts

        with self._wires.database.write() as conn:
            return add_accounts(conn, [Account(**each) for each in accounts], by=by, now=self._wires.clock())

    def groups(self, *, connection: str | None = None, **wanted: Any) -> dict[str, Any]:
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, connection).id if connection else None
            rows, total = groups.groups(conn, connection_id=connection_id, **wanted)
        more = len(rows) == wanted.get("limit", 100)
        return {"groups": rows, "total": total, "next": rows[-1]["id"] if rows and more else None}

    def every_group(self, **wanted: Any) -> dict[str, Any]:
        rows, after = [], None
        while True:
            page = self.groups(limit=PAGE, after=after, **wanted)
            rows += page["groups"]
            after = page["next"]
            if after is None:
                return {"groups": rows, "total": page["total"]}

    def group(self, ref: str) -> dict[str, Any]:
        with self._wires.database.read() as conn:
            return groups.group(conn, ref)

    def seats(self) -> dict[str, Any]:
        seats = self._wires.settings.seats
        with self._wires.database.read() as conn:
            found = people.seats(conn, count_unmanaged=seats.count_unmanaged)
            waiting, who = plans.waiting_count(conn), plans.waiting_labels(conn, SHOWN_WAITING)
        return {
            "limit": seats.limit,
            "used": found["used"],
            "waiting": waiting,
            "by_connection": found["by_connection"],
            "waiting_people": who,
        }

    def events(
        self, *, after: int = 0, limit: int = 100, types: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Events behind ``after`` in order, and the cursor to go on with."""
        with self._wires.database.latest() as conn:
            page = outbox.page(conn, after=after, limit=limit, types=types)
        return {"events": page.events, "next": page.next}

    def last_sequence(self) -> int:
        """The highest sequence of the feed by now."""
        with self._wires.database.latest() as conn:
            return outbox.last_sequence(conn)

    def event_count(self) -> int:
        with self._wires.database.read() as conn:
            return outbox.count(conn)


class Overview:
    """Everything on one screen."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def status(self) -> dict[str, Any]:
        """Connections with their last complete read and next run, what waits, the last runs, seats."""
        from connector.usecases.connections import Connections

        rows = Connections(self._wires).listed()
        with self._wires.database.read() as conn:
            held = plans.listed(conn, states=[PlanState.HELD])
            recent = runs.listed(conn, limit=10)
        by_connection = {run.connection_id: run for run in reversed(recent)}
        for row in rows:
            last = by_connection.get(row["id"])
            row["last_run"] = shapes.run(last) if last else None
            row["held_plan"] = next((plan.id for plan in held if plan.connection_id == row["id"]), None)
        return {
            "connections": rows,
            "held_plans": [shapes.plan(plan) for plan in held],
            "runs": [shapes.run(run) for run in recent],
            "seats": People(self._wires).seats(),
        }
