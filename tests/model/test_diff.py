from typing import Any

import pytest

from sync.diff import Answer, Decision, Facts, decide, decide_group
from sync.match import match
from sync.model.change import Action, Change
from sync.model.connection import ActiveRule, Adopt, Policy
from sync.model.resources import DirectoryUser, GroupRecord, OtherLink, Status, User, UserRecord, fold
from sync.policy import address_of
from tests.model.samples import ADA, account, candidates, group, ids, record, row


def _decide(
    said: UserRecord,
    *rows: DirectoryUser,
    users: tuple[User, ...] = (),
    policy: Policy = Policy(),  # noqa: B008 - immutable
    **facts: Any,
) -> Decision:
    address = address_of(said, policy)
    found = match(said, address, candidates(*rows, users=users))
    return decide(said, found, Facts(address=address, **facts), policy, ids())


def _change(decision: Decision) -> Change:
    assert decision.change is not None
    return decision.change


def test_a_newcomer_is_created_with_what_the_directory_says() -> None:
    """Nobody here has the e-mail: a user with the profile, active, on a new row."""
    change = _change(_decide(record(picture_url="https://pictures.example.com/a.jpg")))
    assert (change.action, change.new) == (Action.CREATE, True)
    assert change.after == {
        "email": ADA, "first_name": "Ada", "last_name": "Byron",
        "picture_url": "https://pictures.example.com/a.jpg", "active": True,
    }  # fmt: skip
    assert change.subject.id != change.subject.user_id


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.PENDING, Status.UNKNOWN])
def test_who_is_not_active_at_the_directory_is_not_created(status: Status) -> None:
    """A newcomer who may not come in is noted and takes no account."""
    change = _change(_decide(record(status=status)))
    assert (change.action, change.subject.user_id) == (Action.RECORD, None)


def test_a_newcomer_without_an_address_waits_for_a_person() -> None:
    """No usable e-mail: noted, and on the list of what needs attention."""
    decision = _decide(record(email=None, user_name="ada"))
    assert _change(decision).action is Action.RECORD
    assert decision.attention is not None
    assert decision.attention.kind == "no_email"


def test_nothing_new_is_no_change() -> None:
    """A record that agrees with what is stored asks for nothing."""
    assert _decide(record(), row(), users=(account(),)) == Decision()


def test_a_changed_name_is_an_update_of_just_that_field() -> None:
    """Before and after hold the fields that differ and no others."""
    change = _change(_decide(record(last_name="Lovelace"), row(), users=(account(),)))
    assert (change.action, change.before, change.after) == (
        Action.UPDATE, {"last_name": "Byron"}, {"last_name": "Lovelace"},
    )  # fmt: skip


def test_a_null_clears_the_field() -> None:
    """What the directory emptied is emptied here."""
    change = _change(_decide(record(first_name=None), row(), users=(account(),)))
    assert change.after == {"first_name": None}


def test_a_changed_email_is_an_update_of_the_same_person() -> None:
    """The id says who it is."""
    change = _change(_decide(record(email="new@example.com"), row(), users=(account(),)))
    assert (change.action, change.after, change.subject.user_id) == (
        Action.UPDATE,
        {"email": "new@example.com"},
        "u1",
    )


def test_an_email_that_differs_in_case_alone_is_left_as_it_was_stored() -> None:
    """Compared folded, stored as sent: a new case is no change of the person."""
    decision = _decide(record(email="ADA@example.com", user_name=ADA), row(), users=(account(),))
    assert decision.change is None or (decision.change.action is Action.RECORD and not decision.change.after)


def test_a_lost_email_keeps_the_last_one_and_asks() -> None:
    """Without an address the account stays reachable under the last one."""
    decision = _decide(record(email=None, user_name="ada"), row(), users=(account(),))
    assert decision.attention is not None
    assert decision.attention.kind == "no_email"
    assert decision.change is None or "email" not in decision.change.after


