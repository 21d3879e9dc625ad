"""What should change for one record: at most one change, or a reason why a person must look.

Everything comes in as arguments; nothing is looked up. Pull and push decide here alike, which
is why they agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sync.group_rules import tag_of
from sync.match import Match, Situation
from sync.model.change import Action, Change, Subject
from sync.model.connection import Policy
from sync.model.resources import DirectoryUser, Group, GroupRecord, OtherLink, Status, User, UserRecord, fold
from sync.policy import PROFILE, adoption_doubt, extra_of, is_protected, profile_of, should_be_active


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Something only a person can settle. ``key`` is the same at every run.

    ``user_ids`` are the accounts it may be about, to choose from.
    """

    kind: str
    key: str
    label: str
    why: str
    directory_user_id: str | None = None
    user_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person's word on an Attention: "link" (to ``user``), "separate" or "ignore"."""

    how: str
    user: User | None = None


NO_ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType({})


class Decision(NamedTuple):
    """The outcome for one record; both None means that everything is as it should be."""

    change: Change | None = None
    attention: Attention | None = None


class Facts(NamedTuple):
    """What is known of one record besides the match. A tuple: a first run makes one for each person.

    ``others`` are the live links of the account to other connections. ``answers`` are what people
    said of this record before, by kind of question. ``address_taken`` says that another account
    has the e-mail; ``last_admin`` that nobody else could let anybody in. ``document`` is the
    pushed SCIM document and ``document_differs`` whether it says more than the stored one.
    """

    address: str | None
    fingerprint: bytes | None = None
    others: Sequence[OtherLink] = ()
    answers: Mapping[str, Answer] = NO_ANSWERS
    address_taken: bool = False
    last_admin: bool = False
    document: Mapping[str, Any] | None = None
    document_differs: bool = False


class _Case(NamedTuple):
    """One record with everything that is known of it; passed on whole."""

    record: UserRecord
    match: Match
    facts: Facts
    policy: Policy
    ids: Iterator[str]

    @property
    def user(self) -> User:
        if self.match.user is None:
            raise ValueError(f"a match that is {self.match.situation} names a user")
        return self.match.user

    @property
    def row(self) -> DirectoryUser:
        if self.match.directory_user is None:
            raise ValueError(f"a match that is {self.match.situation} names a directory user")
        return self.match.directory_user


def decide(record: UserRecord, match: Match, facts: Facts, policy: Policy, ids: Iterator[str]) -> Decision:
    """The one change a record asks for. ``ids`` yields fresh ids for rows that do not exist."""
    case = _Case(record, match, facts, policy, ids)
    if match.situation is Situation.LINKED:
        return _linked(case)
    if record.status is not Status.ACTIVE:
        why = f"not provisioned: {record.status_text or record.status.value} at the directory"
        return Decision(change=_recorded(case, why))
    if facts.address is None:
        return _set_aside(case, "no_email", "no usable e-mail: set one at the directory")
    if match.situation is Situation.DISPUTED:
        return _answered(case, "disputed", match.why)
    if match.situation is Situation.UNMATCHED:
        return Decision(change=_create(case, "in the directory, and nobody here has this e-mail"))
    if match.rule != "returned":
        doubt = adoption_doubt(case.user, facts.address, policy, [other.connection for other in facts.others])
        if doubt is not None:
            return _answered(case, "confirm_adoption", f"{doubt}; confirm to link it")
        return Decision(
            change=_adopt(case, Action.ADOPT, f"an account with the e-mail {case.user.email} exists")
        )
    return Decision(change=_adopt(case, Action.REACTIVATE, "returned to the directory under the same id"))


def _answered(case: _Case, kind: str, why: str) -> Decision:
    """Do what a person said of this question, or ask it."""
    answer = case.facts.answers.get(kind)
    if answer is None or answer.how == "ignore":
        return _set_aside(case, kind, why)
    if answer.how == "separate":
        settled = case._replace(match=case.match._replace(user=None, rule="separate"))
        return Decision(change=_create(settled, "an account of its own, as a person decided"))
    user = answer.user or case.match.user
    if user is None:
        return _set_aside(case, kind, why)
    settled = case._replace(match=case.match._replace(user=user, rule="confirmed"))
    return Decision(change=_adopt(settled, Action.ADOPT, "linked, as a person decided"))


