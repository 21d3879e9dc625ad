"""From an empty database to a directory's people, at the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from providers.simulator.server import Simulator
from tests.flows.conftest import Cli

Connect = Callable[..., dict[str, Any]]


def active_emails(okta: Simulator) -> set[str]:
    return {user["email"] for user in okta.state()["users"] if user["active"]}


def test_a_directory_is_planned_held_approved_and_applied(
    cli_at_first: Cli, connect: Connect, okta: Simulator
) -> None:
    """The first run waits for a person; approved, the users are the directory's; then nothing is left."""
    cli = cli_at_first
    connect(cli)
    assert cli("plan", "acme").code == 3
    assert cli("users", "list", "--json").json == {"users": [], "total": 0}

    held = cli("sync", "now", "acme", "--wait", "--json")
    assert held.code == 3
    assert held.json["state"] == "held"
    plan = cli("plans", "show", held.json["plan_id"], "--json").json
    assert plan["verdict"] == "held"
    assert plan["counts"]["create"] == len(active_emails(okta))
    assert len(plan["items"]) > 0

    wrong = cli("plans", "approve", plan["plan_id"], "--expect-hash", "0" * 32, "--yes")
    assert wrong.code == 1
    approved = cli("plans", "approve", plan["plan_id"], "--expect-hash", plan["hash"], "--json")
    assert approved.code == 0, approved.err
    users = cli("users", "list", "--json").json
    assert {user["email"] for user in users["users"]} == active_emails(okta)
    assert all("scim" in user["tags"] for user in users["users"])

    again = cli("sync", "now", "acme", "--wait", "--json")
    assert again.code == 0
    assert not any(again.json["counts"].values())
    assert cli("plan", "acme").code == 0


def test_a_first_run_may_be_let_go_beforehand(cli: Cli, connect: Connect, okta: Simulator) -> None:
    """With --yes the first run is applied at once; what changes later shows as pending, then as applied."""
    connect(cli)
    assert cli("sync", "now", "acme", "--wait", "--yes").code == 0
    okta.churn(joiners=2, leavers=3, renames=1)
    pending = cli("plan", "acme", "--json")
    assert pending.code == 2
    assert pending.json["counts"]["suspend"] >= 1
    assert cli("sync", "now", "acme", "--wait").code == 0
    assert {u["email"] for u in cli("users", "list", "--active", "--json").json["users"]} == active_emails(
        okta
    )


def test_a_plan_in_a_file_is_applied(cli: Cli, connect: Connect, okta: Simulator, tmp_path: Path) -> None:
    """What `plan --out` wrote is what `apply FILE` carries out."""
    connect(cli)
    assert cli("sync", "now", "acme", "--wait", "--yes").code == 0
    okta.churn(joiners=2)
    file = tmp_path / "plan.json"
    assert cli("plan", "acme", "--out", str(file)).code == 2
    applied = cli("apply", str(file), "--yes", "--json")
    assert applied.code == 0, applied.err
    assert cli("plan", "acme").code == 0


def test_a_dry_run_writes_nothing_but_itself(cli: Cli, connect: Connect) -> None:
    """After a dry run there is a run and a plan, and neither user, group, event nor cursor."""
    before = cli("connections", "show", connect(cli)["name"], "--json").json
    assert cli("sync", "now", "acme", "--dry-run", "--wait", "--yes", "--json").code == 2
    assert cli("users", "list", "--json").json["total"] == 0
    assert cli("groups", "list", "--json").json["total"] == 0
    assert cli("events", "list", "--json").json["events"] == []
    assert cli("connections", "show", "acme", "--json").json == before
    assert len(cli("runs", "list", "--json").json["runs"]) == 1
    assert len(cli("plans", "list", "--json").json["plans"]) == 1


def test_a_second_request_is_the_same_run(cli: Cli, connect: Connect) -> None:
    """While a run is queued, asking again gives the same run."""
    connect(cli)
    first = cli("sync", "now", "acme", "--json")
    second = cli("sync", "now", "acme", "--json")
    assert first.json["run_id"] == second.json["run_id"]
    assert first.json["state"] == "queued"


def test_a_rejected_plan_is_over(cli: Cli, connect: Connect) -> None:
    """A rejected plan cannot be approved any more and says why."""
    connect(cli)
    plan_id = cli("sync", "now", "acme", "--wait", "--json").json["plan_id"]
    rejected = cli("plans", "reject", plan_id, "--comment", "not today", "--json")
    assert rejected.json["state"] == "rejected"
    ended = cli("plans", "approve", plan_id, "--yes")
    assert ended.code == 1
    assert "rejected" in ended.err


