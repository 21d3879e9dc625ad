"""What an admin does beside plans: answers questions, looks after groups, webhooks, accounts and keys."""

import re

import pytest
from playwright.sync_api import Page, expect

from sync.model.access import Role
from sync.model.run import ItemState
from tests.console.conftest import Console
from tests.flows.receivers import Receiver, receiving


def ask(console: Console, page: Page) -> list[str]:
    """Who is asked about, in the order of the page."""
    page.goto("/attention")
    return [each["label"] for each in console.app.attention.listed()]


def test_a_question_is_answered_and_the_rest_together(busy: Console) -> None:
    """One by its own button, the others ticked at once; the answers are carried out and the list is empty."""
    with busy.visit(Role.OPERATOR) as page:
        first, second = ask(busy, page)
        page.get_by_role("button", name=f"Same person: {first}").click()
        expect(page.get_by_text("Answered.")).to_be_visible()
        assert busy.app.people.user(first)["managed"]
        page.get_by_role("checkbox", name="All on this page").check()
        expect(page.get_by_role("checkbox", name=f"Choose {second}")).to_be_checked()
        page.get_by_role("button", name="Leave it, all that are chosen").click()
        expect(page.get_by_text("1 answered")).to_be_visible()
        expect(page.get_by_text("Nothing needs attention.")).to_be_visible()
    assert not busy.app.people.user(second)["managed"]
    assert {row["via"] for row in busy.app.audit.listed(action="attention")["audit"]} == {"console"}


def test_a_group_is_found_and_its_members_are_people(busy: Console) -> None:
    """From the list by search to the group, to a member, and to everybody with its tag."""
    group = max(busy.app.people.groups()["groups"], key=lambda each: each["members"])
    member = next(each for each in busy.app.people.group(group["id"])["member_list"] if each["user_id"])
    with busy.visit(Role.VIEWER) as page:
        page.goto("/groups")
        page.get_by_role("searchbox", name="Search").press_sequentially(group["name"][:5].lower())
        page.get_by_role("link", name=group["name"], exact=True).click()
        expect(page.get_by_text(f"A group of okta with {group['members']} members")).to_be_visible()
        page.get_by_role("searchbox", name="Search").press_sequentially(member["label"][:10])
        page.get_by_role("link", name=member["label"]).click()
        expect(page.get_by_role("heading", name=member["label"], exact=True)).to_be_visible()
        page.go_back()
        page.get_by_role("link", name=group["tag"]).click()
        expect(page).to_have_url(re.compile("tag=Group"))


def test_a_webhook_is_made_tried_changed_and_given_up_calls_are_made_again(busy: Console) -> None:
    """The secret is shown once; the test says what came back; what was given up goes out again."""
    with receiving() as receiver, busy.visit() as page:
        page.goto("/webhooks")
        page.get_by_role("button", name="Add a webhook…").click()
        page.get_by_role("textbox", name="Address").fill(f"{receiver.url}/hooks")
        page.get_by_role("checkbox", name="user.*").check()
        page.get_by_role("button", name="Add", exact=True).click()
        secret = page.get_by_text(re.compile("^whsec_.{30}")).inner_text()
        page.get_by_role("link", name="I have kept it").click()
        expect(page.get_by_role("heading", name=f"{receiver.url}/hooks")).to_be_visible()
        assert secret not in page.content()
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_text("The test event was accepted")).to_be_visible()
        page.get_by_role("button", name="Change…").click()
        page.get_by_role("checkbox", name="user.*").uncheck()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Changed.")).to_be_visible()
        made = next(each for each in busy.app.webhooks.listed() if each["url"].startswith(receiver.url))
        assert made["types"] == []
        again(busy, page, receiver, made["id"])


def again(console: Console, page: Page, receiver: Receiver, webhook: str) -> None:
    """A delivered event is sent once more, and so is a range of them from the page of events."""
    user = console.app.people.users(limit=1, active=True)["users"][0]["id"]
    console.app.people.suspend(user, by="test")
    deliver(console)
    page.reload()
    page.get_by_role("button", name=re.compile("^Again")).first.click()
    expect(page.get_by_text("On its way again.")).to_be_visible()
    deliver(console)
    page.goto("/events")
    page.get_by_role("button", name="Send again…").click()
    page.get_by_label("After sequence").fill(str(console.app.people.last_sequence() - 1))
    page.get_by_label(re.compile(r"^To\b")).select_option(webhook)
    page.get_by_role("button", name="Send again", exact=True).click()
    expect(page.get_by_text("The events are on their way again.")).to_be_visible()
    deliver(console)
    assert [each.event["type"] for each in receiver.calls][-3:] == ["user.suspended"] * 3


def deliver(console: Console) -> None:
    """Do what the postman of the daemon would."""
    while (turn := console.app.webhooks.claim(lambda: False)) is not None:
        turn()


def test_a_failing_webhook_says_so(busy: Console) -> None:
    """The list and the page name the mistake; a test tells it as one; removing asks first."""
    with busy.visit() as page:
        page.goto("/webhooks")
        expect(page.get_by_text("refuses connections")).to_be_visible()
        page.get_by_role("link", name="http://127.0.0.1:9/hooks").click()
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_role("alert")).to_contain_text("not accepted: 127.0.0.1 refuses connections")
        page.get_by_role("button", name="Remove…").click()
        page.get_by_role("button", name="Remove", exact=True).click()
        expect(page.get_by_text("No webhook yet.")).to_be_visible()


