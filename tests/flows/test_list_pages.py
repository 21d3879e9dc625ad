"""Every page of the console and every list, held to the same sentence.

Every list filters, pages by key and comes as CSV and JSON, in the console, by the command line and from
the API; every page shows its command and its call; empty lists say what to do.
"""

import csv
import io
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any, cast

import click
import httpx
import pytest

from connector.app import App
from connector.cli.root import root
from connector.operations.operation import Operation
from connector.operations.table import OPERATIONS, find
from connector.settings import Settings
from connector.web.asgi import application
from connector.web.listed import filters_of
from connector.web.pages import registry
from providers.simulator.server import start
from sync.model.access import Role
from tests.flows.keys import key_of
from tests.serving import serving

PATHS = sorted(
    {each.path for each in registry.routes(cast(App, None)) if "GET" in (each.methods or ())} | {"/account"}
)
LISTS = {
    "/connections": "connections.list",
    "/connections/{connection}/tokens": "tokens.list",
    "/connections/{connection}/log": "connections.log",
    "/plans": "plans.list",
    "/plans/left-out": "plans.excluded",
    "/plans/{plan}": "plans.items",
    "/attention": "attention.list",
    "/runs": "runs.list",
    "/runs/{run}": "runs.changes",
    "/users": "users.list",
    "/groups": "groups.list",
    "/groups/{group}": "groups.members",
    "/seats": "overview.waiting",
    "/events": "events.newest",
    "/webhooks": "webhooks.list",
    "/webhooks/{webhook}": "webhooks.log",
    "/notices": "notices.list",
    "/audit": "audit.list",
    "/settings": "accounts.list",
    "/settings/keys": "keys.list",
    "/settings/sessions": "accounts.sessions",
    "/settings/configuration": "configuration.list",
}
"""Which list is on which page."""

OTHER_TABLES = {
    "/",
    "/account",
    "/users/{user:path}",
    "/connections/{connection}",
    "/connections/{connection}/mapping",
}
"""Pages whose tables are no lists of their own: the newest of something, one person, a form."""

NEVER_EMPTY = {"/settings", "/settings/sessions", "/settings/configuration", "/audit"}
NOTHING_FITS = {
    "plans.list": "state=rejected",
    "events.newest": "types=run.failed",
    "notices.list": "kind=seats",
    "tokens.list": "live=false",
    "runs.list": "mode=revert",
}
"""What narrows a list to nothing where no text is searched for."""

