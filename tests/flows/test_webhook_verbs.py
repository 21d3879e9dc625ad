"""Webhooks looked after at the command line, and delivered by the daemon."""

import concurrent.futures
import json

import pytest
from standardwebhooks import Webhook

from connector.app import App
from connector.settings import load
from sync.store import endpoints
from tests.flows.conftest import Cli
from tests.flows.daemons import serving_daemon
from tests.flows.receivers import Receiver, receiving, refuse


@pytest.fixture
def webhook_cli(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line of an installation whose webhooks may go to private networks."""
    monkeypatch.setenv("CONNECTOR_WEBHOOKS__ALLOW_PRIVATE", "true")
    return cli


def test_the_life_of_a_webhook(webhook_cli: Cli, receiver: Receiver) -> None:
    """Added, tried out, shown, paused, rotated and removed; its secret is shown once and stored sealed."""
    made = webhook_cli("webhooks", "add", receiver.url, "--type", "user.*", "--note", "CRM", "--json").json
    assert made["secret"].startswith("whsec_")
    tried = webhook_cli("webhooks", "test", made["id"], "--json")
    assert (tried.code, tried.json["delivered"], tried.json["status"]) == (0, True, 204)
    event = Webhook(made["secret"]).verify(receiver.calls[0].body, receiver.calls[0].headers)
    assert event["type"] == "webhook.test"
    (shown,) = webhook_cli("webhooks", "list", "--json").json["webhooks"]
    assert (shown["url"], shown["types"], shown["note"], shown["secrets"]) == (
        receiver.url, ["user.*"], "CRM", 1,
    )  # fmt: skip
    with App(load()) as app, app.wires.database.read() as conn:
        (stored,) = endpoints.listed(conn)
    assert made["secret"] not in repr(stored)
    rotated = webhook_cli("webhooks", "rotate", made["id"][:10], "--json").json
    webhook_cli("webhooks", "test", receiver.url)
    for secret in (made["secret"], rotated["secret"]):
        assert Webhook(secret).verify(receiver.calls[1].body, receiver.calls[1].headers)
    assert webhook_cli("webhooks", "pause", made["id"], "--json").json["enabled"] is False
    assert "paused" in webhook_cli("webhooks", "list").out
    assert webhook_cli("webhooks", "remove", made["id"]).code == 0
    assert webhook_cli("webhooks", "list", "--json").json == {"webhooks": []}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "https://127.0.0.1/"), "webhooks.allow_private"),
        (("add", "https://169.254.169.254/"), "never called"),
        (("add", "http://hooks.example.com/"), "use https"),
        (("add", "https://hooks.example.com/", "--type", "user.creatd"), "did you mean user.created?"),
        (("add", "https://hooks.example.com/", "--connection", "acme"), "acme"),
        (("test", "nothing"), "there is no webhook nothing"),
        (("rotate", "nothing", "--grace", "soon"), "is not a span of time"),
    ],
)
def test_what_a_webhook_cannot_be_is_said(cli_on_sqlite: Cli, arguments: tuple[str, ...], said: str) -> None:
    """A wrong address, type or name is one sentence and exit code 1."""
    ended = cli_on_sqlite("webhooks", *arguments)
    assert (ended.code, said in ended.err) == (1, True), ended.err


def test_a_test_that_is_not_accepted_exits_4(cli_on_sqlite: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts see by the exit code that the receiver did not take it, people by its answer."""
    monkeypatch.setenv("CONNECTOR_WEBHOOKS__ALLOW_PRIVATE", "true")
    with receiving(refuse(401, b"who are you?")) as receiver:
        made = cli_on_sqlite("webhooks", "add", receiver.url, "--json").json
        ended = cli_on_sqlite("webhooks", "test", made["id"])
    assert ended.code == 4
    assert "answered 401: who are you?" in ended.out


def test_the_daemon_delivers_and_replays(webhook_cli: Cli, receiver: Receiver) -> None:
    """Events of another process reach the receiver; a replayed range comes again with the same ids."""
    made = webhook_cli("webhooks", "add", receiver.url, "--json").json
    with serving_daemon() as daemon:
        for name in ("ada", "ben"):
            assert webhook_cli("users", "add", f"{name}@example.com").code == 0
        receiver.wait(lambda: len(receiver.accepted) == 2)
        done = webhook_cli("events", "replay", "--after", "0", "--json").json
        assert [each["events"] for each in done["webhooks"]] == [2]
        receiver.wait(lambda: len(receiver.accepted) == 4)
        again = receiver.accepted[0].id
        assert webhook_cli("webhooks", "redeliver", made["id"], "--event", again).code == 0
        receiver.wait(lambda: len(receiver.accepted) == 5)
        assert daemon.terminate() == 0
    ids = [call.id for call in receiver.accepted]
    assert sorted(ids) == sorted([*ids[:2], *ids[:2], again])
    log = webhook_cli("webhooks", "log", made["id"], "--json").json["deliveries"]
    assert [each["state"] for each in log] == ["delivered", "delivered"]
    assert webhook_cli("webhooks", "redeliver", made["id"], "--sequence", "99").code == 1


def test_tail_follows_the_feed(cli: Cli) -> None:
    """Every event from a sequence on, one JSON document per line, those included that come meanwhile."""
    for name in ("ada", "ben", "cy"):
        cli("users", "add", f"{name}@example.com")
    with concurrent.futures.ThreadPoolExecutor() as pool, App(load()) as app:
        told = pool.submit(_add_when_followed, app)
        lines = cli("events", "tail", "--after", "1", "--count", "3", "--json").out.splitlines()
        told.result()
    assert [json.loads(line)["subject"]["label"] for line in lines] == [
        f"{name}@example.com" for name in ("ben", "cy", "dee")
    ]
    assert cli("events", "tail", "--after", "3", "--count", "1").out.count("dee@example.com") == 1


def _add_when_followed(app: App) -> None:
    app.people.add([{"email": "dee@example.com"}], by="test")
