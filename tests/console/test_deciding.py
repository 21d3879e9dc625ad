"""An admin's main paths through the console, clicked as a person would."""

import re

from playwright.sync_api import Page, expect

from sync.model.access import Role
from tests.console.conftest import PASSWORD, Console


def finish(console: Console) -> None:
    """Do what is queued, as the daemon would."""
    while console.app.worker.work_one() is not None:
        pass


def held_plan(console: Console) -> str:
    plan: str = console.app.plans.listed(states=["held"])[0]["plan_id"]
    return plan


def test_the_first_person_makes_an_account_and_signs_in_again(empty: Console) -> None:
    """From the printed link to the dashboard, out, and in by password, with a mistake on the way."""
    link = empty.app.accounts.link(by="test")["link"].rpartition("/")[2]
    with empty.visit(None) as page:
        page.goto(f"/link/{link}")
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_role("textbox", name=re.compile("^Name")).fill("Ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make account and sign in").click()
        expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
        page.get_by_role("button", name="Ada").click()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Password").fill("not the right one")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("is wrong")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


def test_a_held_plan_is_looked_at_and_approved_but_for_one_person(busy: Console) -> None:
    """From the dashboard to the plan; who is left out keeps access, the others go, and the run says so."""
    with busy.visit(Role.OPERATOR) as page:
        page.get_by_role("link", name="Look at the plan").click()
        box = page.get_by_role("checkbox", name=re.compile("^Leave out: Suspend")).first
        kept = re.sub(".* Suspend ", "", box.get_attribute("aria-label") or "")
        box.check()
        expect(page.locator("[data-left-out]").first).to_have_text("1 left out")
        page.get_by_role("textbox", name=re.compile("^Comment")).fill("Ada is on leave")
        page.get_by_role("button", name="Approve exactly this").click()
        expect(page.get_by_role("heading", name="Run of okta")).to_be_visible()
        finish(busy)
        expect(page.get_by_text("succeeded").first).to_be_visible(timeout=15_000)
    assert busy.app.people.user(kept)["active"]
    assert busy.app.plans.listed(states=["applied"])[0]["decided_by"] == "console:operator@example.com"
    row = busy.app.audit.listed(action="plans.approve")["audit"][0]
    assert (row["after"]["comment"], row["via"]) == ("Ada is on leave", "console")


def test_a_stale_approval_is_refused_with_the_reason(busy: Console) -> None:
    """What was looked at is what is approved: after another read the old page's button says why not."""
    with busy.visit() as page:
        page.goto(f"/plans/{held_plan(busy)}")
        busy.idp.churn(joiners=1, leavers=1)
        busy.app.runs.finish(busy.app.runs.request("okta", by="test")[0].id)
        page.get_by_role("button", name="Approve exactly this").click()
        expect(page.get_by_role("alert")).to_contain_text("superseded")
        expect(page.get_by_role("button", name="Approve exactly this")).to_be_enabled()


def test_a_plan_is_rejected_with_a_reason(busy: Console) -> None:
    """The reason stands with the plan, and the plan waits no longer."""
    with busy.visit() as page:
        page.goto(f"/plans/{held_plan(busy)}")
        page.get_by_role("textbox", name=re.compile("^Reason")).fill("the export was broken")
        page.get_by_role("button", name="Reject").click()
        expect(page.get_by_text("The same set does not ask again.")).to_be_visible()
        expect(page.get_by_text("“the export was broken”")).to_be_visible()
    assert busy.app.plans.listed(states=["held"]) == []


def test_left_out_items_are_remembered_from_page_to_page(busy: Console) -> None:
    """Searching and narrowing do not forget what was ticked."""
    with busy.visit() as page:
        page.goto(f"/plans/{held_plan(busy)}")
        box = page.get_by_role("checkbox", name=re.compile("^Leave out")).first
        item = box.get_attribute("value")
        box.check()
        page.get_by_role("link", name=re.compile("^Remove members")).click()
        expect(page.locator("[data-left-out]").first).to_have_text("1 left out")
        page.get_by_role("link", name=re.compile("^All")).click()
        expect(page.locator(f"input[name=exclude][value='{item}']")).to_be_checked()


def test_removals_are_frozen_and_thawed_from_any_page(busy: Console) -> None:
    """The switch in the header holds removals, says so everywhere, and lets them go again."""
    with busy.visit() as page:
        page.goto("/users")
        page.get_by_role("button", name="Freeze removals").click()
        page.get_by_role("textbox", name=re.compile("^Reason")).fill("moving house")
        page.get_by_role("button", name="Freeze every connection").click()
        expect(page.get_by_role("button", name="Removals are frozen")).to_be_visible()
        assert busy.app.freezes.listed()[0]["reason"] == "moving house"
        page.goto("/")
        page.get_by_role("button", name="Removals are frozen").click()
        page.get_by_role("button", name="End this freeze").click()
        expect(page.get_by_role("button", name="Freeze removals")).to_be_visible()
    assert busy.app.freezes.listed() == []


def test_what_cannot_be_used_is_said_where_it_was_typed(busy: Console) -> None:
    """A mistake in the dialog is told in the dialog, and what was typed is still there."""
    with busy.visit() as page:
        page.get_by_role("button", name="Freeze removals").click()
        page.get_by_role("textbox", name=re.compile("^Until")).fill("next week")
        page.get_by_role("button", name="Freeze every connection").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("write a span")
        expect(page.get_by_role("textbox", name=re.compile("^Until"))).to_have_value("next week")


