"""From what was staged to a stored plan: load what each batch may match, decide, keep the changes.

The deciding is done by match, diff and plan; here is only the loading and the storing, a batch
at a time, so that a plan of any size fits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sync.diff import Attention, Decision, decide, decide_group
from sync.fence import Fence
from sync.group_rules import OUT_OF_SCOPE
from sync.known import Known, known_groups, load
from sync.match import match
from sync.model.change import Action, Change, Subject, change_id
from sync.model.connection import Connection, Policy
from sync.model.resources import DirectoryUser, Group, GroupRecord, Status, UserRecord
from sync.model.run import ItemState
from sync.plan import Tally, digest_of
from sync.policy import address_of
from sync.store import attention, change_text, left_out, plans, resources, staging
from sync.store.database import Conn
from sync.store.ids import new_ids
from sync.store.staging import Staged
from sync.store.text import from_json
from sync.trace import MATCH, Trace

IDS_AT_ONCE = 100
"""Ids made in one go; those left over are never used."""


def fresh_ids(at_once: int = IDS_AT_ONCE) -> Iterator[str]:
    """Ids for rows that do not exist yet, made ``at_once`` in one go."""
    while True:
        yield from new_ids(at_once)


Questions = Callable[[Conn, Sequence[Attention]], None]
"""Where the questions of a batch go, in the transaction that stores its changes."""


class Proposal:
    """A plan in the making: changes go to the database, their sum stays in ``tally``."""

    def __init__(
        self,
        fence: Fence,
        connection: Connection,
        policy: Policy,
        *,
        plan_id: str,
        began_at: datetime,
        removals: bool,
        questions: Questions,
        trace: Trace,
    ) -> None:
        self._fence = fence
        self._connection = connection
        self._policy = policy
        self._questions = questions
        self.trace = trace
        self._removals = removals
        self._began_at = began_at
        self._ids = fresh_ids()
        self.plan_id = plan_id
        self.tally = Tally()
        self.dropped = 0
        self._left_out: dict[str, bytes] = {}
        self.still_left_out: set[str] = set()
        """Ids of items that a person left out of an earlier plan and that want the same again."""
        self.changed_since: set[str] = set()
        """Ids of items that were left out and want something else by now, so that they count again."""
        self.overtaken = 0

    def make(self) -> None:
        """Decide everything that is staged."""
        with self._fence.read() as conn:
            doubled = staging.doubled_emails(conn, self._fence.lease.run_id, self._connection.id)
            self._left_out = left_out.digests(conn, self._connection.id)
        for batch in self._staged(Staged.USER):
            self._users([(change_text.user_record(text), mark) for _, text, mark in batch], doubled)
        for batch in self._staged(Staged.GONE_USER):
            self._gone_users({key: from_json(text)["why"] for key, text, _ in batch})
        for batch in self._staged(Staged.GROUP):
            self._groups([(change_text.group_record(text), mark) for _, text, mark in batch])
        for batch in self._staged(Staged.GONE_GROUP):
            self._gone_groups({key: from_json(text)["why"] for key, text, _ in batch})
        for kind in (Staged.MEMBERS_REMOVE, Staged.MEMBERS_ADD):
            for batch in self._staged(kind):
                self._members(kind, [(from_json(text), mark) for _, text, mark in batch])

    def _staged(self, kind: Staged) -> Iterator[Sequence[tuple[str, str, bytes | None]]]:
        """Batches, each read in a transaction of its own: SQLite must not hold one while we write."""
        after = ""
        while True:
            with self._fence.read() as conn:
                rows = staging.page(conn, self._fence.lease.run_id, kind, after)
            if not rows:
                return
            yield rows
            after = rows[-1][0]

    def _users(self, records: Sequence[tuple[UserRecord, bytes | None]], doubled: Collection[str]) -> None:
        with self._fence.read() as conn:
            known = load(conn, self._connection, self._policy, [record for record, _ in records])
            known.moving = staging.moving_users(
                conn, self._fence.lease.run_id, known.candidates.users_by_email
            )
        known.candidates.doubled_emails = frozenset(doubled)
        self._keep([self._decision(known, record, mark) for record, mark in records])

    def _decision(self, known: Known, record: UserRecord, mark: bytes | None) -> Decision:
        address = address_of(record, self._policy)
        found = match(record, address, known.candidates)
        if found.directory_user is not None and self._overtaken(found.directory_user.updated_at):
            return Decision()
        facts = known.facts(record, address, found, fingerprint=mark)
        decision = decide(record, found, facts, self._policy, self._ids)
        self.trace.decided(record, found, decision)
        return decision

    def _gone_users(self, gone: dict[str, str]) -> None:
        """Absent people whose absence was confirmed one by one; what is stored of them stays."""
        with self._fence.read() as conn:
            rows = resources.directory_users(conn, self._connection.id, external_ids=list(gone))
            records = [
                stored_record(row)._replace(status=Status.GONE, status_text=gone[row.external_id or ""])
                for row in rows
                if row.status is not Status.GONE
            ]
            known = load(conn, self._connection, self._policy, records)
        self._keep([self._decision(known, record, None) for record in records])

    def _groups(self, records: Sequence[tuple[GroupRecord, bytes | None]]) -> None:
        with self._fence.read() as conn:
            rows = known_groups(conn, self._connection.id, [record for record, _ in records])
        changes = [
            decide_group(record, rows.get(record.external_id), self._policy, self._ids, fingerprint=mark)
            for record, mark in records
            if not self._overtaken_group(rows.get(record.external_id))
        ]
        for record, _ in records:
            known = rows.get(record.external_id)
            self.trace.say("group", record.external_id, MATCH, "stored" if known else "new here")
        for change in changes:
            self.trace.changed(change)
        self._keep([Decision(change=change) for change in changes])

    def _gone_groups(self, gone: dict[str, str]) -> None:
        with self._fence.read() as conn:
            rows = resources.directory_groups(conn, self._connection.id, external_ids=list(gone))
        reasons = [(row, gone[row.external_id or ""]) for row in rows]
        changes = [group_deletion(row, why) for row, why in reasons if not _kept_for_push(row, why)]
        for change in changes:
            self.trace.changed(change)
        self._keep([Decision(change=change) for change in changes])

    def _members(self, kind: Staged, pieces: Sequence[tuple[dict[str, Any], bytes | None]]) -> None:
        with self._fence.read() as conn:
            groups = {piece["group"] for piece, _ in pieces}
            rows = {
                row.external_id: (row.id, row.name)
                for row in resources.directory_groups(conn, self._connection.id, external_ids=groups)
                if not self._overtaken_group(row)
            }
            planned = self._planned_groups(conn, groups - rows.keys())
        action = Action.MEMBER_ADD if kind is Staged.MEMBERS_ADD else Action.MEMBER_REMOVE
        decisions = []
        for piece, digest in pieces:
            known = rows.get(piece["group"]) or planned.get(piece["group"])
            if known is None:
                continue
            change = _member_change(action, piece, digest, *known)
            self.trace.changed(change)
            decisions.append(Decision(change=change))
        self._keep(decisions)

    def _overtaken(self, written_at: datetime | None) -> bool:
        """Whether a push wrote the row after this read began: then what was read is the older word."""
        overtaken = written_at is not None and written_at >= self._began_at
        self.overtaken += overtaken
        return overtaken

    def _overtaken_group(self, row: Group | None) -> bool:
        return row is not None and self._overtaken(row.updated_at)

    def _planned_groups(self, conn: Conn, external_ids: Collection[str]) -> dict[str, tuple[str, str]]:
        """(id, name) of groups that this very plan creates or recognises, by external id."""
        actions = (Action.GROUP_CREATE, Action.GROUP_RENAME, Action.RECORD)
        wanted = [change_id(action, "group", name) for name in external_ids for action in actions]
        subjects = [from_json(text)["subject"] for text in plans.by_item_id(conn, self.plan_id, wanted)]
        return {subject["external_id"]: (subject["id"], subject["label"]) for subject in subjects}

    def _keep(self, decisions: Iterable[Decision]) -> None:
        """Store the changes of a batch and what needs a person, in one transaction."""
        items, questions = [], []
        for decision in decisions:
            change = decision.change
            if change is not None and change.removal and not self._removals:
                self.dropped += change.count
                change = None
            if change is not None:
                items.append(self._item(change))
            if decision.attention is not None:
                questions.append(decision.attention)
        if items or questions:
            with self._fence.write() as conn:
                plans.add_items(conn, self.plan_id, items)
                self._questions(conn, questions)

    def _item(self, change: Change) -> tuple[int, str, str, str, int, str, str]:
        item_id, state = change.id, ItemState.PENDING
        if item_id in self._left_out and self._stays_out(item_id, change):
            state, place = ItemState.EXCLUDED, self.tally.place(change)
        else:
            place = self.tally.add(change)
        text = change_text.text_of(change)
        return (
            place,
            item_id,
            change.action.value,
            state.value,
            change.count,
            change.subject.label,
            text,
        )

    def _stays_out(self, item_id: str, change: Change) -> bool:
        """Whether a person left this very change out before; another change of the subject counts again."""
        is_same = self._left_out[item_id] == digest_of(change)
        (self.still_left_out if is_same else self.changed_since).add(item_id)
        return is_same


def raise_attention(
    conn: Conn, connection_id: str, questions: Iterable[Attention], run_id: str | None, now: datetime
) -> None:
    """Put what only a person can settle on the list; what is on it already stays as it is."""
    for question in questions:
        attention.raise_(
            conn,
            connection_id,
            kind=question.kind,
            key=question.key,
            label=question.label,
            why=question.why,
            run_id=run_id,
            now=now,
            directory_user_id=question.directory_user_id,
            user_ids=question.user_ids,
        )


def stored_record(row: DirectoryUser) -> UserRecord:
    """What the directory last said of a person, as a record."""
    return UserRecord(
        external_id=row.external_id or "",
        user_name=row.user_name,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        picture_url=row.picture_url,
        status=row.status,
        status_text=row.status_text,
        scim_external_id=row.scim_external_id,
        extra=tuple(sorted(row.extra.items())),
    )


def group_deletion(row: Group, why: str) -> Change:
    """The change that deletes a group: its tag goes with it, its members stay people."""
    return Change(
        action=Action.GROUP_DELETE,
        subject=Subject(kind="group", id=row.id, label=row.name, external_id=row.external_id),
        reason=why,
        before={"name": row.name, "tag": row.tag},
        expects_version=None,
    )


def _kept_for_push(row: Group, why: str) -> bool:
    """A group out of scope that the IdP pushes stays, untagged: deleted, the next push would fail."""
    return why.startswith(OUT_OF_SCOPE) and row.origin != "pull" and row.tag is None


def _member_change(
    action: Action, piece: dict[str, Any], digest: bytes | None, group_id: str, name: str
) -> Change:
    ids = tuple(piece["ids"])
    return Change(
        action=action,
        subject=Subject(kind="group", id=group_id, label=name, external_id=piece["group"]),
        reason="a member at the directory"
        if action is Action.MEMBER_ADD
        else "no member at the directory any more",
        before={"members": piece["had"]},
        after={"members": piece["whole"]},
        members=ids,
        fingerprint=digest,
        whole=piece["whole"],
        part=piece["part"],
        count=len(ids),
    )
