"""Faults that show over time, on each directory that has them: nobody is robbed, all is found, and told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from providers.pace import forget
from providers.simulator.server import Simulator, start
from sync.model.connection import Connection
from sync.model.run import RunMode, RunState
from tests.engine.directories import Opener, robbed, tags_due, tags_held
from tests.engine.house import House

DAY_S = 86_400


@contextmanager
def settled(house: House, type: str, **settings: Any) -> Iterator[tuple[Simulator, Connection, Opener]]:
    """A directory of 120 people in 6 groups, pulled once."""
    forget()
    with start(type, users=120, groups=6, seed=29) as directory:
        connection, opener = house.connect(), Opener(directory, **settings)
        assert house.settle(connection, opener).state is RunState.SUCCEEDED
        assert tags_held(house, connection) == tags_due(directory)
        yield directory, connection, opener


@pytest.fixture
def pulled(quick_house: House) -> Callable[..., Any]:
    """Pulls, and holds the outcome against the directory's truth: a loss of what is due fails the test."""

    def pull(directory: Simulator, connection: Connection, opener: Opener, mode: RunMode) -> Any:
        before = quick_house.managed(connection)
        run = quick_house.pull(connection, opener, mode=mode)
        assert not robbed(quick_house, connection, before, tags_due(directory))
        return run

    return pull


@pytest.mark.parametrize("fault", ["retention(0)", "late_event(300)"], ids=["D14", "D15"])
def test_okta_s_log_may_be_short_or_late(quick_house: House, pulled: Any, fault: str) -> None:
    """Changes come from the people and groups themselves: the log is not asked, and nobody is missed."""
    with settled(quick_house, "okta") as (directory, connection, opener):
        directory.fault(fault)
        directory.churn(joiners=2, leavers=3, movers=2, renames=1)
        delta = pulled(directory, connection, opener, RunMode.DELTA)
        assert delta.state is RunState.SUCCEEDED
        # deleted people are in no filter: the next full read misses them, and asks for each by id
        gone = tags_held(quick_house, connection).keys() - tags_due(directory).keys()
        assert gone <= quick_house.managed(connection).keys()
        full = pulled(directory, connection, opener, RunMode.FULL)
        assert full.state is RunState.SUCCEEDED
        assert full.complete
        assert tags_held(quick_house, connection) == tags_due(directory)
        assert "logs" not in directory.requests()["by_op"]


def test_jumpcloud_s_log_that_reaches_back_too_short_means_a_full_read(
    quick_house: House, pulled: Any
) -> None:
    """D14: whoever left before the log begins is found all the same, and the run says what it did."""
    with settled(quick_house, "jumpcloud") as (directory, connection, opener):
        directory.churn(leavers=2, movers=2)
        directory.clock(advance=100 * DAY_S)
        directory.fault("retention(90)")
        run = pulled(directory, connection, opener, RunMode.DELTA)
        assert (run.state, quick_house.plan(run).mode) == (RunState.SUCCEEDED, RunMode.FULL)
        assert "read in full" in run.reasons[0]
        assert tags_held(quick_house, connection) == tags_due(directory)


def test_jumpcloud_s_late_events_are_met_by_the_next_run(quick_house: House, pulled: Any) -> None:
    """D15: an event that is not there yet changes nothing, and comes with the overlap of the next window."""
    with settled(quick_house, "jumpcloud") as (directory, connection, opener):
        directory.fault("late_event(300)")
        held = tags_held(quick_house, connection)
        directory.churn(joiners=1, leavers=2, movers=2)
        directory.clock(advance=60)
        assert pulled(directory, connection, opener, RunMode.DELTA).state is RunState.SUCCEEDED
        assert tags_held(quick_house, connection) == held
        directory.clock(advance=301)
        assert pulled(directory, connection, opener, RunMode.DELTA).state is RunState.SUCCEEDED
        assert tags_held(quick_house, connection) == tags_due(directory)


@pytest.mark.parametrize("type", ["okta", "onelogin", "jumpcloud"])
def test_an_odd_picture_costs_nobody_anything(quick_house: House, pulled: Any, type: str) -> None:
    """F05: what is no https address is no picture; access, tags and the rest of the profile stay."""
    with settled(quick_house, type, picture_attribute="picture") as (directory, connection, opener):
        touched = directory.fault("picture(odd)")["touched"]
        before = quick_house.managed(connection)
        run = pulled(directory, connection, opener, RunMode.FULL)
        assert (run.state, run.complete) == (RunState.SUCCEEDED, True)
        assert tags_held(quick_house, connection) == tags_due(directory)
        after = quick_house.managed(connection)
        assert {after[user_id].picture_url for user_id in touched} == {None}
        assert {i: p.email for i, p in after.items()} == {i: p.email for i, p in before.items()}