def test_people_are_found_while_one_types(busy: Console) -> None:
    """The list follows the search without a reload, and the address can be shared."""
    email = busy.app.people.users(limit=1, managed=True)["users"][0]["email"]
    with busy.visit() as page:
        page.goto("/users")
        page.get_by_label("Search").press_sequentially(email[:12])
        expect(page.get_by_role("link", name=email)).to_be_visible()
        expect(page).to_have_url(re.compile("search="))
        page.reload()
        page.get_by_role("link", name=email).click()
        expect(page.get_by_role("heading", name=email, exact=True)).to_be_visible()
        expect(page.get_by_text("counts").first).to_be_visible()


def test_a_person_is_suspended_by_hand_and_back(busy: Console) -> None:
    """An operator takes access with a reason; why and by whom stand on the page; then gives it back."""
    user = busy.app.people.users(limit=1, managed=True, active=True)["users"][0]
    with busy.visit(Role.OPERATOR) as page:
        page.goto(f"/users/{user['id']}")
        page.get_by_role("button", name="Suspend…").click()
        page.get_by_role("textbox", name=re.compile("^Reason")).fill("left the building")
        page.get_by_role("button", name="Suspend", exact=True).click()
        expect(page.get_by_text("Suspended by hand: no run gives the access back")).to_be_visible()
        expect(page.get_by_text("left the building").first).to_be_visible()
        page.get_by_role("button", name="Reactivate…").click()
        page.get_by_role("button", name="Reactivate", exact=True).click()
        expect(page.get_by_role("button", name="Suspend…")).to_be_visible()
    assert busy.app.people.user(user["id"])["active"]


def test_tags_by_hand_come_and_go(busy: Console) -> None:
    """A tag set on the page stands beside those of directories, and only it can be taken away."""
    user = busy.app.people.users(limit=1, managed=True, active=True)["users"][0]
    with busy.visit(Role.OPERATOR) as page:
        page.goto(f"/users/{user['id']}")
        page.get_by_label("Set a tag by hand").fill("vip")
        page.get_by_role("button", name="Set", exact=True).click()
        expect(page.get_by_text("by hand").first).to_be_visible()
        page.get_by_role("button", name="Take away the tag vip").click()
        expect(page.get_by_text("Tag taken away.")).to_be_visible()
    assert "vip" not in busy.app.people.user(user["id"])["tags"]


def test_a_run_is_asked_for_and_followed_live(busy: Console) -> None:
    """Sync now leads to the run's page, which goes from queued to its end by itself."""
    busy.app.plans.reject(held_plan(busy), by="test")
    with busy.visit(Role.OPERATOR) as page:
        page.get_by_role("button", name="Sync now").click()
        expect(page.get_by_role("heading", name="Run of okta")).to_be_visible()
        expect(page.get_by_role("list", name="Phases")).to_be_visible()
        finish(busy)
        expect(page.get_by_role("list", name="Phases")).to_be_hidden(timeout=15_000)


def test_a_run_is_taken_back_after_a_look(busy: Console) -> None:
    """Take back shows first what would be done, as a plan that can be applied."""
    run = next(
        each for each in busy.app.runs.listed() if each["mode"] == "full" and each["state"] == "succeeded"
    )
    with busy.visit(Role.OPERATOR) as page:
        page.goto(f"/runs/{run['run_id']}")
        page.get_by_role("button", name="Take back…").click()
        page.get_by_role("button", name="Take back", exact=True).click()
        page.wait_for_url(re.compile(r"/runs/(?!" + run["run_id"] + ")"))
        expect(page.get_by_text("revert, dry run")).to_be_visible()


def test_a_list_is_taken_along_as_a_file(busy: Console) -> None:
    """The export holds everybody the list was narrowed to, in all its pages, and no formula."""
    busy.app.people.add([{"email": "x@example.com", "first_name": "=1+1"}], by="test")
    with busy.visit(Role.VIEWER) as page:
        page.goto("/users?active=true")
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        text = download.value.path().read_text()
    total = busy.app.people.users(active=True, limit=1)["total"]
    assert len(text.splitlines()) == total + 1
    assert "'=1+1" in text


def test_a_command_is_copied(busy: Console) -> None:
    """Every page shows its command line and API call, and a click copies the command."""
    with busy.visit() as page:
        page.goto("/plans?state=held")
        expect(page.get_by_text("GET /api/v1/plans?state=held")).to_be_visible()
        page.get_by_role("button", name="Copy the command").click()
        copied: str = page.evaluate("navigator.clipboard.readText()")
    assert copied == "connector plans list --state held"


def test_without_scripts_it_works_too(busy: Console) -> None:
    """A plan is rejected and a mistake told with the browser's scripts switched off."""
    context = busy.browser.new_context(base_url=busy.url, java_script_enabled=False)
    try:
        page: Page = context.new_page()
        link = busy.app.accounts.add("no.script@example.com", Role.ADMIN, by="test")["link"]
        page.goto(f"/link/{link.rpartition('/')[2]}")
        page.get_by_role("button", name="Continue").click()
        page.goto(f"/plans/{held_plan(busy)}")
        stale = page.url
        page.get_by_role("button", name="Reject").click()
        expect(page.get_by_text("The same set does not ask again.")).to_be_visible()
        page.goto(stale)
        expect(page.get_by_role("button", name="Reject")).to_have_count(0)
    finally:
        context.close()
