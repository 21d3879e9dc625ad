"""What wants a person is told once, wherever admins want to hear of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from connector.app import App
from connector.settings import load
from connector.usecases.wires import utc_now
from sync.model.errors import Misconfigured
from sync.model.notice import NoticeKind
from tests.flows.conftest import Cli
from tests.flows.mailbox import Mailbox, mail_server
from tests.flows.receivers import Receiver, receiving, refuse

Connect = Callable[..., dict[str, Any]]


class Clock:
    """The time, and how far it is ahead."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@contextmanager
def replica(clock: Clock, mailbox: Mailbox | None = None, chat: Receiver | None = None) -> Iterator[App]:
    """One process with these ways to tell."""
    mail = (
        {"host": "127.0.0.1", "port": mailbox.port, "tls": "off", "to": ["a@example.com"]}
        if mailbox
        else None
    )
    notices = {"email": mail, "chat_url": chat.url if chat else None}
    settings = load(notices=notices, webhooks={"allow_private": True}, public_url="https://dc.example.com")
    with App(settings, clock=clock) as app:
        yield app


def tell_all(app: App) -> None:
    app.notices.look()
    while app.notices.tell_one():
        pass


def subjects(mailbox: Mailbox) -> list[str]:
    return [str(mail["subject"]).removeprefix("[Directory Connector] ") for mail in mailbox.mails]


def test_a_held_plan_is_told_once_with_its_link(cli: Cli, connect: Connect) -> None:
    """By mail and to the chat, whichever replica looks and however often; a new episode is told anew."""
    connect(cli)
    clock = Clock()
    cli("sync", "now", "acme", "--wait")
    with mail_server() as mailbox, receiving() as chat:
        with replica(clock, mailbox, chat) as first, replica(clock, mailbox, chat) as second:
            tell_all(first)
            tell_all(second)
        with replica(clock, mailbox, chat) as restarted:
            tell_all(restarted)
            (plan,) = restarted.plans.listed()
            link = f"https://dc.example.com/plans/{plan['plan_id']}"
            (shown,) = restarted.notices.listed()
            assert (shown["kind"], shown["link"]) == ("plan_held", link)
            restarted.plans.reject(plan["plan_id"], by="a test")
            tell_all(restarted)
            assert restarted.notices.listed() == []
    assert subjects(mailbox) == ["acme: a plan waits for your decision"]
    (call,) = chat.calls
    assert link in call.event["text"]
    assert link in mailbox.mails[0].get_content()
    events = cli("events", "list", "--json").json["events"]
    raised = [each for each in events if each["type"] == "notice.raised"]
    assert [(each["kind"], each["link"]) for each in raised] == [("plan_held", link)]


def test_what_is_not_taken_is_tried_again_while_it_lasts(cli_on_sqlite: Cli, connect: Connect) -> None:
    """A broken channel holds up no other; what is over meanwhile is not told any more."""
    connect(cli_on_sqlite)
    clock = Clock()
    cli_on_sqlite("sync", "now", "acme", "--wait")
    with mail_server() as mailbox, receiving(refuse(500)) as chat, replica(clock, mailbox, chat) as app:
        mailbox.refuses = True
        tell_all(app)
        assert (len(mailbox.mails), len(chat.calls)) == (0, 1)
        assert {way["attempts"] for way in app.notices.listed()[0]["told"]} == {1}
        mailbox.refuses = False
        clock.ahead = timedelta(minutes=2)
        tell_all(app)
        assert (len(mailbox.mails), len(chat.calls)) == (1, 2)
        (plan,) = app.plans.listed()
        app.plans.reject(plan["plan_id"], by="a test")
        clock.ahead = timedelta(hours=1)
        tell_all(app)
        assert len(chat.calls) == 2
        (over,) = app.notices.listed(ended=True, kind=NoticeKind.PLAN_HELD, connection="acme")
        assert app.notices.listed(ended=True, kind=NoticeKind.SEATS) == []
        assert [way["error"] for way in over["told"]] == ["answered 500", None]


