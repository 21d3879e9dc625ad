"""The command line on a daemon elsewhere: the same verbs, answers and exit codes, through the API."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app import App
from connector.settings import Settings
from connector.web.asgi import application
from providers.simulator.server import Simulator
from sync.model.access import Role
from tests.flows.conftest import Cli, settings_of
from tests.serving import serving


@pytest.fixture
def remote(run_verb: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Cli, App]]:
    """The command line here, and the program there, with a worker that does its runs."""
    (tmp_path / "there").mkdir()
    with (
        App(Settings(database_url=f"sqlite:///{tmp_path / 'there' / 'connector.db'}")) as app,
        serving(application(app), proxy_headers=False) as url,
    ):
        monkeypatch.setenv("CONNECTOR_SERVER", url)
        monkeypatch.setenv("CONNECTOR_API_KEY", app.keys.add("cli", Role.ADMIN, by="test")["key"])
        yield run_verb, app


def test_a_connection_is_made_pulled_and_approved_from_afar(remote: tuple[Cli, App], okta: Simulator) -> None:
    """Add, test, ask, look, approve and list, as on the machine itself; the record names the key."""
    cli, app = remote
    made = cli("connections", "add", "acme", "--type", "okta", *settings_of(okta), "--json")
    assert made.code == 0, made.err
    assert made.json.keys() == {"id", "name", "type", "scim_base_url", "token"}
    assert cli("connections", "test", "acme").code == 0
    asked = cli("sync", "now", "acme", "--json")
    assert (asked.code, asked.json["state"]) == (0, "queued")
    app.worker.work_one()
    shown = cli("runs", "show", asked.json["run_id"], "--json").json
    assert (shown["state"], shown["trigger"]) == ("held", "api")
    plan = cli("plans", "show", shown["plan_id"], "--json").json
    text = cli("plans", "show", shown["plan_id"])
    assert f"hash {plan['hash']}" in text.out
    wrong = cli("plans", "approve", shown["plan_id"], "--expect-hash", "0" * 64)
    assert (wrong.code, "not the one you looked at" in wrong.err) == (1, True)
    app.plans.approve(shown["plan_id"], by="test")
    app.worker.work_one()
    users = cli("users", "list", "--json").json
    assert users["total"] == len(users["users"]) > 100
    assert cli("seats", "--json").json["used"] == users["total"]
    assert cli("users", "explain", users["users"][0]["email"]).code == 0
    rows = cli("audit", "list", "--action", "connections", "--json").json["audit"]
    assert {row["by"] for row in rows} == {"api:cli"}


def test_waiting_from_afar_ends_with_the_run_and_its_exit_code(
    remote: tuple[Cli, App], okta: Simulator
) -> None:
    """`plan` and `sync now --wait` wait for the daemon's worker and exit as the run ended."""
    import threading

    cli, app = remote
    cli("connections", "add", "acme", "--type", "okta", *settings_of(okta))
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            app.worker.work_one()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        planned = cli("plan", "acme", "--out", "plan.json")
        assert planned.code == 3
        assert "This is the first run" in planned.out
        assert cli("sync", "now", "acme", "--wait", "--yes").code == 0
        assert cli("plan", "acme").code == 0
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("surroundings", "arguments", "expected"),
    [
        ({"CONNECTOR_API_KEY": ""}, ("users", "list"), (1, "wants an API key")),
        ({"CONNECTOR_API_KEY": "dck_wrong"}, ("users", "list"), (5, "not good")),
        ({"CONNECTOR_SERVER": "http://127.0.0.1:1"}, ("users", "list"), (4, "does not answer")),
        ({"CONNECTOR_SERVER": "http://example.com"}, ("users", "list"), (1, "https")),
        ({}, ("users", "show", "nobody@example.com"), (1, "nobody@example.com")),
        ({}, ("export", "-"), (1, "on the machine of the database")),
        ({}, ("runs", "list", "--connection", "nowhere"), (1, "nowhere")),
    ],
)
def test_what_goes_wrong_is_told_as_at_home(
    remote: tuple[Cli, App],
    monkeypatch: pytest.MonkeyPatch,
    surroundings: dict[str, str],
    arguments: tuple[str, ...],
    expected: tuple[int, str],
) -> None:
    """Sentence and exit code are those of the machine itself, or say what is wrong with the way there."""
    cli, _ = remote
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    ended, (code, words) = cli(*arguments), expected
    assert (ended.code, words in ended.err) == (code, True), ended.err


def test_people_are_suspended_tagged_and_protected_from_the_command_line(
    cli_on_sqlite: Cli, connect: Callable[..., dict[str, Any]]
) -> None:
    """What the console offers for one person the command line offers too."""
    cli = cli_on_sqlite
    cli("users", "add", "ada@example.com")
    assert (
        cli("users", "suspend", "ada@example.com", "--reason", "on leave", "--json").json["active"] is False
    )
    assert cli("users", "reactivate", "ada@example.com", "--json").json["active"] is True
    tagged = cli("users", "tag", "ada@example.com", "--add", "vip", "--add", "beta", "--json").json
    assert tagged["tags"] == ["beta", "vip"]
    assert cli("users", "tag", "ada@example.com").code == 1
    assert cli("users", "admin", "ada@example.com", "--json").json["admin"] is True
    refused = cli("users", "suspend", "ada@example.com")
    assert (refused.code, "last active administrator" in refused.err) == (1, True)
    listed = cli("audit", "list", "--action", "users", "--json").json["audit"]
    assert {row["via"] for row in listed} == {"cli"}
    assert cli("audit", "export", "audit.csv").code == 0
    assert len(Path("audit.csv").read_text().splitlines()) == len(listed) + 1


def test_accounts_and_keys_are_looked_after_from_the_command_line(cli_on_sqlite: Cli) -> None:
    """Links, accounts, roles and keys, each with its answer; secrets are printed once."""
    cli = cli_on_sqlite
    assert "/link/dcl_" in cli("admin", "link").out
    assert "/link/dcl_" in cli("accounts", "add", "ada@example.com", "--role", "admin").out
    assert cli("accounts", "set", "ada@example.com", "--role", "viewer").code == 1
    cli("accounts", "add", "ben@example.com", "--role", "admin")
    assert cli("accounts", "set", "ada@example.com", "--role", "viewer", "--json").json["role"] == "viewer"
    assert cli("accounts", "remove", "ada@example.com").code == 0
    key = cli("keys", "add", "deploy", "--role", "operator", "--expires", "90d", "--json").json
    assert key["key"].startswith("dck_")
    assert key["key"] not in cli("keys", "list", "--json").out
    assert cli("keys", "revoke", "deploy").code == 0
    assert cli("keys", "list", "--json").json == {"keys": []}
