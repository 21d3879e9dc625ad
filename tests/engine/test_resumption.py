from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from sync.model.connection import Connection
from sync.model.run import Run, RunMode, RunState
from sync.model.source import Found
from sync.pull import NOTE_EVERY
from sync.resumption import GOOD_FOR
from sync.store import connections, runs
from tests.engine.house import House
from tests.engine.ledger import Ledger, LedgerSource
from tests.engine.scim import Pusher, document_of

LEFT_OFF = "The read is incomplete: it went on where another process left off, so nobody is removed by it"


@pytest.fixture
def ledger() -> Ledger:
    """Twelve people on four pages and a group; it can be asked to go on behind any page of people."""
    made = Ledger(resumes=True, cursor="one")
    for name in "ABCDEFGHIJKL":
        made.add(name)
    made.team("G1", "Sales", "A", "L")
    return made


def _known(house: House, ledger: Ledger) -> Connection:
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.listed = 0
    return connection


def _broken_off(house: House, connection: Connection, ledger: Ledger, pages: int, **wanted: object) -> Run:
    """A read that is left after this page (from 0) and the next, which are kept if there are two of them."""
    house.request(connection, **wanted)
    return _left(house, connection, ledger, pages)


def _left(house: House, connection: Connection, ledger: Ledger, pages: int) -> Run:
    read = 0

    def after_a_page() -> bool:
        nonlocal read
        read += 1
        house.now += NOTE_EVERY
        return read > pages

    run = house.execute(house.claim(connection), ledger.source, stop=after_a_page)
    assert run.state is RunState.RUNNING
    return run


def _gone_on(house: House, connection: Connection, ledger: Ledger) -> Run:
    return house.execute(house.claim(connection), ledger.source)


def _queued(house: House) -> list[dict[str, object]]:
    return [row for row in house.rows("run") if row["state"] == "queued"]


def test_a_read_goes_on_where_it_was_left_and_a_whole_one_follows(house: House, ledger: Ledger) -> None:
    """Nobody is listed twice, the leaver stays until the whole read has seen it, and no third one follows."""
    connection = _known(house, ledger)
    ledger.remove("B")
    ledger.change("A", last_name="Renamed")
    ledger.add("M")
    _broken_off(house, connection, ledger, 1)
    assert ledger.listed == 6
    run = _gone_on(house, connection, ledger)
    assert ledger.listed == 12
    assert run.state is RunState.PARTIAL
    assert run.reasons[0].startswith(LEFT_OFF)
    people = house.managed(connection)
    assert people["A"].last_name == "Renamed"
    assert people["M"].active
    assert people["B"].active
    assert house.reread(connection).trouble is None
    with house.database.read() as conn:
        assert runs.newest_reads(conn)[connection.id].id != run.id
    assert [(row["mode"], row["trigger"]) for row in _queued(house)] == [("full", "manual")]
    whole = _gone_on(house, connection, ledger)
    assert whole.state is RunState.SUCCEEDED
    assert not house.managed(connection)["B"].active
    assert not _queued(house)
    assert not house.rows("staged")


def test_a_read_left_twice_goes_on_twice(house: House, ledger: Ledger) -> None:
    """Each process goes on from where the one before it was."""
    connection = _known(house, ledger)
    ledger.add("M")
    _broken_off(house, connection, ledger, 1)
    _left(house, connection, ledger, 1)
    assert _gone_on(house, connection, ledger).state is RunState.PARTIAL
    assert ledger.listed == 13
    assert house.managed(connection).keys() == ledger.people.keys()


def _forgotten(house: House, _connection: Connection, ledger: Ledger) -> None:
    ledger.forgets = True


def _old(house: House, _connection: Connection, _ledger: Ledger) -> None:
    house.now += GOOD_FOR


def _other_policy(house: House, connection: Connection, _ledger: Ledger) -> None:
    house.policies[connection.id] = replace(house.policies[connection.id], salt="another mapping")


def _other_scope(house: House, connection: Connection, _ledger: Ledger) -> None:
    with house.database.write() as conn:
        connections.update(conn, connection.id, now=house.clock(), settings={"scope": "app"})


@pytest.mark.parametrize("meanwhile", [_forgotten, _old, _other_policy, _other_scope])
def test_what_was_read_counts_no_more_when_it_may_not_hold(
    quick_house: House, ledger: Ledger, meanwhile: Callable[[House, Connection, Ledger], None]
) -> None:
    """An expired place, an old one or one of other settings: the run begins anew, and may remove."""
    house, connection = quick_house, _known(quick_house, ledger)
    ledger.add("M")
    _broken_off(house, connection, ledger, 1)
    ledger.remove("B")
    ledger.remove("M")
    meanwhile(house, connection, ledger)
    run = _gone_on(house, connection, ledger)
    assert run.state is RunState.SUCCEEDED
    assert ledger.listed == 6 + 11
    assert not house.managed(connection)["B"].active
    assert "M" not in house.managed(connection)
    assert any("begins anew" in why for why in run.reasons) == ledger.forgets
    assert not _queued(house)


