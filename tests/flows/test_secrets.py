"""Nothing secret is told: not in logs, outputs, pages, events or columns, whatever goes well or wrong."""

import json
import os
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from connector.app import App
from connector.operations.table import OPERATIONS
from connector.settings import load
from connector.web.pages.registry import PLACES
from providers.registry import TYPES
from providers.simulator.server import start
from sync.model.access import Role
from sync.store import schema
from sync.store.database import Database
from tests.flows.conftest import Cli, settings_of
from tests.flows.daemons import Daemon, serving_daemon
from tests.flows.echoing import echoing
from tests.flows.keys import key_of
from tests.flows.receivers import Receiver, receiving

SETTINGS: dict[str, dict[str, str]] = {
    "okta": {},
    "azure": {"tenant_id": "7a1c3fd2-1111-4222-8333-444455556666", "client_id": "an-app"},
    "onelogin": {"client_id": "a-client"},
    "jumpcloud": {},
    "scim": {},
}
CREDENTIAL = {
    "okta": "api_token",
    "azure": "client_secret",
    "onelogin": "client_secret",
    "jumpcloud": "api_key",
    "scim": "token",
}
VERBS = (
    "connections list", "connections show okta", "connections log pushed", "tokens list pushed", "runs list",
    "plans list", "users list", "groups list", "attention list", "seats", "status", "doctor",
    "events list --limit 1000", "webhooks list", "audit list", "keys list", "accounts list", "export -",
)  # fmt: skip


