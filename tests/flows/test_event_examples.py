"""One example of every event as a webhook gets it, told by the engine itself in a small story."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from connector.delivery import body_of
from sync import event, noticing
from sync.model.connection import Connection, Limit, Policy, Safeguards
from sync.model.errors import Denied
from sync.model.notice import Condition, NoticeKind
from sync.model.run import Run
from sync.revert import request_revert
from sync.store import outbox, runs
from sync.store.ids import new_id
from sync.store.text import to_json
from tests.engine.house import House, house_at
from tests.engine.ledger import Ledger
from tests.engine.scim import Pusher, person

ROOMY = Limit(floor=1000, share=1.0)
CALM = Safeguards(
    suspensions=Limit(floor=2, share=0.0), group_deletions=ROOMY, tag_removals=ROOMY, updates=ROOMY
)
POLICY = Policy(safeguards=CALM)
_ID = re.compile(r"\b[0-9a-hjkmnp-tv-z]{16}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The first event of each type, as sent."""
    path = tmp_path_factory.mktemp("examples") / "connector.db"
    with house_at(f"sqlite:///{path}") as house:
        _story(house)
        with house.database.latest() as conn:
            events = outbox.page(conn, limit=1000).events
    found: dict[str, dict[str, Any]] = {}
    for each in events:
        found.setdefault(each["type"], each)
    return found


def _story(house: House) -> None:
    ledger = Ledger()
    for name in ("robin", "sasha", "kim", "alex"):
        ledger.add(f"00u-{name}", f"{name}@example.com", first_name=name.title(), last_name="Example")
    ledger.team("00g-sales", "Sales", "00u-robin", "00u-sasha")
    house.add_user("robin@example.com")
    acme = house.connect("acme", policy=replace(POLICY, seat_limit=5))
    adopting = house.settle(acme, ledger.source)
    _changes(house, acme, ledger)
    _ends_of_runs(house, acme, ledger)
    _pushes(house)
    _take_back(house, acme, adopting)
    _cancelled(house, acme, ledger)
    _quarantined(house, acme, ledger)
    _noticed(house, acme)


def _changes(house: House, acme: Connection, ledger: Ledger) -> None:
    ledger.change("00u-sasha", last_name="Sample")
    ledger.suspend("00u-kim")
    ledger.groups["00g-sales"].members = {"00u-robin", "00u-alex"}
    ledger.groups["00g-sales"].name = "Revenue"
    ledger.team("00g-guests", "Guests")
    house.pull(acme, ledger.source)
    ledger.restore("00u-kim")
    del ledger.groups["00g-guests"]
    house.pull(acme, ledger.source)


def _ends_of_runs(house: House, acme: Connection, ledger: Ledger) -> None:
    ledger.breaks_after = 1
    house.pull(acme, ledger.source)
    ledger.tell_truth()
    for name in ("sasha", "kim", "alex"):
        ledger.suspend(f"00u-{name}")
    house.pull(acme, ledger.source)


def _pushes(house: House) -> None:
    pusher = Pusher(house, house.connect("contractors", policy=POLICY))
    ids = [pusher.create(person(f"c{number}@example.com", f"c{number}")).id for number in range(5)]
    for number, id_ in enumerate(ids[:3]):
        pusher.replace(id_, person(f"c{number}@example.com", f"c{number}", active=False))


def _cancelled(house: House, acme: Connection, ledger: Ledger) -> None:
    asked = house.request(acme)
    with house.database.write() as conn:
        runs.request_stop(conn, asked.id, by="ada")
    house.execute(house.claim(acme), ledger.source, stop=lambda: True)


def _quarantined(house: House, acme: Connection, ledger: Ledger) -> None:
    house.pull(acme, _refused)
    house.pull(acme, ledger.source)


def _noticed(house: House, acme: Connection) -> None:
    waits = Condition(
        kind=NoticeKind.PLAN_HELD,
        key=f"plan_held:{acme.id}",
        title="acme: a plan waits for your decision",
        text="3 people would lose access, more than the limit of 2. Approve it, or reject it.",
        path=f"/plans/{acme.id}",
        connection=(acme.id, acme.name),
    )
    url = "https://connector.example.com"
    noticing.settle(house.database, lambda _: [waits], channels=(), url=url, clock=house.clock)


def _refused() -> Any:
    raise Denied("the API token is refused; make a new one at the IdP and set api_token")


def _take_back(house: House, acme: Connection, adopting: Run) -> None:
    with house.database.write() as conn:
        request_revert(conn, adopting.id, by="an admin", now=house.clock())
    house.execute(house.claim(acme), _nothing)


def _nothing() -> Any:
    raise AssertionError("a revert asks no directory")


def _settled(text: str) -> str:
    """The text with the ids and times that are other ones in every run made the same."""
    numbers: dict[str, str] = {}
    for found in _ID.findall(text):
        numbers.setdefault(found, f"6apg5gmc5gaj{len(numbers):04d}")
    text = _ID.sub(lambda match: numbers[match[0]], text)
    return _TIME.sub("2026-11-24T08:00:00.000000Z", text)


@pytest.mark.golden
@pytest.mark.parametrize("type", event.ALL_TYPES)
def test_the_example_is_what_is_sent(
    type: str, told: dict[str, dict[str, Any]], golden: Callable[[str, str], None]
) -> None:
    """Every type of event is told by the story, and its example is the body of its webhook."""
    assert type in told, sorted(told)
    sent = orjson.loads(body_of(to_json(told[type]), told[type]["sequence"]))
    text = orjson.dumps(sent, option=orjson.OPT_INDENT_2).decode() + "\n"
    golden(f"events/{type}.json", _settled(text))


def test_no_event_is_of_an_unknown_type(told: dict[str, dict[str, Any]]) -> None:
    """What the engine tells is in the list that filters are checked against."""
    assert set(told) <= set(event.ALL_TYPES)
    assert json.loads(_settled(json.dumps({"id": new_id()})))["id"] == "6apg5gmc5gaj0000"