class _Killed(LedgerSource):
    """A source of a process that dies when all is read and the absent are asked about."""

    def lookup(self, external_ids: Sequence[str]) -> Found:
        raise KeyboardInterrupt(external_ids)


def test_a_read_of_moments_begins_anew(quick_house: House, ledger: Ledger) -> None:
    """Killed when all was read, but before anything else was kept of it, it is read as a whole again."""
    connection = _known(quick_house, ledger)
    ledger.remove("B")
    quick_house.request(connection)
    with pytest.raises(KeyboardInterrupt):
        quick_house.execute(quick_house.claim(connection, lease_s=0), lambda: _Killed(ledger))
    assert _gone_on(quick_house, connection, ledger).state is RunState.SUCCEEDED
    assert not quick_house.managed(connection)["B"].active


def test_a_dry_run_shows_a_whole_plan(quick_house: House, ledger: Ledger) -> None:
    """A plan made for reading is read from page 1, and nothing follows it."""
    connection = _known(quick_house, ledger)
    ledger.remove("B")
    _broken_off(quick_house, connection, ledger, 1, dry_run=True)
    run = _gone_on(quick_house, connection, ledger)
    assert quick_house.plan(run).counts["suspend"] == 1
    assert not _queued(quick_house)


def test_another_tenant_is_noticed_when_a_read_goes_on(quick_house: House, ledger: Ledger) -> None:
    """The check of who answers is not skipped."""
    connection = _known(quick_house, ledger)
    before = quick_house.managed(connection)
    _broken_off(quick_house, connection, ledger, 1)
    ledger.tenant = "tenant-2"
    run = _gone_on(quick_house, connection, ledger)
    assert (run.state, run.error_kind) == (RunState.FAILED, "misconfigured")
    assert quick_house.managed(connection) == before
    assert not _queued(quick_house)


def test_the_last_word_of_a_read_in_two_parts_counts(quick_house: House, ledger: Ledger) -> None:
    """Somebody met before and after, as she was in the end: the change staged in between is taken back."""
    connection = _known(quick_house, ledger)
    ledger.change("F", last_name="Mistyped")
    _broken_off(quick_house, connection, ledger, 1)
    ledger.change("F", last_name="Person")
    ledger.add("AA")  # moves F to the next page
    _gone_on(quick_house, connection, ledger)
    assert quick_house.managed(connection)["F"].last_name == "Person"


def test_an_approval_beforehand_counts_for_the_whole_read_too(quick_house: House, ledger: Ledger) -> None:
    """A first run that was let go beforehand does not wait for a word because it was killed."""
    connection = quick_house.connect()
    _broken_off(quick_house, connection, ledger, 1, approved_beforehand=True)
    assert _gone_on(quick_house, connection, ledger).state is RunState.PARTIAL
    assert _gone_on(quick_house, connection, ledger).state is RunState.SUCCEEDED
    assert quick_house.reread(connection).first_run_approved


def test_a_delta_that_had_to_read_everything_goes_on_too(quick_house: House, ledger: Ledger) -> None:
    """Its expired bookmark is not tried again, and the whole read that follows brings a new one."""
    ledger.cursor = "expired"
    connection = _known(quick_house, ledger)
    ledger.cursor = "two"
    _broken_off(quick_house, connection, ledger, 1, mode=RunMode.DELTA)
    assert _gone_on(quick_house, connection, ledger).state is RunState.PARTIAL
    assert ledger.listed == 12
    assert quick_house.reread(connection).cursor == "expired"
    assert _gone_on(quick_house, connection, ledger).mode is RunMode.FULL
    assert quick_house.reread(connection).cursor == "two"


def test_a_whole_read_comes_even_if_something_else_waits(quick_house: House, ledger: Ledger) -> None:
    """Behind another run it is due by the schedule at once."""
    connection = _known(quick_house, ledger)
    _broken_off(quick_house, connection, ledger, 1)
    quick_house.request(connection, mode=RunMode.DELTA)
    _gone_on(quick_house, connection, ledger)
    due_at = quick_house.reread(connection).next_full_at
    assert due_at is not None
    assert due_at <= quick_house.now


def test_who_was_pushed_after_her_page_was_read_stays_as_pushed(quick_house: House, ledger: Ledger) -> None:
    """What a push said while the read lay broken off is newer than what was staged before."""
    connection = _known(quick_house, ledger)
    quick_house.now += timedelta(hours=1)
    ledger.change("A", last_name="Stale")
    _broken_off(quick_house, connection, ledger, 1)
    (row,) = [row for row in quick_house.rows("directory_user") if row["external_id"] == "A"]
    newer = document_of(ledger.people["A"]._replace(last_name="Newer"))
    Pusher(quick_house, connection).replace(row["id"], newer)
    _gone_on(quick_house, connection, ledger)
    assert quick_house.managed(connection)["A"].last_name == "Newer"