ROWS = [each for each in OPERATIONS if each.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """A program with a life behind it, a browser that is signed in to it, and its API."""

    browser: httpx.Client
    api: httpx.Client
    ids: dict[str, str]

    def page(self, path: str, query: str = "") -> str:
        """The page at a route's path, of the things there are."""
        filled = re.sub(r"{(\w+)(?::path)?}", lambda found: self.ids[found[1]], path)
        answer = self.browser.get(f"{filled}?{query}" if query else filled, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text


@contextmanager
def browsing(app: App, url: str) -> Iterator[httpx.Client]:
    """A browser that an administrator is signed in with."""
    app.accounts.add("ada@example.com", Role.ADMIN, by="test")
    path = httpx.URL(app.accounts.link("ada@example.com", by="test")["link"]).path
    headers = {"Accept": "text/html"}
    with httpx.Client(base_url=url, trust_env=False, headers=headers, timeout=30) as browser:
        proof = re.search(r'name="proof" value="(\w+)"', browser.get(path).text)
        assert proof is not None
        browser.post(path, data={"proof": proof[1]})
        yield browser


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    """A first pull that was applied but for one item, a webhook nobody answers, a push-only connection."""
    folder = tmp_path_factory.mktemp("lists")
    settings = Settings.model_validate(
        {"database_url": f"sqlite:///{folder / 'connector.db'}", "webhooks": {"allow_private": True}}
    )
    with start("okta", users=6, groups=2) as idp, App(settings) as app:
        app.connections.add("okta", "okta", {"base_url": idp.base_url, **idp.credentials})
        app.connections.add("contractors", "scim", {"mode": "push"})
        plan = app.runs.finish(app.runs.request("okta", by="test")[0].id).plan_id or ""
        item = next(each["id"] for each in app.plans.show(plan)["items"] if each["action"] == "create")
        run = app.runs.finish(app.plans.approve(plan, by="test", exclude=[item]).id)
        app.webhooks.add("http://127.0.0.1:9/hooks", by="test", after=0)
        while (turn := app.webhooks.claim(lambda: False)) is not None:
            turn()
        with serving(application(app), proxy_headers=False) as url, browsing(app, url) as browser:
            scim = f"{url}/scim/v2/{app.connections.show('contractors')['id']}/Users"
            assert httpx.get(scim, trust_env=False).status_code == 401
            ids = {
                "connection": "okta",
                "plan": plan,
                "run": run.id,
                "user": app.people.users(limit=1)["users"][0]["id"],
                "group": app.people.groups()["groups"][0]["id"],
                "webhook": app.webhooks.listed()[0]["id"],
            }
            with httpx.Client(base_url=url, trust_env=False, headers=key_of(app), timeout=30) as api:
                yield Visited(browser=browser, api=api, ids=ids)


def foot(page: str, label: str) -> str:
    """What the foot of a page says under this label."""
    found = re.search(rf'<span class="label">{label}</span> <code>(.*?)</code>', page)
    assert found is not None, f"no {label}"
    return unescape(found[1])


def verb_of(line: str) -> click.Command:
    """The verb of a command line, which has the options that the line names."""
    program, *words = shlex.split(line)
    assert program == "connector"
    command: click.Command = root
    with click.Context(root) as context:
        while isinstance(command, click.Group):
            following = command.get_command(context, words.pop(0))
            assert following is not None, f"{line} names no verb"
            command = following
    options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= options, line
    return command


@pytest.mark.parametrize("path", PATHS)
def test_every_page_shows_its_command_and_its_call(visited: Visited, path: str) -> None:
    """The command is one the command line takes, and the call one that the API answers."""
    page = visited.page(path)
    verb_of(foot(page, "In a terminal"))
    method, call = foot(page, "For programs").split(" ", 1)
    if method == "GET":
        assert visited.api.get(call).status_code == 200
    else:
        assert any(method == each.method for each in OPERATIONS if each.summary), call


@pytest.mark.parametrize("path", [path for path in PATHS if path not in LISTS])
def test_whatever_is_a_list_is_on_the_list_of_lists(visited: Visited, path: str) -> None:
    """No page has a table that is neither held to be a list nor known to be none."""
    page = visited.page(path)
    assert "<table" not in page or path in OTHER_TABLES or "/setup/" in path


@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_narrowed_and_taken_along(visited: Visited, path: str) -> None:
    """Its form narrows by what the operation knows; the files hold what the page was narrowed to."""
    operation = find(LISTS[path])
    page = visited.page(path)
    form = re.search(r'<form class="filters" method="get".*?</form>', page, re.DOTALL)
    if form is not None:
        assert set(re.findall(r' name="(\w+)"', form[0])) <= set(filters_of(operation))
    else:
        assert operation.name == "overview.waiting"
    query = NOTHING_FITS.get(operation.name, "search=nothing+is+called+that")
    narrowed = visited.page(path, query)
    assert re.search(r'class="empty".*?\bfits\.?.*?href="', narrowed, re.DOTALL)
    for kind, nothing in (("csv", ""), ("json", "[]\n")):
        whole, none = (file_of(visited, each, operation, kind) for each in (page, narrowed))
        assert none.text == nothing
        assert (whole.text == nothing) == ('class="empty"' in page)


def file_of(visited: Visited, page: str, operation: Operation, kind: str) -> httpx.Response:
    """The file that a page offers."""
    link = re.search(rf'href="(/export/{re.escape(operation.name)}\.{kind}[^"]*)"', page)
    assert link is not None, f"no {kind}"
    answer = visited.browser.get(unescape(link[1]))
    assert answer.headers["content-disposition"].startswith("attachment")
    return answer


@pytest.mark.parametrize("operation", ROWS, ids=lambda each: each.name)
def test_every_list_comes_page_by_page_and_whole(visited: Visited, operation: Operation) -> None:
    """Pages of one row join to what the CSV holds, in the same order; both are behind the same address."""
    path = "/api/v1" + operation.address(visited.ids, str)
    rows = [row for page in pages_of(visited.api, path, operation) for row in page]
    answer = visited.api.get(path, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    listed = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(listed) == len(rows)
    assert [list(each) for each in listed[:1]] == [list(each) for each in rows[:1]]


def pages_of(api: httpx.Client, path: str, operation: Operation) -> Iterator[list[dict[str, Any]]]:
    """Every page, of one row each where the list has pages."""
    paged = "limit" in operation.arguments.model_fields
    query: dict[str, Any] = {"limit": 1} if paged else {}
    while True:
        found = api.get(path, params=query).json()
        yield found[operation.rows]
        following = found.get("next")
        if following is None or following == query.get(operation.cursor):
            return
        query[operation.cursor] = following


@pytest.mark.parametrize("operation", ROWS, ids=lambda each: each.name)
def test_every_list_is_a_verb_with_the_same_filters(operation: Operation) -> None:
    """The command line has an option for each filter of the API, and CSV."""
    verb = verb_of(f"connector {operation.cli}")
    options = {parameter.name: parameter for parameter in verb.params}
    known = {name.rstrip("_").rstrip("s") for name in options}
    assert {name.rstrip("s") for name in filters_of(operation)} <= known
    assert "is_csv" in options


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_every_operation_names_a_real_command(operation: Operation) -> None:
    """What a page or the reference says to type is a verb with these options."""
    if operation.cli:
        verb_of(f"connector {operation.cli}")


def test_an_empty_list_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On the first day every list says in a sentence what fills it, and how."""
    folder = tmp_path_factory.mktemp("empty")
    with (
        App(Settings(database_url=f"sqlite:///{folder / 'connector.db'}")) as app,
        serving(application(app), proxy_headers=False) as url,
        browsing(app, url) as browser,
    ):
        for path in LISTS:
            if "{" not in path and path not in NEVER_EMPTY:
                found = re.search(r'<div class="empty">(.*?)</div>', browser.get(path).text, re.DOTALL)
                assert found is not None, path
                words = re.sub(r"<[^>]+>", "", found[1]).split()
                assert len(words) > 8, path
                assert "fits." not in words, path


def test_a_first_visit_is_light(visited: Visited) -> None:
    """The dashboard and all that it names come in less than 60 kB; what is static comes compressed."""
    page = visited.browser.get("/")
    total = len(page.content)
    for path in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)):
        with visited.browser.stream("GET", path) as answer:
            total += sum(map(len, answer.iter_raw()))
            assert answer.headers.get("content-encoding") == "gzip" or path.endswith(".svg")
    assert total < 60_000
