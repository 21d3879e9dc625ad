from typing import Any

from sync.model.resources import Status
from sync.store import headcount, resources
from tests.store.rows import add_connection, add_directory_user, add_group, add_member, add_user, at


def _never(_seq: int) -> bool:
    return False


def test_fingerprints_are_of_live_rows_of_the_connection_only(database, connection):
    """Tombstones, other connections' rows and unknown ids are absent from the answer."""
    other = add_connection(database, "Other")
    with database.write() as conn:
        add_directory_user(conn, connection.id, "ann", external_id="e1", fingerprint=b"1")
        add_directory_user(conn, connection.id, "bob", external_id="e2")
        add_directory_user(conn, connection.id, "gone", external_id="e3", deleted_at=at(1))
        add_directory_user(conn, other.id, "eve", external_id="e4")
        add_group(conn, connection.id, "Staff", external_id="g1", fingerprint=b"g")
    with database.read() as conn:
        asked = ["e1", "e2", "e3", "e4", "nobody", "é"] + [f"x{number}" for number in range(1200)]
        found = resources.fingerprints(conn, "user", connection.id, asked)
        assert {key: row.fingerprint for key, row in found.items()} == {"e1": b"1", "e2": None}
        assert resources.fingerprints(conn, "group", connection.id, ["g1"]).keys() == {"g1"}
        assert resources.fingerprints(conn, "user", connection.id, []) == {}


def test_counts_and_the_unmet(database, connection):
    """Unmet rows are the live ones with an external id whose seq was not met, with what people call them."""
    with database.write() as conn:
        add_directory_user(conn, connection.id, "ann", external_id="e1", email="Ann@example.com")
        add_directory_user(conn, connection.id, "bob", external_id="e2", status="suspended")
        add_directory_user(conn, connection.id, "pushed")
        add_directory_user(conn, connection.id, "gone", external_id="e3", deleted_at=at(1))
        add_group(conn, connection.id, "Staff", external_id="g1")
    with database.read() as conn:
        assert resources.live_count(conn, "user", connection.id) == 3
        assert resources.live_count(conn, "user", connection.id, [Status.ACTIVE]) == 2
        rows = list(resources.unmet(conn, "user", connection.id, _never))
        assert [(row.external_id, row.status, row.label) for row in rows] == [
            ("e1", Status.ACTIVE, "Ann@example.com"),
            ("e2", Status.SUSPENDED, "bob"),
        ]
        met = resources.fingerprints(conn, "user", connection.id, ["e1"])["e1"].seq
        assert [row.external_id for row in resources.unmet(conn, "user", connection.id, met.__eq__)] == ["e2"]
        assert [row.label for row in resources.unmet(conn, "group", connection.id, _never)] == ["Staff"]


def test_unmet_pages_through_more_rows_than_one_page(database, connection):
    """Every row comes once, in the order of seq, while the caller deletes behind the reader."""
    from sqlalchemy import update

    from sync.store.schema import directory_user

    count = resources.UNMET_PAGE + 3
    rows = [
        {
            "id": f"{number:016}",
            "connection_id": connection.id,
            "external_id": str(number),
            "user_name": str(number),
        }
        | {"status": "active", "origin": "pull", "created_at": at(0), "updated_at": at(0)}
        for number in range(count)
    ]
    with database.write() as conn:
        conn.execute(directory_user.insert(), rows)
        met = []
        for place, row in enumerate(resources.unmet(conn, "user", connection.id, _never)):
            met.append(row.external_id)
            if place % 1000 == 0:
                gone = directory_user.c.id == row.id
                conn.execute(update(directory_user).where(gone).values(deleted_at=at(1)))
    assert met == [str(number) for number in range(count)]


def test_directory_users_are_found_by_any_key_once(database, connection):
    """A row that fits several keys comes once, with its link; tombstones only when asked for."""
    with database.write() as conn:
        user = add_user(conn, "ann@example.com")
        ann = add_directory_user(
            conn,
            connection.id,
            "Ann",
            external_id="e1",
            scim_external_id="s1",
            email="ANN@example.com",
            user_id=user,
        )
        bob = add_directory_user(conn, connection.id, "Bob", external_id="e2")
        gone = add_directory_user(conn, connection.id, "Gone", external_id="e3", deleted_at=at(1))
    with database.read() as conn:
        read = resources.directory_users
        by_all: dict[str, Any] = {
            "external_ids": ["e1"],
            "scim_external_ids": ["s1"],
            "email_keys": ["ann@example.com"],
            "ids": [ann],
        }
        assert [(row.id, row.user_id) for row in read(conn, connection.id, **by_all)] == [(ann, user)]
        assert [row.id for row in read(conn, connection.id, user_name_keys=["bob"], ids=[ann])] == [ann, bob]
        assert read(conn, connection.id, external_ids=["e3"]) == []
        assert [row.id for row in read(conn, connection.id, external_ids=["e3"], tombstones=True)] == [gone]
        assert read(conn, "another", ids=[ann]) == []


def test_users_and_their_live_links(database, connection):
    """A user's links come with connection and status; a tombstone's link is no live link."""
    other = add_connection(database, "Other")
    with database.write() as conn:
        ann, bob = add_user(conn, "Ann@Example.com"), add_user(conn, "bob@example.com", active=False)
        first = add_directory_user(conn, connection.id, "ann", user_id=ann)
        second = add_directory_user(conn, other.id, "ann", user_id=ann, status="suspended")
        add_directory_user(conn, connection.id, "bob", user_id=bob, deleted_at=at(1))
    with database.read() as conn:
        assert resources.active_links(conn, [ann, bob]) == {
            ann: [(connection.id, first, Status.ACTIVE), (other.id, second, Status.SUSPENDED)]
        }
        found = resources.application_users(
            conn, ids=[ann], email_keys=["ann@example.com", "bob@example.com"]
        )
        assert [(user.id, user.active) for user in found] == [(ann, True), (bob, False)]
        assert headcount.active_of(conn, connection.id) == 1


def test_members_by_external_id(database, connection):
    """Pending members count as users under the id they were named by; groups stand apart."""
    with database.write() as conn:
        ann = add_directory_user(conn, connection.id, "ann", external_id="e1")
        pushed = add_directory_user(conn, connection.id, "pushed")
        nested = add_group(conn, connection.id, "Nested", external_id="g2")
        group = add_group(conn, connection.id, "Staff", external_id="g1")
        for value, kind in ((ann, "user"), (pushed, "user"), (nested, "group"), ("later", "pending")):
            add_member(conn, group, value, kind)
    with database.read() as conn:
        assert resources.member_external_ids(conn, group) == {"e1", pushed, "later", "g2"}
        assert [
            found.name for found in resources.directory_groups(conn, connection.id, external_ids=["g1", "g2"])
        ] == [
            "Nested",
            "Staff",
        ]
