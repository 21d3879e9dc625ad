"""The report before a first run."""

from __future__ import annotations

from typing import Any

import pytest

from sync.discover import discover
from sync.discovery import Discovery
from sync.model.connection import Connection, Policy
from sync.model.errors import Conflict, Misconfigured
from sync.model.resources import Status
from sync.store import connections, runs
from tests.engine.house import House
from tests.engine.ledger import Ledger

OWN_TABLES = ("run", "plan", "plan_item")
"""What a report writes: its run and its plan."""


def _discover(
    house: House, connection: Connection, ledger: Ledger, policy: Policy | None = None
) -> Discovery:
    return discover(
        house.database,
        house.reread(connection),
        policy or Policy(),
        ledger.source,
        clock=house.clock,
        by="an admin",
    )


def _people(report: Discovery) -> dict[str, int | None]:
    """How many of each kind, the empty ones left out."""
    return {name: kind["count"] for name, kind in report.as_json()["people"].items() if kind["count"] != 0}


def _labels(report: Discovery, kind: str) -> list[Any]:
    return [entry["label"] for entry in report.as_json()["people"][kind]["sample"]]


@pytest.fixture
def mixed(house: House, ledger: Ledger) -> Ledger:
    """Beside six people without an account: one of every other kind."""
    house.add_user("sso@example.com", origin="sso")
    house.add_user("admin@example.com", admin=True)
    house.add_user("asleep@example.com", active=False, suspended_by_hand=True)
    house.add_user("contractor@example.com", origin="sso")
    house.add_user("robot@example.com", active=False)
    ledger.add("S", "SSO@example.com")
    ledger.add("L", "asleep@example.com")
    ledger.add("X", "admin@example.com")
    ledger.add("T1", "twin@example.com")
    ledger.add("T2", "twin@example.com", user_name="twin2@example.com")
    ledger.add("N", "", user_name="no-mail")
    ledger.add("P", status=Status.PENDING, status_text="STAGED")
    ledger.add("Z", status=Status.SUSPENDED, status_text="SUSPENDED")
    return ledger


def test_every_kind_is_counted(house: House, mixed: Ledger) -> None:
    """Linked, created, to confirm, disputed, without e-mail, not provisioned, and accounts nobody has."""
    report = _discover(house, house.connect(), mixed)
    assert _people(report) == {
        "link": 2, "create": 6, "confirm_adoption": 1, "disputed": 2, "no_email": 1, "not_provisioned": 2,
        "unowned": 2,
    }  # fmt: skip
    assert set(_labels(report, "link")) == {"SSO@example.com", "asleep@example.com"}
    assert _labels(report, "confirm_adoption") == ["admin@example.com"]
    assert _labels(report, "unowned") == ["contractor@example.com", "robot@example.com"]
    whys = {entry["label"]: entry["why"] for entry in report.as_json()["people"]["not_provisioned"]["sample"]}
    assert "STAGED" in whys["p@example.com"]


def test_groups_and_seats_are_counted(house: House, mixed: Ledger) -> None:
    """New groups, their memberships, and the seats that newcomers and adopted accounts would take."""
    report = _discover(house, house.connect(), mixed).as_json()
    assert (report["groups"]["count"], report["groups"]["known"]) == (2, 0)
    assert report["memberships"] == {"add": 5, "remove": 0}
    assert report["seats"] == {"limit": None, "used": 0, "taken": 7, "freed": 0, "waiting": 0, "after": 7}


def test_accounts_that_count_already_take_no_second_seat(house: House, mixed: Ledger) -> None:
    """Where unmanaged accounts count, adopting an active one takes nothing more."""
    report = _discover(
        house, house.connect(), mixed, Policy(seats_count_unmanaged=True, seat_limit=7)
    ).as_json()
    assert (report["seats"]["used"], report["seats"]["taken"]) == (3, 6)
    assert (report["seats"]["waiting"], report["seats"]["after"]) == (2, 7)


def test_the_report_writes_nothing_but_its_run_and_plan(house: House, mixed: Ledger) -> None:
    """No user, link, question, event or setting is written; the next first run finds a clean house."""
    connection = house.connect()
    before = house.dump(*OWN_TABLES)
    report = _discover(house, connection, mixed)
    assert house.dump(*OWN_TABLES) == before
    assert house.attention() == []
    with house.database.read() as conn:
        run = runs.get(conn, report.run_id)
    assert (run.trigger, run.dry_run, run.plan_id) == ("discover", True, report.plan.id)


