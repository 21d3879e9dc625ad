"""Plans: look at what a run wants to do, let it, or throw it away and remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.usecases import shapes
from connector.usecases.audit import note
from connector.usecases.wires import Wires
from sync.model.errors import NotFound
from sync.model.run import ItemState, PlanItem, PlanState, Run, StoredPlan
from sync.store import connections, left_out
from sync.store import plans as store
from sync.store.database import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A person's word on a plan: ``yes``, or the checksum they looked at, and what to leave out."""

    expect_hash: str | None = None
    exclude: Sequence[str] = ()
    yes: bool = False

    def given(self) -> dict[str, Any]:
        return {"expect_hash": self.expect_hash, "exclude": list(self.exclude), "yes": self.yes}


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

    def show(self, plan_id: str, *, search: str | None = None) -> dict[str, Any]:
        """The plan with its items, or those whose subject holds ``search``."""
        from sync.render import as_json

        plan = self.get(plan_id)
        return as_json(plan, self.items(plan.id, search=search))

    def summary(self, plan_id: str) -> dict[str, Any]:
        """The plan without its items."""
        return shapes.plan(self.get(plan_id))

    def page(
        self,
        plan_id: str,
        *,
        search: str | None = None,
        action: str | None = None,
        state: ItemState | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> dict[str, Any]:
        """``{"items", "next"}``; ``after`` is the last ``place`` seen."""
        from sync.render import item_json

        with self._wires.database.read() as conn:
            plan = store.get(conn, plan_id)
            found = store.items(
                conn, plan.id, search=search, action=action, state=state, after_place=after, limit=limit
            )
        items = [item_json(each) | {"place": each.seq, "state": each.state.value} for each in found]
        return {"items": items, "next": found[-1].seq if len(found) == limit else None}

    def counted(self, plan_id: str) -> dict[str, dict[str, tuple[int, int]]]:
        """By state and action: the items, and what they add up to."""
        with self._wires.database.read() as conn:
            return counted_items(self._wires, conn, store.get(conn, plan_id))

    def text(self, plan_id: str, *, search: str | None = None, every: bool = False) -> str:
        """The plan as a person reads it; ``every`` item instead of the first of each kind."""
        from sync.render import PER_ACTION, as_text

        plan = self.get(plan_id)
        items = self.items(plan.id, search=search)
        return as_text(plan, items, per_action=None if every else PER_ACTION)

    def markdown(self, plan_id: str, *, search: str | None = None) -> str:
        """The plan as Markdown, every item."""
        from sync.render import as_markdown

        plan = self.get(plan_id)
        return as_markdown(plan, self.items(plan.id, search=search))

    def listed(
        self,
        ref: str | None = None,
        *,
        states: Sequence[str] = (),
        limit: int = 50,
        before: str | None = None,
    ) -> list[dict[str, Any]]:
        chosen = [PlanState(state) for state in states] or None
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, ref).id if ref else None
            found = store.listed(conn, connection_id=connection_id, states=chosen, limit=limit, before=before)
        return [shapes.plan(each) for each in found]

    def document(self, plan_id: str) -> bytes:
        """The plan as a file that ``apply_document`` takes."""
        from sync import plan_file

        plan = self.get(plan_id)
        return plan_file.write(plan, self.items(plan.id))

    def approve(
        self,
        plan_id: str,
        *,
        by: str,
        expect_hash: str | None = None,
        exclude: Sequence[str] = (),
        comment: str | None = None,
    ) -> Run:
        """Queue the run that applies what is still true of a held plan.

        ``expect_hash`` is the checksum the person looked at; without one the stored plan's stands
        for it. Raises NotFound, and Conflict for another checksum or a plan that waits for nobody.
        """
        from sync.approval import approve

        with self._wires.database.write() as conn:
            plan = store.get(conn, plan_id)
            looked_at = expect_hash or plan.hash
            now = self._wires.clock()
            run = approve(conn, plan.id, expect_hash=looked_at, exclude=list(exclude), by=by, now=now)
            said = {"hash": plan.hash, "exclude": list(exclude), "run_id": run.id, "comment": comment}
            _note(conn, "plans.approve", plan, now=now, by=by, after=said)
        return run

    def apply(self, plan_id: str, *, by: str, word: Word) -> Run:
        """Queue the run that carries a previewed or held plan out. Raises Held without a person's word."""
        from sync.approval import apply_plan

        now = self._wires.clock()
        with self._wires.database.write() as conn:
            run = apply_plan(conn, plan_id, by=by, now=now, **word.given())
            plan = store.get(conn, plan_id)
            said = {"hash": plan.hash, "run_id": run.id, **word.given()}
            _note(conn, "plans.apply", plan, now=now, by=by, after=said)
        return run

    def apply_document(self, document: bytes, *, by: str, word: Word) -> Run:
        """The same for a plan in a file. Raises Conflict when the state has moved on since."""
        from sync import plan_file

        plan = plan_file.read(document)
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            run = plan_file.apply_file(conn, plan, by=by, now=now, **word.given())
            said = {"run_id": run.id, **word.given()}
            note(
                conn,
                "plans.apply_file",
                now=now,
                kind="run",
                id=run.id,
                label=run.connection,
                connection_id=run.connection_id,
                after=said,
                by=by,
            )
        return run

    def reject(self, plan_id: str, *, by: str, comment: str | None = None) -> dict[str, Any]:
        from sync.approval import reject

        with self._wires.database.write() as conn:
            plan, now = store.get(conn, plan_id), self._wires.clock()
            reject(conn, plan.id, by=by, now=now, comment=comment)
            said = {"hash": plan.hash, "comment": comment}
            _note(conn, "plans.reject", plan, now=now, by=by, after=said)
        return shapes.plan(self.get(plan.id))

    def excluded(self, ref: str | None = None, *, limit: int = 100, **wanted: Any) -> dict[str, Any]:
        """``{"excluded", "next"}``: the changes that people left out, of one connection or of all.

        ``wanted`` are search, action and after.
        """
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, ref).id if ref else None
            found = left_out.listed(conn, connection_id=connection_id, limit=limit, **wanted)
        return {"excluded": found, "next": left_out.place(found[-1]) if len(found) == limit else None}

    def include(self, item_ids: Sequence[str], *, by: str) -> list[dict[str, Any]]:
        """Let changes that were left out be planned again. Raises NotFound for one that is not left out."""
        with self._wires.database.write() as conn:
            found = left_out.about(conn, item_ids)
            unknown = sorted(set(item_ids) - {row["item_id"] for row in found})
            if unknown:
                raise NotFound(f"{', '.join(unknown)} is not left out; see: connector plans excluded")
            for row in found:
                left_out.forget(conn, row["connection_id"], [row["item_id"]])
                note(
                    conn,
                    "plans.include",
                    now=self._wires.clock(),
                    kind="plan",
                    id=row["plan_id"],
                    label=row["connection"],
                    connection_id=row["connection_id"],
                    after={"item": row["item_id"], "subject": row["label"]},
                    by=by,
                )
            return found


def counted_items(wires: Wires, conn: Conn, plan: StoredPlan) -> dict[str, dict[str, tuple[int, int]]]:
    """``store.counts``; of a plan that waits remembered, as its items go one way only, and are counted."""
    if plan.state not in (PlanState.HELD, PlanState.PREVIEW):
        return store.counts(conn, plan.id)
    mark = (plan.id, plan.hash, store.state_counts(conn, plan.id))
    return wires.remembered.at(mark, f"plan of {plan.connection_id}", lambda: store.counts(conn, plan.id))


def _note(
    conn: Conn, action: str, plan: StoredPlan, *, now: datetime, by: str, after: dict[str, Any]
) -> None:
    note(
        conn,
        action,
        now=now,
        kind="plan",
        id=plan.id,
        label=plan.connection,
        connection_id=plan.connection_id,
        after=after,
        by=by,
    )
