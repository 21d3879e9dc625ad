"""Which tags a plan really takes."""

from sync.tag_losses import Cuts, Reach

TAGS = {"all": "All", "north": "North", "south": "South"}
ABOVE = {"north": {"all"}, "south": {"all"}}
"""Two groups within one that holds everybody."""


def test_a_membership_takes_the_tags_of_the_groups_above_too() -> None:
    """Who leaves a nested group loses its tag and those that came through it."""
    reach = Reach(TAGS, ABOVE, Cuts(members={("north", "ada")}))
    assert reach.lost("ada", ["north"]) == {"All", "North"}


def test_a_tag_that_comes_by_another_way_is_kept() -> None:
    """Who is in a second group below the same one keeps the tag of that one."""
    reach = Reach(TAGS, ABOVE, Cuts(members={("north", "ada")}))
    assert reach.lost("ada", ["north", "south"]) == {"North"}


def test_a_nesting_that_ends_takes_the_tag_from_everybody_below() -> None:
    """A group that leaves another one makes its members poorer by that one's tag."""
    reach = Reach(TAGS, ABOVE, Cuts(members={("all", "north")}))
    assert reach.poorer == ["north"]
    assert reach.lost("ada", ["north"]) == {"All"}


def test_a_deleted_group_takes_its_tag_and_those_above() -> None:
    """With a group go all ways through it."""
    reach = Reach(TAGS, ABOVE, Cuts(groups={"north"}))
    assert (reach.lost("ada", ["north"]), reach.lost("bea", ["south"])) == ({"All", "North"}, set())


def test_a_group_without_a_tag_takes_none() -> None:
    """A membership of a group that tags nobody is no loss."""
    reach = Reach({}, {}, Cuts(members={("plain", "ada")}))
    assert reach.lost("ada", ["plain"]) == set()


def test_a_tag_that_is_taken_from_a_group() -> None:
    """A group that tags nobody any more takes its own tag only."""
    assert Reach(TAGS, ABOVE, Cuts(untagged={"north"})).lost("ada", ["north"]) == {"North"}


def test_groups_in_a_circle() -> None:
    """Groups that hold each other give each other's tags, and end alike."""
    circle = {"north": {"south"}, "south": {"north"}}
    reach = Reach(TAGS, circle, Cuts(members={("north", "south")}))
    assert reach.lost("ada", ["south"]) == {"North"}


def test_more_than_can_be_looked_at_is_counted_whole() -> None:
    """Beyond a bound each ended membership is taken for a lost tag."""
    cuts = Cuts()
    cuts.end_members("all", (f"p{number}" for number in range(50_003)))
    assert (len(cuts.members), cuts.uncounted) == (50_000, 3)
