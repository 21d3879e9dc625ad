"""A process killed in the middle of applying costs nothing but time."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from connector.app import App
from connector.settings import load
from connector.usecases.wires import utc_now
from providers.simulator import server
from sync.model.run import PlanState
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