def _create(case: _Case, reason: str) -> Change:
    profile = {name: getattr(case.record, name) for name in PROFILE}
    after = {"email": case.facts.address, **profile, "active": True}
    if case.record.extra:
        after["extra"] = dict(case.record.extra)
    return _change(case, Action.CREATE, reason, after=after, user_id=next(case.ids))


def _adopt(case: _Case, action: Action, reason: str) -> Change:
    """Link the row to an account that exists. Never its e-mail: that would be a takeover."""
    before, after = _profile_difference(case)
    if not case.user.active and not case.user.suspended_by_hand:
        before["active"], after["active"] = False, True
    return _change(case, action, reason, before=before, after=after, user_id=case.user.id)


def _linked(case: _Case) -> Decision:
    record, facts, user, row = case.record, case.facts, case.user, case.row
    before, after = _profile_difference(case)
    attention = _email_question(case)
    follows = attention is None and "email" not in _own_fields(case)
    if follows and fold(facts.address) not in (fold(user.email), fold(row.email)):
        before["email"], after["email"] = user.email, facts.address
    wanted = _wanted_status(record, row)
    action, reason = _transition(case, wanted)
    if action is Action.SUSPEND and (guard := _guard(case)):
        return Decision(attention=_attention(case, "protected", f"{reason}, but {guard}"))
    if action in (Action.SUSPEND, Action.REACTIVATE):
        before["active"], after["active"] = user.active, action is Action.REACTIVATE
    elif after:
        action, reason = Action.UPDATE, "the directory says otherwise"
    elif not _row_differs(case, wanted):
        return Decision(attention=attention)
    settled = case._replace(record=record._replace(status=wanted))
    change = _change(settled, action, reason, before=before, after=after, user_id=user.id)
    return Decision(change=change, attention=attention)


def _email_question(case: _Case) -> Attention | None:
    """Why the account's e-mail cannot follow the directory's."""
    if case.facts.address is None:
        return _attention(case, "no_email", "no usable e-mail any more; the last known one stays")
    if case.facts.address_taken:
        why = f"the e-mail {case.facts.address} belongs to another account; the last known one stays"
        return _attention(case, "email_taken", why)
    return None


def _guard(case: _Case) -> str | None:
    """Why this account may not lose its access, whatever the directory says."""
    if is_protected(case.user, case.policy):
        return "the account is protected"
    if case.facts.last_admin:
        return "the account is the last active administrator"
    return None


def _wanted_status(record: UserRecord, row: DirectoryUser) -> Status:
    """Unknown changes nothing; pending keeps what was provisioned before."""
    if record.status is Status.UNKNOWN or record.status is Status.PENDING:
        return row.status
    return record.status


def _transition(case: _Case, wanted: Status) -> tuple[Action, str]:
    record, user = case.record, case.user
    active, other = should_be_active(wanted, case.policy, case.facts.others)
    if user.active and not active:
        return Action.SUSPEND, f"not active in {other}, which outranks" if other else _why_not(record)
    if user.active and other:
        return Action.RECORD, f"{_why_not(record)}; kept active by {other}"
    if active and not user.active:
        if user.suspended_by_hand:
            return Action.RECORD, "active at the directory; suspended by hand here"
        return Action.REACTIVATE, "active at the directory again"
    return Action.RECORD, "noted: nothing changes for the user"


def _why_not(record: UserRecord) -> str:
    if record.status is Status.GONE:
        return record.status_text or "gone from the directory"
    return f"suspended at the directory ({record.status_text or record.status.value})"


def _set_aside(case: _Case, kind: str, why: str) -> Decision:
    """Keep what the directory said, link nobody, ask a person."""
    return Decision(change=_recorded(case, why), attention=_attention(case, kind, why))


def _recorded(case: _Case, why: str) -> Change | None:
    """A note on the directory's row. Without a fingerprint while unsettled: it must come up again."""
    if case.match.situation is Situation.DISPUTED or case.record.status is Status.ACTIVE:
        case = case._replace(facts=case.facts._replace(fingerprint=None))
    if case.match.directory_user is not None and not _row_differs(case, case.record.status):
        return None
    return _change(case, Action.RECORD, why)


