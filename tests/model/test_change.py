from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync.model.change import (
    COUNTED,
    ORDER,
    Action,
    Change,
    Subject,
    change_id,
    counted,
)
from sync.model.resources import GroupRecord, Status, UserRecord
from sync.store import change_text
from tests.model.samples import change

_text = st.text(max_size=10)
_maybe = st.none() | _text
_numbers = st.integers(-(2**63), 2**63 - 1)
_fields = st.dictionaries(_text, st.none() | st.booleans() | _numbers | _text, max_size=3)
_people = st.builds(
    UserRecord, external_id=_text, user_name=_text, email=_maybe, first_name=_maybe, last_name=_maybe,
    picture_url=_maybe, status=st.sampled_from(Status), status_text=_text, scim_external_id=_maybe,
    extra=st.lists(st.tuples(_text, _text), max_size=2).map(tuple),
)  # fmt: skip
_groups = st.builds(GroupRecord, external_id=_text, name=_text, scim_external_id=_maybe)
_subjects = st.builds(
    Subject,
    kind=st.sampled_from(["user", "group"]),
    id=_text,
    label=_text,
    external_id=_maybe,
    user_id=_maybe,
)
_changes = st.builds(
    Change,
    action=st.sampled_from(Action),
    subject=_subjects,
    reason=_text,
    before=_fields,
    after=_fields,
    record=st.none() | _people | _groups,
    document=st.none() | st.dictionaries(_text, _text, min_size=1, max_size=3),
    new=st.booleans(),
    expects_version=st.none() | st.integers(1, 99),
    expects_user_version=st.none() | st.integers(1, 99),
    fingerprint=st.none() | st.binary(min_size=16, max_size=16),
    rule=st.none() | st.text(min_size=1, max_size=5),
    members=st.lists(_text, max_size=4).map(tuple),
    displays=st.just({}),
    restore=st.none() | st.dictionaries(_text, _fields, min_size=1, max_size=2),
    tombstone=st.booleans(),
    whole=st.integers(0, 99),
    part=st.integers(0, 9),
    count=st.integers(0, 99),
)  # fmt: skip


@given(_changes)
def test_a_stored_change_is_the_change(made: Change) -> None:
    """What goes into a plan as text comes out of it the same, as it was made."""
    assert change_text.change(change_text.text_of(made)) == made


def test_a_change_has_one_id_in_every_plan() -> None:
    """The id is made of what is wanted of whom, not of fresh row ids."""
    one = change(subject=Subject(kind="user", id="fresh-1", label="a", external_id="E1"))
    other = change(subject=Subject(kind="user", id="fresh-2", label="b", external_id="E1"))
    assert one.id == other.id == change_id(Action.CREATE, "user", "E1")


def test_different_wishes_have_different_ids() -> None:
    """Action, kind, subject and part each tell changes apart."""
    ids = {
        change_id(Action.SUSPEND, "user", "E1"),
        change_id(Action.UPDATE, "user", "E1"),
        change_id(Action.SUSPEND, "group", "E1"),
        change_id(Action.SUSPEND, "user", "E2"),
        change_id(Action.SUSPEND, "user", "E1", 1),
    }
    assert len(ids) == 5


def test_memberships_count_one_by_one_and_notes_not_at_all() -> None:
    """Counts are what people see: a note on a row is no change for anybody."""
    counts: dict[str, Any] = counted(
        [change(Action.MEMBER_ADD, count=3), change(Action.RECORD), change(Action.CREATE)]
    )
    assert {action: number for action, number in counts.items() if number} == {"create": 1, "member_add": 3}
    assert set(counts) == {action.value for action in COUNTED}


def test_suspensions_come_before_what_takes_their_seats() -> None:
    """In a plan: suspensions first, then reactivations, then creations."""
    assert ORDER[Action.SUSPEND] < ORDER[Action.REACTIVATE] < ORDER[Action.CREATE]


def test_groups_exist_before_their_members_and_go_after_them() -> None:
    """A group is created before anybody joins it, and people leave before they join."""
    assert ORDER[Action.GROUP_CREATE] < ORDER[Action.MEMBER_ADD]
    assert ORDER[Action.CREATE] < ORDER[Action.MEMBER_ADD]


def test_only_what_takes_something_away_is_a_removal() -> None:
    """Removals are what a partial read may never do."""
    removals = {action for action in Action if change(action).removal}
    assert removals == {Action.SUSPEND, Action.RELEASE, Action.GROUP_DELETE, Action.MEMBER_REMOVE}
