"""Plans: look at what a run wants to do, let it, or throw it away and remember."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.usecases import shapes
from connector.usecases.wires import Wires
from sync.model.errors import Misconfigured
from sync.model.run import PlanItem, PlanState, Run, StoredPlan
from sync.store import connections
from sync.store import plans as store


class Plans:
    """The ordered changes of runs."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def get(self, plan_id: str) -> StoredPlan:
        with self._wires.database.read() as conn:
            return store.get(conn, plan_id)

    def items(self, plan_id: str, *, limit: int | None = None, search: str | None = None) -> list[PlanItem]:
        with self._wires.database.read() as conn:
            return store.items(conn, store.get(conn, plan_id).id, limit=limit, search=search)

    def show(self, plan_id: str) -> dict[str, Any]:
        from sync.render import as_json

        plan = self.get(plan_id)
        return as_json(plan, self.items(plan.id))

    def text(self, plan_id: str) -> str:
        """The plan as a person reads it."""
        from sync.render import as_text

        plan = self.get(plan_id)
        return as_text(plan, self.items(plan.id))

    def listed(
        self, ref: str | None = None, *, states: Sequence[str] = (), limit: int = 50
    ) -> list[dict[str, Any]]:
        chosen = [PlanState(state) for state in states] or None
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, ref).id if ref else None
            found = store.listed(conn, connection_id=connection_id, states=chosen, limit=limit)
        return [shapes.plan(each) for each in found]

    def approve(
        self, plan_id: str, *, by: str, expect_hash: str | None = None, exclude: Sequence[str] = ()
    ) -> Run:
        """Queue the run that applies what is still true of the plan.

        ``expect_hash`` is the checksum the person looked at; without one the stored plan's stands
        for it. Raises NotFound, Stale (another checksum), Conflict (not waiting).
        """
        from sync.approval import approve

        with self._wires.database.write() as conn:
            plan = store.get(conn, plan_id)
            return approve(
                conn,
                plan.id,
                expect_hash=expect_hash or plan.hash,
                exclude=list(exclude),
                by=by,
                now=self._wires.clock(),
            )

    def reject(self, plan_id: str, *, by: str, comment: str | None = None) -> dict[str, Any]:
        from sync.approval import reject

        with self._wires.database.write() as conn:
            plan = store.get(conn, plan_id)
            reject(conn, plan.id, by=by, now=self._wires.clock(), comment=comment)
        return shapes.plan(self.get(plan.id))


def plan_from_file(document: object) -> tuple[str, str]:
    """Plan id and checksum of a document that ``plan --out`` wrote. Raises Misconfigured."""
    if isinstance(document, dict):
        plan_id, checksum = document.get("plan_id"), document.get("hash")
        if isinstance(plan_id, str) and isinstance(checksum, str):
            return plan_id, checksum
    raise Misconfigured("the file is not a plan; write one with: connector plan NAME --out FILE")
