import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from sync.model.connection import Connection
from tests.engine.house import House, house_at
from tests.engine.stories import NEWCOMERS, before_the_churn

_ROOT = Path(__file__).parents[2]
_KILLED = 137
PROFILE = ("email", "first_name", "last_name", "picture_url", "active", "version", "origin")


class Replicas:
    """Processes that carry runs on, and die when told to."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.engine.doomed"]
        self._program = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def carry_on(
        self, url: str, connection_id: str, dies_at: int = 0, moment: str = "before", reads: str = "anew"
    ) -> int:
        """The exit code of one replica's life."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(f"{url}\t{connection_id}\t{dies_at}\t{moment}\t{reads}\n")
        self._program.stdin.flush()
        return int(self._program.stdout.readline())

    def end(self) -> None:
        assert self._program.stdin is not None
        self._program.stdin.close()
        self._program.wait(timeout=30)
        assert self._program.stdout is not None
        self._program.stdout.close()


@pytest.fixture
def replicas() -> Iterator[Replicas]:
    made = Replicas()
    yield made
    made.end()


@pytest.fixture
def copies(database_url: str) -> Iterator[Callable[[], str]]:
    """A function that copies the test's database as it stands and gives the copy's URL."""
    url = make_url(database_url)
    made: list[str] = []

    def copy() -> str:
        name = f"copy_{uuid.uuid4().hex}"
        made.append(name)
        if url.drivername == "sqlite":
            target = Path(str(url.database)).with_name(f"{name}.db")
            shutil.copy(str(url.database), target)
            return f"sqlite:///{target}"
        _administer(database_url, f"CREATE DATABASE {name} TEMPLATE {url.database}")
        return url.set(database=name).render_as_string(hide_password=False)

    yield copy
    if url.drivername != "sqlite":
        for name in made:
            _administer(database_url, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(database_url: str, statement: str) -> None:
    url = make_url(database_url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(statement.encode())


def _end(url: str) -> dict[str, Any]:
    """All that a run leaves, without ids and times, which no two runs share."""
    with house_at(url) as house:
        said = ("action", "kind", "label", "reason", "rule", "count", "before", "after", "actor")
        (last,) = [row for row in house.rows("run") if row["trigger"] == "manual" and row["mode"] == "full"][
            -1:
        ]
        return {
            "users": {email: (row["active"], sorted(row["tags"])) for email, row in house.users().items()},
            "profiles": sorted(repr([row[name] for name in PROFILE]) for row in house.rows("users")),
            "history": [[row[name] for name in said] for row in _in_order(house, "history")],
            "events": [_event(event) for event in house.events()],
            "event ids": len({event["id"] for event in house.events()}) == len(house.events()),
            "sizes": {name: len(house.rows(name)) for name in ("attention", "member", "link", "plan_item")},
            "cursor": house.rows("connection")[0]["cursor"],
            "staged": house.rows("staged"),
            "run": (last["state"], last["counts"], last["complete"]),
            "items": sorted((row["action"], row["label"], row["state"]) for row in house.rows("plan_item")),
            "plans": sorted(row["state"] for row in house.rows("plan")),
        }


def _in_order(house: House, name: str) -> list[dict[str, Any]]:
    return sorted(house.rows(name), key=lambda row: row["seq"])


def _event(event: dict[str, Any]) -> list[Any]:
    subject = event.get("subject") or {}
    return [event["type"], subject.get("label"), event.get("reason"), event.get("changes")]


def _waiting_run(house: House) -> Connection:
    """A directory that was pulled and has changed since; its run is asked for, and this process is gone."""
    story = before_the_churn()
    connection = house.connect(policy=story.policy)
    house.settle(connection, story.ledger.source)
    house.request(connection)
    house.close()
    return connection


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_replica_killed_at_any_commit_loses_nothing_and_tells_nothing_twice(
    house: House, database_url: str, copies: Callable[[], str], replicas: Replicas, moment: str
) -> None:
    """Wherever the process dies, another carries the run on to the same people, history and events."""
    connection = _waiting_run(house)
    unharmed = copies()
    assert replicas.carry_on(unharmed, connection.id) == 0
    expected = _end(unharmed)
    assert len(expected["users"]) == 12 + NEWCOMERS
    assert {state for _, _, state in expected["items"]} == {"applied"}
    for dies_at in range(1, 1000):
        url = copies()
        code = replicas.carry_on(url, connection.id, dies_at, moment)
        if code == 0:
            break
        assert code == _KILLED
        still_running = [row for row in _runs(url) if row["state"] == "running"]
        if still_running:
            assert replicas.carry_on(url, connection.id) == 0, f"killed {moment} commit {dies_at}"
        assert _end(url) == expected, f"killed {moment} commit {dies_at}"
    assert dies_at > 8


def _runs(url: str) -> list[dict[str, Any]]:
    with house_at(url) as house:
        return house.rows("run")


def test_a_replica_killed_again_and_again_still_gets_there(
    house: House, copies: Callable[[], str], replicas: Replicas
) -> None:
    """A run that dies at its second commit every time but the last leaves no trace of it."""
    connection = _waiting_run(house)
    url = copies()
    for _ in range(3):
        assert replicas.carry_on(url, connection.id, 2) == _KILLED
    assert replicas.carry_on(url, connection.id) == 0
    unharmed = copies()
    assert replicas.carry_on(unharmed, connection.id) == 0
    assert _end(url) == _end(unharmed)


def test_a_replica_killed_while_reading_is_gone_on_with_to_the_same_end(
    house: House, database_url: str, copies: Callable[[], str], replicas: Replicas
) -> None:
    """A read that goes on removes nobody; the whole one behind it leaves what an unharmed run leaves."""
    connection = _waiting_run(house)
    unharmed = copies()
    assert replicas.carry_on(unharmed, connection.id) == 0
    expected, resumed = _outcome(unharmed), 0
    for dies_at in range(2, 1000, 5):
        url = copies()
        assert replicas.carry_on(url, connection.id, dies_at, "after", "on") == _KILLED
        if _runs(url)[-1]["phase"] != "reading":
            break
        while any(row["state"] in ("running", "queued") for row in _runs(url)):
            assert replicas.carry_on(url, connection.id, reads="on") == 0, f"killed after commit {dies_at}"
            resumed += any(row["resumed"] for row in _runs(url))
        assert _outcome(url) == expected, f"killed after commit {dies_at}"
    assert resumed > 1


def _outcome(url: str) -> dict[str, Any]:
    """What runs leave of people, and how often each thing was done and told, in whatever order."""
    end = _end(url)
    told = sorted(type_ for type_, *_ in end["events"] if not type_.startswith(("run.", "plan.")))
    done = sorted(
        (action, kind, reason or "", count) for action, kind, _, reason, _, count, *_ in end["history"]
    )
    once = {name: end[name] for name in ("users", "profiles", "event ids", "cursor", "staged")}
    return once | {"told": told, "done": done}
