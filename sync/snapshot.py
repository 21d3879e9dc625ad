"""What one read found: pages are compared as they come, and only what differs is staged.

Memory does not grow with the directory: who was met is a bitmap over row numbers, a group's
members are held one group at a time, everything that differs goes to the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal

from sync import group_rules, mapping
from sync.fence import Fence
from sync.known import known_groups
from sync.misses import Misses
from sync.model.connection import Connection, Policy
from sync.model.resources import (
    GroupRecord,
    Status,
    UserRecord,
    fingerprint,
    fold,
    without_nul,
)
from sync.model.run import NOBODY, RunMode, Target
from sync.model.source import End, Gone, Page, SetAside
from sync.policy import address_of
from sync.rollcall import RollCall
from sync.store import resources, staging
from sync.store.database import Conn
from sync.store.rolls import Held
from sync.store.staging import Staged, StagedRow
from sync.store.text import to_json

FLUSH_AT = 1000
"""Staged rows held in memory before they are written."""

RESUMED = "it went on where another process left off, so nobody is removed by it; a full read is queued"
"""Why a read that did not begin at page 1 proves nobody's absence, whatever it met."""

REASONS_MAX = 20
"""Sentences a run keeps; the rest is counted."""


@dataclass(slots=True)
class Met:
    """Which stored rows a read has met: one bit per row number, each row counted once."""

    count: int = 0
    _bits: bytearray = field(default_factory=bytearray)

    def add(self, seq: int) -> None:
        place, bit = seq >> 3, 1 << (seq & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits) + 4096))
        if not self._bits[place] & bit:
            self._bits[place] |= bit
            self.count += 1

    def __contains__(self, seq: object) -> bool:
        if not isinstance(seq, int) or seq >> 3 >= len(self._bits):
            return False
        return bool(self._bits[seq >> 3] & 1 << (seq & 7))


