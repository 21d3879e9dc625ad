"""What a person leaves out of a plan stays out until somebody says otherwise, or it wants something else."""

from __future__ import annotations

import pytest

from sync.explain import explain
from sync.model.connection import Connection
from sync.model.run import ItemState, PlanItem, Run, RunMode, RunState
from sync.store import left_out
from tests.engine.house import House
from tests.engine.ledger import Ledger, gone

MANY = [f"P{number:02}" for number in range(12)]
"""Six of them leaving is more than the limit."""


@pytest.fixture
def acme(house: House) -> Connection:
    return house.connect()


@pytest.fixture
def ledger(house: House, acme: Connection) -> Ledger:
    found = Ledger(cursor="later")
    for each in MANY:
        found.add(each)
    house.settle(acme, found.source)
    for each in MANY[:6]:
        found.suspend(each)
    return found


def _item(house: House, run: Run, label: str) -> PlanItem:
    return next(item for item in house.items(run) if item.subject.startswith(label))


def _left_out_but_one(house: House, acme: Connection, ledger: Ledger) -> Run:
    """The plan that suspends six is approved without P00; returns the approval's run."""
    held = house.pull(acme, ledger.source)
    assert held.state is RunState.HELD
    return house.approve(held, exclude=[_item(house, held, "p00").id])


def _active(house: House, name: str) -> bool:
    return bool(house.users()[f"{name}@example.com"]["active"])


def test_it_stays_left_out(house: House, acme: Connection, ledger: Ledger) -> None:
    """The next plans show the item as left out, do not count it, and nothing holds."""
    _left_out_but_one(house, acme, ledger)
    run = house.pull(acme, ledger.source)
    assert (run.state, run.counts["suspend"]) == (RunState.SUCCEEDED, 0)
    assert _item(house, run, "p00").state is ItemState.EXCLUDED
    assert any("stays left out" in reason for reason in run.reasons)
    assert _active(house, "p00")


def test_an_approval_shows_what_it_did_itself(house: House, acme: Connection, ledger: Ledger) -> None:
    """Its counts are of what was written, without what was left out."""
    approved = _left_out_but_one(house, acme, ledger)
    assert {name: count for name, count in approved.counts.items() if count} == {"suspend": 5}
    told = [event for event in house.events() if event["type"] == "run.succeeded"][-1]
    assert (told["run"], told["counts"]["suspend"]) == (approved.id, 5)


def test_explain_says_who_left_it_out(house: House, acme: Connection, ledger: Ledger) -> None:
    """Why she still has access is answered with the person who left the suspension out."""
    _left_out_but_one(house, acme, ledger)
    with house.database.read() as conn:
        facts = " | ".join(because.fact for because in explain(conn, "p00@example.com").because)
    assert "Left out of plan" in facts
    assert "by an admin" in facts
    assert "connector plans include" in facts


def test_it_can_be_let_in_again(house: House, acme: Connection, ledger: Ledger) -> None:
    """What is not left out any more is planned and applied like anything else."""
    _left_out_but_one(house, acme, ledger)
    with house.database.write() as conn:
        (row,) = left_out.listed(conn, connection_id=acme.id)
        left_out.forget(conn, acme.id, [row["item_id"]])
    assert house.pull(acme, ledger.source).counts["suspend"] == 1
    assert not _active(house, "p00")


def test_it_counts_again_once_it_is_about_something_else(
    house: House, acme: Connection, ledger: Ledger
) -> None:
    """Somebody who came back and is suspended anew was not left out for ever."""
    _left_out_but_one(house, acme, ledger)
    ledger.restore("P00")
    house.pull(acme, ledger.source)
    ledger.suspend("P00")
    assert house.pull(acme, ledger.source).counts["suspend"] == 1


def test_another_change_of_the_same_person_is_not_left_out(
    house: House, acme: Connection, ledger: Ledger
) -> None:
    """The item is bound to what it does: a suspension that also renames is looked at anew."""
    _left_out_but_one(house, acme, ledger)
    ledger.change("P00", first_name="Other")
    assert house.pull(acme, ledger.source).counts["suspend"] == 1


def test_a_partial_read_forgets_nothing(house: House, acme: Connection, ledger: Ledger) -> None:
    """A read that did not meet everybody says nothing of what was left out."""
    _left_out_but_one(house, acme, ledger)
    ledger.breaks_after = 0
    house.pull(acme, ledger.source)
    ledger.tell_truth()
    assert house.pull(acme, ledger.source).counts["suspend"] == 0


def test_a_delta_leaves_it_out_too(house: House, acme: Connection, ledger: Ledger) -> None:
    """What was left out of a full read's plan is left out when a delta speaks of it."""
    held = house.pull(acme, ledger.source)
    suspension = _item(house, held, "p00").id
    house.approve(held, exclude=[suspension])
    ledger.delta = [gone("user", "P00")]
    run = house.pull(acme, ledger.source, mode=RunMode.DELTA)
    assert (run.state, run.counts["suspend"]) == (RunState.SUCCEEDED, 0)