@pytest.mark.parametrize(
    ("status", "word"), [(Status.SUSPENDED, "SUSPENDED"), (Status.GONE, "not in the directory")]
)
def test_who_is_disabled_or_gone_is_suspended_with_the_reason(status: Status, word: str) -> None:
    """Each way of leaving suspends and says which one it was."""
    text = {Status.SUSPENDED: "SUSPENDED", Status.GONE: "not in the directory any more"}[status]
    change = _change(_decide(record(status=status, status_text=text), row(), users=(account(),)))
    assert (change.action, change.before["active"], change.after["active"]) == (Action.SUSPEND, True, False)
    assert word in change.reason


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.PENDING])
def test_an_unknown_or_pending_status_suspends_nobody(status: Status) -> None:
    """What we do not understand changes nothing for the person."""
    decision = _decide(record(status=status, status_text="ACTIVATING"), row(), users=(account(),))
    assert decision.change is None or decision.change.action is Action.RECORD


def test_who_is_suspended_already_is_not_suspended_again() -> None:
    """Only a transition is a change: this keeps the safeguards' counts honest."""
    suspended = record(status=Status.SUSPENDED)
    assert _decide(suspended, row(status="suspended"), users=(account(active=False),)) == Decision()


def test_who_comes_back_is_reactivated() -> None:
    """Active again at the directory, active again here."""
    change = _change(_decide(record(), row(status="suspended"), users=(account(active=False),)))
    assert (change.action, change.after["active"]) == (Action.REACTIVATE, True)


def test_who_was_suspended_by_hand_is_not_reactivated() -> None:
    """A person's word here outlasts the directory's."""
    by_hand = account(active=False, suspended_by_hand=True)
    change = _change(_decide(record(), row(status="suspended"), users=(by_hand,)))
    assert (change.action, "active" in change.after) == (Action.RECORD, False)
    assert "by hand" in change.reason


def test_who_was_suspended_by_hand_and_returns_from_a_tombstone_stays_suspended() -> None:
    """Coming back with a new row does not undo what was done by hand."""
    dead = row(deleted_at="2026-11-24", status="gone")
    by_hand = account(active=False, suspended_by_hand=True)
    change = _change(_decide(record(), dead, users=(by_hand,)))
    assert "active" not in change.after


def _other(status: str = "active", rank: int = 200, **columns: Any) -> OtherLink:
    there = row("row-b", "B1", connection_id="c2", status=status, **columns)
    return OtherLink(connection_id="c2", connection="Beta", rank=rank, row=there)


def test_who_is_active_in_another_connection_is_not_suspended() -> None:
    """Suspended only when no live link says active; the note names who keeps her."""
    gone = record(status=Status.GONE, status_text="not in the directory any more")
    change = _change(_decide(gone, row(), users=(account(),), others=[_other()]))
    assert change.action is Action.RECORD
    assert "kept active by Beta" in change.reason


def test_who_is_inactive_everywhere_is_suspended() -> None:
    """Another link that says no keeps nobody."""
    gone = record(status=Status.GONE, status_text="not in the directory any more")
    change = _change(_decide(gone, row(), users=(account(),), others=[_other("suspended")]))
    assert change.action is Action.SUSPEND


@pytest.mark.parametrize(("rank", "action"), [(50, Action.SUSPEND), (200, Action.RECORD)])
def test_the_highest_directory_may_decide_alone(rank: int, action: Action) -> None:
    """Set so, a higher-ranked directory that says suspended suspends whom this one has active."""
    policy = Policy(active_rule=ActiveRule.HIGHEST)
    others = [_other("suspended", rank)]
    decision = _decide(record(), row(), users=(account(),), policy=policy, others=others, fingerprint=b"new")
    assert _change(decision).action is action


