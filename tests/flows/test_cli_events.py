"""`connector events` on a daemon elsewhere: waiting, filtering, and going on where it broke off."""

import concurrent.futures
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from connector.app import App
from connector.settings import Settings
from connector.web.asgi import application
from sync.model.access import Role
from tests.flows.conftest import Cli
from tests.serving import serving


class Afar:
    """A daemon that can be away for one request, and says what it was asked of events."""

    def __init__(self, app: App) -> None:
        self.app, self._inner = app, application(app)
        self.asked: list[dict[str, list[str]]] = []
        self.away_at: set[int] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/api/v1/events":
            self.asked.append(parse_qs(scope["query_string"].decode()))
            if len(self.asked) == 1:
                self.people("cy", "dee")
            if len(self.asked) in self.away_at:
                body = b'{"detail": "the database restarts", "kind": "transient"}'
                await send({"type": "http.response.start", "status": 503, "headers": []})
                await send({"type": "http.response.body", "body": body})
                return
        await self._inner(scope, receive, send)

    def people(self, *names: str) -> None:
        self.app.people.add([{"email": f"{name}@example.com"} for name in names], by="test")


@pytest.fixture
def afar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Afar]:
    """A daemon elsewhere with two people, that gets two more when the feed is first asked for."""
    (tmp_path / "there").mkdir()
    with App(Settings(database_url=f"sqlite:///{tmp_path / 'there' / 'connector.db'}")) as app:
        made = Afar(app)
        made.people("ann", "ben")
        with serving(made, proxy_headers=False) as url:
            monkeypatch.setenv("CONNECTOR_SERVER", url)
            monkeypatch.setenv("CONNECTOR_API_KEY", app.keys.add("cli", Role.VIEWER, by="test")["key"])
            yield made


def labels(out: str) -> list[str]:
    return [json.loads(line)["subject"]["label"].partition("@")[0] for line in out.splitlines()]


def test_tail_waits_at_the_daemon(run_verb: Cli, afar: Afar) -> None:
    """It begins with new events, and each question waits at the daemon instead of coming every second."""
    assert labels(run_verb("events", "tail", "--count", "2", "--json").out) == ["cy", "dee"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        following = pool.submit(run_verb, "events", "tail", "--after", "4", "--count", "1", "--json")
        while len(afar.asked) < 2 and not following.done():
            pass
        afar.people("eve")
        assert labels(following.result().out) == ["eve"]
    assert [query["wait"] for query in afar.asked] == [["30"], ["30"]]


def test_tail_goes_on_behind_the_last_event_it_showed(run_verb: Cli, afar: Afar) -> None:
    """A daemon that is away for a while costs no event and doubles none; away at the start, it says so."""
    afar.away_at = {2}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        following = pool.submit(run_verb, "events", "tail", "--after", "1", "--count", "4", "--json")
        while len(afar.asked) < 3 and not following.done():
            pass
        afar.people("eve")
        ended = following.result()
    assert (ended.code, labels(ended.out)) == (0, ["ben", "cy", "dee", "eve"])
    assert ended.err.count("the database restarts; goes on behind 4 when it is back") == 1
    afar.away_at = {len(afar.asked) + 1}
    assert run_verb("events", "tail", "--after", "0").code != 0


def test_events_are_chosen_by_type_or_family(run_verb: Cli, afar: Afar) -> None:
    """`user.*` is every event about users; a type that no event has is refused and the nearest named."""
    listed = run_verb("events", "list", "--type", "user.*", "--type", "run.held", "--json").json
    assert {each["type"] for each in listed["events"]} == {"user.created"}
    assert run_verb("events", "list", "--type", "group.*", "--json").json["events"] == []
    for verb in ("list", "tail"):
        wrong = run_verb("events", verb, "--after", "0", "--type", "user.creatd")
        assert (wrong.code, "did you mean user.created?" in wrong.err) == (1, True)
    assert "no event has the type users.*" in run_verb("events", "list", "--type", "users.*").err
    assert afar.asked


def test_a_page_says_how_to_go_on_and_a_list_comes_as_csv(cli_on_sqlite: Cli) -> None:
    """What `--before` of one page's last line shows is the next page; --csv and --json are not both."""
    for name in ("ann", "bob", "cyd"):
        cli_on_sqlite("users", "add", f"{name}@example.com")
    first = cli_on_sqlite("events", "newest", "--limit", "2").out
    assert first.count("There are older ones") == 1
    rest = cli_on_sqlite("events", "newest", "--before", first.split()[-1]).out
    assert [name in rest for name in ("ann@", "bob@", "cyd@")] == [True, False, False]
    about = cli_on_sqlite("events", "newest", "--subject", "bob@example.com", "--csv").out.splitlines()
    assert len(about) == 2
    assert "bob@example.com" in about[1]
    assert cli_on_sqlite("users", "list", "--csv", "--json").code == 1