class Told:
    """Everything that the program has told, by where; and the secrets that may not be in it."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.secrets: dict[str, str] = {}

    def leaks(self) -> list[str]:
        return [
            f"{name} in {where}"
            for where, text in self.texts.items()
            for name, secret in self.secrets.items()
            if secret in text
        ]


def canary(type: str) -> str:
    return f"canary-of-{type}-{'x' * 20}"


@pytest.fixture
def told(cli: Cli, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """A life with every kind of directory, well and refusing, pushes, webhooks, accounts and keys."""
    found = Told()
    monkeypatch.setenv("CONNECTOR_LOG__LEVEL", "debug")
    monkeypatch.setenv("CONNECTOR_WEBHOOKS__ALLOW_PRIVATE", "true")
    monkeypatch.setenv("CONNECTOR_API_KEY", "canary-of-the-api-key-in-the-environment")
    found.secrets["the API key of the environment"] = os.environ["CONNECTOR_API_KEY"]
    with ExitStack() as open_things:
        receiver = open_things.enter_context(receiving())
        live(found, cli, open_things, receiver)
        found.secrets["the key"] = (tmp_path / "connector.key").read_text().strip()
        daemon = open_things.enter_context(serving_daemon())
        monkeypatch.setenv("CONNECTOR_LISTEN", daemon.address)
        work(found, cli, daemon)
        visit(found, daemon.url)
        found.texts["webhooks"] = "".join(f"{call.headers}{call.body}" for call in receiver.calls)
        assert daemon.terminate() == 0
        daemon._reader.join()
        found.texts["the log"] = json.dumps(daemon.lines)
    found.texts["the database"] = columns(database_url)
    return found


def live(found: Told, cli: Cli, open_things: ExitStack, receiver: Receiver) -> None:
    """Connections of every type to a simulator, and to somebody who tells secrets back."""
    echo = open_things.enter_context(echoing())
    for type in TYPES:
        idp = open_things.enter_context(start(type, users=8, groups=2))
        assert cli("connections", "add", type, "--type", type, *settings_of(idp)).code == 0
        for name in TYPES[type].secret_keys & idp.credentials.keys():
            found.secrets[f"{name} of {type}"] = idp.credentials[name]
        further = SETTINGS[type] | {"base_url": echo, CREDENTIAL[type]: canary(type)}
        further |= {"authority_url": echo} if type == "azure" else {}
        words = [word for key, value in further.items() for word in ("--set", f"{key}={value}")]
        assert cli("connections", "add", f"bad-{type}", "--type", type, *words).code == 0
        found.secrets[f"the refused credential of {type}"] = canary(type)
    made = cli("connections", "add", "pushed", "--type", "scim", "--set", "mode=push", "--json").json
    found.secrets["the SCIM token"] = made["token"]
    found.secrets["the new SCIM token"] = cli("tokens", "rotate", "pushed", "--json").json["token"]
    found.secrets["the webhook secret"] = cli("webhooks", "add", receiver.url, "--json").json["secret"]
    found.secrets["an API key"] = cli("keys", "add", "ops", "--role", "admin", "--json").json["key"]


def work(found: Told, cli: Cli, daemon: Daemon) -> None:
    """Runs of all, pushes with good and bad tokens, and every verb that shows something."""
    for type in TYPES:
        for name, code in ((type, 0), (f"bad-{type}", 5)):
            ended = cli("sync", "now", name, "--wait", "--yes", "--json")
            assert ended.code == code, (name, ended.out, ended.err)
            found.texts[f"the run of {name}"] = ended.out + ended.err
            shown = cli("runs", "show", ended.json["run_id"])
            found.texts[f"the run of {name}, shown"] = shown.out + shown.err
            tested = cli("connections", "test", name)
            found.texts[f"the test of {name}"] = tested.out + tested.err
    pushed = cli("connections", "show", "pushed", "--json").json
    person: dict[str, object] = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ada@example.com",
    }
    person |= {"emails": [{"value": "ada@example.com", "primary": True}]}
    for name in ("the SCIM token", "the webhook secret"):
        headers = {"Authorization": f"Bearer {found.secrets[name]}"}
        url = f"{daemon.url}/scim/v2/{pushed['id']}/Users"
        body = person | {"emails": [{"value": "ada@example.com", "primary": True}]}
        answer = httpx.post(url, json=body, headers=headers, trust_env=False)
        found.texts[f"the answer to {name}"] = answer.text
    for words in VERBS:
        for further in ((), ("--json",)):
            ended = cli(*words.split(), *further)
            assert ended.code in (0, 2, 5), (words, ended.err)
            found.texts[f"{words} {' '.join(further)}"] = ended.out + ended.err
    bundle = cli("bundle", "bundle.zip")
    found.texts["bundle"] = bundle.out + Path("bundle.zip").read_bytes().decode("latin-1")


def visit(found: Told, url: str) -> None:
    """The API's lists with a key, and the console's places with a session."""
    with App(load()) as app:
        headers = key_of(app)
        found.secrets["another API key"] = headers["Authorization"].removeprefix("Bearer ")
        link = app.accounts.add("ada@example.com", Role.ADMIN, by="test")["link"]
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
        for each in OPERATIONS:
            if each.reads and "{" not in each.path:
                found.texts[f"GET {each.path}"] = http.get(f"/api/v1{each.path}").text
        found.texts["metrics"] = http.get("/metrics").text
    with httpx.Client(base_url=url, trust_env=False, follow_redirects=True) as browser:
        path = httpx.URL(link).path
        proof = browser.get(path).text.partition('name="proof" value="')[2].partition('"')[0]
        browser.post(path, data={"proof": proof})
        found.secrets |= {f"the cookie {name}": value for name, value in browser.cookies.items()}
        for place in ("/", *(each.path for each in PLACES)):
            page = browser.get(place)
            assert page.status_code == 200, place
            found.texts[f"the page {place}"] = page.text


def columns(database_url: str) -> str:
    """Every column of every row."""
    database = Database(database_url)
    with database.read() as conn:
        rows = [row for table in schema.metadata.tables.values() for row in conn.execute(sa.select(table))]
    database.close()
    return "\n".join(map(str, rows))


@pytest.mark.slow
def test_no_secret_is_told_anywhere(told: Told) -> None:
    """No credential, token, key or session is in a log, an output, a page, an event or a plain column."""
    assert len(told.secrets) >= 15
    assert len(told.texts) >= 60
    assert told.leaks() == []