def test_people_who_came_by_sso_are_adopted(cli: Cli, connect: Connect, okta: Simulator) -> None:
    """An account with the e-mail of a directory user is adopted, and one without stays untouched."""
    email = min(active_emails(okta))
    assert cli("users", "add", email.upper(), "--origin", "sso").code == 0
    assert cli("users", "add", "alone@example.net", "--tag", "kept").code == 0
    connect(cli)
    ended = cli("sync", "now", "acme", "--wait", "--yes", "--json")
    assert ended.json["counts"]["adopt"] == 1
    assert cli("users", "show", email, "--json").json["managed"]
    alone = cli("users", "show", "alone@example.net", "--json").json
    assert (alone["managed"], alone["tags"]) == (False, ["kept"])
    assert "adopted" in cli("users", "explain", email).out.lower()


def test_users_load_takes_all_or_nothing(cli: Cli, tmp_path: Path) -> None:
    """A CSV file with one bad row adds nobody."""
    file = tmp_path / "people.csv"
    file.write_text("email,first_name,tags\nada@example.com,Ada,a;b\nnonsense,,\n", encoding="utf-8")
    assert cli("users", "load", str(file)).code == 1
    assert cli("users", "list", "--json").json["total"] == 0
    file.write_text("email,first_name,tags\nada@example.com,Ada,a;b\n", encoding="utf-8")
    assert cli("users", "load", str(file), "--json").json["added"] == 1
    assert cli("users", "show", "ada@example.com", "--json").json["tags"] == ["a", "b"]


def test_overviews_agree(cli: Cli, connect: Connect, okta: Simulator) -> None:
    """Status, seats, groups and runs tell of the same directory."""
    connect(cli)
    run_id = cli("sync", "now", "acme", "--wait", "--yes", "--json").json["run_id"]
    status = cli("status", "--json").json
    (row,) = status["connections"]
    assert row["last_run"]["run_id"] == run_id
    assert status["seats"] == cli("seats", "--json").json
    assert status["seats"]["used"] == len(active_emails(okta))
    assert cli("groups", "list", "--json").json["total"] == row["groups"]
    assert row["directory_users"] > 0
    assert cli("runs", "show", run_id, "--json").json["state"] == "succeeded"
    assert cli("doctor", "acme").code == 0


@pytest.mark.parametrize("verb", [("status",), ("users", "list"), ("plans", "list"), ("runs", "list")])
def test_texts_for_people(cli: Cli, connect: Connect, verb: tuple[str, ...]) -> None:
    """Without --json the same verbs speak to people, before and after a run."""
    assert cli(*verb).code == 0
    connect(cli)
    cli("sync", "now", "acme", "--wait", "--yes")
    ended = cli(*verb)
    assert ended.code == 0
    assert "acme" in ended.out


def test_a_freeze_keeps_everybody(cli: Cli, connect: Connect, okta: Simulator) -> None:
    """While removals are frozen a leaver stays active; the run is held and says so."""
    connect(cli)
    cli("sync", "now", "acme", "--wait", "--yes")
    assert cli("freeze", "on", "--reason", "migration").code == 0
    okta.churn(leavers=2)
    assert cli("sync", "now", "acme", "--wait").code == 3
    assert cli("users", "list", "--inactive", "--json").json["total"] == 0
    assert cli("freeze", "off", "--json").json == {"ended": True}
    assert cli("sync", "now", "acme", "--wait").code == 0
    assert cli("users", "list", "--inactive", "--json").json["total"] >= 1


def test_a_plan_is_searched_and_shown_in_other_forms(cli: Cli, connect: Connect, okta: Simulator) -> None:
    """One person of many is found by name; --all and --markdown show every item."""
    connect(cli)
    plan_id = cli("sync", "now", "acme", "--wait", "--json").json["plan_id"]
    somebody = min(active_emails(okta))
    found = cli("plans", "show", plan_id, "--search", somebody.upper(), "--json").json["items"]
    assert [item["subject"] for item in found] == [somebody]
    everybody = cli("plans", "show", plan_id, "--all").out
    assert all(email in everybody for email in active_emails(okta))
    assert f"| + | create | {somebody} |" in cli("plans", "show", plan_id, "--markdown").out