def test_the_profile_is_the_highest_ranked_directorys() -> None:
    """Each field comes from the best-ranked live link that has a value for it."""
    others = [_other(rank=50, first_name="Augusta", last_name=None)]
    change = _change(_decide(record(last_name="Lovelace"), row(), users=(account(),), others=others))
    assert change.after == {"first_name": "Augusta", "last_name": "Lovelace"}


def test_a_directory_that_has_lost_somebody_does_not_name_her() -> None:
    """A link whose directory says gone gives no profile."""
    others = [_other("gone", 50, first_name="Augusta")]
    decision = _decide(record(), row(), users=(account(),), others=others)
    assert decision == Decision()


def test_an_email_of_another_account_is_not_taken_over() -> None:
    """The account keeps its last e-mail and the question is on the list."""
    decision = _decide(record(email="new@example.com"), row(), users=(account(),), address_taken=True)
    assert decision.change is None or "email" not in decision.change.after
    assert decision.attention is not None
    assert decision.attention.kind == "email_taken"


def test_the_last_administrator_is_not_suspended_but_reported() -> None:
    """Nobody is left without somebody who can let people in."""
    gone = record(status=Status.SUSPENDED)
    decision = _decide(gone, row(), users=(account(admin=True),), last_admin=True)
    assert decision.change is None or decision.change.action is not Action.SUSPEND
    assert decision.attention is not None
    assert "last active administrator" in decision.attention.why


def test_an_answer_to_link_settles_a_doubtful_adoption() -> None:
    """Once a person has said so, the account is linked and nothing is asked again."""
    answers = {"confirm_adoption": Answer(how="link")}
    decision = _decide(record(), users=(account("sso", admin=True),), answers=answers)
    assert (_change(decision).action, _change(decision).subject.user_id) == (Action.ADOPT, "sso")
    assert decision.attention is None


def test_an_answer_to_link_a_dispute_links_the_one_named() -> None:
    """The person picks whom the match may not pick."""
    named = account("u7", "other@example.com")
    answers = {"disputed": Answer(how="link", user=named)}
    change = _change(_decide(record("E2"), row(), users=(account(),), answers=answers))
    assert (change.action, change.subject.user_id, "email" in change.after) == (Action.ADOPT, "u7", False)


def test_an_answer_to_separate_makes_an_account_of_its_own() -> None:
    """Two people share an address and are two people."""
    answers = {"disputed": Answer(how="separate")}
    change = _change(_decide(record("E2"), row(), users=(account(),), answers=answers))
    assert (change.action, change.new) == (Action.CREATE, True)


def test_an_answer_to_ignore_links_nobody() -> None:
    """Ignored is not linked."""
    answers = {"disputed": Answer(how="ignore")}
    change = _change(_decide(record("E2"), row(), users=(account(),), answers=answers))
    assert (change.action, change.subject.user_id) == (Action.RECORD, None)


@pytest.mark.parametrize(
    ("user", "policy"),
    [(account(protected=True), Policy()), (account(), Policy(protected=frozenset({fold(ADA) or ""})))],
)
def test_a_protected_person_is_not_suspended_but_reported(user: User, policy: Policy) -> None:
    """The directory's word about a protected account needs a person."""
    decision = _decide(record(status=Status.SUSPENDED), row(), users=(user,), policy=policy)
    assert decision.change is None or decision.change.action is not Action.SUSPEND
    assert decision.attention is not None
    assert decision.attention.kind == "protected"


def test_an_account_with_the_email_is_adopted_without_rewriting_its_email() -> None:
    """Adopting takes names over, and never the e-mail in the same step."""
    sso = account("sso", "Ada@Example.com", first_name=None)
    change = _change(_decide(record(), users=(sso,)))
    assert (change.action, change.subject.user_id, change.after) == (
        Action.ADOPT,
        "sso",
        {"first_name": "Ada"},
    )


def test_an_inactive_account_is_active_once_adopted() -> None:
    """The directory owns whether its people may come in."""
    assert _change(_decide(record(), users=(account("sso", active=False),))).after["active"] is True


