"""Users, groups, seats and events: what the application has, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connector.usecases import shapes
from connector.usecases.wires import Wires
from sync.model.run import PlanState
from sync.store import connections, groups, history, outbox, people, plans, runs

PAGE = 500


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

    def explain(self, ref: str) -> dict[str, Any]:
        """Why a user is as they are: what each directory says of them, and what was done when."""
        with self._wires.database.read() as conn:
            user = people.user(conn, ref)
            done = history.of_user(conn, user["id"], 20)
        state = "active" if user["active"] else "suspended"
        return {
            "user": {
                name: user[name] for name in ("id", "email", "first_name", "last_name", "active", "managed")
            },
            "state": state,
            "because": [*_said(user), *_done(done)],
            "tags": _tags(user),
        }

    def add(self, accounts: Sequence[dict[str, Any]], *, by: str) -> list[str]:
        """Make accounts by hand (keys email, first_name, last_name, origin, tags); their ids. Raises Duplicate."""
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
        with self._wires.database.read() as conn:
            found = people.seats(conn)
        return {"limit": self._wires.settings.seats.limit, "used": found["used"], "waiting": 0} | {
            "by_connection": found["by_connection"]
        }

    def events(
        self, *, after: int = 0, limit: int = 100, types: Sequence[str] | None = None
    ) -> dict[str, Any]:
        with self._wires.database.read() as conn:
            found = outbox.events(conn, after=after, limit=limit, types=types)
        return {"events": found, "next": found[-1]["sequence"] if found else after}

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


def _said(user: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for said in user["directory_users"]:
        word = said["status_text"] or said["status"]
        gone = " (and is gone from there)" if said["deleted_at"] else ""
        yield {
            "fact": f"{said['connection']} says {word}{gone}; linked by {said['rule'] or said['how']}",
            "source": said["connection"],
            "run_id": said["run_id"],
            "at": said["linked_at"],
        }


def _done(done: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for entry in done:
        yield {
            "fact": f"{entry['action'].replace('_', ' ')}: {entry['reason']}",
            "source": entry.get("connection") or entry["actor"],
            "run_id": entry["run_id"],
            "at": entry["at"],
        }


def _tags(user: dict[str, Any]) -> list[dict[str, str]]:
    names = {group["id"]: f"member of {group['name']} ({group['connection']})" for group in user["groups"]}
    shown = []
    for source in user["tag_sources"]:
        kind, _, ref = source["source"].partition(":")
        because = {"group": names.get(ref, source["source"]), "connection": f"managed by {ref}"}
        shown.append({"tag": source["tag"], "because": because.get(kind, source["source"])})
    return shown
