"""Take a run back: from what history kept, the plan that puts everything as it was before.

The plan is one like any other: stored, shown, guarded, held, approved, applied by the one writer.
Whatever anybody changed since is in it as a refused item with the reason, and left alone. Nothing
is deleted: who was created is suspended and stays linked. The directory is not asked; if it still
says the same, its next full read brings the same changes, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync import seats, undo
from sync.apply import pruning
from sync.approval import rejection
from sync.execute import END_STATES
from sync.fence import Fence
from sync.model.change import ORDER, Action, Change, Subject
from sync.model.connection import Connection, Policy
from sync.model.errors import Conflict
from sync.model.resources import Status, fold
from sync.model.run import ItemState, Phase, PlanState, Run, RunMode, Verdict
from sync.plan import Tally
from sync.safeguards import Hold, Standing, holds
from sync.store import (
    change_text,
    connections,
    freezes,
    headcount,
    history,
    plans,
    resources,
    reverting,
    runs,
)
from sync.store.database import Conn
from sync.store.ids import new_id

BATCH = 500
"""History rows looked at in one go."""

MEMBERS_PER_ITEM = 1000

TRIGGER = "revert"

Item = tuple[int, str, str, str, int, str, str]
Entry = dict[str, Any]


def request_revert(conn: Conn, run_id: str, *, by: str, now: datetime, dry_run: bool = False) -> Run:
    """Queue the run that takes this one back; with ``dry_run`` it only leaves a plan to look at.

    Raises NotFound for an unknown run, and Conflict when it is not over, changed nothing, or another
    run is queued.
    """
    reverted = runs.get(conn, run_id)
    if not reverted.state.ended:
        raise Conflict(f"run {run_id} is not over yet; take it back when it has ended")
    forgotten = pruning.forgotten_before(conn)
    if forgotten is not None and (reverted.requested_at or now) < forgotten:
        raise Conflict(
            f"run {run_id} is older than {forgotten:%Y-%m-%d}: changes of that age are not all kept any more "
            "(retention.history), so it cannot be taken back"
        )
    if not history.of_run(conn, run_id, limit=1):
        others = reverting.others_of_plan(conn, reverted.plan_id or "", run_id)
        hint = f"; its plan was carried out by run {' and run '.join(others)}" if others else ""
        raise Conflict(f"run {run_id} changed nothing, so there is nothing to take back{hint}")
    run, queued = runs.request(
        conn,
        reverted.connection_id,
        id=new_id(),
        mode=RunMode.REVERT,
        trigger=TRIGGER,
        by=by,
        now=now,
        dry_run=dry_run,
        approves={"reverts": run_id},
    )
    if not queued:
        raise Conflict(
            f"run {run.id} is queued for this connection and may change the same people; "
            "take the run back when it has ended"
        )
    return run


@dataclass(kw_only=True)
class Reversal:
    """One revert in the making; ``propose`` stores its plan."""

    fence: Fence
    run: Run
    connection: Connection
    policy: Policy
    clock: Callable[[], datetime]
    _plan_id: str = field(default_factory=new_id)
    _tally: Tally = field(default_factory=Tally)
    _refused: int = 0
    _made: set[str] = field(default_factory=set)
    _joined: dict[str, Entry] = field(default_factory=dict)

    def propose(self) -> str:
        """Store the inverse plan with what the safeguards say of it; returns its id."""
        with self.fence.write() as conn:
            plans.discard_unfinished(conn, self.run.id)
            runs.progress(conn, self.fence.lease, phase=Phase.PLANNING)
            reverted = runs.get(conn, runs.details(conn, self.run.id)["approves"]["reverts"])
            connection_id, mode = self.connection.id, RunMode.REVERT
            plans.start(
                conn,
                id=self._plan_id,
                run_id=self.run.id,
                connection_id=connection_id,
                mode=mode,
                now=self.clock(),
            )
        after, entries = 0, self._page(reverted, 0)
        while entries:
            self._take_back(entries, reverted)
            after = entries[-1]["seq"]
            entries = self._page(reverted, after)
        for entry in self._joined.values():
            self._members_that_joined(entry, reverted)
        self._conclude(reverted)
        return self._plan_id

    def _page(self, reverted: Run, after: int) -> list[Entry]:
        with self.fence.read() as conn:
            return history.of_run(conn, reverted.id, after=after, limit=BATCH)

    def _take_back(self, entries: Sequence[Entry], reverted: Run) -> None:
        with self.fence.read() as conn:
            later = history.later(
                conn, [entry["subject_id"] for entry in entries], after=entries[0]["seq"], run_id=reverted.id
            )
            told = {subject: _since(*change) for subject, change in later.items()}
            wanted = [entry for entry in entries if Action(entry["action"]) in undo.INVERSE]
            items = self._people(conn, [entry for entry in wanted if entry["kind"] == "user"], told)
            groups = [entry for entry in wanted if entry["kind"] == "group"]
            items += self._groups(conn, [e for e in groups if not _of_members(e)], told)
            for entry in filter(_of_members, groups):
                items += self._member_entry(conn, entry)
        self._keep(items)

    # --- people -------------------------------------------------------------------------------

    def _people(self, conn: Conn, entries: Sequence[Entry], told: Mapping[str, str]) -> list[Item]:
        rows = {
            row.id: row
            for row in resources.directory_users(
                conn, self.connection.id, ids=[entry["subject_id"] for entry in entries]
            )
        }
        ids = [entry["user_id"] for entry in entries]
        emails = [key for entry in entries if (key := fold(entry["before"].get("email")))]
        users = {user.id: user for user in resources.application_users(conn, ids=ids, email_keys=emails)}
        owners = {(fold(user.email), user.id) for user in users.values()}
        elsewhere = self._active_elsewhere(conn, ids)
        items = []
        for entry in entries:
            row, user = rows.get(entry["subject_id"]), users.get(entry["user_id"])
            if row is None or user is None:
                items.append(self._refusal(_bare(entry), "left alone: gone by now"))
                continue
            why = undo.user_conflict(
                entry,
                row,
                user,
                changed_by=told.get(row.id),
                active_elsewhere=elsewhere.get(user.id),
                policy=self.policy,
            )
            key = fold(entry["before"].get("email"))
            if why is None and key and any(mail == key and owner != user.id for mail, owner in owners):
                why = f"left alone: somebody else has the e-mail {entry['before']['email']} by now"
            items.append(self._item(undo.user_reversal(entry, row, user), why))
        return items

    def _active_elsewhere(self, conn: Conn, user_ids: Sequence[str]) -> dict[str, str]:
        """By user id, the name of another connection that says active."""
        names = {other.id: other.name for other in connections.listed(conn)}
        return {
            user_id: names[other]
            for user_id, links in resources.active_links(conn, user_ids).items()
            for other, _, status in links
            if other != self.connection.id and status is Status.ACTIVE
        }

    # --- groups -------------------------------------------------------------------------------

    def _groups(self, conn: Conn, entries: Sequence[Entry], told: Mapping[str, str]) -> list[Item]:
        ids = [entry["subject_id"] for entry in entries]
        rows = {row.id: row for row in resources.directory_groups(conn, self.connection.id, ids=ids)}
        deleted = reverting.deleted_groups(conn, ids)
        items = []
        for entry in entries:
            row = rows.get(entry["subject_id"])
            if entry["action"] == Action.GROUP_CREATE:
                self._made.add(entry["subject_id"])
            back = entry["action"] == Action.GROUP_DELETE and entry["subject_id"] not in deleted
            why = undo.group_conflict(entry, row, changed_by=told.get(entry["subject_id"]), back=back)
            change = undo.group_reversal(entry, row)
            if change.restore is not None and "members" in change.restore:
                change = self._with_living_members(conn, change)
            items.append(self._item(change, why))
        return items

    def _with_living_members(self, conn: Conn, change: Change) -> Change:
        former = dict(change.restore or {})
        members, _ = self._living(conn, former["members"])
        after = {**change.after, "members": len(members)}
        return change._replace(restore={**former, "members": members}, after=after)

    def _living(self, conn: Conn, members: Iterable[Sequence[Any]]) -> tuple[list[list[Any]], int]:
        """Memberships that can be put back, and how many cannot since the person is gone.

        Who was pending may be known by now.
        """
        listed = [list(row) for row in members]
        known = resources.resolve_members(conn, self.connection.id, [row[0] for row in listed])
        nested = {row.id for row in resources.directory_groups(conn, self.connection.id, ids=known.values())}
        kept = []
        for value, kind, display, at in listed:
            if value in known:
                kept.append([known[value], "group" if known[value] in nested else "user", display, at])
            elif kind == "pending":
                kept.append([value, kind, display, at])
        return kept, len(listed) - len(kept)

    # --- members ------------------------------------------------------------------------------

    def _member_entry(self, conn: Conn, entry: Entry) -> list[Item]:
        """Who left comes back; who joined is gathered, since one group may have joined in pieces."""
        if entry["action"] == Action.MEMBER_ADD:
            found = self._joined.setdefault(entry["subject_id"], entry | {"count": 0})
            found["count"] += entry["count"]
            return []
        subject = _subject(entry)
        if not resources.directory_groups(conn, self.connection.id, ids=[subject.id]):
            if subject.id in reverting.deleted_groups(conn, [subject.id]):
                return [self._item(self._returning(conn, entry, subject), None)]
            return [self._refusal(_bare(entry), "left alone: the group is gone by now")]
        return [self._item(self._returning(conn, entry, subject), None)]

    def _returning(self, conn: Conn, entry: Entry, subject: Subject) -> Change:
        there = set(resources.member_values(conn, subject.id))
        living, _ = self._living(conn, (entry["undo"] or {}).get("members", ()))
        members = [row for row in living if row[0] not in there]
        return Change(
            action=Action.MEMBER_ADD,
            subject=subject,
            reason=undo.REASONS[Action.MEMBER_REMOVE],
            before={"members": len(there)},
            after={"members": len(there) + len(members)},
            members=tuple(row[0] for row in members),
            restore={"members": members},
            part=entry["seq"],
            count=len(members),
            rule=undo.RULE,
        )

    def _members_that_joined(self, entry: Entry, reverted: Run) -> None:
        """Memberships that the run made and that nobody has ended since; with the group, if it goes."""
        if entry["subject_id"] in self._made:
            return
        items = []
        subject = _subject(entry)
        with self.fence.read() as conn:
            values = reverting.joined_by(conn, subject.id, reverted.id)
            whole = reverting.size(conn, subject.id)
        for start in range(0, len(values), MEMBERS_PER_ITEM):
            piece = values[start : start + MEMBERS_PER_ITEM]
            change = Change(
                action=Action.MEMBER_REMOVE,
                subject=subject,
                reason=undo.REASONS[Action.MEMBER_ADD],
                before={"members": whole},
                after={"members": whole - len(values)},
                members=tuple(piece),
                part=entry["seq"] + start,
                count=len(piece),
                rule=undo.RULE,
            )
            items.append(self._item(change, None))
        if (lost := entry["count"] - len(values)) > 0:
            refused = _bare(entry)._replace(count=lost)
            items.append(self._refusal(refused, "left alone: these memberships changed since"))
        self._keep(items)

    # --- the plan -----------------------------------------------------------------------------

    def _item(self, change: Change, why_not: str | None) -> Item:
        if why_not is not None:
            return self._refusal(change, why_not)
        return self._row(self._tally.add(change), change, ItemState.PENDING)

    def _refusal(self, change: Change, why: str) -> Item:
        """Shown, but neither counted nor part of the checksum: it will not be done."""
        self._refused += change.count
        self._tally.items += 1
        place = (ORDER[change.action] << 40) + self._tally.items - 1
        return self._row(place, change._replace(reason=why), ItemState.REFUSED)

    def _row(self, place: int, change: Change, state: ItemState) -> Item:
        text = change_text.text_of(change)
        return place, change.id, change.action.value, state.value, change.count, change.subject.label, text

    def _keep(self, items: Sequence[Item]) -> None:
        kept = [item for item in items if item[4] > 0]
        if kept:
            with self.fence.write() as conn:
                plans.add_items(conn, self._plan_id, kept)

    def _conclude(self, reverted: Run) -> None:
        with self.fence.write() as conn:
            stopped = holds(self._tally, self._standing(conn), self.policy)
            reasons = self._reasons(reverted, stopped)
            verdict = Verdict.HELD if stopped else Verdict.PROCEED
            checksum = self._tally.checksum(self.connection.id)
            rejected = rejection(conn, self.connection.id, checksum) if stopped else None
            state = PlanState.REJECTED if rejected else PlanState.OPEN
            plans.conclude(
                conn,
                self._plan_id,
                complete=True,
                verdict=verdict,
                reasons=reasons,
                hash=checksum,
                counts=self._tally.counts,
                state=PlanState.PREVIEW if self.run.dry_run else state,
            )
            plans.hold_items(conn, self._plan_id, _waiting(stopped, self.policy))
            short = seats.make_wait(conn, self._plan_id, self.policy)
            reasons += [why for why in (short, rejected) if why]
            plans.set_reasons(conn, self._plan_id, reasons)
            runs.progress(
                conn,
                self.fence.lease,
                phase=Phase.APPLYING,
                plan_id=self._plan_id,
                complete=True,
                reasons=reasons,
                counts=self._tally.counts,
            )
            if self.run.dry_run:
                runs.finish(conn, self.fence.lease, state=END_STATES[verdict], now=self.clock())

    def _standing(self, conn: Conn) -> Standing:
        frozen = freezes.current(conn, self.connection.id, self.clock())
        return Standing(
            managed_active=headcount.active_of(conn, self.connection.id),
            groups=resources.live_count(conn, "group", self.connection.id),
            tags=resources.membership_count(conn, self.connection.id),
            users_before=0,
            users_met=None,
            first_run=False,
            frozen=frozen.sentence if frozen else None,
        )

    def _reasons(self, reverted: Run, stopped: Sequence[Hold]) -> list[str]:
        at = f" of {reverted.started_at:%Y-%m-%d %H:%M} UTC" if reverted.started_at else ""
        reasons = [f"This takes back run {reverted.id}{at}."]
        reasons += [hold.sentence for hold in stopped]
        if self._refused:
            reasons.append(
                f"{self._refused:,} were changed since or cannot be taken back; they stay as they are."
            )
        name = self.connection.name
        reasons.append(
            "The next full read brings the same changes again while the directory still says so: until it is "
            f"right, pause the connection (connector connections pause {name}) or hold removals "
            f"(connector freeze on --connection {name})."
        )
        return reasons


def _waiting(stopped: Sequence[Hold], policy: Policy) -> list[str]:
    actions = frozenset[Action]().union(*(hold.actions for hold in stopped))
    if stopped and not policy.apply_harmless_when_held:
        actions = frozenset(Action)
    return [action.value for action in actions]


def _of_members(entry: Entry) -> bool:
    return entry["action"] in (Action.MEMBER_ADD, Action.MEMBER_REMOVE)


def _since(action: str, at: str, actor: str) -> str:
    return f"changed since ({action.replace('_', ' ')} on {at[:16].replace('T', ' ')} UTC by {actor})"


def _subject(entry: Entry) -> Subject:
    return Subject(kind=entry["kind"], id=entry["subject_id"], label=entry["label"], user_id=entry["user_id"])


def _bare(entry: Entry) -> Change:
    """What would take the entry back, without the means: it is only shown."""
    was = Action(entry["action"])
    return Change(
        action=undo.INVERSE[was],
        subject=_subject(entry),
        reason=undo.REASONS[was],
        part=entry["seq"],
        count=entry["count"],
        rule=undo.RULE,
    )
