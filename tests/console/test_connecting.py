"""Directories are connected and looked after in the browser, as a person would."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from connector.web.pages.connections import TABS
from providers.simulator.server import start
from sync.model.access import Role
from tests.console.conftest import Console, console_over, new_file
from tests.console.test_deciding import finish
from tests.console.test_pages import violations

LABELS = {
    "okta": {"base_url": "Address", "api_token": "API token"},
    "azure": {
        "base_url": "Graph's address",
        "authority_url": "Sign-in address",
        "tenant_id": "Directory (tenant) ID",
        "client_id": "Application (client) ID",
        "client_secret": "Client secret",
    },
    "onelogin": {"base_url": "Address", "client_id": "Client ID", "client_secret": "Client secret"},
    "jumpcloud": {"base_url": "Address", "api_key": "API key"},
    "scim": {"base_url": "SCIM base URL", "token": "Bearer token"},
}
"""How the wizard calls what each simulator wants; the last one is the secret."""

NAMES = {
    "okta": "Okta",
    "azure": "Azure (Microsoft Entra ID)",
    "onelogin": "OneLogin",
    "jumpcloud": "JumpCloud",
    "scim": "Generic SCIM v2",
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Console]:
    """A console to which each test connects what it needs."""
    with (
        start("okta", users=12, groups=3, seed=6) as idp,
        console_over(new_file(tmp_path_factory), browser, idp) as made,
    ):
        yield made


def connected(office: Console, name: str) -> str:
    """A connection of this name to the office's directory, and where its page is."""
    office.app.connections.add(name, "okta", {"base_url": office.idp.base_url, **office.idp.credentials})
    return f"/connections/{name}"


@pytest.mark.parametrize("type", list(LABELS))
def test_the_wizard_connects_any_directory(office: Console, type: str) -> None:
    """From a name to the first plan, over a wrong secret, reloads and steps back; secrets are shown once."""
    with start(type, users=8, groups=2, seed=7) as idp, office.visit() as page:
        page.goto("/connections")
        page.get_by_role("link", name="Add New Directory Connection").first.click()
        page.get_by_label("Name", exact=True).fill(f"by-{type}")
        page.get_by_role("radio", name=NAMES[type]).check()
        page.get_by_role("button", name="Make it and go on").click()
        expect(page.get_by_role("heading", name="Push details")).to_be_visible()
        secret = page.locator(".once code").inner_text()
        page.reload()
        expect(page.get_by_text(f"ends in {secret[-4:]}")).to_be_visible()
        assert secret not in page.content()
        page.get_by_role("link", name="Go on").click()

        given = {"base_url": idp.base_url, **idp.credentials}
        for name, label in LABELS[type].items():
            page.get_by_label(label, exact=True).fill(given[name])
        hidden = page.get_by_label(list(LABELS[type].values())[-1], exact=True)
        hidden.fill("not-the-right-one")
        page.get_by_role("button", name="Check and go on").click()
        expect(page.locator("#result .rights")).to_contain_text("missing")
        assert office.app.connections.show(f"by-{type}")["sealed"] == []
        expect(hidden).to_have_value("not-the-right-one")
        hidden.fill(list(idp.credentials.values())[-1])
        page.get_by_role("button", name="Check and go on").click()

        expect(page.get_by_role("heading", name="Scope and groups")).to_be_visible()
        assert office.app.connections.show(f"by-{type}")["mode"] == "both"
        page.get_by_label("Only these groups").fill("no such group")
        page.get_by_role("button", name="Try on the directory").click()
        expect(page.locator("#result")).to_contain_text("not among the included groups")
        page.get_by_label("Only these groups").fill("")
        page.get_by_role("link", name="Back").click()
        expect(page.get_by_placeholder("Saved. Leave empty to keep it.").first).to_be_visible()
        assert list(idp.credentials.values())[-1] not in page.content()
        page.get_by_role("link", name="Keep what is saved").click()
        page.get_by_role("button", name="Save and go on").click()

        page.get_by_role("button", name="Read the directory").click()
        expect(page.get_by_text("will get a new account")).to_be_visible()
        page.reload()
        expect(page.get_by_text("will get a new account")).to_be_visible()
        page.get_by_role("link", name="Go on to the first plan").click()
        page.get_by_role("button", name="Make the first plan").click()
        expect(page.get_by_role("list", name="Phases")).to_be_visible()
        finish(office)
        page.get_by_role("link", name="Look at the first plan").click()
        expect(page.get_by_role("heading", name=f"Plan for by-{type}")).to_be_visible()


def test_mistakes_stand_beside_their_fields(office: Console) -> None:
    """A name that is taken, and settings that cannot be read, are told where they were typed."""
    path = connected(office, "mistaken")
    with office.visit() as page:
        page.goto("/connections/+new")
        page.get_by_label("Name", exact=True).fill("mistaken")
        page.get_by_role("button", name="Make it and go on").click()
        expect(page.locator("#mistake-name")).to_contain_text("mistaken")
        page.goto(f"{path}/schedule")
        page.get_by_label("Read everything", exact=True).fill("now and then")
        page.get_by_label("A pull may take").fill("2h")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("[id='mistake-schedule.full']")).to_contain_text("now and then")
        expect(page.get_by_label("A pull may take")).to_have_value("2h")
        assert violations(page) == []
    assert "time_limit" not in office.app.connections.show("mistaken")["settings"]


