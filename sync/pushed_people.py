"""People as a directory pushes them: taken up, replaced, deleted, each by one request.

Match and diff decide as they do for a pull; here a document becomes a record, and the answers become
what a SCIM client expects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync import burst, seats
from sync.apply import writer
from sync.diff import Attention, Decision, decide
from sync.known import Known, load_linked, load_one
from sync.mapping import map_of
from sync.match import Candidates, Match, Situation, match_row, same_person
from sync.model.change import Action, Change
from sync.model.document import user_record
from sync.model.errors import Conflict, Duplicate, LostRace, Refused
from sync.model.resources import DirectoryUser, Status, UserRecord, fold, without_nul
from sync.model.session import Kind, Resource
from sync.policy import address_of
from sync.proposal import raise_attention, stored_record
from sync.pushing import Pushing
from sync.store import attention, plans, resources
from sync.store.dossier import Dossier
from sync.store.text import to_json


class PushedPeople:
    """The people of one request. ``strict_post`` lets no POST bring an inactive row back to life."""

    def __init__(self, request: Pushing, *, strict_post: bool) -> None:
        self._request = request
        self._strict_post = strict_post

    def create(self, document: Mapping[str, Any]) -> Resource:
        record = self._record(document, None)
        self._take_turns(record)
        known = self._known(record)
        row = self._meant(record, known.candidates)
        if row is not None:
            return self._write(self._request.person(row.id), document)
        found = self._newcomer(record, known.candidates)
        return self._decide(record, found, known, document, differs=True)

    def replace(
        self, user_id: str, document: Mapping[str, Any], if_version: Sequence[int] | None = None
    ) -> Resource:
        found = self._request.person(user_id, if_version)
        self._refuse_taken(self._record(document, found.person), found.row)
        return self._write(found, document)

    def delete(self, user_id: str, if_version: Sequence[int] | None = None) -> None:
        stored = self._request.person(user_id, if_version)
        record = stored_record(stored.person)._replace(
            status=Status.GONE, status_text="deleted at the directory (SCIM DELETE)"
        )
        known = self._known_of(stored, record)
        found = match_row(record, self._address(record), stored.person, known.candidates)
        decision = self._decision(record, found, known, None, differs=True)
        if decision.change is None:
            raise Conflict("the directory user cannot be deleted right now; try again")
        if not self._braked(decision.change):
            self._request.apply([decision.change._replace(tombstone=True)])

    def _record(self, document: Mapping[str, Any], row: DirectoryUser | None) -> UserRecord:
        """What the document says of a person, by the connection's mapping where it has one."""
        record, fields = without_nul(user_record(document)), map_of(self._request.policy)
        if self._request.policy.external_id_is_the_idps and record.scim_external_id:
            record = record._replace(external_id=record.scim_external_id)
        return record if fields is None else without_nul(fields.pushed(record, document, row))

    def _write(self, stored: Dossier, document: Mapping[str, Any]) -> Resource:
        """Let the document be what the directory says of this person."""
        row = stored.person
        record = self._record(document, row)
        known = self._known_of(stored, record)
        record = record._replace(external_id=row.external_id or record.external_id)
        found = match_row(record, self._address(record), row, known.candidates, rule="id")
        shown = self._request.get(Kind.USER, row.id)
        differs = shown is None or shown.text != to_json(document)
        return self._decide(record, found, known, document, differs=differs)

    def _decide(
        self, record: UserRecord, found: Match, known: Known, document: Mapping[str, Any], *, differs: bool
    ) -> Resource:
        decision = self._seated(self._decision(record, found, known, document, differs=differs))
        if decision.change is not None:
            if self._braked(decision.change):
                return self._request.again(Kind.USER, decision.change.subject.id)
            self._request.apply([decision.change])
        elif record.external_id and record.status is Status.ACTIVE:
            plans.overtake(self._request.conn, self._request.connection.id, [record.external_id])
        if decision.attention is not None:
            raise_attention(
                self._request.conn, self._request.connection.id, [decision.attention], None, self._request.now
            )
        row_id = decision.change.subject.id if decision.change else _id_of(found)
        return self._request.again(Kind.USER, row_id)

    def _decision(
        self,
        record: UserRecord,
        found: Match,
        known: Known,
        document: Mapping[str, Any] | None,
        *,
        differs: bool,
    ) -> Decision:
        facts = known.facts(record, self._address(record), found, document=document, document_differs=differs)
        decision = decide(record, found, facts, self._request.policy, self._request.ids)
        if decision.attention is not None and decision.attention.kind == "protected":
            raise Refused(
                f"{decision.attention.label}: {decision.attention.why}; ask an admin of the application."
            )
        return decision

    def _waits(self, row: DirectoryUser) -> bool:
        """Whether this row was kept for want of a seat: then its POST may come again."""
        keys = [key for key in (row.external_id, row.scim_external_id, row.id) if key]
        return attention.is_open(self._request.conn, self._request.connection.id, "waiting_for_seat", keys)

    def _braked(self, change: Change) -> bool:
        """Whether this suspension is one too many within the hour; the alarm is kept in any case."""
        refusal = burst.watch(
            self._request.conn, change, self._request.policy, self._request.context, self._request.now
        )
        if refusal is not None:
            self._request.refusal = refusal
        return refusal is not None

    def _seated(self, decision: Decision) -> Decision:
        """An addition that finds no seat is kept and waits; the client hears of it after the commit."""
        change = decision.change
        why = seats.refusal(self._request.conn, change, self._request.policy) if change is not None else None
        if change is None or why is None:
            return decision
        self._request.refusal = Refused(why)
        waiting = change._replace(action=Action.RECORD, reason=why, before={}, after={}, rule=None)
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
        """What the record may meet."""
        request = self._request
        return load_one(request.conn, request.connection, request.policy, record, row)

    def _known_of(self, stored: Dossier, record: UserRecord) -> Known:
        """The same when it is known by its id whom it speaks of, whatever it says."""
        if stored.account is None:
            return self._known(record, stored.person)
        request = self._request
        return load_linked(request.conn, request.connection, request.policy, record, stored)

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
        return address_of(record, self._request.policy)

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

    def _refuse_taken(self, record: UserRecord, stored: Any) -> None:
        """A new userName must be free; one that stays as it is takes nothing from anybody."""
        key = fold(record.user_name)
        if (key, record.scim_external_id) == (stored.user_name_key, stored.scim_external_id):
            return
        self._take_turns(record)
        if key == stored.user_name_key:
            return
        named = [key] if key else []
        owners = resources.directory_users(
            self._request.conn, self._request.connection.id, user_name_keys=named
        )
        if any(owner.id != stored.id for owner in owners):
            raise _taken(record)

    def _take_turns(self, record: UserRecord) -> None:
        turns = writer.turns_of(
            self._request.connection.id, external_id=record.external_id, email=self._address(record)
        )
        self._request.take_turns(
            f"userName:{fold(record.user_name)}", f"externalId:{record.scim_external_id}", turns=turns
        )


def _taken(record: UserRecord) -> Duplicate:
    return Duplicate(f"the userName {record.user_name} is taken by another user of this connection")


def _id_of(found: Match) -> str:
    if found.directory_user is None:
        raise LostRace("nothing was written for a new user; try again")
    return found.directory_user.id
