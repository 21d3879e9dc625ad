import pytest

from sync.model.errors import Conflict, NotFound
from sync.model.run import ItemState, PlanState
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.words import active, crowd


def test_a_held_plan_is_superseded_by_the_next_run(house: House, ledger: Ledger) -> None:
    """Only the newest plan can be approved."""
    connection = house.connect()
    run = house.pull(connection, ledger.source)
    newer = house.pull(connection, ledger.source)
    assert (house.plan(run).state, house.plan(newer).state) == (PlanState.SUPERSEDED, PlanState.HELD)
    with pytest.raises(Conflict, match="superseded"):
        house.approve(run)


def test_the_same_plan_made_again_has_the_same_checksum(house: House, ledger: Ledger) -> None:
    """What was looked at can be recognised."""
    connection = house.connect()
    first, second = (house.pull(connection, ledger.source) for _ in range(2))
    assert house.plan(first).hash == house.plan(second).hash
    ledger.add("NEW")
    assert house.plan(house.pull(connection, ledger.source)).hash != house.plan(first).hash


def test_a_stale_checksum_is_refused(house: House, ledger: Ledger) -> None:
    """Approving names what was looked at; anything else is a conflict that says what to do."""
    connection = house.connect()
    run = house.pull(connection, ledger.source)
    with pytest.raises(Conflict, match="not the one you looked at"):
        house.approve(run, expect_hash="0" * 32)
    with pytest.raises(Conflict):
        house.approve(run, expect_hash=house.plan(run).hash[:7])
    assert house.users() == {}


def test_single_items_can_be_left_out(house: House, ledger: Ledger) -> None:
    """What is excluded stays out and is shown as such."""
    connection = house.connect()
    run = house.pull(connection, ledger.source)
    (item,) = [item for item in house.items(run) if item.subject == "a@example.com"]
    house.approve(run, exclude=[item.id])
    assert "a@example.com" not in house.users()
    assert len(house.users()) == 5
    (item,) = [item for item in house.items(run) if item.subject == "a@example.com"]
    assert item.state is ItemState.EXCLUDED


def test_an_unknown_item_cannot_be_left_out(house: House, ledger: Ledger) -> None:
    """A typing mistake in an exclusion approves nothing."""
    run = house.pull(house.connect(), ledger.source)
    with pytest.raises(NotFound):
        house.approve(run, exclude=["nosuchitem"])


def test_a_rejection_is_remembered_for_that_set(house: House, ledger: Ledger) -> None:
    """The same plan does not ask again; one person more does."""
    connection = crowd(house, ledger, 44)
    for number in range(7):
        ledger.suspend(f"P{number:03}")
    assert house.reject(house.pull(connection, ledger.source)).state is PlanState.REJECTED
    again = house.pull(connection, ledger.source)
    assert house.plan(again).state is PlanState.REJECTED
    assert again.reasons[-1].startswith("an admin rejected exactly these changes on 2026-")
    with pytest.raises(Conflict):
        house.approve(again)
    ledger.suspend("P010")
    assert house.plan(house.pull(connection, ledger.source)).state is PlanState.HELD
    assert len(active(house)) == 50


def test_who_returns_between_hold_and_approval_is_not_suspended(house: House, ledger: Ledger) -> None:
    """What is applied is the approved set that is still true: her item is stale, the rest goes."""
    connection = crowd(house, ledger, 44)
    for number in range(7):
        ledger.suspend(f"P{number:03}")
    run = house.pull(connection, ledger.source)
    house.set_user(house.user("P003")["id"], first_name="Changed by hand")
    house.approve(run)
    states = {item.subject: item.state for item in house.items(run) if item.action == "suspend"}
    assert states.pop("p003@example.com") is ItemState.STALE
    assert set(states.values()) == {ItemState.APPLIED}
    assert "p003@example.com" in active(house)
    assert len(active(house)) == 44


def test_approving_twice_is_a_conflict(house: House, ledger: Ledger) -> None:
    """A plan waits for one word."""
    run = house.pull(house.connect(), ledger.source)
    house.approve(run)
    with pytest.raises(Conflict, match="applied"):
        house.approve(run)