def test_the_first_run_does_what_the_report_said(house: House, mixed: Ledger) -> None:
    """The counts of the report are those of the run after it, and so are the questions."""
    connection = house.connect()
    said = _discover(house, connection, mixed).as_json()
    run = house.settle(connection, mixed.source)
    assert run.counts["adopt"] == said["people"]["link"]["count"]
    assert run.counts["create"] == said["people"]["create"]["count"]
    assert run.counts["member_add"] == said["memberships"]["add"]
    questions = [question["kind"] for question in house.attention()]
    for kind in ("confirm_adoption", "disputed", "no_email"):
        assert questions.count(kind) == said["people"][kind]["count"]


def test_a_report_after_the_first_run_knows_who_is_linked(house: House, mixed: Ledger) -> None:
    """Those who have an account are linked already; who was set aside still is, unchanged or not."""
    connection = house.connect()
    house.settle(connection, mixed.source)
    assert _people(_discover(house, connection, mixed)) == {
        "linked": 8, "confirm_adoption": 1, "disputed": 2, "no_email": 1, "not_provisioned": 2, "unowned": 2,
    }  # fmt: skip


def test_those_who_left_are_of_no_kind(house: House, ledger: Ledger) -> None:
    """Somebody who was never provisioned and is gone by now is not reported as not provisioned."""
    ledger.add("Z", status=Status.SUSPENDED, status_text="SUSPENDED")
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.remove("Z")
    assert _people(_discover(house, connection, ledger)) == {"linked": 6}


def test_a_leaver_frees_a_seat(house: House, ledger: Ledger) -> None:
    """Who would be suspended is counted among the seats that become free."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.remove("A")
    ledger.suspend("B")
    seats = _discover(house, connection, ledger).as_json()["seats"]
    assert (seats["used"], seats["taken"], seats["freed"], seats["after"]) == (6, 0, 2, 4)


def test_an_incomplete_read_does_not_say_who_is_missing(house: House, mixed: Ledger) -> None:
    """Whether an account is unowned cannot be told from half a list, and the report says so."""
    mixed.breaks_after = 2
    report = _discover(house, house.connect(), mixed)
    assert report.as_json()["complete"] is False
    assert report.as_json()["people"]["unowned"] == {"count": None, "sample": []}
    assert "an incomplete read cannot tell" in report.as_text()


def test_a_long_list_is_sampled(house: House) -> None:
    """Twenty of a kind are shown, all are counted."""
    crowd = Ledger(page_size=500)
    for number in range(1_203):
        crowd.add(f"p{number:04}")
    report = _discover(house, house.connect(), crowd)
    kind = report.as_json()["people"]["create"]
    assert (kind["count"], len(kind["sample"])) == (1_203, 20)
    assert "… and 1,198 more" in report.as_text()


def test_the_text_says_it_all(house: House, mixed: Ledger) -> None:
    """Every kind has its line, whether anybody is of it or not, and the seats have theirs."""
    text = _discover(house, house.connect(), mixed).as_text()
    assert "2  will be linked to an account that exists" in text
    assert "0  are linked already" in text
    assert "contractor@example.com: active, came by sso" in text
    assert "Seats: 0 in use now, 7 taken and 0 freed, 7 then (no limit)." in text


def test_a_source_that_cannot_be_read_says_why(house: House, ledger: Ledger) -> None:
    """The error of the read is the error of the report, and the connection is free again at once."""
    connection = house.connect()
    with house.database.write() as conn:
        connections.update(conn, connection.id, now=house.clock(), tenant="somebody else")
    with pytest.raises(Misconfigured, match="another organisation"):
        _discover(house, connection, ledger)
    ledger.tenant = "somebody else"
    assert _people(_discover(house, connection, ledger)) == {"create": 6}


def test_one_report_at_a_time(house: House, ledger: Ledger) -> None:
    """While a run of the connection waits, the report says so."""
    connection = house.connect()
    house.request(connection)
    with pytest.raises(Conflict, match="queued or running"):
        _discover(house, connection, ledger)
    assert ledger.opened == 0
