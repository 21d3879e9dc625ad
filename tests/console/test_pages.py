"""Every page, in both themes: no violation of accessibility, no complaint of the browser, and it holds up."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from sync.model.access import Role
from tests.console.conftest import Console

AXE = Axe()
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]},
    "resultTypes": ["violations"],
}


def violations(page: Page) -> list[str]:
    """What axe finds, as a line each."""
    found = AXE.run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {node['target']}" for each in found for node in each["nodes"][:3]]


def paths(console: Console) -> list[str]:
    """A path of every page."""
    from connector.web.pages.registry import PLACES

    app = console.app
    user = next(each for each in app.people.users(limit=100)["users"] if len(each["tags"]) > 1)
    runs = app.runs.listed()
    plan = app.plans.listed(states=["held"])[0]["plan_id"]
    group = max(app.people.groups()["groups"], key=lambda each: each["members"])
    details = [
        f"/groups/{group['id']}",
        f"/webhooks/{app.webhooks.listed()[0]['id']}",
        "/settings/keys",
        "/settings/sessions",
        "/settings/configuration",
        "/plans/left-out",
        f"/users/{user['id']}",
        f"/plans/{plan}",
        f"/runs/{runs[0]['run_id']}",
        f"/runs/{runs[-1]['run_id']}",
    ]
    return [*(place.path for place in PLACES), *details, "/account"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_for_everybody(console: Console, dark: bool) -> None:
    """Axe finds nothing on any page, and nothing stands wider than the window."""
    with console.visit(dark=dark) as page:
        for path in paths(console):
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 200, path
            assert violations(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_door_is_for_everybody(empty: Console, dark: bool) -> None:
    """Sign-in, set-up, a link that is over and an error page have no violation either."""
    link = empty.app.accounts.link(by="test")["link"].rpartition("/")[2]
    with empty.visit(None, dark=dark) as page:
        for path in ("/sign-in", f"/link/{link}", "/link/over", "/nowhere"):
            page.goto(path)
            assert violations(page) == [], path


def test_an_empty_console_says_what_to_do(empty: Console) -> None:
    """Every page that has nothing to show yet says what fills it, without a violation."""
    from connector.web.pages.registry import PLACES

    with empty.visit() as page:
        for place in PLACES:
            page.goto(place.path)
            assert page.locator(".empty").count() >= 1 or place.path in ("/settings", "/audit"), place.path
            assert violations(page) == [], place.path


def test_pages_fit_a_small_window(console: Console) -> None:
    """On a telephone nothing has to be scrolled sideways but tables."""
    with console.visit() as page:
        page.set_viewport_size({"width": 390, "height": 800})
        for path in paths(console):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_the_foot_says_the_line_that_lists_the_same(console: Console) -> None:
    """Filters that are flags on the command line are written as flags, everything else with its value."""
    with console.visit() as page:
        page.goto("/users?search=true&active=false&managed=true&waiting=false&after=x")
        line = "connector users list --search true --inactive --managed"
        assert page.get_by_text(line, exact=True).is_visible()


def test_the_keyboard_reaches_everything(console: Console) -> None:
    """The first Tab offers to skip to the content; a dialog opens, is read and closes by keys."""
    with console.visit() as page:
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Skip to the content"
        page.get_by_role("button", name="Freeze removals").focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Freeze removals")
        dialog.wait_for()
        page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")


def test_a_viewer_sees_no_way_to_change_anything(console: Console) -> None:
    """Whoever may only read finds no form that does something, and pages of admins are closed."""
    with console.visit(Role.VIEWER) as page:
        for path in paths(console):
            page.goto(path)
            assert page.locator("form[action^='/do/']").count() == 0, path


def test_the_theme_is_the_readers_choice(console: Console) -> None:
    """The switch turns dark on, and the next page is dark from its first moment."""
    with console.visit() as page:
        page.get_by_role("button", name="Switch between light and dark").click()
        page.goto("/runs")
        assert page.locator("html").get_attribute("data-theme") == "dark"


def test_pictures_for_the_documentation(console: Console, request: pytest.FixtureRequest) -> None:
    """`--golden` takes the pictures of the documentation anew; without it they are there."""
    folder = Path(__file__).parents[2] / "docs" / "images"
    if request.config.getoption("--golden"):
        with console.visit() as page:
            plan = console.app.plans.listed(states=["held"])[0]["plan_id"]
            for name, path in (("console", "/"), ("console-plan", f"/plans/{plan}")):
                page.goto(path)
                page.screenshot(path=folder / f"{name}.png")
    assert (folder / "console.png").exists()
