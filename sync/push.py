"""What IdPs push: one SCIM request inside one connection and one transaction.

The deciding is the pull's own (match, diff), the writing is the one writer's; here a document
becomes a record, and the answers become what a SCIM client expects: taken, gone, refused.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sync import burst, seats
from sync.apply import writer
from sync.apply.context import Context
from sync.diff import Attention, Decision, decide, decide_group
from sync.known import Known, load
from sync.mapping import map_of
from sync.match import Candidates, Match, Situation, match_row, same_person
from sync.model.change import Action, Change, Subject
from sync.model.connection import Connection, Policy
from sync.model.document import group_record, user_record
from sync.model.errors import Conflict, ConnectorError, Duplicate, NotFound, Refused, Stale, Transient
from sync.model.query import Query
from sync.model.resources import (
    DirectoryUser,
    Group,
    GroupRecord,
    Status,
    UserRecord,
    fold,
    without_nul,
)
from sync.model.session import (
    Access,
    AddMembers,
    GroupRef,
    Kind,
    Listing,
    MemberEdit,
    MemberRef,
    NewMember,
    RemoveMembers,
    Resource,
    Session,
)
from sync.policy import address_of
from sync.proposal import fresh_ids, raise_attention, stored_record
from sync.store import attention, connections, freezes, plans, resources, scim
from sync.store.database import Conn, Database
from sync.store.times import to_text

T = TypeVar("T")

TRIES = 5
"""How often a write starts over after losing a race to another writer."""

RETRY_FROZEN_S = 3600.0
"""The longest that an IdP is told to wait during a freeze, which may be thawed at any time."""

TOUCH_EVERY = timedelta(minutes=1)
"""How exactly a token's last use is kept."""


class LostRace(Conflict):
    """Another writer came between our read and our write; trying again settles it."""


class Push:
    """The engine as the SCIM server sees it (sync.model.session.Gateway)."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], policy_of: Callable[[Connection], Policy]
    ) -> None:
        self._database = database
        self._clock = clock
        self._policy_of = policy_of
        self._policies: dict[str, tuple[Connection, Policy]] = {}
        self._touched: dict[str, datetime] = {}
        self._touching = threading.Lock()

    def authenticate(self, connection_id: str, token: str) -> Access | None:
        """The access this token gives to this connection; None for every other case alike."""
        now = self._clock()
        hashed = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        with self._database.read() as conn:
            found = connections.authenticate(conn, connection_id, hashed, now)
        if found is None:
            return None
        connection, token_id = found
        self._note_use(token_id, now)
        paused = None
        if not connection.enabled:
            paused = f"The connection {connection.name} is paused here; nothing is lost, try again later."
        knobs = connection.settings.get("scim", {})
        return Access(
            connection_id=connection.id,
            token_id=token_id,
            profile=connection.type,
            paused=paused,
            settings=knobs,
        )

    def read(self, access: Access, work: Callable[[Session], T]) -> T:
        with self._database.read() as conn:
            return work(self._session(conn, access))

    def write(self, access: Access, work: Callable[[Session], T]) -> T:
        for attempt in range(TRIES):
            try:
                return self._committed(access, work)
            except LostRace:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("unreachable: the loop returns or raises")

    def _committed(self, access: Access, work: Callable[[Session], T]) -> T:
        """What was kept although it was refused is committed before the client hears the refusal."""
        refused: list[ConnectorError] = []

        def unit(conn: Conn) -> T:
            session = self._session(conn, access)
            answer = work(session)
            refused[:] = [session.refusal] if session.refusal else []
            return answer

        answer = self._database.submit(unit)
        if refused:
            raise refused[0]
        return answer

    def _session(self, conn: Conn, access: Access) -> PushSession:
        connection = connections.get(conn, access.connection_id)
        return PushSession(conn, connection, self._policy(connection), access, self._clock())

    def _policy(self, connection: Connection) -> Policy:
        """The connection's policy, made anew only when the connection has changed."""
        cached = self._policies.get(connection.id)
        if cached is None or cached[0] != connection:
            cached = connection, self._policy_of(connection)
            self._policies[connection.id] = cached
        return cached[1]

    def _note_use(self, token_id: str, now: datetime) -> None:
        with self._touching:
            last = self._touched.get(token_id)
            if last is not None and now - last < TOUCH_EVERY:
                return
            self._touched[token_id] = now
        self._database.submit(lambda conn: connections.touch_tokens(conn, {token_id: now}))


