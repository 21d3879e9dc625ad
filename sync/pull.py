"""One pull, from the first page to the last written change: read, plan, safeguard, apply.

The run is owned under a lease, and every write checks it. What is applied is the stored plan, so
a run that was killed goes on from it, and a run that was held goes on when a person approves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sync import apply as writer
from sync.apply import Context
from sync.model.change import Action, change_of
from sync.model.connection import Connection, Policy
from sync.model.errors import (
    Conflict,
    ConnectorError,
    CursorExpired,
    Denied,
    Incomplete,
    LeaseLost,
    Misconfigured,
    Transient,
)
from sync.model.resources import Status
from sync.model.run import ItemState, Lease, Phase, PlanState, Run, RunMode, RunState, StoredPlan, Verdict
from sync.model.source import Source
from sync.proposal import Proposal
from sync.safeguards import Hold, Standing, holds
from sync.second_look import second_look
from sync.snapshot import Snapshot
from sync.store import connections, plans, resources, runs, staging
from sync.store.database import Conn, Database
from sync.store.ids import new_id
from sync.store.text import from_json
from sync.store.times import to_text

BATCH = 500
"""Changes written in one transaction."""

PROGRESS_EVERY = 20
"""Pages between two notes of how far the read is."""


class Stopped(ConnectorError):
    """Somebody asked this run to end early, before anything was written."""


class Interrupted(ConnectorError):
    """This process ends while the plan is half applied; any replica goes on with it."""


class Observer(Protocol):
    """Hears how far a run is. The default does nothing."""

    def phase(self, run: Run, phase: Phase) -> None: ...

    def pages(self, run: Run, pages: int, users: int) -> None: ...

    def applied(self, run: Run, done: int) -> None: ...


class Silent:
    """The observer that hears nothing."""

    def phase(self, run: Run, phase: Phase) -> None: ...

    def pages(self, run: Run, pages: int, users: int) -> None: ...

    def applied(self, run: Run, done: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Everything one run needs, handed in opened. ``clock`` gives aware UTC times."""

    database: Database
    lease: Lease
    run: Run
    connection: Connection
    policy: Policy
    open_source: Callable[[], Source]
    clock: Callable[[], datetime]
    observer: Observer = field(default_factory=Silent)
    stop: Callable[[], bool] = lambda: False

    def execute(self) -> Run:
        """Carry the run to its end and return it as stored; LeaseLost passes through."""
        try:
            if self.run.phase is Phase.APPLYING and self.run.plan_id:
                self._apply(self._plan(self.run.plan_id))
            elif self.run.mode is RunMode.APPROVAL:
                self._apply_approved()
            else:
                self._read_and_apply()
        except LeaseLost:
            raise
        except Interrupted:
            with self._writing() as conn:
                runs.heartbeat(conn, self.lease, 0, self.clock())
        except Stopped as error:
            self._fail(RunState.CANCELLED, error)
        except ConnectorError as error:
            self._fail(RunState.FAILED, error)
        with self.database.read() as conn:
            return runs.get(conn, self.run.id)

    # --- reading ------------------------------------------------------------------------------

    def _read_and_apply(self) -> None:
        with self._writing() as conn:
            staging.clear(conn, self.run.id)
            plans.discard_unfinished(conn, self.run.id)
            runs.progress(conn, self.lease, phase=Phase.READING)
        self.observer.phase(self.run, Phase.READING)
        source = self.open_source()
        try:
            snapshot, mode = self._read(source)
            lied = second_look(
                self.database, self.lease, self.connection, self.policy, snapshot, source, mode
            )
        finally:
            self._note_effort(source)
            source.close()
        plan = self._propose(snapshot, mode, lied)
        if not self.run.dry_run:
            self._apply(plan)

    def _read(self, source: Source) -> tuple[Snapshot, RunMode]:
        self._check_tenant(source)
        cursor = self.connection.cursor
        if self.run.mode is RunMode.DELTA and cursor is not None:
            try:
                return self._walk(source, RunMode.DELTA, cursor), RunMode.DELTA
            except CursorExpired:
                with self._writing() as conn:
                    staging.clear(conn, self.run.id)
        return self._walk(source, RunMode.FULL, None), RunMode.FULL

    def _check_tenant(self, source: Source) -> None:
        """Another organisation answering under our address must not replace this one's people."""
        tenant = source.identity()
        if tenant is None or tenant == self.connection.tenant:
            return
        if self.connection.tenant is not None:
            raise Misconfigured(
                f"another organisation answers at this address: it is {tenant}, it was {self.connection.tenant}. "
                "Check the address, or make a new connection for the other directory."
            )
        if not self.run.dry_run:
            with self._writing() as conn:
                connections.update(conn, self.connection.id, now=self.clock(), tenant=tenant)

    def _walk(self, source: Source, mode: RunMode, cursor: str | None) -> Snapshot:
        """Read to the end, or to where it cannot go on: what was read before still counts."""
        snapshot = Snapshot(self.database, self.lease, self.connection, self.policy)
        pages = source.full() if cursor is None else source.changes(cursor)
        try:
            for number, page in enumerate(pages, start=1):
                snapshot.take(page)
                if number % PROGRESS_EVERY == 0:
                    self._note_effort(source)
                    self.observer.pages(self.run, number, snapshot.users.count)
                if self.stop():
                    raise Stopped("the run was stopped while it was reading; nothing was changed")
        except (Transient, Incomplete) as error:
            snapshot.doubt(error.message)
        snapshot.conclude()
        return snapshot

    # --- planning -----------------------------------------------------------------------------

    def _propose(self, snapshot: Snapshot, mode: RunMode, lied: str | None) -> StoredPlan:
        plan_id, now = new_id(), self.clock()
        with self._writing() as conn:
            runs.progress(conn, self.lease, phase=Phase.PLANNING)
            plans.start(
                conn, id=plan_id, run_id=self.run.id, connection_id=self.connection.id, mode=mode, now=now
            )
            names = {other.id: other.name for other in connections.listed(conn)}
        self.observer.phase(self.run, Phase.PLANNING)
        may_remove = lied is None and (snapshot.complete or mode is RunMode.DELTA)
        proposal = Proposal(
            self.database, self.lease, self.connection, self.policy,
            plan_id=plan_id, now=now, names=names, removals=may_remove,
        )  # fmt: skip
        proposal.make()
        stopped: Sequence[Hold] = ()
        if not proposal.tally.empty:
            with self.database.read() as conn:
                stopped = holds(proposal.tally, self._standing(conn, snapshot, mode), self.policy)
        reasons = _reasons(snapshot, lied, stopped, proposal)
        verdict = _verdict(snapshot, mode, lied, stopped)
        self._conclude(proposal, snapshot, verdict, reasons, stopped)
        return self._plan(plan_id)

    def _standing(self, conn: Conn, snapshot: Snapshot, mode: RunMode) -> Standing:
        connection_id = self.connection.id
        present = [status for status in Status if status is not Status.GONE]
        return Standing(
            managed_active=resources.managed_active_count(conn, connection_id),
            groups=resources.live_count(conn, "group", connection_id),
            tags=resources.membership_count(conn, connection_id),
            users_before=resources.live_count(conn, "user", connection_id, present),
            users_met=snapshot.users_met if mode is RunMode.FULL and snapshot.complete else None,
            first_run=not self.connection.first_run_approved and not self.run.approved_beforehand,
        )

    def _conclude(
        self,
        proposal: Proposal,
        snapshot: Snapshot,
        verdict: Verdict,
        reasons: Sequence[str],
        stopped: Sequence[Hold],
    ) -> None:
        """Write the verdict; from here on the stored plan is all that counts."""
        checksum = proposal.tally.checksum(self.connection.id)
        with self._writing() as conn:
            rejected = bool(stopped) and plans.rejected(conn, self.connection.id, checksum)
            plans.conclude(
                conn,
                proposal.plan_id,
                complete=snapshot.complete,
                verdict=verdict,
                reasons=reasons,
                hash=checksum,
                counts=proposal.tally.counts,
                state=PlanState.PREVIEW
                if self.run.dry_run
                else PlanState.REJECTED
                if rejected
                else PlanState.OPEN,
            )
            waiting = frozenset().union(*(hold.actions for hold in stopped))
            if stopped and not self.policy.apply_harmless_when_held:
                waiting = frozenset(Action)
            plans.hold_items(conn, proposal.plan_id, [action.value for action in waiting])
            staging.clear(conn, self.run.id)
            runs.progress(
                conn,
                self.lease,
                phase=Phase.APPLYING,
                plan_id=proposal.plan_id,
                complete=snapshot.complete,
                reasons=reasons,
                counts=proposal.tally.counts,
                cursor=snapshot.end.cursor if snapshot.end else None,
            )
            if self.run.dry_run:
                runs.finish(conn, self.lease, state=_end_state(verdict), now=self.clock())

    # --- applying -----------------------------------------------------------------------------

    def _apply_approved(self) -> None:
        """Let exactly the approved items go; they are checked once more as they are written."""
        with self._writing() as conn:
            approves = runs.details(conn, self.run.id)["approves"]
            plan = plans.get(conn, approves["plan_id"])
            if plan.state is not PlanState.HELD or plan.hash != approves["hash"]:
                raise Conflict("the plan is not the one that was approved any more; look at the newest one")
            plans.release(conn, plan.id, exclude=approves["exclude"], by=approves["by"], now=self.clock())
            connections.update(conn, self.connection.id, now=self.clock(), first_run_approved=True)
            runs.progress(
                conn,
                self.lease,
                phase=Phase.APPLYING,
                plan_id=plan.id,
                complete=plan.complete,
                counts=plan.counts,
            )
        self._apply(self._plan(plan.id))

    def _apply(self, plan: StoredPlan) -> None:
        self.observer.phase(self.run, Phase.APPLYING)
        context = Context(
            connection=self.connection,
            at="",
            actor=f"run:{self.run.trigger}",
            origin="pull",
            run_id=self.run.id,
        )
        after, done = -1, 0
        while True:
            with self._writing() as conn:
                at = to_text(self.clock())
                items = plans.next_items(
                    conn, plan.id, state=ItemState.PENDING, after_place=after, limit=BATCH
                )
                self._write(conn, plan, items, context, at)
                if len(items) < BATCH:
                    self._finish(conn, plan)
                    return
            after, done = items[-1][0], done + len(items)
            self.observer.applied(self.run, done)
            if self.stop():
                raise Interrupted(
                    "the run was interrupted while it was applying; any replica goes on with it"
                )

    def _write(
        self, conn: Conn, plan: StoredPlan, items: Sequence[tuple[int, str]], context: Context, at: str
    ) -> None:
        if not items:
            return
        changes = [change_of(from_json(text)) for _, text in items]
        outcome = writer.apply(conn, changes, replace(context, at=at))
        stale = {id(change) for change, _ in outcome.stale}
        by_state: dict[ItemState, list[int]] = {ItemState.APPLIED: [], ItemState.STALE: []}
        for (place, _), change in zip(items, changes, strict=True):
            by_state[ItemState.STALE if id(change) in stale else ItemState.APPLIED].append(place)
        for state, places in by_state.items():
            plans.set_states(conn, plan.id, places, state)

    def _finish(self, conn: Conn, plan: StoredPlan) -> None:
        """The last transaction: the cursor, the plan's state and the run's end belong to it."""
        now = self.clock()
        waiting = plans.has_items(conn, plan.id, ItemState.HELD)
        if plan.state is not PlanState.REJECTED:
            plans.settle(conn, plan.id, PlanState.HELD if waiting else PlanState.APPLIED)
        if self.run.mode is not RunMode.APPROVAL:
            plans.supersede(conn, self.connection.id, plan.id, now)
            self._advance(conn, plan, now)
        state = RunState.HELD if waiting else _end_state(plan.verdict)
        if plan.verdict is Verdict.HELD and not waiting:
            state = RunState.SUCCEEDED
        runs.finish(conn, self.lease, state=state, now=now)

    def _advance(self, conn: Conn, plan: StoredPlan, now: datetime) -> None:
        details = runs.details(conn, self.run.id)
        columns: dict[str, object] = {}
        if plan.complete and plan.verdict in (Verdict.PROCEED, Verdict.HELD):
            if details["cursor"] is not None:
                columns["cursor"] = details["cursor"]
            if plan.mode is RunMode.FULL:
                columns["last_complete_at"] = now
        if self.run.approved_beforehand and plan.verdict is Verdict.PROCEED and any(plan.counts.values()):
            columns["first_run_approved"] = True
        if columns:
            connections.update(conn, self.connection.id, now=now, **columns)

    # --- small things -------------------------------------------------------------------------

    def _writing(self) -> _Fenced:
        return _Fenced(self.database, self.lease)

    def _plan(self, plan_id: str) -> StoredPlan:
        with self.database.read() as conn:
            return plans.get(conn, plan_id)

    def _note_effort(self, source: Source) -> None:
        effort = source.effort
        with self._writing() as conn:
            runs.progress(
                conn, self.lease, pages=effort.pages, requests=effort.requests, throttled_s=effort.throttled_s
            )

    def _fail(self, state: RunState, error: ConnectorError) -> None:
        kind = "denied" if isinstance(error, Denied) else type(error).__name__.lower()
        with self._writing() as conn:
            staging.clear(conn, self.run.id)
            plans.discard_unfinished(conn, self.run.id)
            runs.finish(conn, self.lease, state=state, now=self.clock(), error=error.message, error_kind=kind)


