"""One run, from the first page to the last written change: read, plan, safeguard, apply.

The run is owned under a lease, and every write checks it. What is applied is the stored plan, so
a run that was killed goes on from it, and a run that was held goes on when a person approves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Protocol

from sync import misses, quarantine, seats, targeted
from sync.apply.context import Context
from sync.apply.ledger import announce
from sync.approval import rejection
from sync.diff import Attention
from sync.execute import END_STATES, Cancelled, Execution, Interrupted
from sync.fence import Fence
from sync.mapping import map_of
from sync.model.change import Action
from sync.model.connection import Connection, Policy
from sync.model.errors import (
    ConnectorError,
    CursorExpired,
    Incomplete,
    LeaseLost,
    Misconfigured,
    Transient,
    recovery_of,
)
from sync.model.resources import Status
from sync.model.run import Lease, Phase, Place, PlanState, Run, RunMode, RunState, Verdict
from sync.model.source import End, Page, Source
from sync.plan import counted
from sync.proposal import Proposal, raise_attention
from sync.resumption import Resumption
from sync.revert import Reversal
from sync.safeguards import Hold, Standing, holds, idle_sentence
from sync.second_look import SecondLook
from sync.snapshot import Snapshot
from sync.store import connections, freezes, headcount, left_out, plans, resources, runs
from sync.store.database import Conn, Database, OutOfReach
from sync.store.ids import new_id
from sync.store.times import to_text
from sync.trace import Trace
from sync.untagging import lost_tags

PROGRESS_EVERY = 20
"""Pages between two words to the observer of how far the read is."""

NOTE_EVERY = timedelta(seconds=2)
"""Time between two notes of how far the read is: each is a commit, and a commit waits for the disk."""

READS = (RunMode.FULL, RunMode.DELTA)
"""Modes in which the directory is asked."""

REASONS_MAX = 50
"""Sentences a plan keeps."""


class Observer(Protocol):
    """Hears how far a run is."""

    def phase(self, run: Run, phase: Phase) -> None:
        """The run goes into this phase."""

    def pages(self, run: Run, pages: int, users: int) -> None:
        """So many pages are read, and so many known people met."""

    def applied(self, run: Run, done: int) -> None:
        """So many items of the plan are written."""


class Silent:
    """The observer that hears nothing."""

    def phase(self, run: Run, phase: Phase) -> None:
        """Nothing."""

    def pages(self, run: Run, pages: int, users: int) -> None:
        """Nothing."""

    def applied(self, run: Run, done: int) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Everything one run needs, handed in opened. ``clock`` gives aware UTC times.

    ``stop`` is asked whether to end early: for good when a person cancelled the run or nobody else can
    go on with it (``others_go_on`` False), else to leave it to another process. ``questions`` hears
    what a dry run would ask a person; any other run puts it on the list. A plan made under settings
    that nobody saved (``settings_are_saved`` False) can be read and never applied.
    """

    database: Database
    lease: Lease
    run: Run
    connection: Connection
    policy: Policy
    open_source: Callable[[], Source]
    clock: Callable[[], datetime]
    observer: Observer = field(default_factory=Silent)
    stop: Callable[[], bool] = lambda: False
    questions: Callable[[Sequence[Attention]], None] = lambda _: None
    settings_are_saved: bool = True
    others_go_on: bool = True

    @property
    def _fence(self) -> Fence:
        return Fence(self.database, self.lease)

    def execute(self) -> Run:
        """Carry the run to its end and return it as stored; LeaseLost and OutOfReach pass through."""
        try:
            self._carry_on()
        except (LeaseLost, OutOfReach):
            raise
        except ConnectorError as error:
            self._end_early(error)
        with self.database.read() as conn:
            return runs.get(conn, self.run.id)

    @property
    def _execution(self) -> Execution:
        return Execution(
            fence=self._fence,
            run=self.run,
            connection=self.connection,
            policy=self.policy,
            clock=self.clock,
            stop=self.stop,
            applied=lambda done: self.observer.applied(self.run, done),
        )

    def _carry_on(self) -> None:
        execution = self._execution
        if self.run.phase is Phase.APPLYING and self.run.plan_id:
            execution.carry_out(self.run.plan_id)
        elif self.run.mode is RunMode.APPROVAL:
            execution.carry_out(execution.release_approved())
        else:
            plan_id = self._reverse() if self.run.mode is RunMode.REVERT else self._read_and_propose()
            if not self.run.dry_run:
                self.observer.phase(self.run, Phase.APPLYING)
                execution.carry_out(plan_id)

    def _reverse(self) -> str:
        """The plan that takes another run back; the directory is not asked."""
        self.observer.phase(self.run, Phase.PLANNING)
        return Reversal(
            fence=self._fence, run=self.run, connection=self.connection, policy=self.policy, clock=self.clock
        ).propose()

    # --- reading ------------------------------------------------------------------------------

    @property
    def _resumption(self) -> Resumption:
        return Resumption(run=self.run, connection=self.connection, policy=self.policy, clock=self.clock)

    def _read_and_propose(self) -> str:
        """Read the directory and store the plan; returns the plan's id."""
        with self._fence.write() as conn:
            place = self._resumption.place(conn)
            plans.discard_unfinished(conn, self.run.id)
            runs.progress(conn, self.lease, phase=Phase.READING)
        self.observer.phase(self.run, Phase.READING)
        source = self.open_source()
        try:
            trace = Trace(self.run.target)
            snapshot = self._read(source, trace, place)
            look = SecondLook(
                self._fence,
                self.connection,
                self.policy,
                snapshot,
                now=self.clock(),
                noting=not self.run.dry_run,
            )
            lie = look.at(source) if snapshot.mode is RunMode.FULL and snapshot.complete else None
        finally:
            self._note_effort(source)
            source.close()
        return self._propose(snapshot, lie, trace)

    def _read(self, source: Source, trace: Trace, place: Place | None) -> Snapshot:
        self._check_tenant(source)
        cursor = self.connection.cursor
        needs_raw = map_of(self.policy) is not None
        named = targeted.pages(source, self.run.target, trace, needs_raw=needs_raw)
        if self.run.mode is RunMode.TARGETED:
            return self._walk(source, RunMode.TARGETED, chain(named, [Page(end=End())]))
        why: list[Page] = []
        try:
            if place is not None:
                return self._walk(source, RunMode.FULL, source.full(place.text), place)
            if self.run.mode is RunMode.DELTA and cursor is not None:
                return self._walk(source, RunMode.DELTA, chain(source.changes(cursor), named))
        except CursorExpired as expired:
            why.append(Page(warnings=(expired.message,)))
            with self._fence.write() as conn:
                self._resumption.begin_anew(conn)
        return self._walk(source, RunMode.FULL, chain(why, source.full()))

    def _check_tenant(self, source: Source) -> None:
        """Another organisation answering under our address must not replace this one's people."""
        tenant = source.identity()
        if tenant is None or tenant == self.connection.tenant:
            return
        if self.connection.tenant is not None:
            raise Misconfigured(
                "another organisation answers at this address: "
                f"it is {tenant}, it was {self.connection.tenant}. "
                "Check the address, or make a new connection for the other directory."
            )
        if not self.run.dry_run:
            with self._fence.write() as conn:
                connections.update(conn, self.connection.id, now=self.clock(), tenant=tenant)

    def _walk(
        self, source: Source, mode: RunMode, pages: Iterable[Page], place: Place | None = None
    ) -> Snapshot:
        """Read to the end, or to where it cannot go on: what was read before still counts."""
        noted_at = self.clock()
        snapshot = self._snapshot(mode, place.began_at if place else noted_at)
        if place is not None:
            snapshot.resume()
        try:
            returned = targeted.memberships(source, snapshot.returned)
            for number, page in enumerate(chain(pages, returned), start=1):
                snapshot.take(page)
                if (now := self.clock()) - noted_at >= NOTE_EVERY:
                    noted_at = now
                    snapshot.flush()
                    self._note_effort(source, snapshot.users_met)
                if number % PROGRESS_EVERY == 0:
                    self.observer.pages(self.run, number, snapshot.users.count)
                self._execution.until_told()
        except OutOfReach:
            raise  # our database's trouble is no doubt about the directory
        except (Transient, Incomplete) as error:
            self._execution.until_told()  # a read that was told to end breaks off too
            if self.run.mode in READS and not source.effort.pages:
                raise  # nothing was read: that is no part of the directory
            snapshot.doubt(error.message)
        snapshot.conclude()
        return snapshot

    def _snapshot(self, mode: RunMode, began_at: datetime) -> Snapshot:
        return Snapshot(
            self._fence,
            self.connection,
            self.policy,
            mode,
            self.run.target,
            began_at=began_at,
            keep_place=self._resumption.keep,
        )

    # --- planning -----------------------------------------------------------------------------

    def _propose(self, snapshot: Snapshot, lie: str | None, trace: Trace) -> str:
        plan_id, now = new_id(), self.clock()
        with self._fence.write() as conn:
            runs.progress(conn, self.lease, phase=Phase.PLANNING)
            connection_id, mode = self.connection.id, snapshot.mode
            plans.start(conn, id=plan_id, run_id=self.run.id, connection_id=connection_id, mode=mode, now=now)
        self.observer.phase(self.run, Phase.PLANNING)
        if lie is None and snapshot.complete and not self.run.dry_run:
            misses.note(self._fence, snapshot.misses.this)
        proposal = Proposal(
            self._fence,
            self.connection,
            self.policy,
            plan_id=plan_id,
            began_at=snapshot.began_at,
            removals=lie is None and snapshot.complete,
            questions=self._ask,
            trace=trace,
        )
        proposal.make()
        stopped: Sequence[Hold] = ()
        if not proposal.tally.empty:
            with self.database.read() as conn:
                lost = lost_tags(conn, self.connection.id, proposal.tally.cuts)
                standing = replace(self._standing(conn, snapshot), tags_lost=lost)
                stopped = holds(proposal.tally, standing, self.policy)
        self._conclude(proposal, snapshot, lie, stopped)
        return plan_id

    def _ask(self, conn: Conn, questions: Sequence[Attention]) -> None:
        if self.run.dry_run:
            self.questions(questions)
        else:
            raise_attention(conn, self.connection.id, questions, self.run.id, self.clock())

    def _standing(self, conn: Conn, snapshot: Snapshot) -> Standing:
        connection_id = self.connection.id
        present = [status for status in Status if status is not Status.GONE]
        whole = snapshot.mode is RunMode.FULL and snapshot.complete
        frozen = freezes.current(conn, connection_id, self.clock())
        return Standing(
            managed_active=headcount.active_of(conn, connection_id),
            groups=resources.live_count(conn, "group", connection_id),
            tags=resources.membership_count(conn, connection_id),
            users_before=resources.live_count(conn, "user", connection_id, present),
            users_met=snapshot.users_met if whole else None,
            first_run=not self.connection.first_run_approved,
            approved_beforehand=self.run.approved_beforehand,
            idle_includes=snapshot.idle_includes,
            frozen=frozen.sentence if frozen else None,
        )

    def _conclude(
        self, proposal: Proposal, snapshot: Snapshot, lie: str | None, stopped: Sequence[Hold]
    ) -> None:
        """Write the verdict; from here on the stored plan is all that counts."""
        verdict, reasons = _verdict(snapshot, lie, stopped), _reasons(proposal, snapshot, lie, stopped)
        checksum = proposal.tally.checksum(self.connection.id)
        with self._fence.write() as conn:
            rejected = rejection(conn, self.connection.id, checksum) if stopped else None
            plans.conclude(
                conn,
                proposal.plan_id,
                complete=snapshot.complete,
                verdict=verdict,
                reasons=reasons,
                hash=checksum,
                counts=proposal.tally.counts,
                state=self._state(rejected),
            )
            plans.hold_items(conn, proposal.plan_id, self._waiting(stopped))
            short = seats.make_wait(conn, proposal.plan_id, self.policy)
            reasons += [why for why in (short, rejected) if why]
            plans.set_reasons(conn, proposal.plan_id, reasons)
            if not self.run.dry_run:
                plans.overtake(conn, self.connection.id, snapshot.confirmed)
                self._forget_left_out(conn, proposal, snapshot, is_true=lie is None)
                if snapshot.is_resumed:
                    self._resumption.follow(conn, applies=not stopped and not proposal.tally.empty)
            self._resumption.end(conn)
            runs.progress(
                conn,
                self.lease,
                phase=Phase.APPLYING,
                plan_id=proposal.plan_id,
                complete=snapshot.complete,
                reasons=reasons,
                counts=proposal.tally.counts,
                cursor=snapshot.end.cursor if snapshot.end else None,
                trace=proposal.trace.rows() or None,
            )
            if self.run.dry_run:
                runs.finish(conn, self.lease, state=END_STATES[verdict], now=self.clock())

    def _state(self, rejected: str | None) -> PlanState:
        """What becomes of the plan: a dry run's is a preview; one that was rejected before stays so."""
        if self.run.dry_run:
            return PlanState.PREVIEW if self.settings_are_saved else PlanState.DISCARDED
        return PlanState.REJECTED if rejected else PlanState.OPEN

    def _forget_left_out(self, conn: Conn, proposal: Proposal, snapshot: Snapshot, *, is_true: bool) -> None:
        """What was left out counts again once the directory wants something else, or nothing at all."""
        over = set(proposal.changed_since)
        if snapshot.mode is RunMode.FULL and snapshot.complete and is_true:
            over |= left_out.digests(conn, self.connection.id).keys() - proposal.still_left_out
        left_out.forget(conn, self.connection.id, over)
        left_out.forget_people(conn, self.connection.id, snapshot.confirmed)

    def _waiting(self, stopped: Sequence[Hold]) -> list[str]:
        """The actions that wait; all of them where the connection wants all or nothing."""
        actions = frozenset[Action]().union(*(hold.actions for hold in stopped))
        if stopped and not self.policy.apply_harmless_when_held:
            actions = frozenset(Action)
        return [action.value for action in actions]

    # --- small things -------------------------------------------------------------------------

    def _note_effort(self, source: Source, people: int | None = None) -> None:
        effort = source.effort
        with self._fence.write() as conn:
            runs.progress(
                conn,
                self.lease,
                pages=effort.pages,
                requests=effort.requests,
                throttled_s=effort.throttled_s,
                people=people,
            )

    def _end_early(self, error: ConnectorError) -> None:
        """Whatever broke once the run was told to end broke because of that."""
        try:
            self._execution.until_told()
        except Interrupted as told:
            self._hand_back(told)
        except Cancelled as told:
            self._fail(RunState.CANCELLED, told)
        else:
            self._fail(RunState.FAILED, error)

    def _hand_back(self, error: ConnectorError) -> None:
        """Leave the run to another process, unless only this one knows what it is for."""
        if not self.others_go_on:
            self._fail(RunState.CANCELLED, error)
            return
        with self._fence.write() as conn:
            runs.hand_back(conn, self.lease, self.clock())

    def _fail(self, state: RunState, error: ConnectorError) -> None:
        with self._fence.write() as conn:
            self._resumption.end(conn)
            plans.discard_unfinished(conn, self.run.id)
            now, kind = self.clock(), recovery_of(error)
            runs.finish(conn, self.lease, state=state, now=now, error=error.message, error_kind=kind)
            if self.run.dry_run:
                return
            if state is RunState.CANCELLED:
                self._give_up(conn, error)
            elif self.run.mode in READS:
                retry_after_s = getattr(error, "retry_after_s", None)
                quarantine.failed(
                    conn, error.message, kind, context=self._context, now=now, retry_after_s=retry_after_s
                )

    @property
    def _context(self) -> Context:
        return Context(
            connection=self.connection,
            at=to_text(self.clock()),
            actor=f"run:{self.run.trigger}",
            origin="pull",
            run_id=self.run.id,
        )

    def _give_up(self, conn: Conn, error: ConnectorError) -> None:
        """Leave undone what is pending of the plan, and tell of it."""
        run = runs.get(conn, self.run.id)
        if run.plan_id is not None:
            self._execution.give_up(conn, run.plan_id)
        told = {"state": RunState.CANCELLED.value, "plan": run.plan_id, "error": error.message}
        announce(conn, "run.cancelled", told, self._context)


