"""What is counted over everybody is counted again when it could have changed, and only then."""

from sqlalchemy import insert

from connector.usecases.remembered import Remembered
from sync.store import schema
from sync.store.database import Database
from tests.store.rows import at


def applied(database: Database, action: str) -> None:
    """A change of this kind stands in the history."""
    row = {"at": at(0), "actor": "test", "action": action, "kind": "user", "subject_id": "x", "label": "x"}
    with database.write() as conn:
        conn.execute(insert(schema.history).values(**row, reason="", before="{}", after="{}"))


def told(database: Database, type_: str) -> None:
    """An event of this type is in the outbox."""
    row = {"id": type_, "type": type_, "occurred_at": at(0), "body": "{}"}
    with database.write() as conn:
        conn.execute(insert(schema.outbox).values(row))


def test_a_profile_counts_nobody_again_and_a_joiner_does(database: Database) -> None:
    """Profiles and memberships leave counts of people as they are; accounts, links and access do not."""
    remembered, numbers = Remembered(), iter(range(100))

    def counted() -> tuple[int, int]:
        with database.read() as conn:
            people = remembered.count_people(conn, "people", lambda _: next(numbers))
            return people, remembered.count(conn, "changes", lambda _: next(numbers))

    assert counted() == (0, 1) == counted()
    for action in ("update", "member_add", "group_rename"):
        applied(database, action)
    told(database, "run.succeeded")
    assert counted() == (0, 2)
    applied(database, "suspend")
    assert counted() == (3, 4)
    told(database, "user.adopted")
    assert counted() == (5, 6) == counted()


def test_an_older_look_leaves_nothing_behind(database: Database) -> None:
    """Who reads in a snapshot from before a change counts for herself, and nobody is told that later."""
    remembered = Remembered()
    with database.read() as older:
        remembered.count_people(older, "people", lambda _: "before")
        applied(database, "create")
        with database.read() as newer:
            assert remembered.count_people(newer, "people", lambda _: "after") == "after"
        assert remembered.count_people(older, "people", lambda _: "before") == "before"
    with database.read() as newer:
        assert remembered.count_people(newer, "people", lambda _: "after") == "after"
