import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.app import App
from connector.demo_directories import differences, directories
from connector.demo_server import Served, listen
from connector.demo_story import Story
from connector.settings import Settings

KEYS = {
    "connections",
    "users",
    "groups",
    "suspended",
    "tagged",
    "held_plans",
    "shared_users",
    "pushed_users",
    "events",
    "seconds",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    """One demo run as a user runs it: its figures, its story and its database."""
    database = tmp_path_factory.mktemp("demo") / "connector.db"
    command = [
        sys.executable,
        "-m",
        "connector",
        "demo",
        "--once",
        "--json",
        "--database",
        f"sqlite:///{database}",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=database.parent, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr, database


@pytest.fixture(scope="module")
def app(told: tuple[dict[str, Any], str, Path]):
    """The application over the database that the demo left."""
    with App(Settings(database_url=f"sqlite:///{told[2]}")) as opened:
        yield opened


def test_the_demo_prints_its_figures_as_one_document_with_the_promised_keys(told) -> None:
    """What scripts read is on stdout alone, and the story is on stderr."""
    figures, story, _ = told
    assert figures.keys() == KEYS
    assert "The first pull reads the whole directory" in story


def test_the_figures_are_those_of_the_database_it_leaves(told, app: App) -> None:
    """Users, tags, groups, held plans and events are what a reader of the database counts."""
    figures = told[0]
    users = app.people.every_user()["users"]
    assert figures["users"] == len(users)
    assert figures["suspended"] == sum(not user["active"] for user in users) == 5
    assert figures["tagged"] == sum("scim" in user["tags"] for user in users) == figures["users"]
    assert figures["groups"] == len(app.people.every_group()["groups"]) == 47
    assert figures["events"] == app.people.event_count()
    assert figures["held_plans"] == len(app.plans.listed(states=["held"])) == 1


def test_the_demo_found_the_application_equal_to_the_simulated_directories(told) -> None:
    """After every pull, people, groups and tags were compared with the truth of the directories by then."""
    assert told[1].count("Checked against the simulator") == 2
    assert told[1].count("Checked against both simulators") == 2


def test_the_person_in_both_directories_is_one_user_whom_the_second_keeps_active(told, app: App) -> None:
    """One account with both directories' tags, active after the first suspended it, and told so."""
    assert told[0]["shared_users"] == 1
    (shared,) = [user for user in app.people.every_user()["users"] if len(user["connections"]) > 1]
    assert shared["active"]
    assert set(shared["connections"]) == {"okta", "azure"}
    explained = app.people.explain(shared["email"])
    sources = {
        fact.source
        for part in explained.tags
        if part.said["tag"].startswith("Group:")
        for fact in part.because
    }
    assert sources >= {"okta", "azure"}
    assert any("okta says suspended; kept active by azure" in fact.fact for fact in explained.because)


@pytest.mark.parametrize("type_name", ["azure", "onelogin", "jumpcloud", "scim"])
def test_the_demo_runs_on_any_directory(type_name: str, tmp_path: Path) -> None:
    """Every type can be the company's directory: the same steps, held against the truth at each."""
    said: list[str] = []
    with listen(0, must=False) as sock:
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        settings = Settings(database_url=f"sqlite:///{tmp_path}/connector.db", listen=address)
        with directories(type_name, people=120) as (ours, theirs), App(settings) as app, Served(app, sock):
            story = Story(app=app, ours=ours, theirs=theirs, say=lambda text="": said.append(text))
            figures = story.tell()
    assert sorted(figures["connections"]) == sorted([type_name, "okta", "contractors"])
    assert figures["shared_users"] == figures["held_plans"] == 1
    assert sum("Checked against" in line for line in said) == 4


def test_the_people_who_came_by_sso_were_adopted_not_made_again(told, app: App) -> None:
    """The three accounts of before are managed now, and no e-mail is there twice."""
    assert "3 of the 3 SSO accounts were adopted" in told[1]
    emails = [user["email"] for user in app.people.every_user()["users"]]
    assert len(emails) == len(set(emails))


def test_two_people_and_a_group_came_by_scim(told, app: App) -> None:
    """What was pushed stands beside what was pulled, with its tags."""
    pushed = app.people.every_user(connection="contractors")["users"]
    assert told[0]["pushed_users"] == len(pushed) == 2
    assert {tuple(user["tags"]) for user in pushed} == {("Group:Contractors", "scim")}


def test_the_burst_of_leavers_waits_and_nobody_is_suspended_by_it(app: App) -> None:
    """A fifth of the company gone at once is held; the suspended are those of the churn before."""
    (held,) = app.plans.listed(states=["held"])
    assert held["counts"]["suspend"] > 100
    assert "would be suspended" in held["reasons"][0]
    assert app.people.users(active=False, limit=1)["total"] == 5


def test_the_one_person_without_email_waits_for_attention(app: App) -> None:
    """Nobody is made of a login that is no address."""
    (question,) = app.dashboard.page()["attention"]
    assert question["kind"] == "no_email"
    assert "@" not in question["label"]


def test_a_difference_from_the_directory_is_seen() -> None:
    """The demo's own comparison notices who is missing, who is too many and a wrong tag."""
    state = {
        "users": [
            {"id": "1", "email": "ada@example.com", "active": True},
            {"id": "2", "email": "bob@example.com", "active": True},
        ],
        "groups": [{"id": "g", "name": "Sales", "kind": "ordinary", "members": ["1"]}],
    }
    users = [
        {"email": "ada@example.com", "active": True, "tags": ["scim"]},
        {"email": "eve@example.com", "active": True, "tags": ["scim"]},
    ]
    assert differences([state], users) == [
        "bob@example.com is missing",
        "eve@example.com should have no access",
        "ada@example.com has the wrong tags",
    ]


def test_without_once_the_page_stays_until_ctrl_c(tmp_path: Path) -> None:
    """After the story the daemon serves the page with the held plan; ctrl-C ends it with exit code 0."""
    command = [sys.executable, "-u", "-m", "connector", "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as running:
        assert running.stdout is not None
        try:
            told = []
            for line in running.stdout:
                told.append(line)
                if "press ctrl-C" in line:
                    break
            found = re.search(r"page +(http://127\.0\.0\.1:\d+/link/\S+)", "".join(told))
            assert found is not None, "".join(told)
            with httpx.Client(trust_env=False, timeout=30, follow_redirects=True) as browser:
                proof = re.search(r'name="proof" value="(\w+)"', browser.get(found[1]).text)
                assert proof is not None
                page = browser.post(found[1], data={"proof": proof[1]})
            assert "A plan for okta is held" in page.text
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 0
        finally:
            running.kill()