def test_quarantine_and_partial_reads_are_told(cli_on_sqlite: Cli, connect: Connect, okta: Any) -> None:
    """Reason and remedy; an end of either is an end of its notice."""
    connect(cli_on_sqlite)
    right = f"api_token={okta.credentials['api_token']}"
    cli_on_sqlite("connections", "set", "acme", "api_token=wrong")
    cli_on_sqlite("sync", "now", "acme", "--wait")
    with mail_server() as mailbox, replica(Clock(), mailbox) as app:
        tell_all(app)
        cli_on_sqlite("connections", "set", "acme", right)
        okta.fault("half(0.5)")
        cli_on_sqlite("sync", "now", "acme", "--wait")
        tell_all(app)
    assert subjects(mailbox)[0] == "acme is in quarantine"
    assert "connector connections set acme" in mailbox.mails[0].get_content()
    assert "https://dc.example.com/connections/acme" in mailbox.mails[0].get_content()
    assert "acme answered with less than everything" in subjects(mailbox)


def test_what_ends_is_told_at_30_14_3_and_1_days(cli_on_sqlite: Cli, connect: Connect) -> None:
    """Credentials, keys and the last SCIM token, each threshold once; a newer token ends it."""
    connect(cli_on_sqlite)
    clock = Clock()
    ends = (utc_now() + timedelta(days=40)).date()
    cli_on_sqlite("connections", "set", "acme", f"credentials_expire={ends}")
    with mail_server() as mailbox, replica(clock, mailbox) as app:
        for days in range(42):
            clock.ahead = timedelta(days=days)
            tell_all(app)
    assert subjects(mailbox).count("The credentials of acme ends soon") == 4
    assert subjects(mailbox)[-1] == "The credentials of acme ended"
    assert "connector connections set acme" in mailbox.mails[0].get_content()
    cli_on_sqlite("connections", "set", "acme", "credentials_expire=")
    cli_on_sqlite("keys", "add", "robot", "--role", "viewer", "--expires", "2d")
    with replica(Clock()) as app:
        tell_all(app)
        assert [each["kind"] for each in app.notices.listed()] == ["token_expires"]


def test_seats_are_told_at_each_threshold(cli_on_sqlite: Cli) -> None:
    """At 80, 90 and 100 %, with what helps."""
    for number in range(9):
        cli_on_sqlite("users", "add", f"u{number}@example.com")
    with App(load(seats={"limit": 10, "count_unmanaged": True})) as app:
        app.notices.look()
        (shown,) = app.notices.listed()
    assert (shown["kind"], shown["title"]) == ("seats", "9 of 10 seats are in use")


def test_a_channel_can_be_tried(cli_on_sqlite: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """`notices test` says how each went, without the chat's address, which is a secret."""
    assert "docs/operate/notices.md" in cli_on_sqlite("notices", "test").err
    assert "nothing wants a person" in cli_on_sqlite("notices", "list").out
    monkeypatch.setenv("CONNECTOR_WEBHOOKS__ALLOW_PRIVATE", "true")
    with receiving() as chat:
        monkeypatch.setenv("CONNECTOR_NOTICES__CHAT_URL", chat.url)
        assert cli_on_sqlite("notices", "test", "--json").json["channels"] == [
            {"channel": "chat", "sent": True, "error": None}
        ]
    failed = cli_on_sqlite("notices", "test", "--json")
    assert (failed.code, chat.url in failed.out) == (4, False)


def test_without_a_channel_there_is_nothing_to_try(cli_on_sqlite: Cli) -> None:
    """It says which settings make one."""
    assert cli_on_sqlite("connections", "list").code == 0
    with App(load()) as app, pytest.raises(Misconfigured, match=r"notices\.email"):
        app.notices.test()
