"""Settings tried on the directory before anybody saves them: rights, people, groups, and the report kept."""

from collections.abc import Iterator

import pytest

from connector.app import App
from connector.operations import table
from connector.operations.local import carry_out
from connector.operations.operation import NotAllowed
from connector.settings import Settings
from providers.simulator.server import Simulator, start
from sync.model.access import Actor, Role, Via
from sync.model.errors import Misconfigured, NotFound


@pytest.fixture(scope="module")
def idp() -> Iterator[Simulator]:
    """A small directory that nobody changes."""
    with start("okta", users=12, groups=3, seed=4) as made:
        yield made


@pytest.fixture
def app(sqlite_url: str) -> Iterator[App]:
    """A program with a connection that nobody gave credentials yet."""
    with App(Settings(database_url=sqlite_url)) as made:
        made.connections.add("acme", "okta", {"mode": "push"})
        yield made


def given(idp: Simulator) -> dict[str, str]:
    return {"mode": "both", "base_url": idp.base_url, **idp.credentials}


def test_credentials_are_tried_and_not_kept(app: App, idp: Simulator) -> None:
    """Good ones are ready, bad ones say why; the connection stays as it was."""
    before = app.connections.show("acme")
    assert app.trials.test("acme", given(idp))["ready"]
    bad = app.trials.test("acme", given(idp) | {"api_token": "not-this-one"})
    assert not bad["ready"]
    assert [each["state"] for each in bad["rights"]] == ["missing"]
    assert "not-this-one" not in str(bad)
    assert app.connections.show("acme") == before
    assert (before["sealed"], before["mode"]) == ([], "push")


def test_what_a_pull_still_needs_is_said(app: App) -> None:
    """Without an address or credentials the answer names them."""
    assert "domain (acme.okta.com) or base_url" in app.trials.test("acme", {"mode": "both"})["error"]


def test_a_saved_credential_is_used_where_none_is_given(app: App, idp: Simulator) -> None:
    """Other settings are tried with what is sealed; a credential that is given stands in for it."""
    app.connections.set("acme", given(idp))
    assert app.trials.test("acme", {"scope": "all"})["ready"]
    assert not app.trials.test("acme", {"api_token": "wrong"})["ready"]


def test_only_admins_try_settings(app: App, idp: Simulator) -> None:
    """An address somebody chose would hear the saved credentials: an operator may not choose one."""
    operator = Actor(name="o@example.com", via=Via.CONSOLE, role=Role.OPERATOR, address="")
    for name in ("connections.try", "connections.sample"):
        with pytest.raises(NotAllowed):
            carry_out(app, operator, table.find(name), {"connection": "acme", "settings": given(idp)})


def test_a_sample_shows_what_mapping_and_group_rules_make(app: App, idp: Simulator) -> None:
    """People stand with what is said and what it becomes, groups with their tag or why they have none."""
    wanted = given(idp) | {"attributes": {"first_name": "=Mx"}, "groups": {"include": ["no such group"]}}
    found = app.trials.sample("acme", wanted)
    assert found["people"][0]["said"]["first_name"] not in (None, "Mx")
    assert found["people"][0]["becomes"]["first_name"] == "Mx"
    assert found["groups_met"] == sum(each["kind"] != "built_in" for each in idp.state()["groups"])
    assert found["groups_that_count"] == 0
    assert "not among the included groups" in found["groups"][0]["why"]
    plain = app.trials.sample("acme", given(idp))
    assert plain["groups"][0]["tag"] == f"Group:{plain['groups'][0]['name']}"


def test_a_sample_of_one_person(app: App, idp: Simulator) -> None:
    """A named person is read; one the directory does not have is said to be none."""
    person = next(each for each in idp.state()["users"] if each["active"])
    found = app.trials.sample("acme", given(idp), user=person["id"])
    assert [each["becomes"]["email"] for each in found["people"]] == [person["email"]]
    with pytest.raises(NotFound):
        app.trials.sample("acme", given(idp), user="00unobody00000000000")


def test_a_connection_of_the_file_is_tried_as_it_stands_only(sqlite_url: str, idp: Simulator) -> None:
    """What the file says cannot be overridden here."""
    of_file = {"name": "filed", "type": "okta", "base_url": idp.base_url, **idp.credentials}
    chosen = Settings.model_validate({"database_url": sqlite_url, "connections": [of_file]})
    with App(chosen) as app:
        app.connections.keep_equal_to_file()
        assert app.trials.test("filed")["ready"]
        with pytest.raises(Misconfigured, match="kept equal to the configuration file"):
            app.trials.test("filed", {"api_token": "x"})


def test_the_report_is_there_again_without_a_read(app: App, idp: Simulator) -> None:
    """The last report can be looked at until the connection goes."""
    with pytest.raises(NotFound, match="connector discover acme"):
        app.rehearsals.discovered("acme")
    app.connections.set("acme", given(idp))
    report = app.rehearsals.discover("acme", by="test").as_json()
    asked = idp.requests()
    again = app.rehearsals.discovered("acme")
    assert {name: again[name] for name in report} == report
    assert idp.requests() == asked
    app.connections.remove("acme", "keep", by="test")
    app.connections.add("acme", "okta", {"mode": "push"})
    with pytest.raises(NotFound):
        app.rehearsals.discovered("acme")


def test_connections_are_narrowed_and_paged(app: App) -> None:
    """By a part of the name, type and state, and page by page in the order of names."""
    app.connections.add("Beta", "scim", {"mode": "push"})
    app.connections.add("gamma", "scim", {"mode": "push"})
    app.connections.pause("gamma", paused=True)

    def names(**narrowed: object) -> list[str]:
        return [each["name"] for each in app.connections.listed(**narrowed)]  # type: ignore[arg-type]

    assert names(search="BET") == ["Beta"]
    assert names(type="scim", state="paused") == ["gamma"]
    first = names(limit=2)
    assert first + names(after=first[-1], limit=2) == names() == sorted(names())


def test_a_default_that_was_never_changed_can_be_asked_for(app: App) -> None:
    """Taking a setting back within a section nobody touched changes nothing, and leaves no trace."""
    before = app.connections.show("acme")["settings"]
    app.connections.set("acme", {"groups": {"exclude": None}, "schedule": {"full": None}})
    assert app.connections.show("acme")["settings"] == before
