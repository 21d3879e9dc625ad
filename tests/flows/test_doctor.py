"""What the doctor finds of the daemon, each with what helps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.app import App
from connector.settings import load
from connector.usecases.surroundings import file_system_of
from connector.web.asgi import application
from providers.simulator.server import Simulator
from sync.store import replicas
from tests.flows.conftest import Cli
from tests.serving import serving


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


def test_it_says_when_pushes_will_end(cli_on_sqlite: Cli, connect: Callable[..., Any]) -> None:
    """The last SCIM token's end, with the line that makes another; a lasting one is well."""
    connect(cli_on_sqlite)
    assert _found(cli_on_sqlite)["acme: SCIM token"]["state"] == "ok"
    cli_on_sqlite("tokens", "rotate", "acme", "--grace", "3d")
    (newest, _) = cli_on_sqlite("tokens", "list", "acme", "--json").json["tokens"][::-1]
    cli_on_sqlite("tokens", "revoke", "acme", "--token", newest["id"])
    told = _found(cli_on_sqlite)["acme: SCIM token"]
    assert (told["state"], "connector tokens rotate acme" in told["detail"]) == ("warning", True)


def _found(cli: Cli) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in cli("doctor", "--json").json["findings"]}


def test_it_says_whether_the_database_takes_writes(cli: Cli) -> None:
    """On both kinds it is written to, and nothing of that is left."""
    assert "takes writes" in _found(cli)["database"]["detail"]
    assert "clock" not in _found(cli)


def test_a_database_that_takes_no_writes_is_told(
    cli_on_sqlite: Cli, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SQLite says, and who must be allowed what; the rest is looked at all the same."""
    cli_on_sqlite("status")
    file = sqlite_url.removeprefix("sqlite:///")
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", f"sqlite:///file:{file}?mode=ro&uri=true")
    ended = cli_on_sqlite("doctor", "--json")
    found = {each["check"]: each for each in ended.json["findings"]}
    assert (ended.code, found["database"]["state"], found["key"]["state"]) == (5, "failed", "ok")
    assert "readonly database; it needs room, and this program" in found["database"]["detail"]


def test_a_database_that_cannot_be_opened_is_a_finding(
    cli_on_sqlite: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line with the remedy, where nothing else can be looked at."""
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", f"sqlite:///{tmp_path}/nowhere/connector.db")
    ended = cli_on_sqlite("doctor", "--json")
    (database,) = ended.json["findings"]
    assert (ended.code, database["state"]) == (5, "failed")
    assert database["detail"].startswith("cannot be opened: ")


def test_a_clock_that_is_off_is_told(
    cli_on_sqlite: Cli, connect: Callable[..., Any], okta: Simulator
) -> None:
    """By how much, and what to do, when the directory's clock is another one."""
    connect(cli_on_sqlite)
    assert "acme: clock" not in _found(cli_on_sqlite)
    okta.clock(skew=300)
    told = _found(cli_on_sqlite)["acme: clock"]
    assert told["state"] == "warning"
    assert "behind the directory's; set it by NTP" in told["detail"]


def test_a_public_address_that_leads_elsewhere_is_told(
    cli_on_sqlite: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody there, somebody else there, and this program there."""
    monkeypatch.setenv("CONNECTOR_PUBLIC_URL", "http://127.0.0.1:1")
    assert "cannot be reached" in _found(cli_on_sqlite)["public address"]["detail"]
    with App(load()) as app, serving(application(app)) as url:
        monkeypatch.setenv("CONNECTOR_PUBLIC_URL", f"{url}/elsewhere")
        assert "answers 404" in _found(cli_on_sqlite)["public address"]["detail"]
        monkeypatch.setenv("CONNECTOR_PUBLIC_URL", url)
        assert "public address" not in _found(cli_on_sqlite)


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    """The longest mount point counts, blanks in its name included."""
    mounts = "/dev/sda / ext4 rw 0 0\nbox:/x /srv nfs4 rw 0 0\ntmpfs /srv/my\\040own tmpfs rw 0 0\n"
    assert file_system_of(Path("/var/connector.db"), mounts) == "ext4"
    assert file_system_of(Path("/srv/connector.db"), mounts) == "nfs4"
    assert file_system_of(Path("/srv/my own/connector.db"), mounts) == "tmpfs"
    assert not file_system_of(Path("/x"), "")
