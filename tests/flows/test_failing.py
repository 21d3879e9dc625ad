"""A directory that refuses us, as its admin meets it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from connector.app import App
from connector.settings import load
from connector.usecases.wires import utc_now
from providers.simulator.server import Simulator
from tests.flows.conftest import Cli

Connect = Callable[..., dict[str, Any]]


def test_a_refused_connection_is_in_quarantine_until_it_is_healed(
    cli: Cli, connect: Connect, okta: Simulator
) -> None:
    """Exit code 5, reason and remedy wherever one looks, no try before its time; resume tries at once."""
    connect(cli)
    right = f"api_token={okta.credentials['api_token']}"
    cli("connections", "set", "acme", "api_token=wrong")
    assert cli("sync", "now", "acme", "--wait").code == 5
    shown = cli("connections", "show", "acme", "--json").json
    assert (shown["state"], shown["trouble"]["failures"]) == ("quarantined", 1)
    assert "connector connections set acme" in cli("status").out
    assert "quarantined" in cli("connections", "list").out

    ahead = timedelta()
    with App(load(), clock=lambda: utc_now() + ahead) as app:
        app.schedules.request_due()
        assert app.connections.show("acme")["next_run_at"] == shown["trouble"]["retry_at"]
        ahead = timedelta(minutes=10)
        assert app.schedules.request_due() == []
        ahead = timedelta(minutes=16)
        (retry,) = app.schedules.request_due()
        assert app.schedules.request_due() == []
        app.runs.cancel(retry.id, by="a test")
        app.connections.set("acme", {})
        assert len(app.schedules.request_due()) == 1

    cli("connections", "set", "acme", right)
    cli("connections", "resume", "acme")
    assert cli("sync", "now", "acme", "--wait").code == 3
    assert cli("connections", "show", "acme", "--json").json["trouble"] is None


def test_what_is_due_waits_for_a_dry_run(cli: Cli, connect: Connect) -> None:
    """A queued preview goes first while the time stays due; then the full read comes once."""
    connect(cli)
    ahead = timedelta()
    with App(load(), clock=lambda: utc_now() + ahead) as app:
        app.schedules.request_due()
        ahead = timedelta(days=2)
        preview, _ = app.runs.request("acme", by="a test", dry_run=True)
        assert app.schedules.request_due() == []
        app.runs.cancel(preview.id, by="a test")
        assert [run.mode for run in app.schedules.request_due()] == ["full"]
        assert app.schedules.request_due() == []
