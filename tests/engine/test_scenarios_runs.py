"""The scenarios of runs: 15, 16, 21 and 23 (test_scenarios.py lists them all)."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from sync.model.connection import Connection
from sync.model.errors import LeaseLost
from sync.model.run import ItemState, Run, RunState
from sync.revert import request_revert
from sync.store import runs
from tests.engine.house import House, house_at
from tests.engine.ledger import Ledger
from tests.engine.stories import NEWCOMERS, before_the_churn
from tests.engine.words import active, happened

_ROOT = Path(__file__).parents[2]
_KILLED = "137"


def _lives(url: str, connection: Connection) -> list[str]:
    """Exit codes of replicas that carry one run on: each is killed one commit later, the last one is not."""
    told = "".join(f"{url}\t{connection.id}\t{dies_at}\tafter\tanew\n" for dies_at in range(1, 30))
    command = [sys.executable, "-m", "tests.engine.doomed"]
    ended = subprocess.run(command, cwd=_ROOT, input=told, capture_output=True, text=True, check=True)
    codes = ended.stdout.split()
    return codes[: codes.index("0")]


def test_15_killed_at_each_apply_step(house: House, database_url: str) -> None:
    """Kill -9 after every commit of a run in turn: each replica goes on; no event is lost or doubled."""
    story = before_the_churn()
    connection = house.connect(policy=story.policy)
    house.settle(connection, story.ledger.source)
    told = len(house.changes_told())
    run = house.request(connection)
    house.close()
    killed = _lives(database_url, connection)
    assert (len(killed) > 8, set(killed)) == (True, {_KILLED})
    with house_at(database_url) as after:
        events = after.changes_told()[told:]
        created = [event["subject"]["label"] for event in events if event["type"] == "user.created"]
        assert len(created) == len(set(created)) == NEWCOMERS
        assert sorted(event["subject"]["label"] for event in events if event["type"] == "user.suspended") == [
            "a000@example.com",
            "a001@example.com",
        ]
        assert len({event["id"] for event in after.events()}) == len(after.events())
        assert {item.state for item in after.items(_ended(after, run.id))} == {ItemState.APPLIED}
        assert len(active(after)) == 12 - 2 + NEWCOMERS


def _ended(house: House, run_id: str) -> Run:
    with house.database.read() as conn:
        return runs.get(conn, run_id)


# --- two replicas ---------------------------------------------------------------------------------


def test_16_two_replicas_at_one_tick(house: House, ledger: Ledger) -> None:
    """Both ask for the run that is due, at one moment: there is one run, and one of them has it."""
    connection, together = house.connect(), Barrier(2)

    def replica(_number: int) -> str:
        together.wait(timeout=10)
        return house.request(connection, trigger="schedule", approved_beforehand=True).id

    with ThreadPoolExecutor(2) as pool:
        asked = set(pool.map(replica, range(2)))
    assert len(asked) == len(house.rows("run")) == 1
    lease, run = house.claim(connection)
    with pytest.raises(AssertionError):
        house.claim(connection)
    assert house.execute((lease, run), ledger.source).state is RunState.SUCCEEDED


def test_16_a_stale_writer_is_fenced_off(house: House, ledger: Ledger) -> None:
    """The holder sleeps beyond its lease while another finishes the run: what it writes then is refused."""
    connection = house.connect()
    house.request(connection, approved_beforehand=True)
    sleeper = house.claim(connection, lease_s=0)
    finished = house.execute(house.claim(connection), ledger.source)
    assert finished.state is RunState.SUCCEEDED
    before = house.dump()
    ledger.remove("A")
    with pytest.raises(LeaseLost):
        house.execute(sleeper, ledger.source)
    assert house.dump() == before


# --- taking back ----------------------------------------------------------------------------------


def test_21_revert_after_later_changes(house: House, ledger: Ledger) -> None:
    """Two of a run's users changed since: those are shown as conflicts and left, the rest is taken back."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    for name in "ABCD":
        ledger.suspend(name)
    done = house.pull(connection, ledger.source)
    for name in "ab":
        house.set_user(house.user(f"{name}@example.com")["id"], first_name="By hand")
    with house.database.write() as conn:
        request_revert(conn, done.id, by="an admin", now=house.clock())
    back = house.execute(house.claim(connection), ledger.source)
    conflicts = {item.subject: item.reason for item in house.items(back) if item.state is ItemState.REFUSED}
    assert conflicts.keys() == {"a@example.com", "b@example.com"}
    assert set(conflicts.values()) == {"left alone: changed by hand since"}
    assert active(house) == {f"{name}@example.com" for name in "cdef"}


# --- a large directory ----------------------------------------------------------------------------


@contextmanager
def _counted() -> Iterator[list[str]]:
    """Every statement that any database executes meanwhile."""
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(Engine, "before_cursor_execute", note)


def _directory(people: int, page_size: int) -> Ledger:
    ledger = Ledger(page_size=page_size)
    for number in range(people):
        ledger.add(f"P{number:05}", email=f"p{number:05}@{people}.example.com")
    ids = list(ledger.people)
    for number in range(60):
        ledger.team(f"G{number:02}", f"Team {number}", *ids[number::60])
    return ledger


def _unchanged(house: House, connection: Connection, ledger: Ledger) -> int:
    """How many statements a pull of an unchanged directory costs."""
    with _counted() as statements:
        run = house.pull(connection, ledger.source)
    assert (run.state, happened(run)) == (RunState.SUCCEEDED, {})
    return len(statements)


def test_23_no_query_per_user(house: House) -> None:
    """3,000 unchanged people in 60 groups cost as many statements as 300 in as many pages: some per page."""
    small, large = _directory(300, page_size=30), _directory(3000, page_size=300)
    one, two = house.connect("Small"), house.connect("Large")
    house.settle(one, small.source)
    house.settle(two, large.source)
    statements = _unchanged(house, two, large)
    assert statements == _unchanged(house, one, small)
    pages = 10 + 1 + 60 + 1
    assert statements < 2 * pages
    large.page_size = 100
    assert statements < _unchanged(house, two, large) <= statements + 5 * 20
