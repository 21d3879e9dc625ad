"""Signing in through an OpenID provider, and everything that must not get in that way."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from connector.app import App
from connector.daemon import listen
from connector.settings import Oidc, Roles, Settings
from connector.web.asgi import application
from providers.simulator.prompt import PromptServer
from sync.model.access import Role
from tests.flows.openid import CLIENT, SECRET, FakeProvider, provider

PASSWORD = "four words make one"


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    """A provider that vouches for Ada of the helpdesk."""
    with provider() as made:
        yield made


@pytest.fixture
def app(fake: FakeProvider, sqlite_url: str) -> Iterator[App]:
    """The program that trusts it, at the address it is served at."""
    oidc = Oidc(
        issuer=fake.issuer,
        client_id=CLIENT,
        client_secret=SecretStr(SECRET),
        roles=Roles(admin=("it-admins",), operator=("it-helpdesk",)),
        label="Example SSO",
    )
    listener, settings = listen(Settings(database_url=sqlite_url, listen="127.0.0.1:0", oidc=oidc))
    listener.close()
    with App(settings) as made:
        yield made


@pytest.fixture
def browser(app: App) -> Iterator[httpx.Client]:
    """A browser that follows where it is sent."""
    import threading

    import uvicorn

    config = uvicorn.Config(
        application(app), host=app.settings.host, port=app.settings.port, log_config=None, lifespan="off"
    )
    server = PromptServer(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    transport = httpx.HTTPTransport(retries=5)
    try:
        with httpx.Client(
            base_url=app.settings.url,
            transport=transport,
            follow_redirects=True,
            headers={"Accept": "text/html"},
            timeout=30,
        ) as http:
            yield http
    finally:
        server.end()
        thread.join(10)


def test_who_has_a_mapped_group_is_let_in_with_its_role(
    app: App, browser: httpx.Client, fake: FakeProvider
) -> None:
    """The button leads through the provider and back to the page; the role follows the groups each time."""
    assert "Continue with Example SSO" in browser.get("/sign-in?then=/runs").text
    page = browser.get("/sign-in/openid?then=/runs")
    assert page.url.path == "/runs"
    (account,) = app.accounts.listed()
    assert (account["email"], account["role"], account["signs_in_by"]) == (
        "ada@example.com",
        "operator",
        ["openid"],
    )
    fake.claims["groups"] = ["it-helpdesk", "it-admins"]
    browser.get("/sign-in/openid")
    browser.cookies.clear()
    assert browser.get("/sign-in/openid").url.path == "/"
    assert app.accounts.listed()[0]["role"] == "admin"
    (row,) = app.audit.listed(action="accounts.set")["audit"]
    assert (row["by"], row["label"]) == ("openid", "ada@example.com")
    assert (row["before"], row["after"]) == ({"role": "operator"}, {"role": "admin"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another-client"},
        {"iss": "https://another.example"},
        {"exp": int(time.time()) - 3600},
        {"nonce": "another"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"email_verified": False},
        {"email": None},
        {"groups": ["sales"]},
        {"groups": None},
    ],
    ids="-".join,
)
def test_what_is_not_for_us_lets_nobody_in(
    app: App, browser: httpx.Client, fake: FakeProvider, wrong: dict[str, Any]
) -> None:
    """A token for another program, another sign-in, another time, or without a role is refused."""
    fake.wrong = wrong
    page = browser.get("/sign-in/openid")
    assert page.status_code == 401
    assert app.accounts.listed() == []
    assert browser.get("/", follow_redirects=False).headers["location"] == "/sign-in"


def test_a_token_signed_by_another_key_lets_nobody_in(
    app: App, browser: httpx.Client, fake: FakeProvider
) -> None:
    """Neither under a new name nor under the right one."""
    fake.signing_key = RSAKey.generate_key(2048, auto_kid=True)
    assert browser.get("/sign-in/openid").status_code == 401
    other = RSAKey.generate_key(2048).raw_value
    fake.signing_key = RSAKey.import_key(other, {"kid": fake.key.kid or ""})
    assert browser.get("/sign-in/openid").status_code == 401


def test_a_new_key_of_the_provider_is_looked_up(app: App, browser: httpx.Client, fake: FakeProvider) -> None:
    """After the provider changed its keys the next sign-in works at once."""
    browser.get("/sign-in/openid")
    fake.key = fake.signing_key = RSAKey.generate_key(2048, auto_kid=True)
    browser.cookies.clear()
    assert browser.get("/sign-in/openid").url.path == "/"


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    app: App, browser: httpx.Client, fake: FakeProvider
) -> None:
    """Somebody else's sign-in cannot be put into a browser: its state and its cookie must be there."""
    assert browser.get("/sign-in/openid/done?code=x&state=y").status_code == 401
    begun = browser.get("/sign-in/openid", follow_redirects=False)
    assert begun.status_code == 303
    assert browser.get("/sign-in/openid/done?code=code-0&state=another").status_code == 401


def test_an_account_with_a_password_is_not_taken_over(
    app: App, browser: httpx.Client, fake: FakeProvider
) -> None:
    """The same e-mail at the provider does not open an account that somebody has a password for."""
    app.accounts.add("ada@example.com", Role.ADMIN, by="test", password=PASSWORD)
    page = browser.get("/sign-in/openid")
    assert page.status_code == 401
    assert "another way to sign in" in page.text
    invited = app.accounts.add("ben@example.com", Role.ADMIN, by="test")
    fake.claims |= {"sub": "ben-1", "email": "ben@example.com"}
    assert browser.get("/sign-in/openid").url.path == "/"
    assert app.accounts.show(invited["id"])["role"] == "operator"
