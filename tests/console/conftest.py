"""A console with a life behind it, served on a real port, and a browser that is signed in to it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from connector.app import App
from connector.settings import Seats, Settings, Webhooks
from connector.web.asgi import application
from providers.simulator.server import Simulator, start
from sync.model.access import Role
from tests.console import browsing
from tests.serving import serving

PASSWORD = "four words make one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """A served program, its directory, and how to visit it."""

    app: App
    url: str
    idp: Simulator
    browser: Browser

    @contextmanager
    def visit(self, role: Role | None = Role.ADMIN, *, dark: bool = False) -> Iterator[Page]:
        """A browser, signed in with the role; None is signed in as nobody."""
        with browsing.visiting(self.browser, self.url, dark=dark) as page:
            if role is not None:
                email = f"{role.value}@example.com"
                if email not in {each["email"] for each in self.app.accounts.listed()}:
                    self.app.accounts.add(email, role, by="test")
                path = self.app.accounts.link(email, by="test")["link"].rpartition("/")[2]
                page.goto(f"/link/{path}")
                page.wait_for_url(f"{self.url}/")
            yield page


Visit = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with browsing.browser() as made:
        yield made


@contextmanager
def console_over(
    database_url: str, browser: Browser, idp: Simulator, **settings: object
) -> Iterator[Console]:
    given = {
        "database_url": database_url,
        "seats": Seats(limit=200),
        "webhooks": Webhooks(allow_private=True),
    }
    made = Settings.model_validate(given | settings)
    with App(made) as app, serving(application(app), proxy_headers=False) as url:
        yield Console(app=app, url=url, idp=idp, browser=browser)


def new_file(folders: pytest.TempPathFactory) -> str:
    """The URL of a database nobody has used, for the tests of a module."""
    return f"sqlite:///{folders.mktemp('console') / 'connector.db'}"


def lived(console: Console) -> None:
    """A first pull approved, some churn, a push-only connection, and a burst that is held."""
    app, idp = console.app, console.idp
    app.people.add([{"email": "by.hand@example.com", "first_name": "Bea", "last_name": "Hand"}], by="test")
    for person in [each for each in idp.state()["users"] if each["active"]][-2:]:
        # Who is protected is asked about before a directory takes the account over.
        (known,) = app.people.add([{"email": person["email"], "origin": "sso"}], by="test")
        app.people.protect(known, protected=True, by="test")
    app.connections.add("okta", "okta", {"base_url": idp.base_url, **idp.credentials})
    first = app.runs.finish(app.runs.request("okta", by="test")[0].id)
    app.runs.finish(app.plans.approve(first.plan_id or "", by="test").id)
    idp.churn(joiners=2, leavers=1, renames=1)
    app.runs.finish(app.runs.request("okta", by="test")[0].id)
    app.connections.add("contractors", "scim", {"mode": "push"})
    app.keys.add("deploy", Role.OPERATOR, by="test")
    # Nobody listens at the discard port: the webhook fails at once, and says so.
    app.webhooks.add("http://127.0.0.1:9/hooks", by="test", note="billing", after=0)
    while (turn := app.webhooks.claim(lambda: False)) is not None:
        turn()


def burst(console: Console) -> str:
    """Many leave at once; the plan that is held."""
    leavers = sum(person["active"] for person in console.idp.state()["users"]) // 5
    console.idp.churn(leavers=leavers)
    run = console.app.runs.finish(console.app.runs.request("okta", by="test")[0].id)
    return run.plan_id or ""


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Console]:
    """A console with people, runs and a held plan, shared by the tests of a module."""
    with (
        start("okta", users=120, groups=8, seed=3) as idp,
        console_over(new_file(tmp_path_factory), browser, idp) as made,
    ):
        lived(made)
        burst(made)
        yield made


@pytest.fixture
def busy(sqlite_url: str, browser: Browser) -> Iterator[Console]:
    """A console of one's own with a held plan, to be changed."""
    with start("okta", users=60, groups=3, seed=5) as idp, console_over(sqlite_url, browser, idp) as made:
        lived(made)
        burst(made)
        yield made


@pytest.fixture
def empty(sqlite_url: str, browser: Browser) -> Iterator[Console]:
    """A console nobody has used yet."""
    with start("okta", users=12, groups=2) as idp, console_over(sqlite_url, browser, idp) as made:
        yield made