def test_accounts_and_keys_are_made_and_ended(busy: Console) -> None:
    """A link and a key are shown once; a role changes; the last admin stays; the audit knows."""
    with busy.visit() as page:
        page.goto("/settings")
        page.get_by_role("button", name="Add an account…").click()
        page.get_by_role("textbox", name="E-mail").fill("grace@example.com")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_text("/link/").first).to_be_visible()
        page.get_by_role("link", name="I have kept it").click()
        page.get_by_label("Role of grace@example.com").select_option("operator")
        page.get_by_role("button", name="Save the role of grace@example.com").click()
        expect(page.get_by_text("grace@example.com is operator now.")).to_be_visible()
        page.get_by_role("button", name="Disable admin@example.com").click()
        expect(page.get_by_role("alert")).to_contain_text("is the only admin who can sign in")
        page.get_by_role("link", name="API keys").click()
        page.get_by_role("button", name="Make a key…").click()
        page.get_by_role("textbox", name="Name").fill("nightly")
        page.get_by_role("button", name="Make the key").click()
        key = page.get_by_text(re.compile("^dck_.{30}")).inner_text()
        page.get_by_role("link", name="I have kept it").click()
        page.get_by_role("button", name="Revoke nightly").click()
        expect(page.get_by_text("nightly is good no more.")).to_be_visible()
        page.goto("/audit?by=console:admin@example.com")
        expect(page.get_by_role("link", name="keys.revoke")).to_be_visible()
        assert key not in page.content()
        page.get_by_label("What").select_option("accounts")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("link", name="accounts.set").first).to_be_visible()
        expect(page.get_by_role("link", name="keys.revoke")).to_have_count(0)


def test_the_configuration_is_shown_without_its_secrets(busy: Console) -> None:
    """Admins see every setting with its value; secrets are hidden; others do not get the page."""
    with busy.visit() as page:
        page.goto("/settings/configuration")
        expect(page.get_by_role("row", name=re.compile(r"^seats\.limit"))).to_contain_text("200")
        expect(page.get_by_role("row", name=re.compile("^database_url"))).to_contain_text("sqlite:///")
    with busy.visit(Role.OPERATOR) as page:
        answer = page.goto("/settings/keys")
        assert answer is not None
        assert answer.status == 403


@pytest.mark.parametrize("path", ["/seats", "/events"])
def test_what_is_shown_is_taken_along(busy: Console, path: str) -> None:
    """Every list can be had as JSON, in all its pages."""
    with busy.visit(Role.VIEWER) as page:
        page.goto(path)
        with page.expect_download() as download:
            page.get_by_role("link", name="JSON").click()
        assert download.value.path().read_text().startswith("[")


def test_one_person_is_read_with_every_step_shown(busy: Console) -> None:
    """A dry run about one person tells what was found, who is meant and what would be done; nothing is."""
    person = next(each for each in busy.idp.state()["users"] if each["active"])
    known = busy.app.people.user(person["email"])
    with busy.visit(Role.OPERATOR) as page:
        page.goto(f"/users/{known['id']}")
        page.get_by_role("button", name="Sync this person…").click()
        page.get_by_role("button", name="Read from okta").click()
        page.wait_for_url(re.compile("/runs/"))
        while busy.app.worker.work_one() is not None:
            pass
        page.reload()
        steps = page.get_by_role("region", name="Step by step")
        expect(steps).to_contain_text("found: active")
        expect(steps).to_contain_text(f"linked to {known['email']}")
    assert busy.app.runs.listed(limit=1)[0]["dry_run"]


def test_what_was_left_out_is_let_in_again(busy: Console) -> None:
    """An item left out of an approval stands on its page, and is planned again once it is let in."""
    plan = busy.app.plans.listed(states=["held"])[0]
    item = busy.app.plans.page(plan["plan_id"], state=ItemState.HELD, limit=1)["items"][0]
    run = busy.app.plans.approve(plan["plan_id"], by="test", exclude=[item["id"]])
    busy.app.runs.finish(run.id)
    with busy.visit(Role.OPERATOR) as page:
        page.goto("/plans")
        page.get_by_role("link", name="What was left out").click()
        page.get_by_role("checkbox", name=re.compile("^Choose Suspend")).first.check()
        page.get_by_role("button", name="Let these in again").click()
        expect(page.get_by_text("The next full run plans them again.")).to_be_visible()
        expect(page.get_by_text("Nothing is left out.")).to_be_visible()


def test_protected_people_are_found(busy: Console) -> None:
    """The filters narrow the list to who is protected, and to whom a question is open about."""
    with busy.visit(Role.VIEWER) as page:
        page.goto("/users")
        page.get_by_role("combobox", name="Protected").select_option("protected")
        expect(page.get_by_text("2 people", exact=True)).to_be_visible()
        page.get_by_role("combobox", name="Waits").select_option("for a seat or an answer")
        expect(page.get_by_text("2 people", exact=True)).to_be_visible()
        expect(page).to_have_url(re.compile("waiting=true"))
