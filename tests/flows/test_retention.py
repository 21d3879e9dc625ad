"""Forgetting what is old, and copying the whole."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.app import App
from connector.settings import load
from connector.usecases.wires import utc_now
from providers.simulator.server import Simulator
from sync.model.errors import Conflict
from tests.flows.conftest import Cli

Connect = Callable[..., dict[str, Any]]


def forget_all(app: App) -> dict[str, int]:
    """Step until nothing goes any more; how many went."""
    whole: dict[str, int] = {}
    for _ in range(20):
        for name, count in app.retention.step().items():
            whole[name] = whole.get(name, 0) + count
    return whole


def test_what_is_old_goes_and_what_says_why_stays(cli: Cli, connect: Connect, okta: Simulator) -> None:
    """After years explanations are the same, the newest event is there, and a run cannot be taken back."""
    connect(cli)
    assert cli("sync", "now", "acme", "--wait", "--yes").code == 0
    (person, *_) = [each for each in okta.state()["users"] if each["active"]]
    for changed in ({"first_name": "Ada"}, {"first_name": "Eve"}, {"last_name": "Ida"}, {"last_name": "Doe"}):
        okta.change_user(person["id"], **changed)
        assert cli("sync", "now", "acme", "--wait", "--yes").code == 0
    cli("sync", "now", "acme", "--wait")
    cli("sync", "now", "acme", "--wait")
    before = cli("users", "explain", person["email"], "--json").json
    first = cli("runs", "list", "--json").json["runs"][-1]["run_id"]

    def in_three_years() -> datetime:
        return utc_now() + timedelta(days=3 * 365)

    with App(load()) as app:
        assert not any(forget_all(app).values())
        last = app.people.last_sequence()
    with App(load(), clock=in_three_years) as app:
        gone = forget_all(app)
        assert min(gone[name] for name in ("plan_items", "runs", "history", "events", "audit")) > 0
        assert not any(forget_all(app).values())
        assert (app.people.last_sequence(), app.people.event_count()) == (last, 1)
        with pytest.raises(Conflict, match=r"retention\.history"):
            app.runs.revert(first, by="a test")
    after = cli("users", "explain", person["email"], "--json").json
    assert (after["state"], after["tags"]) == (before["state"], before["tags"])
    assert (after["because"], after["fields"]) == (before["because"], before["fields"])
    assert cli("sync", "now", "acme", "--wait").code == 0


def test_a_webhook_in_use_gets_what_is_old_first(cli_on_sqlite: Cli, connect: Connect) -> None:
    """Events it has not had stay; once it is paused they go."""
    connect(cli_on_sqlite)
    cli_on_sqlite("sync", "now", "acme", "--wait", "--yes")
    with App(load(webhooks={"allow_private": True}), clock=lambda: utc_now() + timedelta(days=400)) as app:
        hook = app.webhooks.add("http://127.0.0.1:9/", by="a test", after=3)
        assert forget_all(app)["events"] == 3
        app.webhooks.set_enabled(hook["id"], enabled=False)
        assert forget_all(app)["events"] > 100


def test_a_backup_is_the_database_of_that_moment(
    cli_on_sqlite: Cli, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is made while others write, is its owner's alone, overwrites nothing, and works where it is put."""
    made, file = connect(cli_on_sqlite), tmp_path / "backup.db"
    with App(load()) as app, app.wires.database.write():
        assert cli_on_sqlite("db", "backup", str(file)).code == 0
    assert file.stat().st_mode & 0o077 == 0
    cli_on_sqlite("connections", "add", "later", "--type", "scim", "--set", "mode=push")
    again = cli_on_sqlite("db", "backup", str(file))
    assert (again.code, "exists already" in again.err) == (1, True)
    missing = cli_on_sqlite("db", "backup", str(tmp_path / "nowhere" / "backup.db"))
    assert (missing.code, "cannot be written" in missing.err) == (1, True)
    assert [each.name for each in tmp_path.glob("*.part")] == []
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", f"sqlite:///{file}")
    names = [each["id"] for each in cli_on_sqlite("connections", "list", "--json").json["connections"]]
    assert names == [made["id"]]
    assert cli_on_sqlite("sync", "now", "acme", "--wait").code == 3


def test_postgresql_is_backed_up_by_its_own_tool(
    run_verb: Cli, postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where it is missing the command to run is said, without the password."""
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", postgres_url)
    monkeypatch.setenv("CONNECTOR_KEY_FILE", str(tmp_path / "connector.key"))
    monkeypatch.setenv("PATH", str(tmp_path))
    said = run_verb("db", "backup", str(tmp_path / "dump"))
    assert (said.code, "pg_dump --format=custom" in said.err) == (1, True)
    tool = tmp_path / "pg_dump"
    tool.write_text('#!/bin/sh\n[ "$4" ] && echo "$5" > "$4"\n')
    tool.chmod(0o755)
    assert run_verb("db", "backup", str(tmp_path / "dump")).code == 0
    assert (tmp_path / "dump").read_text().startswith("postgresql://")
    tool.write_text('#!/bin/sh\necho "the server is asleep" >&2; exit 3\n')
    failed = run_verb("db", "backup", str(tmp_path / "dump2"))
    assert (failed.code, "the server is asleep" in failed.err) == (4, True)
    assert not (tmp_path / "dump2").exists()