def test_an_account_suspended_by_hand_stays_so_when_adopted() -> None:
    """Adoption is no way around a suspension by hand."""
    by_hand = account("sso", active=False, suspended_by_hand=True)
    assert "active" not in _change(_decide(record(), users=(by_hand,))).after


def test_a_doubtful_adoption_links_nobody_and_asks() -> None:
    """An administrator's account is not taken over by a record with her address."""
    decision = _decide(record(), users=(account("sso", admin=True),))
    assert (_change(decision).action, _change(decision).subject.user_id) == (Action.RECORD, None)
    assert decision.attention is not None
    assert decision.attention.kind == "confirm_adoption"


def test_an_unlinked_suspended_record_touches_no_account() -> None:
    """A directory that says "suspended" of somebody unmanaged does not suspend the account."""
    decision = _decide(record(status=Status.SUSPENDED), users=(account("sso"),))
    assert (_change(decision).action, _change(decision).subject.user_id) == (Action.RECORD, None)


@pytest.mark.parametrize("adopt", list(Adopt))
def test_a_returning_person_needs_no_adoption(adopt: Adopt) -> None:
    """Her account was ours before, whatever the policy on adoption says."""
    dead = row(deleted_at="2026-11-24", status="gone")
    change = _change(_decide(record(), dead, users=(account(active=False),), policy=Policy(adopt=adopt)))
    assert (change.action, change.after["active"], change.new) == (Action.REACTIVATE, True, True)


def test_a_dispute_changes_no_account_and_comes_up_again() -> None:
    """What is unsettled is kept without a fingerprint, so that the next run meets it again."""
    decision = _decide(record("E2"), row(), users=(account(),), fingerprint=b"x" * 16)
    change = _change(decision)
    assert (change.action, change.subject.user_id, change.fingerprint) == (Action.RECORD, None, None)
    assert decision.attention is not None
    assert decision.attention.kind == "disputed"


def test_the_question_about_a_person_is_the_same_at_every_run() -> None:
    """Its key does not depend on fresh ids, so that an answer can be remembered."""
    first, second = (_decide(record("E2"), row(), users=(account(),)).attention for _ in range(2))
    assert first == second


def test_a_change_names_the_versions_it_was_decided_on() -> None:
    """A write that comes in between makes the change stale instead of being overwritten."""
    change = _change(_decide(record(last_name="Lovelace"), row(version=7), users=(account(version=3),)))
    assert (change.expects_version, change.expects_user_version) == (7, 3)


def test_a_group_that_is_new_is_created_with_its_tag() -> None:
    """The tag follows the connection's template."""
    change = decide_group(GroupRecord("G1", "Sales"), None, Policy(tag_template="team/{name}"), ids())
    assert change is not None
    assert (change.action, change.after) == (Action.GROUP_CREATE, {"name": "Sales", "tag": "team/Sales"})


def test_a_renamed_group_is_one_change() -> None:
    """Name and tag move together."""
    change = decide_group(GroupRecord("G1", "Revenue"), group(), Policy(), ids())
    assert change is not None
    assert (change.action, change.before, change.after) == (
        Action.GROUP_RENAME,
        {"name": "Sales", "tag": "Group:Sales"},
        {"name": "Revenue", "tag": "Group:Revenue"},
    )


def test_an_unchanged_group_is_no_change() -> None:
    """Equal name, tag and fingerprint: nothing to do."""
    assert (
        decide_group(GroupRecord("G1", "Sales"), group(fingerprint=b"f"), Policy(), ids(), fingerprint=b"f")
        is None
    )


def test_a_new_template_retags_every_group() -> None:
    """A change of the tag template shows as a change of each group's tag."""
    change = decide_group(GroupRecord("G1", "Sales"), group(), Policy(tag_template="t/{name}"), ids())
    assert change is not None
    assert change.after["tag"] == "t/Sales"