class PushSession:
    """One SCIM request (sync.model.session.Session)."""

    def __init__(
        self, conn: Conn, connection: Connection, policy: Policy, access: Access, now: datetime
    ) -> None:
        self._conn = conn
        self._connection = connection
        self._policy = policy
        self._now = now
        self._ids = fresh_ids()
        self._context = Context(
            connection=connection, at=to_text(now), actor=f"scim:{connection.name}", origin="push"
        )
        self.refusal: ConnectorError | None = None
        self._strict_post = access.settings.get("reactivate_on_post", True) is False

    # --- reading ------------------------------------------------------------------------------

    def get(self, kind: Kind, resource_id: str) -> Resource | None:
        return scim.scim_get(self._conn, self._connection.id, kind, resource_id)

    def find(self, kind: Kind, query: Query) -> Listing:
        return scim.scim_find(self._conn, self._connection.id, kind, query)

    def members_of(
        self, group_ids: Sequence[str], limit: int | None = None
    ) -> Mapping[str, Sequence[MemberRef]]:
        return scim.scim_members(self._conn, self._connection.id, group_ids, limit)

    def has_more_members(self, group_id: str, than: int) -> bool:
        return scim.scim_has_more_members(self._conn, group_id, than)

    def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[GroupRef]]:
        return scim.scim_groups_of(self._conn, self._connection.id, user_ids)

    def labels(self, resource_ids: Iterable[str]) -> Mapping[str, tuple[Kind, str]]:
        return scim.scim_labels(self._conn, self._connection.id, resource_ids)

    # --- people -------------------------------------------------------------------------------

    def create_user(self, document: Mapping[str, Any]) -> Resource:
        record = self._record(document, None)
        self._lock_user(record)
        known = self._known(record)
        row = self._meant(record, known.candidates)
        if row is not None:
            record = self._record(document, row)
            return self._write_user(row, record, document, self._known(record, row))
        found = self._newcomer(record, known.candidates)
        return self._decide_user(record, found, known, document, differs=True)

    def replace_user(
        self, user_id: str, document: Mapping[str, Any], if_version: Sequence[int] | None = None
    ) -> Resource:
        row = self._row(user_id, if_version)
        record = self._record(document, row)
        self._lock_user(record)
        known = self._known(record, row)
        for other in known.candidates.by_user_name.get(fold(record.user_name) or "", ()):
            if other.id != row.id:
                raise _taken(record)
        return self._write_user(row, record, document, known)

    def delete_user(self, user_id: str, if_version: Sequence[int] | None = None) -> None:
        row = self._row(user_id, if_version)
        record = stored_record(row)._replace(
            status=Status.GONE, status_text="deleted at the directory (SCIM DELETE)"
        )
        known = self._known(record, row)
        found = match_row(record, address_of(record, self._policy), row, known.candidates)
        decision = self._decision(record, found, known, None, differs=True)
        if decision.change is None:
            raise Conflict("the directory user cannot be deleted right now; try again")
        if not self._braked(decision.change):
            self._apply([replace(decision.change, tombstone=True)])

    def _record(self, document: Mapping[str, Any], row: DirectoryUser | None) -> UserRecord:
        """What the document says of a person, by the connection's mapping where it has one."""
        record, fields = without_nul(user_record(document)), map_of(self._policy)
        if self._policy.external_id_is_the_idps and record.scim_external_id:
            record = record._replace(external_id=record.scim_external_id)
        return record if fields is None else without_nul(fields.pushed(record, document, row))

    def _write_user(
        self, row: DirectoryUser, record: UserRecord, document: Mapping[str, Any], known: Known
    ) -> Resource:
        record = record._replace(external_id=row.external_id or record.external_id)
        found = match_row(record, address_of(record, self._policy), row, known.candidates, rule="id")
        stored = self.get(Kind.USER, row.id)
        differs = stored is None or dict(stored.document) != dict(document)
        return self._decide_user(record, found, known, document, differs=differs)

    def _decide_user(
        self, record: UserRecord, found: Match, known: Known, document: Mapping[str, Any], *, differs: bool
    ) -> Resource:
        decision = self._seated(self._decision(record, found, known, document, differs=differs))
        if decision.change is not None:
            if self._braked(decision.change):
                return self._again(Kind.USER, decision.change.subject.id)
            self._apply([decision.change])
        elif record.external_id and record.status is Status.ACTIVE:
            plans.overtake(self._conn, self._connection.id, [record.external_id])
        if decision.attention is not None:
            raise_attention(self._conn, self._connection.id, [decision.attention], None, self._now)
        row_id = decision.change.subject.id if decision.change else _id_of(found)
        return self._again(Kind.USER, row_id)

    def _decision(
        self,
        record: UserRecord,
        found: Match,
        known: Known,
        document: Mapping[str, Any] | None,
        *,
        differs: bool,
    ) -> Decision:
        address = address_of(record, self._policy)
        facts = known.facts(record, address, found, document=document, document_differs=differs)
        decision = decide(record, found, facts, self._policy, self._ids)
        if decision.attention is not None and decision.attention.kind == "protected":
            raise Refused(
                f"{decision.attention.label}: {decision.attention.why}; ask an admin of the application."
            )
        return decision

    def _waits(self, row: DirectoryUser) -> bool:
        """Whether this row was kept for want of a seat: then its POST may come again."""
        keys = [key for key in (row.external_id, row.scim_external_id, row.id) if key]
        return attention.is_open(self._conn, self._connection.id, "waiting_for_seat", keys)

    def _braked(self, change: Change) -> bool:
        """Whether this suspension is one too many within the hour; the alarm is kept in any case."""
        refusal = burst.watch(self._conn, change, self._policy, self._context, self._now)
        if refusal is not None:
            self.refusal = refusal
        return refusal is not None

    def _seated(self, decision: Decision) -> Decision:
        """An addition that finds no seat is kept and waits; the client hears of it after the commit."""
        change = decision.change
        why = seats.refusal(self._conn, change, self._policy) if change is not None else None
        if change is None or why is None:
            return decision
        self.refusal = Refused(why)
        waiting = replace(change, action=Action.RECORD, reason=why, before={}, after={}, rule=None)
        subject = change.subject
        question = Attention(
            kind="waiting_for_seat",
            key=subject.external_id or subject.id,
            label=subject.label,
            why=why,
            directory_user_id=subject.id,
        )
        return Decision(change=waiting, attention=question)

    def _known(self, record: UserRecord, row: DirectoryUser | None = None) -> Known:
        """What the record may meet; a row that is known by its id belongs to it whatever it says."""
        return load(self._conn, self._connection, self._policy, [record], rows=[row] if row else [])

    def _meant(self, record: UserRecord, candidates: Candidates) -> DirectoryUser | None:
        """The row a POST speaks of: one that only a pull made, or one to come back to life.

        Raises Duplicate for a userName that lives.
        """
        key = record.scim_external_id or ""
        external = candidates.by_external.get(key)
        by_id: list[DirectoryUser] = [*([external] if external else [])]
        by_id += candidates.by_scim_external.get(key, ())
        by_name: Sequence[DirectoryUser] = candidates.by_user_name.get(fold(record.user_name) or "", ())
        by_mail: Sequence[DirectoryUser] = candidates.by_email.get(fold(self._address(record)) or "", ())
        meant: list[DirectoryUser] = [*by_id, *by_name, *by_mail]
        for row in meant:
            if row.origin == "pull" and same_person(record, row):
                return row
        for row in by_id:
            if row.status is not Status.ACTIVE and not self._strict_post:
                return row
        for row in (*by_id, *by_name):
            if row.user_id is None and same_person(record, row) and self._waits(row):
                return row
        if by_name:
            raise _taken(record)
        return None

    def _address(self, record: UserRecord) -> str | None:
        return address_of(record, self._policy)

    def _newcomer(self, record: UserRecord, candidates: Candidates) -> Match:
        """A new row's account; an e-mail that another living row has makes it a dispute."""
        living = [
            row
            for row in candidates.by_email.get(fold(self._address(record)) or "", ())
            if row.status is not Status.GONE
        ]
        if living:
            why = f"the e-mail {record.email} is in use by {living[0].user_name}; say which one is right"
            return Match(situation=Situation.DISPUTED, why=why)
        return match_row(record, self._address(record), None, candidates)

    def _lock_user(self, record: UserRecord) -> None:
        names = [f"userName:{fold(record.user_name)}", f"externalId:{record.scim_external_id}"]
        writer.take_turns(self._conn, [f"{self._connection.id}:{name}" for name in names])

    def _row(self, user_id: str, if_version: Sequence[int] | None) -> DirectoryUser:
        rows = resources.directory_users(self._conn, self._connection.id, ids=[user_id])
        if not rows:
            raise NotFound(f"no user {user_id}")
        _check_version(rows[0].version, if_version)
        return rows[0]

    # --- groups -------------------------------------------------------------------------------

    def create_group(self, document: Mapping[str, Any], members: Sequence[NewMember]) -> Resource:
        record = without_nul(group_record(document))
        writer.take_turns(self._conn, [f"{self._connection.id}:displayName:{fold(record.name)}"])
        row = self._pulled_group(record)
        change = decide_group(
            record if row is None else record._replace(external_id=row.external_id or ""),
            row,
            self._policy,
            self._ids,
            document=document,
            document_differs=True,
        )
        if change is None:
            raise Conflict("the group cannot be created right now; try again")
        self._apply([change])
        self._edit_members(change.subject, [AddMembers(members=members)])
        return self._again(Kind.GROUP, change.subject.id)

    def change_group(
        self,
        group_id: str,
        document: Mapping[str, Any],
        edits: Sequence[MemberEdit],
        if_version: Sequence[int] | None = None,
    ) -> Resource:
        row = self._group(group_id, if_version)
        record = without_nul(group_record(document))._replace(external_id=row.external_id or "")
        stored = self.get(Kind.GROUP, group_id)
        differs = stored is None or dict(stored.document) != dict(document)
        change = decide_group(
            record, row, self._policy, self._ids, document=document, document_differs=differs
        )
        if change is not None:
            self._apply([change])
        subject = Subject(kind="group", id=row.id, label=record.name, external_id=row.external_id)
        self._edit_members(subject, edits)
        return self._again(Kind.GROUP, group_id)

    def delete_group(self, group_id: str, if_version: Sequence[int] | None = None) -> None:
        row = self._group(group_id, if_version)
        subject = Subject(kind="group", id=row.id, label=row.name, external_id=row.external_id)
        before = {"name": row.name, "tag": row.tag}
        reason = "deleted at the directory (SCIM DELETE)"
        self._apply([Change(action=Action.GROUP_DELETE, subject=subject, reason=reason, before=before)])

    def _pulled_group(self, record: GroupRecord) -> Group | None:
        """The group a POST speaks of, when a pull made it first."""
        key = record.scim_external_id
        rows = resources.directory_groups(
            self._conn,
            self._connection.id,
            external_ids=[key] if key else [],
            name_keys=[name] if (name := fold(record.name)) else [],
        )
        pulled = [row for row in rows if row.origin == "pull" and (not key or row.external_id in (key, None))]
        return pulled[0] if len(pulled) == 1 else None

    def _edit_members(self, subject: Subject, edits: Sequence[MemberEdit]) -> None:
        for edit in edits:
            if isinstance(edit, RemoveMembers):
                self._move(Action.MEMBER_REMOVE, subject, edit.values)
                continue
            named = {member.value: member for member in edit.members}
            if not isinstance(edit, AddMembers):
                self._move(Action.MEMBER_REMOVE, subject, self._others(subject.id, list(named)))
            displays = {value: member.display for value, member in named.items() if member.display}
            self._move(Action.MEMBER_ADD, subject, list(named), displays)

    def _others(self, group_id: str, values: Sequence[str]) -> Sequence[str]:
        """Members besides those named; nobody when none of those named is known (RFC 7644 leaves it open).

        A list of strangers is more likely a mistake than a wish to empty the group.
        """
        writer.lock_group(self._conn, group_id)
        meant = resources.resolve_members(self._conn, self._connection.id, values)
        if values and not meant:
            return []
        kept = {meant.get(value, value) for value in values}
        return [value for value in resources.member_values(self._conn, group_id) if value not in kept]

    def _move(
        self,
        action: Action,
        subject: Subject,
        values: Sequence[str],
        displays: Mapping[str, str] | None = None,
    ) -> None:
        if not values:
            return
        reason = "pushed by the directory"
        change = Change(
            action=action,
            subject=subject,
            reason=reason,
            members=tuple(values),
            displays=displays or {},
            count=len(values),
        )
        self._apply([change])

    def _group(self, group_id: str, if_version: Sequence[int] | None) -> Group:
        rows = resources.directory_groups(self._conn, self._connection.id, ids=[group_id])
        if not rows:
            raise NotFound(f"no group {group_id}")
        _check_version(rows[0].version, if_version)
        return rows[0]

    # --- writing ------------------------------------------------------------------------------

    def _apply(self, changes: Sequence[Change]) -> None:
        if any(change.removal or change.tombstone for change in changes):
            self._check_freeze()
        outcome = writer.apply(self._conn, changes, self._context)
        if outcome.stale:
            raise LostRace(f"another change came first ({outcome.stale[0][1]}); try again")

    def _check_freeze(self) -> None:
        """While removals are frozen the whole request waits: the IdP keeps it and sends it again."""
        frozen = freezes.current(self._conn, self._connection.id, self._now)
        if frozen is None:
            return
        left_s = (frozen.until - self._now).total_seconds() if frozen.until else RETRY_FROZEN_S
        raise Transient(
            f"{frozen.sentence} Nothing is lost: send this again later.",
            retry_after_s=max(1.0, min(left_s, RETRY_FROZEN_S)),
        )

    def _again(self, kind: Kind, resource_id: str) -> Resource:
        resource = self.get(kind, resource_id)
        if resource is None:
            raise LostRace("the resource went away while it was being written; try again")
        return resource


def _check_version(version: int, wanted: Sequence[int] | None) -> None:
    if wanted is not None and version not in wanted:
        raise Stale(f"the resource is at version {version} by now; read it again")


def _taken(record: UserRecord) -> Duplicate:
    return Duplicate(f"the userName {record.user_name} is taken by another user of this connection")


def _id_of(found: Match) -> str:
    if found.directory_user is None:
        raise LostRace("nothing was written for a new user; try again")
    return found.directory_user.id
