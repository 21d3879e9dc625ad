"""Before anybody is suspended for being absent: ask the directory about that very person.

Gone or disabled confirms the absence. Still there means that the list lied, and then nothing is
removed in this run. Who cannot be looked up in this run waits for the next; where the right to look
up is missing altogether, two complete reads in a row have to miss somebody. A connection's grace
period makes confirmed absences wait until reads in a row have missed them for so long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Final

from sync import mapping
from sync.absence import Absences
from sync.apply import writer
from sync.fence import Fence
from sync.model.connection import Connection, Policy
from sync.model.errors import ConnectorError, Denied, Incomplete, Transient
from sync.model.resources import Status, UserRecord, fold
from sync.model.source import Found, Source
from sync.policy import address_of
from sync.snapshot import Met, Snapshot
from sync.store import resources, runs, staging
from sync.store.resources import Kind, Unmet
from sync.store.staging import Staged, StagedRow
from sync.store.text import to_json

LOOKUP_AT_ONCE = 50
"""People asked about at a time; the first lie ends the asking."""

_WORDS: Final[dict[Kind, str]] = {"user": "people", "group": "groups"}
ABSENT = "not in the directory any more (looked up by id)"
ABSENT_TWICE = "not in the directory any more (missing in two complete reads in a row)"


class SecondLook:
    """The absent of one complete snapshot, asked about one by one.

    ``noting`` False leaves no mark of an absence: a dry run decides nothing for the next one.
    """

    def __init__(
        self,
        fence: Fence,
        connection: Connection,
        policy: Policy,
        snapshot: Snapshot,
        *,
        now: datetime,
        noting: bool,
    ) -> None:
        self._fence = fence
        self._now = now
        self._noting = noting
        self._connection = connection
        self._policy = policy
        self._snapshot = snapshot
        self._map = mapping.map_of(policy)

    def at(self, source: Source) -> str | None:
        """Stage every confirmed absence; a sentence when the snapshot turned out to have lied."""
        return self._at_users(source) or self._at_groups(source)

    def _at_users(self, source: Source) -> str | None:
        if self._everybody_met("user", self._snapshot.users):
            return None
        missing = (
            row for row in self._missing("user", self._snapshot.users) if row.status is not Status.GONE
        )
        for batch in self._bounded(missing, "people"):
            try:
                found = source.lookup([row.external_id for row in batch])
            except Denied:
                self._wait_for_another_read("user", [*batch, *missing])
                return None
            except (Transient, Incomplete) as error:
                self._note_silence("people", error)
                return None
            present = [record for record in found.present.values() if record.status is not Status.SUSPENDED]
            if present:
                return _lie(f"{present[0].email or present[0].user_name}", "people")
            disabled = [self._disabled(record, found) for record in found.present.values()]
            gone = self._confirmed("user", [row for row in batch if row.external_id in found.gone])
            self._stage([*disabled, *gone])
            self._note_unknown(len(batch) - len(found.present) - len(found.gone), "people")
        return None

    def _at_groups(self, source: Source) -> str | None:
        if self._everybody_met("group", self._snapshot.groups):
            return None
        missing = self._missing("group", self._snapshot.groups)
        for batch in self._bounded(missing, "groups"):
            try:
                found = source.lookup_groups([row.external_id for row in batch])
            except Denied:
                self._wait_for_another_read("group", [*batch, *missing])
                return None
            except (Transient, Incomplete) as error:
                self._note_silence("groups", error)
                return None
            if found.present:
                label = next(row.label for row in batch if row.external_id in found.present)
                return _lie(label, "groups")
            self._stage(self._confirmed("group", [row for row in batch if row.external_id in found.gone]))
            self._note_unknown(len(batch) - len(found.gone), "groups")
        return None

    @cached_property
    def _absences(self) -> Absences:
        with self._fence.read() as conn:
            last = runs.last_complete_start(conn, self._connection.id)
            this = runs.details(conn, self._fence.lease.run_id)["started_at"]
        return Absences(this=this, last=last, now=self._now, grace=self._policy.grace)

    def _confirmed(self, kind: Kind, missing: Sequence[Unmet], why: str = ABSENT) -> list[StagedRow]:
        """What of these absences counts in this run; the others wait for their grace to be over."""
        if self._policy.grace is None:
            return _all_gone(kind, missing, why)
        due = [row for row in missing if self._absences.counts(row)]
        waiting = [row for row in missing if not self._absences.counts(row)]
        if waiting:
            self._snapshot.notes.append(
                f"{len(waiting):,} {_WORDS[kind]} are absent, and stay until complete reads have missed "
                f"them for {self._policy.grace / timedelta(hours=1):g} h (the connection's grace period)."
            )
            self._mark(kind, waiting)
        return _all_gone(kind, due, why)

    def _wait_for_another_read(self, kind: Kind, missing: Sequence[Unmet]) -> None:
        """Where nobody can be asked about by id, two complete reads in a row must show an absence."""
        twice = [row for row in missing if self._absences.again(row)]
        self._stage(self._confirmed(kind, twice, ABSENT_TWICE))
        once = [row for row in missing if not self._absences.again(row)]
        if once:
            self._snapshot.notes.append(
                f"{len(once):,} {_WORDS[kind]} are absent and cannot be looked up (the right is missing); "
                "they stay until another complete read does not show them either."
            )
            self._mark(kind, once)

    def _mark(self, kind: Kind, missing: Sequence[Unmet]) -> None:
        """Note that this read missed them, for the reads to come; a dry run leaves no mark."""
        if self._noting:
            since = {row.id: self._absences.since(row) for row in missing}
            with self._fence.write() as conn:
                writer.note_absence(conn, kind, since, self._absences.this)

    def _note_silence(self, words: str, error: ConnectorError) -> None:
        self._snapshot.notes.append(f"Absent {words} could not be looked up, so they stay: {error.message}")

    def _everybody_met(self, kind: Kind, met: Met) -> bool:
        with self._fence.read() as conn:
            return met.count >= resources.live_count(conn, kind, self._connection.id)

    def _missing(self, kind: Kind, met: Met) -> Iterator[Unmet]:
        with self._fence.read() as conn:
            yield from resources.unmet(conn, kind, self._connection.id, met.__contains__)

    def _bounded(self, missing: Iterator[Unmet], words: str) -> Iterator[Sequence[Unmet]]:
        left = self._policy.second_look_limit
        while left > 0 and (batch := list(islice(missing, min(LOOKUP_AT_ONCE, left)))):
            left -= len(batch)
            yield batch
        if left == 0 and next(missing, None) is not None:
            self._snapshot.notes.append(
                f"More than {self._policy.second_look_limit:,} {words} are absent; "
                "the next run looks up the rest."
            )

    def _disabled(self, record: UserRecord, found: Found) -> StagedRow:
        """Somebody who is there, but disabled; without raw attributes what is stored of her stays."""
        if self._map is not None:
            raw = found.raw.get(record.external_id)
            if raw is None:
                return _gone(Staged.GONE_USER, record.external_id, f"{record.status_text} (looked up by id)")
            record = self._map.record(record, raw)
        key = fold(address_of(record, self._policy))
        return Staged.USER, record.external_id, key, to_json(list(record)), None

    def _stage(self, rows: Sequence[StagedRow]) -> None:
        if rows:
            with self._fence.write() as conn:
                staging.add(conn, self._fence.lease.run_id, rows)

    def _note_unknown(self, unknown: int, words: str) -> None:
        if unknown > 0:
            self._snapshot.notes.append(
                f"{unknown:,} absent {words} could not be looked up, so they stay as they are."
            )


def _all_gone(kind: Kind, missing: Sequence[Unmet], why: str) -> list[StagedRow]:
    marked = Staged.GONE_USER if kind == "user" else Staged.GONE_GROUP
    return [_gone(marked, row.external_id, why) for row in missing]


def _gone(kind: Staged, external_id: str, why: str = ABSENT) -> StagedRow:
    return kind, external_id, None, to_json({"why": why}), None


def _lie(who: str, words: str) -> str:
    return (
        f"The directory's list left out {words} who are still there ({who} answers when asked by id), "
        "so nothing is removed. Try again later; if it stays, check scope and rights."
    )
