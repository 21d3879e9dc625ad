from typing import Any

import pytest

from sync.model.change import REMOVALS, Action
from sync.model.connection import Limit, Policy, Safeguards
from sync.plan import Tally
from sync.safeguards import Hold, Standing, holds
from tests.model.samples import change


def _tally(**counts: int) -> Tally:
    tally = Tally()
    for name, count in counts.items():
        tally.add(change(Action(name), name, count=count))
    return tally


def _holds(tally: Tally, policy: Policy = Policy(), **standing: Any) -> dict[str, Hold]:  # noqa: B008 - immutable
    plain = {
        "managed_active": 500,
        "groups": 50,
        "tags": 3000,
        "users_before": 500,
        "users_met": 500,
        "first_run": False,
    }
    return {hold.rule: hold for hold in holds(tally, Standing(**(plain | standing)), policy)}


@pytest.mark.parametrize(
    ("rule", "action", "whole", "most"),
    [
        ("suspensions", "suspend", {"managed_active": 500}, 50),
        ("suspensions", "suspend", {"managed_active": 8}, 5),
        ("releases", "release", {"managed_active": 500}, 50),
        ("group_deletions", "group_delete", {"groups": 50}, 10),
        ("group_deletions", "group_delete", {"groups": 4}, 2),
        ("tag_removals", "member_remove", {"tags": 3000}, 600),
        ("tag_removals", "member_remove", {"tags": 60}, 50),
        ("creations", "create", {"managed_active": 500}, 250),
        ("creations", "create", {"managed_active": 20}, 50),
        ("updates", "update", {"managed_active": 500}, 250),
        ("updates", "update", {"managed_active": 20}, 50),
    ],
)
def test_a_limit_lets_exactly_its_number_pass(
    rule: str, action: str, whole: dict[str, Any], most: int
) -> None:
    """The larger of floor and share may change; one more is held, with the numbers in the sentence."""
    assert rule not in _holds(_tally(**{action: most}), **whole)
    held = _holds(_tally(**{action: most + 1}), **whole)[rule]
    assert f"{most + 1:,}" in held.sentence
    assert f"{most:,}" in held.sentence.replace(f"{most + 1:,}", "")
    wanted = Action(action)
    assert held.actions == (REMOVALS if wanted in REMOVALS else {wanted})


def test_three_of_eight_may_leave_and_all_eight_are_held() -> None:
    """The floor of five keeps a small directory from asking at every goodbye."""
    assert "suspensions" not in _holds(_tally(suspend=3), managed_active=8)
    assert "suspensions" in _holds(_tally(suspend=8), managed_active=8)


def test_eleven_in_a_hundred_leavers_of_500_are_held() -> None:
    """11 % of 500 is over the limit of 10 %."""
    assert set(_holds(_tally(suspend=55, create=3))) == {"suspensions"}


def test_an_empty_source_is_always_held() -> None:
    """Nobody where somebody was: every removal waits, however few they are."""
    held = _holds(_tally(suspend=1), users_met=0, users_before=3)["empty_source"]
    assert Action.SUSPEND in held.actions
    assert Action.CREATE not in held.actions


def test_a_fall_by_more_than_half_is_held() -> None:
    """Half is let through, less than half is not."""
    assert "user_count_fall" not in _holds(_tally(suspend=1), users_met=250)
    assert "user_count_fall" in _holds(_tally(suspend=1), users_met=249)


def test_a_delta_is_not_measured_against_the_whole() -> None:
    """What changed since yesterday says nothing of how many there are."""
    assert not _holds(_tally(suspend=1), users_met=None)


def test_the_first_run_is_held_whole() -> None:
    """Creations included: somebody reads the first plan."""
    held = _holds(_tally(create=1), first_run=True, users_before=0, users_met=1)["first_run"]
    assert Action.CREATE in held.actions
    assert Action.GROUP_CREATE in held.actions


def test_the_first_run_is_not_measured_by_the_limits_of_growth() -> None:
    """Everybody is new in it; one sentence is enough."""
    assert set(_holds(_tally(create=9000), first_run=True, managed_active=0, users_before=0)) == {"first_run"}


def test_an_empty_plan_is_never_held() -> None:
    """There is nothing to wait for."""
    assert not _holds(Tally(), first_run=True, users_met=0)


@pytest.mark.parametrize(
    ("size", "lost", "held"),
    [(19, 19, False), (20, 10, False), (20, 11, True), (100, 50, False), (100, 51, True)],
)
def test_a_large_group_may_lose_half(size: int, lost: int, held: bool) -> None:
    """Groups of 20 and more: more than max(10, 50 %) of one group's members waits."""
    tally = Tally()
    tally.add(change(Action.MEMBER_REMOVE, "Sales", count=lost, before={"members": size}))
    found = _holds(tally)
    assert ("member_removals" in found) is held
    if held:
        assert "Sales" in found["member_removals"].sentence


@pytest.mark.parametrize(
    ("changed", "tally", "standing"),
    [
        ({"first_run": False}, _tally(create=1), {"first_run": True}),
        ({"empty_source": False}, _tally(suspend=1), {"users_met": 0}),
        ({"suspensions": Limit(floor=99, share=0)}, _tally(suspend=60), {}),
        ({"creations": Limit(floor=999, share=0)}, _tally(create=300), {}),
        ({"updates": Limit(floor=999, share=0)}, _tally(update=300), {}),
        ({"group_deletions": Limit(floor=50, share=0)}, _tally(group_delete=20), {}),
        ({"tag_removals": Limit(floor=999, share=0)}, _tally(member_remove=700), {}),
    ],
)  # fmt: skip
def test_every_safeguard_can_be_set(changed: dict[str, Any], tally: Tally, standing: dict[str, Any]) -> None:
    """An admin may widen or switch off each of them; the defaults hold the same plan."""
    assert _holds(tally, **standing)
    assert not _holds(tally, Policy(safeguards=Safeguards(**changed)), **standing)


def test_several_safeguards_speak_each_for_itself() -> None:
    """The admin reads every reason at once, not one after another."""
    assert set(_holds(_tally(suspend=400, create=300), users_met=100)) == {
        "user_count_fall",
        "suspensions",
        "creations",
    }


def test_a_share_of_nothing_still_has_its_floor() -> None:
    """The limit of a directory of nobody is the floor."""
    assert Limit(floor=5, share=0.1).allows(5, 0)
    assert not Limit(floor=5, share=0.1).allows(6, 0)


@pytest.mark.parametrize("action", sorted(REMOVALS))
def test_a_freeze_holds_whatever_takes_something_away(action: Action) -> None:
    """One single removal is enough, and the sentence says who froze."""
    held = _holds(_tally(**{action.value: 1, "create": 1}), frozen="Ops froze removals until noon.")
    assert set(held) == {"freeze"}
    assert held["freeze"].sentence.startswith("Ops froze removals until noon. ")
    assert held["freeze"].actions == REMOVALS


def test_a_freeze_lets_everything_else_pass() -> None:
    """What gives or changes is none of its business."""
    assert _holds(_tally(create=2, update=2, reactivate=2, member_add=2), frozen="Frozen.") == {}
