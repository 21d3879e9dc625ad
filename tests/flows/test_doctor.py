"""What the doctor finds of the daemon, each with what helps."""

from collections.abc import Callable
from typing import Any

from connector.app import App
from connector.settings import load
from sync.store import replicas
from tests.flows.conftest import Cli


def test_it_says_whether_a_daemon_works_and_which(cli_on_sqlite: Cli) -> None:
    """None that works, one, and two of different versions."""

    def said() -> tuple[str, str]:
        found = {each["check"]: each for each in cli_on_sqlite("doctor", "--json").json["findings"]}
        return found["daemon"]["state"], found["daemon"]["detail"]

    with App(load()) as app:
        app.replicas.beat("web")
        assert said() == (
            "warning",
            "no process keeps the schedule and does runs; start one: connector serve",
        )
        with App(load()) as worker:
            worker.replicas.beat("worker")
        assert said()[0] == "ok"
        now = app.wires.clock()
        with app.wires.database.write() as conn:
            replicas.beat(conn, "old", version="0.0.1", role="worker", started_at=now, now=now)
        state, detail = said()
    assert (state, "side by side" in detail) == ("warning", True)


def test_it_says_which_credentials_have_ended(cli_on_sqlite: Cli, connect: Callable[..., Any]) -> None:
    """With the line that gives new ones."""
    connect(cli_on_sqlite)
    cli_on_sqlite("connections", "set", "acme", "credentials_expire=2026-01-31")
    found = {each["check"]: each for each in cli_on_sqlite("doctor", "--json").json["findings"]}
    assert "connector connections set acme" in found["credentials"]["detail"]
