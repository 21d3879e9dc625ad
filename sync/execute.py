"""Carry a stored plan out: batch by batch, each in one transaction, so that a kill loses nothing.

Items leave the state "pending" in the transaction that writes them; whoever goes on after a kill
takes what is still pending. The last transaction also ends the run and moves the cursor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sync import quarantine, seats
from sync.apply import writer
from sync.apply.context import Context
from sync.apply.ledger import announce
from sync.fence import Fence
from sync.model.change import REMOVALS, Action, Change, counted
from sync.model.connection import Connection, Policy
from sync.model.errors import Conflict, ConnectorError
from sync.model.run import ItemState, Phase, PlanState, Run, RunMode, RunState, StoredPlan, Verdict
from sync.plan import digest_of
from sync.store import bulk, change_text, connections, freezes, history, left_out, plans, runs
from sync.store.database import Conn
from sync.store.text import from_json
from sync.store.times import to_text

BATCH = 500
"""Changes written in one transaction."""

COUNT_MAX = 20_000
"""Memberships written in one transaction: a batch of large groups must fit into memory."""

PLACE_MAX = 2**63 - 1

COUNT_EVERY = 8
"""The database counts its tables anew whenever so many times more is written."""

_OF_A_FEW = (RunMode.DELTA, RunMode.TARGETED)

GROUP_WIDE = (Action.MEMBER_REMOVE, Action.MEMBER_ADD, Action.GROUP_DELETE)
"""Actions whose changes name no version of the group."""

END_STATES = {
    Verdict.PROCEED: RunState.SUCCEEDED,
    Verdict.HELD: RunState.HELD,
    Verdict.PARTIAL: RunState.PARTIAL,
    Verdict.INCONSISTENT: RunState.PARTIAL,
}


class Interrupted(ConnectorError):
    """This process ends while the run is half done; any replica goes on with it."""


class Cancelled(ConnectorError):
    """Somebody asked this run to end early; what was written by then stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run's hand on one stored plan. ``applied`` hears how many items are done."""

    fence: Fence
    run: Run
    connection: Connection
    policy: Policy
    clock: Callable[[], datetime]
    stop: Callable[[], bool]
    applied: Callable[[int], None]

    def carry_out(self, plan_id: str) -> None:
        """Apply what is pending of the plan, then end the run. Raises Interrupted or Cancelled."""
        with self.fence.read() as conn:
            plan = plans.get(conn, plan_id)
            frozen = freezes.current(conn, self.connection.id, self.clock())
        if frozen is not None:
            with self.fence.write() as conn:
                plans.hold_items(conn, plan.id, [action.value for action in REMOVALS])
        self.until_told()
        after, done, count_at = -1, 0, BATCH
        wrote = Counter(self.run.counts)
        while True:
            with self.fence.write() as conn:
                if done >= count_at:
                    bulk.count_anew(conn)
                    count_at = done * COUNT_EVERY
                items = plans.next_items(
                    conn,
                    plan.id,
                    state=ItemState.PENDING,
                    after_place=after,
                    limit=BATCH,
                    count_max=COUNT_MAX,
                )
                wrote.update(counted(self._write(conn, plan, items)))
                self._note(conn, plan, done, len(items), wrote)
                if len(items) < BATCH and not self._goes_on(conn, plan, items):
                    self._finish(conn, plan, wrote)
                    return
            after, done = items[-1][0], done + len(items)
            self.applied(self.run.applied + done)
            self.until_told()

    def until_told(self) -> None:
        """Raise Cancelled when a person asked this run to end, Interrupted when only this process ends."""
        if not self.stop():
            return
        with self.fence.read() as conn:
            by = runs.stopped_by(conn, self.run.id)
        if by is None:
            raise Interrupted("this process ends; any replica goes on with the run")
        raise Cancelled(f"cancelled by {by}")

    def give_up(self, conn: Conn, plan_id: str) -> None:
        """Leave the rest of a plan undone: what was approved waits again, anything else is made anew."""
        is_approved = self.run.mode is RunMode.APPROVAL
        plans.settle_items(conn, plan_id, 0, PLACE_MAX, ItemState.HELD if is_approved else ItemState.STALE)
        plans.settle(conn, plan_id, PlanState.HELD if is_approved else PlanState.SUPERSEDED)

    def _note(self, conn: Conn, plan: StoredPlan, done: int, more: int, wrote: Mapping[str, int]) -> None:
        """How much is written and how much there is, in the transaction that writes it.

        An approval's run counts what it writes itself; the plan's counts are those of the run that made it.
        """
        if not more:
            return
        whole = None
        if done == 0:
            whole = self.run.applied + more + plans.pending_count(conn, plan.id)
        counts = wrote if self.run.mode is RunMode.APPROVAL else None
        applied = self.run.applied + done + more
        runs.progress(conn, self.fence.lease, applied=applied, to_apply=whole, counts=counts)

    def release_approved(self) -> str:
        """Let the items go that this run's approval names; returns the plan's id."""
        with self.fence.write() as conn:
            approves = runs.details(conn, self.run.id)["approves"]
            plan = plans.get(conn, approves["plan_id"])
            if plan.state not in (PlanState.HELD, PlanState.PREVIEW) or plan.hash != approves["hash"]:
                raise Conflict("the plan is not the one that was approved any more; look at the newest one")
            now, word = self.clock(), approves.get("word", True)
            if plan.state is PlanState.PREVIEW:
                self._drop_overtaken(conn, plan)
            excluded, by = approves["exclude"], approves["by"]
            self._remember_left_out(conn, plan, excluded, by)
            plans.release(conn, plan.id, exclude=excluded, by=by, now=now, held_too=word)
            seats.make_wait(conn, plan.id, self.policy)
            if word:
                connections.update(conn, self.connection.id, now=now, first_run_approved=True)
            runs.progress(
                conn,
                self.fence.lease,
                phase=Phase.APPLYING,
                plan_id=plan.id,
                complete=plan.complete,
            )
        return plan.id

    def _remember_left_out(self, conn: Conn, plan: StoredPlan, excluded: Sequence[str], by: str) -> None:
        """Keep what the next plans are to leave out as well."""
        changes = [change_text.change(text) for text in plans.by_item_id(conn, plan.id, excluded)]
        rows = [
            {
                "item_id": change.id,
                "digest": digest_of(change),
                "action": change.action.value,
                "label": change.subject.label,
                "external_id": change.subject.external_id if change.subject.kind == "user" else None,
                "reason": change.reason,
                "plan_id": plan.id,
            }
            for change in changes
        ]
        left_out.add(conn, self.connection.id, rows, by=by, now=self.clock())

    def _drop_overtaken(self, conn: Conn, plan: StoredPlan) -> None:
        """A preview's items about groups that a push changed since; people carry versions of their own."""
        if plans.read_since(conn, plan) is not None:
            raise Conflict("the directory was read again since the plan was made; make a new one")
        after = -1
        while items := plans.undone(conn, plan.id, GROUP_WIDE, after_place=after, limit=BATCH):
            groups = [(place, str(from_json(text)["subject"]["id"])) for place, text in items]
            moved = history.changed_since(conn, [group for _, group in groups], plan.created_at)
            places = [place for place, group in groups if group in moved]
            plans.set_states(conn, plan.id, places, ItemState.STALE)
            after = items[-1][0]

    def _goes_on(self, conn: Conn, plan: StoredPlan, items: Sequence[tuple[int, str]]) -> bool:
        """Whether anything is pending behind these items; a batch may end early for its size."""
        if not items:
            return False
        last = items[-1][0]
        return bool(plans.next_items(conn, plan.id, state=ItemState.PENDING, after_place=last, limit=1))

    def _write(self, conn: Conn, plan: StoredPlan, items: Sequence[tuple[int, str]]) -> Sequence[Change]:
        """Write these items; returns the changes that were not overtaken."""
        if not items:
            return ()
        changes = [change_text.change(text) for _, text in items]
        outcome = writer.apply(conn, changes, self._context())
        stale = {id(change) for change, _ in outcome.stale}
        moved_on = [place for (place, _), change in zip(items, changes, strict=True) if id(change) in stale]
        plans.set_states(conn, plan.id, moved_on, ItemState.STALE)
        plans.settle_items(conn, plan.id, items[0][0], items[-1][0], ItemState.APPLIED)
        return outcome.done

    def _context(self) -> Context:
        return Context(
            connection=self.connection,
            at=to_text(self.clock()),
            actor=f"run:{self.run.trigger}",
            origin="pull",
            run_id=self.run.id,
        )

    def _finish(self, conn: Conn, plan: StoredPlan, wrote: Mapping[str, int]) -> None:
        """The last transaction: the cursor, the plan's state and the run's end belong to it."""
        now = self.clock()
        waiting = plans.has_items(conn, plan.id, ItemState.HELD)
        if plan.state is not PlanState.REJECTED:
            plans.settle(conn, plan.id, PlanState.HELD if waiting else PlanState.APPLIED)
        if self.run.mode is not RunMode.APPROVAL:
            if plan.mode not in _OF_A_FEW:  # they say nothing of the absent whom a held plan is about
                reverts = self.run.mode is RunMode.REVERT
                plans.supersede(conn, self.connection.id, plan.id, now, reverts=reverts)
            self._advance(conn, plan, now, waiting=waiting)
        state = END_STATES[plan.verdict]
        if state is RunState.HELD and not waiting:
            state = RunState.SUCCEEDED
        elif state is RunState.SUCCEEDED and waiting:
            state = RunState.HELD
        runs.finish(conn, self.fence.lease, state=state, now=now)
        if self.run.mode in (RunMode.FULL, RunMode.DELTA):
            quarantine.recovered(conn, self._context())
        self._tell(conn, plan, state, wrote if self.run.mode is RunMode.APPROVAL else plan.counts)

    def _tell(self, conn: Conn, plan: StoredPlan, state: RunState, counts: Mapping[str, int]) -> None:
        """One event for the run's end, unless it found nothing to do: then there is nothing to tell."""
        context = self._context()
        told = {"state": state.value, "plan": plan.id, "counts": dict(counts), "reasons": list(plan.reasons)}
        if state is not RunState.SUCCEEDED or any(counts.values()):
            announce(conn, f"run.{state.value}", told, context)
        seats.tell_if_short(conn, self.policy, context)

    def _advance(self, conn: Conn, plan: StoredPlan, now: datetime, *, waiting: bool) -> None:
        """Move the bookmark, and remember a first run that had its word beforehand.

        While something waits the bookmark stays: a delta from behind it would never speak of that again.
        """
        columns: dict[str, object] = {}
        if plan.complete and plan.verdict in (Verdict.PROCEED, Verdict.HELD):
            cursor = runs.details(conn, self.run.id)["cursor"]
            if cursor is not None and not waiting:
                columns["cursor"] = cursor
            if plan.mode is RunMode.FULL:
                columns["last_complete_at"] = now
        had_its_word = self.run.approved_beforehand and plan.mode is not RunMode.TARGETED
        if had_its_word and plan.verdict is Verdict.PROCEED and any(plan.counts.values()):
            columns["first_run_approved"] = True
        if columns:
            connections.update(conn, self.connection.id, now=now, **columns)