def test_a_run_is_asked_for_followed_and_cancelled(office: Console) -> None:
    """Sync now shows how far the run is until it ends, and one that waits can be cancelled."""
    path = connected(office, "followed")
    with office.visit(Role.OPERATOR) as page:
        page.goto(path)
        page.get_by_role("button", name="Preview, change nothing").click()
        expect(page.get_by_role("list", name="Phases")).to_be_visible()
        page.get_by_role("button", name="Cancel this run").click()
        expect(page.locator("#going")).to_contain_text("cancelled")
        page.get_by_role("button", name="Read everything").click()
        expect(page.get_by_role("list", name="Phases")).to_be_visible()
        finish(office)
        expect(page.locator("#going")).to_contain_text("held", timeout=15_000)
        page.get_by_role("link", name="Check the rights").click()
        expect(page.get_by_text("Every right a pull needs is there")).to_be_visible()
    assert office.app.people.users(connection="followed")["total"] == 0


def test_settings_are_tried_saved_and_taken_back(office: Console) -> None:
    """Mapping is tried on a person before it is saved; limits are typed as people write them."""
    path = connected(office, "set")
    person = next(each for each in office.idp.state()["users"] if each["active"])
    with office.visit() as page:
        page.goto(f"{path}/mapping")
        page.get_by_label("Rule of first name").fill("=Mx")
        page.get_by_label("Try it on").fill(person["id"])
        page.get_by_role("button", name="Try on the directory").click()
        expect(page.locator("#result")).to_contain_text("Mx")
        assert office.app.connections.show("set")["settings"].get("attributes") is None
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
        expect(page.get_by_label("Rule of first name")).to_have_value("=Mx")
        page.goto(f"{path}/safeguards")
        page.get_by_label("People suspended").fill("7 or 12%")
        page.get_by_label("Hold the first run").uncheck()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
        expect(page.get_by_label("People suspended")).to_have_value("7 or 12%")
        expect(page.get_by_label("Hold the first run")).not_to_be_checked()
        page.goto(f"{path}/groups")
        page.get_by_label("Only these groups").fill("Eng*, Sales")
        page.get_by_role("button", name="Preview as a plan").click()
        expect(page.get_by_role("heading", name="Plan for set")).to_be_visible()
    settings = office.app.connections.show("set")["settings"]
    assert settings["safeguards"]["suspensions"] == "7 or 12%"
    assert settings["safeguards"]["first_run"] is False
    assert "include" not in settings.get("groups", {})


def test_a_stale_page_does_not_overwrite(office: Console) -> None:
    """Whoever saves what somebody else changed meanwhile is told so, and nothing is lost."""
    path = connected(office, "stale")
    with office.visit() as page:
        page.goto(f"{path}/schedule")
        office.app.connections.set("stale", {"schedule": {"full": "6h"}})
        page.get_by_label("Read what changed").fill("1h")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#overall")).to_contain_text("somebody changed stale")
    assert office.app.connections.show("stale")["settings"]["schedule"] == {"full": "6h"}


def test_tokens_and_hooks_are_shown_once(office: Console) -> None:
    """A new token and a hook's secret stand on one page, once; the old token can be ended."""
    path = connected(office, "secrets")
    with office.visit() as page:
        page.goto(f"{path}/tokens")
        page.get_by_role("button", name="Make a new token").click()
        expect(page.get_by_role("heading", name="Keep this now")).to_be_visible()
        token = (
            page.locator(".once dd", has_text=re.compile("[A-Za-z0-9_-]{40}")).locator("code").inner_text()
        )
        page.get_by_role("link", name="I have kept it").click()
        assert token not in page.content()
        assert page.locator("td").get_by_text("live", exact=True).count() == 2
        page.get_by_role("button", name=re.compile("^Revoke")).first.click()
        expect(page.get_by_text("The token is over.")).to_be_visible()
        page.goto(f"{path}/schedule")
        page.get_by_role("button", name="Switch on and show the secret").click()
        expect(page.get_by_role("heading", name="Keep this now")).to_be_visible()
        page.get_by_role("link", name="I have kept it").click()
        page.get_by_role("button", name="Switch off").click()
        expect(page.get_by_text("Event hooks are off.")).to_be_visible()


def test_a_connection_is_paused_and_removed(office: Console) -> None:
    """Removing asks what becomes of the people and says what was done; pausing is taken back."""
    path = connected(office, "leaving")
    with office.visit() as page:
        page.goto(f"{path}/danger")
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("It is paused.").first).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("radio", name=re.compile("They lose access")).check()
        page.get_by_label("I mean leaving").check()
        page.get_by_role("button", name="Remove leaving").click()
        expect(page.get_by_text("leaving is removed: 0 people, 0 suspended")).to_be_visible()
    assert "leaving" not in {each["name"] for each in office.app.connections.listed()}