def _row_differs(case: _Case, status: Status) -> bool:
    record, row, facts = case.record, case.row, case.facts
    if dict(record.extra) != row.extra:
        return True
    said = (record.user_name, record.email, record.first_name, record.last_name, record.picture_url, status)
    kept = (row.user_name, row.email, row.first_name, row.last_name, row.picture_url, row.status)
    return (
        said != kept
        or (bool(record.external_id) and record.external_id != row.external_id)
        or (record.scim_external_id is not None and record.scim_external_id != row.scim_external_id)
        or (facts.fingerprint is not None and facts.fingerprint != row.fingerprint)
        or facts.document_differs
    )


def _profile_difference(case: _Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """(before, after) of the profile fields whose winning value is not the account's."""
    own, user = _own_fields(case), case.user
    wanted: dict[str, Any] = dict(profile_of(case.record, case.policy, case.facts.others))
    wanted["extra"] = _further_fields(case, own)
    differing = [name for name in wanted if name not in own and wanted[name] != getattr(user, name)]
    return {name: getattr(user, name) for name in differing}, {name: wanted[name] for name in differing}


def _further_fields(case: _Case, own: Collection[str]) -> Mapping[str, str]:
    row, user = case.match.directory_user, case.user
    known = row.extra if row else {}
    if not case.record.extra and not known:
        return user.extra
    said = extra_of(case.record, known, user, case.policy, case.facts.others)
    theirs = {name: value for name, value in said.items() if name not in own}
    return theirs | {name: value for name, value in user.extra.items() if name in own}


def _own_fields(case: _Case) -> frozenset[str]:
    """Fields that were given once, with the account or its adoption, and are the account's own since."""
    if case.match.situation is not Situation.LINKED and case.match.rule != "returned":
        return frozenset()
    return frozenset(rule.field for rule in case.policy.mapping if rule.on_create)


def _change(
    case: _Case,
    action: Action,
    reason: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    user_id: str | None = None,
) -> Change:
    record, row, user = case.record, case.match.directory_user, case.match.user
    subject = Subject(
        kind="user",
        id=row.id if row else next(case.ids),
        label=case.facts.address or record.user_name or record.external_id,
        external_id=record.external_id or record.scim_external_id or None,
        user_id=user_id,
    )
    return Change(
        action=action,
        subject=subject,
        reason=reason,
        before=before or {},
        after=after or {},
        record=record,
        document=case.facts.document,
        new=row is None,
        expects_version=row.version if row else None,
        expects_user_version=user.version if user else None,
        fingerprint=case.facts.fingerprint,
        rule=case.match.rule or None,
    )


def _attention(case: _Case, kind: str, why: str) -> Attention:
    record, row, user = case.record, case.match.directory_user, case.match.user
    key = record.external_id or record.scim_external_id or (row.id if row else record.user_name)
    return Attention(
        kind=kind,
        key=key,
        label=record.email or record.user_name or key,
        why=why,
        directory_user_id=row.id if row else None,
        user_ids=(user.id,) if user else case.match.choices,
    )


def decide_group(
    record: GroupRecord,
    row: Group | None,
    policy: Policy,
    ids: Iterator[str],
    *,
    fingerprint: bytes | None = None,
    document: Mapping[str, Any] | None = None,
    document_differs: bool = False,
) -> Change | None:
    """The one change a group's record asks for: create, rename, a note, or none."""
    after: dict[str, Any] = {"name": record.name, "tag": tag_of(record, policy)}
    before = {"name": row.name, "tag": row.tag} if row else {}
    if row is None:
        action, reason = Action.GROUP_CREATE, "in the directory"
    elif before != after:
        renamed = record.name != row.name
        action = Action.GROUP_RENAME
        reason = "renamed at the directory" if renamed else "tagged otherwise by the connection's settings"
    elif document_differs or _group_differs(record, row, fingerprint):
        action, before, after, reason = Action.RECORD, {}, {}, "noted: nothing changes for its members"
    else:
        return None
    return Change(
        action=action,
        subject=Subject(
            kind="group",
            id=row.id if row else next(ids),
            label=record.name,
            external_id=record.external_id or record.scim_external_id or None,
        ),
        reason=reason,
        before=before,
        after=after,
        record=record,
        document=document,
        new=row is None,
        expects_version=row.version if row else None,
        fingerprint=fingerprint,
    )


def _group_differs(record: GroupRecord, row: Group, fingerprint: bytes | None) -> bool:
    return (fingerprint is not None and fingerprint != row.fingerprint) or (
        bool(record.external_id) and record.external_id != row.external_id
    )
