"""The report before a first run: who would be linked, created or asked about, and who stays as they are.

The directory is read as a dry run reads it, every record is decided, and what was decided is
counted. Nothing is written but the run and its plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime

from sync import seats
from sync.diff import Attention
from sync.discovery import SAMPLE, WORDS, Discovery, Kind, SeatEffect
from sync.model.change import Action, Row, user_record_of
from sync.model.connection import Connection, Policy
from sync.model.errors import Incomplete
from sync.model.resources import Status, fold
from sync.model.run import Run
from sync.model.source import Source
from sync.policy import address_of
from sync.pull import Observer, Silent
from sync.rehearsal import Rehearsal
from sync.store import plans, resources, survey
from sync.store.database import Conn, Database


def discover(
    database: Database,
    connection: Connection,
    policy: Policy,
    open_source: Callable[[], Source],
    *,
    clock: Callable[[], datetime],
    by: str,
    observer: Observer | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Discovery:
    """Read the directory and count what a run would do.

    Raises Conflict when another run of the connection is queued or running, and what the source
    raised when it could not be read at all.
    """
    survey_ = _Survey(policy)
    run = Rehearsal(
        database=database,
        connection=connection,
        policy=policy,
        open_source=open_source,
        trigger="discover",
        clock=clock,
        by=by,
        observer=observer or Silent(),
        stop=stop,
        questions=survey_.hear,
    ).execute()
    return _report(database, connection, run, survey_)


def _report(database: Database, connection: Connection, run: Run, survey_: _Survey) -> Discovery:
    """Count what the run planned and asked, then the accounts it does not speak of."""
    if run.plan_id is None:
        raise Incomplete("the read made no plan; try again")
    for batch in _batches(database, run.plan_id):
        with database.read() as conn:
            survey_.count(conn, batch)
    with database.read() as conn:
        plan = plans.get(conn, run.plan_id)
        survey_.conclude(conn, connection, complete=plan.complete)
        effect = survey_.seat_effect(conn)
    return Discovery(
        connection=connection.name,
        run_id=run.id,
        plan=plan,
        kinds=survey_.kinds,
        groups=survey_.groups,
        known_groups=survey_.known_groups,
        seats=effect,
    )


def _batches(database: Database, plan_id: str) -> Iterator[Sequence[tuple[int, Row]]]:
    after = -1
    while True:
        with database.read() as conn:
            rows = survey.changes(conn, plan_id, after)
        if not rows:
            return
        yield rows
        after = rows[-1][0]


class _Survey:
    """The counting: questions as the dry run asks them, then its plan, then the accounts."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._addresses: set[str] = set()
        self._matched: set[str] = set()
        self.kinds = {name: Kind() for name in WORDS}
        self.groups = Kind()
        self.known_groups = 0
        self.taken = self.freed = 0

    def hear(self, questions: Sequence[Attention]) -> None:
        for question in questions:
            kind = question.kind if question.kind in self.kinds else "other"
            self.kinds[kind].add(question.label, question.key, question.why)
            self._matched.update(question.user_ids)

    def count(self, conn: Conn, batch: Sequence[tuple[int, Row]]) -> None:
        """Count one batch of a plan in."""
        joining: list[Row] = []
        for _, row in batch:
            if row["subject"]["kind"] == "user":
                self._person(row)
                if row["action"] in (Action.CREATE, Action.ADOPT, Action.REACTIVATE):
                    joining.append(row)
            elif row["action"] == Action.GROUP_CREATE:
                tag = row["after"].get("tag")
                self.groups.add(row["subject"]["label"], row["subject"]["external_id"], f"tag {tag}")
            elif row["action"] in (Action.GROUP_RENAME, Action.RECORD):
                self.known_groups += 1
        self._seats(conn, joining)

    def _person(self, row: Row) -> None:
        subject, action = row["subject"], row["action"]
        record = user_record_of(row["user"])
        if record.status is Status.GONE:
            self.freed += action == Action.SUSPEND
            return
        self._addresses.add(fold(address_of(record, self._policy)) or "")
        if subject["user_id"] is not None:
            self._matched.add(subject["user_id"])
        kind = None
        if action == Action.CREATE:
            kind = "create"
        elif action == Action.ADOPT or row.get("rule") == "returned":
            kind = "link"
        elif subject["user_id"] is None and record.status is not Status.ACTIVE:
            kind = "not_provisioned"
        self.freed += action == Action.SUSPEND
        if kind is not None:
            self.kinds[kind].add(subject["label"], subject["external_id"], row["reason"])

    def _seats(self, conn: Conn, joining: Sequence[Row]) -> None:
        """Who would have a seat and has none yet; an adopted account may have one, or get none."""
        ids = [row["subject"]["user_id"] for row in joining if row["action"] != Action.CREATE]
        accounts = {user.id: user for user in resources.application_users(conn, ids=ids)}
        managed = resources.active_links(conn, ids)
        for row in joining:
            account = accounts.get(row["subject"]["user_id"])
            active = account is not None and account.active
            seated = active and (self._policy.seats_count_unmanaged or row["subject"]["user_id"] in managed)
            self.taken += bool(row["after"].get("active", active)) and not seated

    def seat_effect(self, conn: Conn) -> SeatEffect:
        """What becomes of the seats; who finds none waits."""
        used, limit = seats.used(conn, self._policy), self._policy.seat_limit
        wanted = used + self.taken - self.freed
        waiting = 0 if limit is None else min(self.taken, max(0, wanted - limit))
        return SeatEffect(used=used, taken=self.taken, freed=self.freed, waiting=waiting, limit=limit)

    def conclude(self, conn: Conn, connection: Connection, *, complete: bool) -> None:
        """Who is linked, and which accounts nobody in the directory has."""
        total, some = survey.linked(conn, connection.id, sample=SAMPLE)
        sample = [{"label": label, "external_id": id_, "why": rule} for label, id_, rule in some]
        self.kinds["linked"] = Kind(count=total, sample=sample)
        if not complete:
            # Who was not read may well be there: an incomplete read cannot tell.
            self.kinds["unowned"] = Kind(count=None)
            return
        for account in _unmanaged(conn):
            if account.id not in self._matched and not _has(self._addresses, account.email_key):
                state = "active" if account.active else "suspended"
                label = account.email or account.id
                self.kinds["unowned"].add(label, None, f"{state}, came by {account.origin}")


def _unmanaged(conn: Conn) -> Iterator[survey.Account]:
    after = ""
    while rows := survey.unmanaged(conn, after):
        yield from rows
        after = rows[-1].id


def _has(addresses: Collection[str], key: str | None) -> bool:
    return key is not None and key in addresses
