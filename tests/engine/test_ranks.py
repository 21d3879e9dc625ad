"""Two directories, one person: who wins a field, and who says whether there is access."""

from dataclasses import replace

from sync import resolution
from sync.model.connection import ActiveRule, Connection, Policy
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.words import happened

MAIL = "a@example.com"


def _both(house: House, ledger: Ledger, policy: Policy) -> tuple[Connection, Connection, Ledger]:
    """A in two directories: First (rank 10) and Second (rank 20), linked by a person's word."""
    first = house.connect("First", policy=replace(policy, rank=10), rank=10)
    second = house.connect("Second", policy=replace(policy, rank=20), rank=20)
    house.settle(first, ledger.source)
    there = Ledger(tenant="tenant-b")
    there.add("B-A", email=MAIL, first_name="Other", picture_url="https://example.com/b.png")
    house.settle(second, there.source)
    (question,) = house.attention()
    with house.database.write() as conn:
        resolution.resolve(
            conn, second, house.policy_of(second), question["id"], how="link", by="me", now=house.clock()
        )
    return first, second, there


def test_each_field_comes_from_the_highest_rank_that_has_it(house: House, ledger: Ledger) -> None:
    """First's name stays; Second's picture fills the gap; First's own picture takes its place later."""
    first, _, _ = _both(house, ledger, Policy())
    assert house.users()[MAIL]["first_name"] == "A"
    assert house.users()[MAIL]["picture_url"] == "https://example.com/b.png"
    ledger.change("A", picture_url="https://example.com/a.png")
    assert happened(house.pull(first, ledger.source)) == {"update": 1}
    assert house.users()[MAIL]["picture_url"] == "https://example.com/a.png"
    ledger.change("A", picture_url=None)
    house.pull(first, ledger.source)
    assert house.users()[MAIL]["picture_url"] == "https://example.com/b.png"


def test_a_lower_rank_changes_nothing_that_is_taken(house: House, ledger: Ledger) -> None:
    """Second's other first name does not flap with First's."""
    _, second, there = _both(house, ledger, Policy())
    there.change("B-A", first_name="Third")
    assert happened(house.pull(second, there.source)) == {}
    assert house.users()[MAIL]["first_name"] == "A"


def test_the_highest_rank_decides_access_where_so_configured(house: House, ledger: Ledger) -> None:
    """With the rule "highest" First's word suspends although Second says active."""
    first, second, there = _both(house, ledger, Policy(active_rule=ActiveRule.HIGHEST))
    ledger.suspend("A")
    assert happened(house.pull(first, ledger.source)) == {"suspend": 1}
    there.change("B-A", last_name="New")
    assert "reactivate" not in happened(house.pull(second, there.source))
    assert not house.users()[MAIL]["active"]


def test_one_person_takes_one_seat(house: House, ledger: Ledger) -> None:
    """Two links, one account, one seat; its tags are those of both directories."""
    first, second, there = _both(house, ledger, Policy())
    there.team("T", "Board", "B-A")
    house.settle(second, there.source)
    assert len(house.users()) == 6
    assert set(house.users()[MAIL]["tags"]) == {"scim", "Group:Sales", "Group:Board"}
    assert first.id != second.id
