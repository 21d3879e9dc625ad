"""The daemon as a process: it does what the command line asks for, keeps the schedule, and ends when told."""

import os
import signal
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connector.app import App
from connector.settings import load
from providers.simulator.server import Simulator
from tests.flows.conftest import Cli
from tests.flows.daemons import serving_daemon

Connect = Callable[..., dict[str, Any]]


def test_a_run_asked_for_elsewhere_is_done(
    cli: Cli, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sync now` of another process reaches the daemon, which does the run and says so."""
    connect(cli)
    with serving_daemon() as daemon:
        monkeypatch.setenv("CONNECTOR_LISTEN", daemon.address)
        asked = cli("sync", "now", "acme", "--json")
        assert asked.code == 0
        done = daemon.wait_for("run ended")
        assert done["run"] == asked.json["run_id"]
        assert cli("runs", "show", asked.json["run_id"], "--json").json["state"] == "held"
        assert daemon.terminate() == 0


def test_it_answers_probes_and_pushes(cli: Cli, connect: Connect) -> None:
    """The daemon is live and ready, and a person pushed by SCIM is a user at once."""
    made = connect(cli)
    with serving_daemon() as daemon, httpx.Client(base_url=daemon.url) as http:
        assert http.get("/livez").status_code == 200
        assert http.get("/readyz").status_code == 200
        pushed = http.post(
            f"/scim/v2/{made['id']}/Users",
            headers={"Authorization": f"Bearer {made['token']}"},
            json={
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": "ada@example.com",
                "emails": [{"value": "ada@example.com", "primary": True}],
                "active": True,
            },
        )
        assert pushed.status_code == 201, pushed.text
        assert daemon.url in pushed.headers["location"]
        assert daemon.terminate() == 0
    shown = cli("users", "show", "ada@example.com", "--json").json
    assert (shown["active"], shown["tags"]) == (True, ["scim"])


def test_it_stops_in_the_middle_of_a_read(cli_on_sqlite: Cli, connect: Connect, okta: Simulator) -> None:
    """Told to end while the directory makes it wait, the daemon ends in time; the next one does the run."""
    connect(cli_on_sqlite)
    okta.fault("throttle(wait=600)", times=1_000)
    run_id = cli_on_sqlite("sync", "now", "acme", "--json").json["run_id"]
    with serving_daemon() as daemon:
        daemon.wait_for("run started")
        assert daemon.terminate() == 0
    assert cli_on_sqlite("runs", "show", run_id, "--json").json["state"] == "running"
    assert cli_on_sqlite("users", "list", "--json").json["total"] == 0
    okta.clear_faults()
    with serving_daemon() as daemon:
        done = daemon.wait_for("run ended")
        assert (done["run"], done["state"]) == (run_id, "held")
        assert daemon.terminate() == 0


def test_it_ends_while_the_directory_says_nothing(
    cli_on_sqlite: Cli, connect: Connect, okta: Simulator
) -> None:
    """A read that waits for an answer that never comes holds nothing up; the next one does the run."""
    connect(cli_on_sqlite)
    okta.fault("hang", times=1_000)
    run_id = cli_on_sqlite("sync", "now", "acme", "--json").json["run_id"]
    with serving_daemon() as daemon:
        daemon.wait_for("run started")
        assert daemon.terminate() == 0
    okta.clear_faults()
    with serving_daemon() as daemon:
        assert daemon.wait_for("run ended")["run"] == run_id
        assert daemon.terminate() == 0


def test_a_taken_port_is_told(cli_on_sqlite: Cli) -> None:
    """A port that somebody listens on already is one sentence and exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = cli_on_sqlite("serve", "--port", str(taken.getsockname()[1]), "--host", "127.0.0.1")
    assert ended.code == 1
    assert "cannot listen" in ended.err


def test_the_schedule_asks_for_runs(cli: Cli, connect: Connect) -> None:
    """A new connection is left alone for minutes, then pulled in full; one that is due twice runs once."""
    connect(cli)
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    times = [now]
    with App(load(), clock=lambda: times[-1]) as app:
        assert app.schedules.request_due() == []
        times.append(now + timedelta(minutes=4))
        assert app.schedules.request_due() == []
        times.append(now + timedelta(minutes=6))
        (run,) = app.schedules.request_due()
        assert (run.trigger, run.mode.value, run.state.value) == ("schedule", "full", "queued")
        times.append(now + timedelta(days=3))
        assert app.schedules.request_due() == []
        connection = app.connections.find("acme")
        assert connection.next_full_at is not None
        assert connection.next_full_at > times[-1]


def test_a_paused_connection_is_not_scheduled(cli: Cli, connect: Connect) -> None:
    """Neither a paused connection nor one that only receives is ever asked for a run."""
    connect(cli)
    cli("connections", "pause", "acme")
    assert cli("connections", "add", "pushed", "--type", "scim", "--set", "mode=push").code == 0
    with App(load()) as app:
        later = datetime.now(UTC) + timedelta(days=9)
        app.wires.clock = lambda: later
        assert app.schedules.request_due() == []
        assert app.schedules.request_due() == []


def test_metrics_and_page_are_served(cli_on_sqlite: Cli, connect: Connect) -> None:
    """Operators find metrics, and people the console's door."""
    connect(cli_on_sqlite)
    with serving_daemon() as daemon, httpx.Client(base_url=daemon.url) as http:
        assert http.get("/metrics").status_code == 200
        assert "connector admin link" in http.get("/", follow_redirects=True).text


def test_a_signal_asks_for_a_pull_of_every_connection(cli: Cli, connect: Connect) -> None:
    """SIGUSR1 is `sync now --all`, done by the daemon that got it; paused connections are left alone."""
    connect(cli)
    connect(cli, "paused")
    cli("connections", "pause", "paused")
    with serving_daemon() as daemon:
        os.kill(daemon.process.pid, signal.SIGUSR1)
        done = daemon.wait_for("run ended")
        assert (done["connection"], done["state"]) == ("acme", "held")
        assert daemon.terminate() == 0
    (run,) = cli("runs", "list", "--json").json["runs"]
    assert (run["trigger"], run["requested_by"]) == ("signal", "signal")


def test_web_answers_and_worker_works(cli: Cli, connect: Connect) -> None:
    """A web process leaves runs to others; a worker does them, and of the doors it has the probes only."""
    connect(cli)
    key = cli("keys", "add", "tests", "--role", "operator", "--json").json["key"]
    headers = {"Authorization": f"Bearer {key}"}
    with serving_daemon(role="web") as web, httpx.Client(base_url=web.url, headers=headers) as http:
        asked = http.post("/api/v1/connections/acme/sync")
        assert asked.status_code == 202
        with serving_daemon(role="worker") as worker, httpx.Client(base_url=worker.url) as probe:
            assert worker.wait_for("run ended")["run"] == asked.json()["run_id"]
            assert probe.get("/readyz").status_code == 200
            assert probe.get("/api/v1/users").status_code == 404
            assert worker.terminate() == 0
        assert http.get(f"/api/v1/runs/{asked.json()['run_id']}").json()["state"] == "held"
        assert not [line for line in web.lines if line.get("event") == "run started"]
        assert web.terminate() == 0


def test_a_run_is_cancelled_while_the_directory_makes_it_wait(
    cli: Cli, connect: Connect, okta: Simulator
) -> None:
    """`runs cancel` ends what a daemon is in the middle of; the run says who did it, nobody is changed."""
    connect(cli)
    okta.fault("throttle(wait=600)", times=1_000)
    run_id = cli("sync", "now", "acme", "--json").json["run_id"]
    with serving_daemon() as daemon:
        daemon.wait_for("run started")
        assert cli("runs", "cancel", run_id, "--json").code == 0
        assert daemon.wait_for("run ended")["state"] == "cancelled"
        assert daemon.terminate() == 0
    shown = cli("runs", "show", run_id, "--json").json
    assert shown["state"] == "cancelled"
    assert shown["error"].startswith("cancelled by cli:")
    assert cli("runs", "cancel", run_id).code == 1
    assert cli("users", "list", "--json").json["total"] == 0


def test_a_run_that_waits_is_cancelled_at_once(cli_on_sqlite: Cli, connect: Connect) -> None:
    """Without a daemon too: the run never begins."""
    connect(cli_on_sqlite)
    run_id = cli_on_sqlite("sync", "now", "acme", "--json").json["run_id"]
    assert cli_on_sqlite("runs", "cancel", run_id, "--json").json["state"] == "cancelled"
    again = cli_on_sqlite("sync", "now", "acme", "--json").json
    assert (again["state"], again["run_id"] == run_id) == ("queued", False)
