"""Everything on one screen."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from connector.app import App
from connector.cli.status import text
from connector.settings import load
from providers.simulator.server import Simulator
from tests.flows.conftest import Cli
from tests.flows.daemons import serving_daemon

Connect = Callable[..., dict[str, Any]]


@pytest.mark.golden
def test_status_is_one_screen(
    cli_on_sqlite: Cli, connect: Connect, okta: Simulator, golden: Callable[[str, str], None]
) -> None:
    """A held plan, a quarantine, a pause, a freeze, an end that is near: each with what helps."""
    cli = cli_on_sqlite
    connect(cli)
    assert okta.base_url
    cli("sync", "now", "acme", "--wait")
    connect(cli, "broken")
    cli("connections", "set", "broken", "api_token=wrong", "credentials_expire=2026-01-31")
    cli("sync", "now", "broken", "--wait")
    cli("connections", "add", "pushed", "--type", "scim", "--set", "mode=push")
    cli("connections", "pause", "pushed")
    cli("freeze", "on", "--reason", "moving house")
    with App(load()) as app:
        app.schedules.request_due()
        app.replicas.beat("all")
    found = cli("status", "--json").json
    assert {each["state"] for each in found["connections"]} == {"active", "quarantined", "paused"}
    assert found["connections"][0]["schedule"] == {"full": "24h", "delta": "15m", "timezone": "UTC"}
    assert found["queues"] == {"runs_queued": 0, "runs_running": 0, "deliveries": 0, "events_behind": 0}
    shown = cli("status").out
    assert _settled(shown) == _settled(text(found)) + "\n"
    golden("status.txt", _settled(shown))


def test_a_daemon_that_is_alive_is_shown_until_it_ends(cli: Cli) -> None:
    """With version and role, also one that only answers; who ends in order is gone at once."""
    assert "no daemon runs" in cli("status").out
    with serving_daemon(role="web") as daemon:
        while not (alive := cli("status", "--json").json["replicas"]):
            assert daemon.process.poll() is None
        assert [each["role"] for each in alive] == ["web"]
        assert daemon.terminate() == 0
    assert cli("status", "--json").json["replicas"] == []


def _settled(shown: str) -> str:
    """What is another one in every run made the same, as wide as it was."""
    shown = re.sub(r"\b[0-9a-hjkmnp-tv-z]{16}\b", "6apg5gmc5gaj0000", shown)
    shown = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-25T08:00:00Z", shown)
    shown = re.sub(r"\S+ is alive: version [^,]+", "host:1:0 is alive: version 0", shown)
    shown = re.sub(r"\d[\d.]* s ago", lambda found: "1 s ago".ljust(len(found[0])), shown)
    shown = re.sub(r"cli:\S+", "cli:somebody", shown)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", shown)