def _verdict(snapshot: Snapshot, lie: str | None, stopped: Sequence[Hold]) -> Verdict:
    if lie is not None:
        return Verdict.INCONSISTENT
    if not snapshot.complete:
        return Verdict.PARTIAL
    return Verdict.HELD if stopped else Verdict.PROCEED


def _reasons(proposal: Proposal, snapshot: Snapshot, lie: str | None, stopped: Sequence[Hold]) -> list[str]:
    """Every sentence a person should read before deciding, the gravest first."""
    reasons = [lie] if lie else []
    reasons += [f"The read is incomplete: {doubt.rstrip('.')}." for doubt in snapshot.doubts]
    if proposal.dropped:
        reasons.append(
            f"{counted(proposal.dropped, 'removal was', 'removals were')} left out because of that; "
            "a complete read decides."
        )
    reasons += [hold.sentence for hold in stopped]
    if proposal.overtaken:
        reasons.append(
            f"{counted(proposal.overtaken, 'record was', 'records were')} pushed while the read went on; "
            "the next run compares them."
        )
    if proposal.still_left_out:
        reasons.append(
            f"{counted(len(proposal.still_left_out), 'change stays', 'changes stay')} left out, as a person "
            "decided (connector plans excluded lists them)."
        )
    if not stopped:
        reasons += [idle_sentence(pattern) for pattern in snapshot.idle_includes]
    reasons += snapshot.notes
    for record in snapshot.set_aside:
        reasons.append(f"Set aside: {record.kind} {record.external_id or 'without an id'}: {record.why}")
    return reasons[:REASONS_MAX]