def test_who_may_not_change_connections(office: Console) -> None:
    """A viewer and an operator read the settings and find no form; the wizard's pages are closed to them."""
    path = connected(office, "closed")
    for role in (Role.VIEWER, Role.OPERATOR):
        with office.visit(role) as page:
            page.goto("/connections")
            assert page.get_by_role("link", name="Add New Directory Connection").count() == 0
            for tab in ("credentials", "mapping", "groups", "safeguards", "schedule", "log"):
                page.goto(f"{path}/{tab}")
                assert page.locator("main form[method=post]").count() == 0, tab
                assert office.idp.credentials["api_token"] not in page.content()
            for closed in ("/connections/+new", f"{path}/setup/pull"):
                answer = page.goto(closed)
                assert answer is not None
                assert answer.status == 403, closed


def test_without_a_script_a_connection_is_set_up_too(office: Console) -> None:
    """Mistakes, what was typed, and the next step: all by forms alone."""
    context = office.browser.new_context(base_url=office.url, java_script_enabled=False)
    try:
        page = context.new_page()
        link = office.app.accounts.add("no.script@example.com", Role.ADMIN, by="test")["link"]
        page.goto(f"/link/{link.rpartition('/')[2]}")
        page.get_by_role("button", name="Continue").click()
        page.goto("/connections/+new")
        page.get_by_label("Name", exact=True).fill("plain")
        page.get_by_role("button", name="Make it and go on").click()
        secret = page.locator(".once code").inner_text()
        page.reload()  # which sends the form again
        expect(page.get_by_text(f"ends in {secret[-4:]}")).to_be_visible()
        page.get_by_role("link", name="Go on").click()
        page.get_by_label("Okta domain").fill("acme.okta.com")
        page.get_by_role("button", name="Check and go on").click()
        expect(page.get_by_text("“API token”, or “Client ID” with “Private key”").first).to_be_visible()
        expect(page.get_by_label("Okta domain")).to_have_value("acme.okta.com")
        page.get_by_label("Okta domain").fill("")
        page.get_by_label("Address", exact=True).fill(office.idp.base_url)
        page.get_by_label("API token").fill(office.idp.credentials["api_token"])
        page.get_by_role("button", name="Check and go on").click()
        expect(page.get_by_text("Every right a pull needs is there.")).to_be_visible()
    finally:
        context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_tab_and_step_is_for_everybody(office: Console, dark: bool) -> None:
    """Axe finds nothing on any of them, wide or narrow, and nothing stands wider than the window."""
    name = f"seen-{'dark' if dark else 'light'}"
    path = connected(office, name)
    office.app.rehearsals.discover(name, by="test")
    tabs = ("?test=1", *(f"/{tab}" for tab, _ in TABS if tab))
    steps = [f"/setup/{step}" for step in ("push", "pull", "scope", "discovery", "plan")]
    with office.visit(dark=dark) as page:
        for each in ("/connections", "/connections/+new", *(path + part for part in (*tabs, *steps))):
            page.set_viewport_size({"width": 1280, "height": 900})
            answer = page.goto(each)
            assert answer is not None
            assert answer.status == 200, each
            assert violations(page) == [], each
            page.set_viewport_size({"width": 390, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), each


def test_pictures_of_connecting(office: Console, request: pytest.FixtureRequest) -> None:
    """`--golden` takes the pictures of the documentation anew; without it they are there."""
    folder = Path(__file__).parents[2] / "docs" / "images"
    if request.config.getoption("--golden"):
        path = connected(office, "acme")
        office.app.rehearsals.discover("acme", by="test")
        with office.visit() as page:
            steps = (("new", "/connections/+new"), ("discovery", f"{path}/setup/discovery"), ("detail", path))
            for name, at in steps:
                page.goto(at)
                page.screenshot(path=folder / f"connection-{name}.png")
    assert (folder / "connection-new.png").exists()


def test_a_scope_is_chosen_by_name_and_the_hook_registered(office: Console) -> None:
    """The directory's applications are offered by name, and the chosen one is saved as the scope."""
    office.idp.add_app("Payroll")
    with office.visit() as page:
        page.goto(f"{connected(office, 'by-name')}/credentials")
        page.get_by_role("button", name="Choose an application by name").click()
        page.get_by_label("Read whoever is assigned to").select_option(label="Payroll")
        assert violations(page) == []
        page.get_by_role("button", name="Save with this application").click()
        expect(page.get_by_label("Who is read")).to_have_value(re.compile("^app:0oa"))
        page.goto("/connections/by-name/schedule")
        page.get_by_role("button", name="Register at Okta").click()
        expect(
            page.get_by_text("registered and verified").or_(page.get_by_text("cannot verify"))
        ).to_be_visible()
