"""A process killed in the middle of applying costs nothing but time."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from connector.app import App
from connector.settings import load
from connector.usecases.wires import utc_now
from providers.simulator import server
from sync.model.run import PlanState, RunState
from sync.store import places, runs
from tests.flows.conftest import Cli, settings_of


def told(cli: Cli) -> Counter[tuple[str, str]]:
    """How often each event about a person or group was told."""
    events: list[dict[str, Any]] = []
    while True:
        page = cli("events", "list", "--limit", "1000", "--after", str(len(events)), "--json").json["events"]
        if not page:
            return Counter(
                (event["type"], event["subject"]["label"]) for event in events if event.get("subject")
            )
        events += page


def kill_when(half_done: Callable[[], bool], *arguments: str) -> None:
    """Start a verb as a process of its own and kill it -9 at the moment it is half done."""
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not half_done():
            assert process.poll() is None, "it ended before it could be killed"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_kill_while_applying_then_go_on(cli_on_sqlite: Cli) -> None:
    """Killed -9 half way through a plan, the next process ends at the directory, each event told once."""
    cli = cli_on_sqlite
    with server.start("okta", users=3000, groups=10, seed=3) as okta:
        assert cli("connections", "add", "acme", "--type", "okta", *settings_of(okta)).code == 0
        held = cli("sync", "now", "acme", "--wait", "--json").json
        expected = {user["email"] for user in okta.state()["users"] if user["active"]}
        with App(load()) as app:

            def half_done() -> bool:
                return 0 < app.people.users(limit=1)["total"] < len(expected)

            kill_when(half_done, "plans", "approve", held["plan_id"], "--yes")
            assert half_done()
        # The killed process's lease has to end first: this one's clock is a minute ahead.
        with App(load(), clock=lambda: utc_now() + timedelta(minutes=1)) as later:
            resumed = later.worker.work_one()
            assert resumed is not None
            assert resumed.state.value == "succeeded"
            assert later.plans.get(held["plan_id"]).state is PlanState.APPLIED
        assert {user["email"] for user in cli("users", "list", "--json").json["users"]} == expected
        counts = told(cli)
        assert set(counts.values()) == {1}
        assert sum(1 for type_, _ in counts if type_ == "user.created") == len(expected)
        assert cli("plan", "acme").code == 0


def test_kill_while_reading_then_go_on(cli_on_sqlite: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed -9 half way through a directory, the next process lists the rest, and a whole read follows."""
    cli, hangs = cli_on_sqlite, ["hang@op=users.list,page=7"]
    monkeypatch.setenv("CONNECTOR_RUNS__LEASE", "1s")
    with server.start("okta", users=1500, groups=4, seed=3, faults=hangs) as okta, App(load()) as app:
        assert cli("connections", "add", "acme", "--type", "okta", *settings_of(okta)).code == 0

        def asked() -> int:
            return int(okta.requests()["by_op"].get("users.list", 0))

        def is_half_way() -> bool:
            with app.wires.database.read() as conn:
                left = [places.of(conn, run.id) for run in runs.listed(conn)]
            return asked() == 7 and any(left)

        kill_when(is_half_way, "sync", "now", "acme", "--wait", "--yes")
        okta.clear_faults()
        leaver = okta.state()["users"][0]
        okta.change_user(leaver["id"], status="DEPROVISIONED")
        (killed,) = app.runs.listed("acme")
        resumed = app.runs.finish(killed["run_id"])
        assert resumed.state is RunState.PARTIAL
        rest = asked() - 7
        assert rest < 8 - 3  # by the time of the seventh page, the first of eight are kept
        assert len(app.people.users(tag="scim", limit=2000)["users"]) > 1200
        assert app.people.user(leaver["email"])["active"]
        assert app.notices.look() == 0
        (whole, _) = app.runs.listed("acme")
        assert app.runs.finish(whole["run_id"]).state is RunState.SUCCEEDED
        assert asked() == 7 + rest + 8
        expected = {user["email"] for user in okta.state()["users"] if user["active"]}
        assert {user["email"] for user in app.people.users(active=True, limit=2000)["users"]} == expected
        assert set(told(cli).values()) == {1}
        assert len(app.runs.listed("acme")) == 2
