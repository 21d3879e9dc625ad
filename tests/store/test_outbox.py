import psycopg
import pytest
from sqlalchemy import insert

from sync.store import history, outbox, schema
from sync.store.database import Database
from sync.store.ids import new_id
from tests.store.rows import at


def add_event(conn, name, kind="user.updated"):
    row = {"id": new_id(), "type": kind, "occurred_at": at(0), "body": f'{{"name":"{name}"}}'}
    conn.execute(insert(schema.outbox).values(row))


def test_events_come_in_order_behind_the_cursor(database):
    """A page of the feed begins after the given sequence; types narrow it."""
    with database.write() as conn:
        for name in "abc":
            add_event(conn, name, "user.created" if name == "b" else "user.updated")
    with database.read() as conn:
        events = outbox.events(conn)
        assert [event["name"] for event in events] == ["a", "b", "c"]
        behind = outbox.events(conn, after=events[0]["sequence"], limit=1)
        assert [event["name"] for event in behind] == ["b"]
        assert [event["name"] for event in outbox.events(conn, types=["user.created"])] == ["b"]
        assert outbox.count(conn) == 3


@pytest.fixture
def postgres(postgres_url):
    from sync.store import migrate

    database = Database(postgres_url)
    migrate.upgrade(database)
    yield database
    database.close()


def test_an_event_of_an_open_transaction_is_not_passed_over(postgres):
    """While an earlier number may still be committed, later ones wait, so that a cursor loses none."""
    with postgres.write() as slow:
        add_event(slow, "first")
        with postgres.write() as quick:
            add_event(quick, "second")
        with postgres.read() as conn:
            assert outbox.events(conn) == []
    with postgres.read() as conn:
        assert [event["name"] for event in outbox.events(conn)] == ["first", "second"]


def test_another_database_of_the_server_holds_nothing_up(postgres, postgres_server):
    """A long transaction elsewhere on the same server does not delay the feed."""
    elsewhere = postgres_server.render_as_string(hide_password=False).replace(
        "postgresql+psycopg", "postgresql"
    )
    with psycopg.connect(elsewhere) as busy:
        busy.execute("CREATE TEMPORARY TABLE long_work (id integer)")
        with postgres.write() as conn:
            add_event(conn, "told")
        with postgres.read() as conn:
            assert [event["name"] for event in outbox.events(conn)] == ["told"]


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
