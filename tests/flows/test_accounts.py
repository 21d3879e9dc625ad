"""Console accounts, sessions, links and API keys, and the audit, on both databases."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.acting import acting
from connector.app import App
from connector.settings import Settings
from connector.usecases.signing_in import Browser
from sync.model.access import Actor, Role, Via
from sync.model.errors import Conflict, Denied, Duplicate, Misconfigured, NotFound, Refused

PASSWORD = "four words make one"
HERE = Browser(address="127.0.0.1", agent="a browser")


class Clock:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    """A clock for the program."""
    return Clock()


@pytest.fixture
def app(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[App]:
    """The program over an empty database of each kind."""
    settings = Settings(database_url=database_url, key_file=str(tmp_path / "connector.key"))
    with App(settings, clock=clock) as made:
        yield made


def secret_of(link: str) -> str:
    return link.rpartition("/")[2]


def test_the_first_link_makes_an_admin_once(app: App) -> None:
    """A set-up link makes one admin, signs in, and is used up."""
    assert app.accounts.needs_set_up()
    text = secret_of(app.accounts.link(by="test")["link"])
    session = app.signing_in.with_link(text, HERE, email="Ada@Example.com", password=PASSWORD)
    signed_in = app.signing_in.session(session)
    assert signed_in is not None
    assert (signed_in.account.email, signed_in.account.role) == ("Ada@Example.com", Role.ADMIN)
    assert not app.accounts.needs_set_up()
    with pytest.raises(Denied, match="admin link"):
        app.signing_in.with_link(text, HERE, email="eve@example.com", password=PASSWORD)


def test_a_password_signs_in_and_is_nowhere_in_clear(app: App) -> None:
    """E-mails are folded; neither password nor session id is stored or told."""
    app.accounts.add("ada@example.com", Role.VIEWER, by="test", password=PASSWORD)
    session = app.signing_in.with_password("ADA@example.com", PASSWORD, HERE)
    assert app.signing_in.session(session) is not None
    told = str(app.accounts.listed()) + str(app.accounts.sessions()) + str(list(app.audit.every()))
    assert PASSWORD not in told
    assert session not in told
    with pytest.raises(Misconfigured, match="12 to 200"):
        app.accounts.set_password("ada@example.com", "short", by="test")


def test_wrong_passwords_make_an_account_rest(app: App, clock: Clock) -> None:
    """After five wrong guesses even the right password has to wait, and a moment later it is let in."""
    app.accounts.add("ada@example.com", Role.VIEWER, by="test", password=PASSWORD)
    for _ in range(5):
        with pytest.raises(Denied):
            app.signing_in.with_password("ada@example.com", "not the right one", HERE)
    with pytest.raises(Refused, match="30 seconds"):
        app.signing_in.with_password("ada@example.com", PASSWORD, HERE)
    clock.forward(seconds=31)
    assert app.signing_in.with_password("ada@example.com", PASSWORD, HERE)
    assert len(app.audit.listed(action="sign_in.failed")["audit"]) == 5


def test_an_unknown_e_mail_costs_as_much_as_a_wrong_password(app: App) -> None:
    """Nobody learns from the answer or the work done whether an account exists."""
    app.accounts.add("ada@example.com", Role.VIEWER, by="test", password=PASSWORD)
    said, spent = [], []
    for email in ("ada@example.com", "nobody@example.com", "nobody2@example.com"):
        began = time.process_time()
        with pytest.raises(Denied) as refused:
            app.signing_in.with_password(email, "not the right one", HERE)
        said.append(refused.value.message)
        spent.append(time.process_time() - began)
    assert len(set(said)) == 1
    assert spent[2] > spent[0] / 4


def test_sessions_end_by_idleness_by_word_and_with_their_account(app: App, clock: Clock) -> None:
    """Twelve idle hours, revoking, disabling and a new password each end a session."""
    app.accounts.add("root@example.com", Role.ADMIN, by="test", password=PASSWORD)
    app.accounts.add("ada@example.com", Role.OPERATOR, by="test", password=PASSWORD)

    def sign_in() -> str:
        return app.signing_in.with_password("ada@example.com", PASSWORD, HERE)

    idle = sign_in()
    clock.forward(hours=13)
    assert app.signing_in.session(idle) is None
    revoked = sign_in()
    app.accounts.end_session(app.accounts.sessions("ada@example.com")[0]["id"], by="test")
    assert app.signing_in.session(revoked) is None
    renewed = sign_in()
    app.accounts.set_password("ada@example.com", PASSWORD + "!", by="test")
    assert app.signing_in.session(renewed) is None
    text = secret_of(app.accounts.link("ada@example.com", by="test")["link"])
    disabled = app.signing_in.with_link(text, HERE)
    app.accounts.set("ada@example.com", disabled=True, by="test")
    assert app.signing_in.session(disabled) is None
    with pytest.raises(Denied):
        app.signing_in.with_password("ada@example.com", PASSWORD + "!", HERE)


def test_the_last_admin_stays(app: App) -> None:
    """Nobody can lock everybody out: neither role, nor disabling, nor removing."""
    app.accounts.add("ada@example.com", Role.ADMIN, by="test", password=PASSWORD)
    for attempt in (
        lambda: app.accounts.set("ada@example.com", role=Role.VIEWER, by="test"),
        lambda: app.accounts.set("ada@example.com", disabled=True, by="test"),
        lambda: app.accounts.remove("ada@example.com", by="test"),
    ):
        with pytest.raises(Refused, match="only admin"):
            attempt()
    with pytest.raises(Duplicate):
        app.accounts.add("ADA@example.com", Role.VIEWER, by="test", password=PASSWORD)
    with pytest.raises(NotFound, match=r"did you mean ada@example\.com"):
        app.accounts.show("adda@example.com")


def test_an_api_key_is_shown_once_and_ends(app: App, clock: Clock) -> None:
    """A key names its caller and role until it expires or is revoked; its text is stored nowhere."""
    made = app.keys.add("deploy", Role.OPERATOR, by="test", expires_in=timedelta(days=1))
    caller = app.keys.caller(made["key"], "192.0.2.1")
    assert caller == Actor(name="deploy", via=Via.API, role=Role.OPERATOR, address="192.0.2.1")
    (listed,) = app.keys.listed()
    assert listed["last_used_at"] is not None
    assert made["key"] not in str(listed) + str(list(app.audit.every()))
    with pytest.raises(Conflict, match="deploy exists"):
        app.keys.add("deploy", Role.VIEWER, by="test")
    clock.forward(days=2)
    assert app.keys.caller(made["key"], "") is None
    app.keys.revoke("deploy", by="test")
    assert app.keys.listed() == []
    assert app.keys.caller("dck_wrong", "") is None


def test_every_change_names_who_made_it_and_what_it_was_before(app: App) -> None:
    """The audit holds actor, door, address, and only what differs; secrets never."""
    who = Actor(name="ada@example.com", via=Via.CONSOLE, role=Role.ADMIN, address="192.0.2.7")
    with acting(who):
        made = app.connections.add("acme", "okta", {"domain": "acme.okta.com", "api_token": "very-secret"})
        app.connections.set("acme", {"rank": 3, "api_token": "another-secret"})
        app.tokens.rotate("acme", timedelta(days=1))
        app.freezes.on("acme", until=None, by=who.by, reason="moving house")
    rows = app.audit.listed(connection="acme")["audit"]
    assert [row["action"] for row in rows] == [
        "freeze.on",
        "tokens.rotate",
        "connections.set",
        "connections.add",
    ]
    assert {(row["by"], row["via"], row["address"]) for row in rows} == {
        ("console:ada@example.com", "console", "192.0.2.7")
    }
    assert rows[2]["before"] == {}
    assert rows[2]["after"] == {"rank": 3, "given_anew": ["api_token"]}
    told = str(rows)
    assert "very-secret" not in told
    assert "another-secret" not in told
    assert made["token"] not in told
    assert (
        app.audit.listed(action="freeze", connection="acme")["audit"][0]["after"]["reason"] == "moving house"
    )


def test_an_undone_change_leaves_no_audit_row(app: App) -> None:
    """The row is written in the transaction of the change: what failed is not told as done."""
    app.accounts.add("ada@example.com", Role.ADMIN, by="test", password=PASSWORD)
    before = len(list(app.audit.every()))
    with pytest.raises(Refused):
        app.accounts.remove("ada@example.com", by="test")
    with pytest.raises(NotFound):
        app.people.suspend("nobody@example.com", by="test")
    assert len(list(app.audit.every())) == before


def test_the_audit_is_read_to_the_end_in_pages(app: App) -> None:
    """Following ``next`` meets every row once, newest first."""
    for number in range(7):
        app.people.add([{"email": f"p{number}@example.com"}], by="test")
    seen: list[str] = []
    before: int | None = None
    while True:
        page = app.audit.listed(limit=3, before=before)
        seen += [row["label"] for row in page["audit"]]
        before = page["next"]
        if before is None:
            break
    assert seen == [f"p{number}@example.com" for number in reversed(range(7))]


def test_by_hand_means_access_tags_and_administration(app: App) -> None:
    """Suspending, reactivating, tagging and naming an administrator are remembered with who did it."""
    app.people.add([{"email": "ada@example.com"}, {"email": "ben@example.com"}], by="test")
    assert app.people.suspend("ada@example.com", by="test", reason="on leave")["active"] is False
    assert app.people.reactivate("ada@example.com", by="test")["active"] is True
    assert app.people.set_tags("ada@example.com", add=["vip", "beta"], by="test")["tags"] == ["beta", "vip"]
    assert app.people.set_tags("ada@example.com", remove=["beta"], by="test")["tags"] == ["vip"]
    assert app.people.set_admin("ben@example.com", admin=True, by="test")["admin"] is True
    with pytest.raises(Refused, match="last active administrator"):
        app.people.suspend("ben@example.com", by="test")
    rows = app.audit.listed(action="users")["audit"]
    assert [row["action"] for row in rows][:5] == [
        "users.admin", "users.tag", "users.tag", "users.reactivate", "users.suspend",
    ]  # fmt: skip
    assert rows[4]["before"] == {"active": True, "suspended_by_hand": False}
