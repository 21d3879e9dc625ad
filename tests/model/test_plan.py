from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sync.model.change import Action, Change, Subject
from sync.plan import Tally, people_words
from tests.model.samples import change

_plans = st.lists(
    st.builds(
        lambda action, name, after: change(action, name, after={"last_name": after}),
        st.sampled_from(Action),
        st.sampled_from("ABCDEFGH"),
        st.sampled_from(["x", "y"]),
    ),
    max_size=8,
)


def _tally(changes: list[Change]) -> Tally:
    tally = Tally()
    for one in changes:
        tally.add(one)
    return tally


@given(_plans, st.randoms(use_true_random=False))
def test_the_checksum_does_not_depend_on_the_order_found(changes: list[Change], random: object) -> None:
    """The same set of changes gives the same checksum, however the pages came."""
    shuffled = list(changes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _tally(changes).checksum("c1") == _tally(shuffled).checksum("c1")


@given(_plans, _plans)
def test_different_sets_have_different_checksums(one: list[Change], other: list[Change]) -> None:
    """An approval is bound to exactly what was looked at."""

    def seen(changes: list[Change]) -> list[tuple[str, str, str]]:
        told = [c for c in changes if c.action is not Action.RECORD]
        return sorted((c.action.value, c.subject.label, c.after["last_name"]) for c in told)

    assert (_tally(one).checksum("c1") == _tally(other).checksum("c1")) == (seen(one) == seen(other))


def test_the_checksum_is_that_of_one_connection() -> None:
    """Approving one connection's plan approves no other's."""
    tally = _tally([change()])
    assert tally.checksum("c1") != tally.checksum("c2")


def test_the_same_plan_made_again_has_the_same_checksum() -> None:
    """Fresh row ids do not enter: a rejection is remembered for the set."""
    first = change(subject=Subject(kind="user", id="fresh-1", label="a", external_id="E1", user_id="u-1"))
    second = change(subject=Subject(kind="user", id="fresh-2", label="a", external_id="E1", user_id="u-2"))
    assert _tally([first]).checksum("c1") == _tally([second]).checksum("c1")


def test_a_member_more_is_another_checksum() -> None:
    """Who is removed from a group is part of what was looked at."""
    one, two = (change(Action.MEMBER_REMOVE, members=members, count=1) for members in (("E1",), ("E2",)))
    assert _tally([one]).checksum("c1") != _tally([two]).checksum("c1")


@given(_plans)
def test_places_follow_the_order_of_actions_and_of_coming(changes: list[Change]) -> None:
    """Sorting a plan by place sorts it by action, and within one action by age."""
    tally = Tally()
    placed = sorted((tally.add(one), number, one) for number, one in enumerate(changes))
    order = list(Action)
    for (_, earlier, one), (_, later, other) in pairwise(placed):
        assert (order.index(one.action), earlier) < (order.index(other.action), later)


def test_a_plan_of_notes_is_empty() -> None:
    """What changes nobody does not ask for approval."""
    assert _tally([change(Action.RECORD)]).empty
    assert not _tally([change(Action.UPDATE)]).empty


def test_the_losses_of_a_group_add_up_over_its_pieces() -> None:
    """A large removal comes in pieces; the safeguard sees their sum."""
    pieces = [
        change(Action.MEMBER_REMOVE, "G1", count=count, part=part, before={"members": 50})
        for part, count in enumerate((20, 15))
    ]
    assert list(_tally(pieces).largest_removals.values()) == [("G1", 35, 50)]


def test_counts_read_as_a_sentence() -> None:
    """Only what happens is named, in words for people."""
    assert people_words(_tally([change(), change(Action.SUSPEND)]).counts) == "1 created, 1 suspended"
    assert people_words(Tally().counts) == "nothing to do"