class _Fenced:
    """A write transaction of a run: it begins by proving that the run is still ours."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._lease = lease
        self._context = database.write()

    def __enter__(self) -> Conn:
        conn = self._context.__enter__()
        try:
            runs.check(conn, self._lease)
        except BaseException as error:
            self._context.__exit__(type(error), error, error.__traceback__)
            raise
        return conn

    def __exit__(self, *failure: object) -> bool | None:
        return self._context.__exit__(*failure)  # type: ignore[arg-type]


def _verdict(snapshot: Snapshot, mode: RunMode, lied: str | None, stopped: Sequence[Hold]) -> Verdict:
    if lied is not None:
        return Verdict.INCONSISTENT
    if not snapshot.complete:
        return Verdict.PARTIAL
    return Verdict.HELD if stopped else Verdict.PROCEED


def _end_state(verdict: Verdict) -> RunState:
    return {
        Verdict.PROCEED: RunState.SUCCEEDED,
        Verdict.HELD: RunState.HELD,
        Verdict.PARTIAL: RunState.PARTIAL,
        Verdict.INCONSISTENT: RunState.PARTIAL,
    }[verdict]


def _reasons(snapshot: Snapshot, lied: str | None, stopped: Sequence[Hold], proposal: Proposal) -> list[str]:
    """Every sentence a person should read before deciding, the gravest first."""
    reasons = [lied] if lied else []
    reasons += [f"The read is incomplete: {doubt}." for doubt in snapshot.doubts]
    if proposal.dropped:
        reasons.append(
            f"{proposal.dropped:,} removals were left out because of that; the next complete read decides."
        )
    reasons += [hold.sentence for hold in stopped]
    reasons += snapshot.notes
    reasons += [
        f"Set aside: {record.kind} {record.external_id or 'without id'}: {record.why}"
        for record in snapshot.set_aside
    ]
    return reasons[:50]
