import threading
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, text
from sqlalchemy.engine import make_url

from sync.store import history, migrate, outbox, schema
from sync.store.database import Database
from sync.store.ids import new_id
from tests.store.rows import at

WRITERS, TRANSACTIONS = 6, 25


def add_event(conn, name, kind="user.updated"):
    row = {"id": new_id(), "type": kind, "occurred_at": at(0), "body": f'{{"name":"{name}"}}'}
    conn.execute(insert(schema.outbox).values(row))


def names(database, after=0):
    with database.latest() as conn:
        return [event["name"] for event in outbox.page(conn, after=after).events]


def libpq(url):
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def test_events_come_in_order_behind_the_cursor(database):
    """A page of the feed begins after the given sequence; types narrow it."""
    with database.write() as conn:
        for name in "abc":
            add_event(conn, name, "user.created" if name == "b" else "user.updated")
    with database.latest() as conn:
        events = outbox.page(conn).events
        assert [event["name"] for event in events] == ["a", "b", "c"]
        behind = outbox.page(conn, after=events[0]["sequence"], limit=1)
        assert [event["name"] for event in behind.events] == ["b"]
        assert behind.next == behind.events[0]["sequence"]
        assert outbox.count(conn) == 3
        assert outbox.last_sequence(conn) == events[-1]["sequence"]


def test_the_cursor_goes_on_behind_what_types_leave_out(database):
    """A page that is cut ends with its last event; one that is not, with the feed."""
    with database.write() as conn:
        for name in "abcde":
            add_event(conn, name, "user.created" if name in "bc" else "user.updated")
    with database.latest() as conn:
        numbers = {event["name"]: event["sequence"] for event in outbox.page(conn).events}
        cut = outbox.page(conn, types=["user.created"], limit=1)
        assert ([event["name"] for event in cut.events], cut.next) == (["b"], numbers["b"])
        rest = outbox.page(conn, after=cut.next, types=["user.created"], limit=2)
        assert ([event["name"] for event in rest.events], rest.next) == (["c"], numbers["e"])
        assert outbox.page(conn, after=99, types=["user.created"]) == outbox.Page(events=[], next=99)


def test_an_empty_feed_ends_at_zero(database):
    """Before the first event there is nothing to read, and the cursor to begin with is 0."""
    with database.latest() as conn:
        assert outbox.page(conn) == outbox.Page(events=[], next=0)
        assert outbox.last_sequence(conn) == 0


def test_each_number_comes_once_and_in_order_while_many_write(database):
    """A reader that follows the cursor while others commit out of order misses and doubles nothing."""
    written, barrier = [], threading.Barrier(WRITERS + 1)

    def write(writer):
        barrier.wait()
        for turn in range(TRANSACTIONS):
            rows = [f"{writer}.{turn}.{place}" for place in range(1 + (writer + turn) % 3)]
            with database.write() as conn:
                for name in rows:
                    add_event(conn, name)
            written.extend(rows)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    read: list[dict[str, Any]] = []
    page, seen, writing = read[:], 0, True
    barrier.wait()
    while writing or page:
        writing = any(thread.is_alive() for thread in threads)
        with database.latest() as conn:
            page = outbox.page(conn, after=seen, limit=7).events
        read += page
        seen = page[-1]["sequence"] if page else seen
    numbers = [event["sequence"] for event in read]
    assert numbers == sorted(set(numbers))
    assert sorted(event["name"] for event in read) == sorted(written)


@pytest.fixture
def postgres(postgres_url):
    database = Database(postgres_url)
    migrate.upgrade(database)
    yield database
    database.close()


def test_an_event_of_an_open_transaction_is_not_passed_over(postgres):
    """While an earlier number may still be committed, later ones wait, so that a cursor loses none."""
    with postgres.write() as conn:
        add_event(conn, "before")
    with postgres.write() as slow:
        add_event(slow, "first")
        with postgres.write() as quick:
            add_event(quick, "second")
        assert names(postgres) == ["before"]
        with postgres.latest() as conn:
            assert outbox.last_sequence(conn) == 1
            assert len(outbox.heads(conn, after=0, limit=10)) == 1
    assert names(postgres) == ["before", "first", "second"]


def test_events_rolled_back_hold_nothing_up(postgres):
    """A number that is never committed leaves a gap in the numbers, and later events are shown."""
    with postgres.write() as outer:
        inner = outer.begin_nested()
        add_event(outer, "taken back")
        inner.rollback()
        with postgres.write() as other:
            add_event(other, "told")
        assert names(postgres) == ["told"]
        add_event(outer, "told after all")
        with postgres.write() as other:
            add_event(other, "later")
        assert names(postgres) == ["told"]
    assert names(postgres) == ["told", "told after all", "later"]


def test_other_programs_hold_nothing_up(postgres, postgres_url, postgres_server):
    """Neither a long transaction nor the locks of others, in this database or elsewhere, delay the feed."""
    elsewhere = postgres_server.render_as_string(hide_password=False)
    with psycopg.connect(libpq(postgres_url)) as here, psycopg.connect(libpq(elsewhere)) as there:
        for busy in (here, there):
            busy.execute("SELECT pg_current_xact_id()")
            busy.execute("SELECT pg_advisory_lock_shared(0), pg_advisory_lock_shared(1, 1)")
            busy.execute("SELECT pg_advisory_xact_lock(-1)")
        # The very lock a writer would take, but of another database.
        there.execute(f"SELECT pg_advisory_lock_shared({schema.OUTBOX_LOCKS}::bigint << 48)".encode())
        with postgres.write() as conn:
            add_event(conn, "told")
        assert names(postgres) == ["told"]


def test_one_snapshot_cannot_show_the_feed(postgres):
    """Reading the feed where all statements see the same moment is refused: it could pass over events."""
    with postgres.read() as conn, pytest.raises(ValueError, match="latest"):
        outbox.page(conn)


def test_numbers_are_not_given_in_advance(postgres):
    """The sequence of the outbox has no cache, on which the order of the feed stands."""
    with postgres.read() as conn:
        query = "SELECT cache_size FROM pg_sequences WHERE sequencename = 'outbox_seq_seq'"
        assert conn.execute(text(query)).scalar_one() == 1


def test_history_of_a_user_and_of_a_run(database):
    """A user's history is newest first, a run's in the order it was applied."""
    run, ann, bob = new_id(), new_id(), new_id()
    with database.write() as conn:
        for user, action in ((ann, "create"), (bob, "create"), (ann, "suspend")):
            row = {"at": at(0), "run_id": run, "actor": "run", "action": action, "kind": "user"}
            row |= {"subject_id": user, "user_id": user, "label": "x", "reason": "y", "before": "{}"}
            conn.execute(insert(schema.history).values(row | {"after": '{"active":true}'}))
    with database.read() as conn:
        assert [row["action"] for row in history.of_user(conn, ann)] == ["suspend", "create"]
        assert [row["action"] for row in history.of_subject(conn, ann, limit=1)] == ["suspend"]
        rows = history.of_run(conn, run)
        assert [row["user_id"] for row in rows] == [ann, bob, ann]
        assert rows[0]["after"] == {"active": True}
        assert history.of_run(conn, run, after=rows[1]["seq"]) == rows[2:]