class Snapshot:
    """The walk over a source's pages. ``complete`` may only be asked after the walk has ended."""

    def __init__(
        self,
        fence: Fence,
        connection: Connection,
        policy: Policy,
        mode: RunMode,
        named: Target = NOBODY,
        *,
        began_at: datetime,
        keep_place: Callable[[Conn, str, datetime], None],
    ) -> None:
        """``named`` are compared whatever their fingerprints say: somebody asked about them.

        ``keep_place`` hears, in the transaction that stages them, behind which pages a full read is.
        """
        self._fence = fence
        self.mode = mode
        self._named = named
        self._connection = connection
        self._policy = policy
        self._waiting: list[StagedRow] = []
        self._members = RollCall(fence, connection.id, stage=self._stage, has_access=self._has_access)
        self._map = mapping.map_of(policy)
        self._rules = group_rules.rules_of(policy)
        self._left_out: dict[str, bool] = {}
        self._unfitted = {pattern.text for pattern in self._rules.include}
        self.users, self.groups = Met(), Met()
        self._differing = Met()
        self._without_access = Met()
        self.returned: set[str] = set()
        """People who were gone and whom a read of less than everything shows again."""
        self.confirmed: set[str] = set()
        """People whom a read of less than everything showed as stored; a full read confirms by its plan."""
        self.new_users = 0
        self.began_at = began_at
        self.is_resumed = False
        self._keep_place = keep_place
        self._place: str | None = None
        self.end: End | None = None
        self.doubts: list[str] = []
        self.notes: list[str] = []
        self.set_aside: list[SetAside] = []

    def resume(self) -> None:
        """Take over whom another process met and staged; this read cannot prove anybody's absence."""
        self.is_resumed = True
        self.doubt(RESUMED)
        with self._fence.read() as conn:
            for seq in staging.known_people(conn, self._fence.lease.run_id, self._connection.id):
                self.users.add(seq)
                self._differing.add(seq)

    def take(self, page: Page) -> None:
        """Compare one page with what is stored and stage what differs."""
        if page.users:
            self._take_users(self._mapped(page))
        if page.groups:
            self._take_groups(page.groups)
        for members in page.members:
            if members.group_id not in self._left_out:
                self._members.take(members)
        for gone in page.gone:
            self._take_gone(gone)
        if page.set_aside:
            self._take_set_aside(page.set_aside)
        self.notes.extend(page.warnings)
        if page.end is not None:
            self.end = page.end
        if page.place is not None and self.mode is RunMode.FULL:
            self._place = page.place
        if len(self._waiting) >= FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Write what is staged in memory, and how far the read is with it."""
        if self._waiting or self._place is not None:
            with self._fence.write() as conn:
                staging.add(conn, self._fence.lease.run_id, self._waiting)
                if self._place is not None:
                    self._keep_place(conn, self._place, self.began_at)
            self._waiting, self._place = [], None

    def doubt(self, why: str) -> None:
        """Note why this read is not the whole truth; a snapshot with a doubt removes nothing."""
        if len(self.doubts) < REASONS_MAX:
            self.doubts.append(why)

    @property
    def complete(self) -> bool:
        """True when the read proved that it saw everything: a legal end, and no doubt."""
        return self.end is not None and not self.doubts

    @property
    def idle_includes(self) -> Sequence[str]:
        """Include patterns that fitted no group of a complete full read, as written: typos, mostly."""
        return sorted(self._unfitted) if self.complete and self.mode is RunMode.FULL else ()

    @property
    def users_met(self) -> int:
        """People this read saw: known ones, and newcomers (known after ``conclude``)."""
        return self.users.count + self.new_users

    def conclude(self) -> None:
        """After the last page: write the rest and hold what was read against the API's own counts.

        The end is no place to go on from: what was read within moments is better read again as a whole.
        """
        self._place = None
        self._members.settle()
        self.flush()
        with self._fence.read() as conn:
            run_id, connection_id = self._fence.lease.run_id, self._connection.id
            self.new_users = staging.count_new(conn, run_id, Staged.USER, connection_id)
            new_groups = staging.count_new(conn, run_id, Staged.GROUP, connection_id)
        if self.end is not None and not self.is_resumed:
            self._doubt_counts(self.end, new_groups)
        self.notes += self._members.notes(is_over=self.end is not None)

    def _doubt_counts(self, end: End, new_groups: int) -> None:
        for words, stated, met in (
            ("people", end.stated_users, self.users_met + self._unstored("user")),
            ("groups", end.stated_groups, self._groups_met(new_groups)),
        ):
            if stated is not None and met < stated:
                self.doubt(f"the directory says that it has {stated:,} {words}, but gave only {met:,}")

    def _groups_met(self, new: int) -> int:
        """Groups this read saw; those out of scope count, for the directory counts them too."""
        unknown = sum(1 for is_stored in self._left_out.values() if not is_stored)
        return self.groups.count + new + self._unstored("group") + unknown

    def _unstored(self, kind: str) -> int:
        return sum(1 for record in self.set_aside if record.kind == kind)

    def _mapped(self, page: Page) -> Sequence[UserRecord]:
        """The page's people as the connection's mapping makes them; as they are where nothing is raw."""
        if self._map is None or not page.raw:
            return page.users
        return [self._map.record(record, raw) for record, raw in zip(page.users, page.raw, strict=True)]

    def _take_users(self, records: Sequence[UserRecord]) -> None:
        names = [record.external_id for record in records]
        known = self._fence.look(
            lambda conn: resources.fingerprints(conn, "user", self._connection.id, names)
        )
        salt, is_whole = self._policy.salt, self.mode is RunMode.FULL
        if not is_whole:
            self._note_returned(names, known)
        for record in records:
            mark = fingerprint(record, salt)
            entry = known.get(record.external_id)
            if entry is not None:
                self.users.add(entry.seq)
                if entry.fingerprint == mark:
                    if not is_whole:
                        self.confirmed.add(record.external_id)
                    # what an earlier page of this read said of the person otherwise is taken back
                    if record.external_id not in self._named.users and entry.seq not in self._differing:
                        continue
                self._differing.add(entry.seq)
                if record.status is not Status.ACTIVE:
                    self._without_access.add(entry.seq)
            clean = without_nul(record)
            key = fold(address_of(clean, self._policy))
            self._waiting.append((Staged.USER, record.external_id, key, to_json(list(clean)), mark))

    def _note_returned(self, names: Sequence[str], known: Mapping[str, resources.Stored]) -> None:
        """Of these people, met outside a full read: who was gone before. The gone have no fingerprint."""
        self._members.go_on(names)
        unmarked = [name for name in names if name in known and known[name].fingerprint is None]
        if unmarked:
            find = partial(
                resources.directory_users, connection_id=self._connection.id, external_ids=unmarked
            )
            rows = self._fence.look(find)
            self.returned.update(row.external_id or "" for row in rows if row.status is Status.GONE)

    def _take_groups(self, records: Sequence[GroupRecord]) -> None:
        with self._fence.read() as conn:
            names = [record.external_id for record in records]
            known = resources.fingerprints(conn, "group", self._connection.id, names)
            newcomers = [without_nul(record) for record in records if record.external_id not in known]
            pushed = known_groups(conn, self._connection.id, newcomers)
            rolls = resources.member_rolls(conn, self._connection.id, names)
        self._members.expect(names, {**{name: (group.id, None) for name, group in pushed.items()}, **rolls})
        for record in records:
            entry = known.get(record.external_id)
            if entry is not None:
                self.groups.add(entry.seq)
            if self._rules and self._leave_out(record, is_stored=entry is not None):
                continue
            mark = fingerprint(record, self._policy.salt)
            if (
                entry is not None
                and entry.fingerprint == mark
                and record.external_id not in self._named.groups
            ):
                continue
            clean = to_json(list(without_nul(record)))
            self._waiting.append((Staged.GROUP, record.external_id, None, clean, mark))

    def _leave_out(self, record: GroupRecord, *, is_stored: bool) -> bool:
        """Whether the rules leave this group out; one that is stored is to go, the rule its reason."""
        self._unfitted.difference_update(self._rules.matched(record))
        why = self._rules.why_out(record)
        if why is None:
            return False
        self._left_out[record.external_id] = is_stored
        if is_stored:
            self._waiting.append((Staged.GONE_GROUP, record.external_id, None, to_json({"why": why}), None))
        return True

    @property
    def misses(self) -> Misses:
        """The memberships that this read missed and that do not end yet."""
        return self._members.misses

    def _stage(self, rows: Iterable[StagedRow]) -> None:
        self._waiting.extend(rows)

    def _has_access(self, held: Held) -> bool:
        """Whether this read shows the member as an active person, as far as it speaks of people."""
        if held.seq is None or held.status is not Status.ACTIVE or held.seq in self._without_access:
            return False
        return self.mode is not RunMode.FULL or held.seq in self.users

    def _take_gone(self, gone: Gone) -> None:
        kind = Staged.GONE_USER if gone.kind == "user" else Staged.GONE_GROUP
        self._waiting.append((kind, gone.external_id, None, to_json({"why": gone.why}), None))
        if gone.kind == "user" and not gone.may_exist:
            self._members.end(gone.external_id)
        if gone.kind == "group":
            self._members.forget(gone.external_id)
            with self._fence.read() as conn:
                known = resources.fingerprints(conn, "group", self._connection.id, [gone.external_id])
            for entry in known.values():
                self.groups.add(entry.seq)

    def _take_set_aside(self, records: Iterable[SetAside]) -> None:
        """An unusable record with an id still counts as present; without one nobody knows who it was."""
        for record in records:
            if len(self.set_aside) < REASONS_MAX * 50:
                self.set_aside.append(record)
            if record.external_id is None:
                self.doubt(f"a {record.kind} record without an id was left out: {record.why}")
                continue
            kind: Literal["user", "group"] = "group" if record.kind == "group" else "user"
            with self._fence.read() as conn:
                known = resources.fingerprints(conn, kind, self._connection.id, [record.external_id])
            for entry in known.values():
                (self.groups if kind == "group" else self.users).add(entry.seq)
