"""Groups within groups, in the reads, in the view and as the SCIM server shows them."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.store import migrate, nesting, people, roster, schema, scim
from sync.store.database import Database
from tests.store.rows import add_connection, add_directory_user, add_group, add_member, add_user, at


def _view(conn):
    rows = conn.execute(sa.text("SELECT user_id, tag, source FROM app_user_tags"))
    return {tuple(row) for row in rows}


def _reads(conn, ids):
    return {(user, tag, source) for user, pairs in people.tags_of(conn, ids).items() for tag, source in pairs}


@pytest.fixture
def family(database, connection):
    """Ann in C, C in B, B in A, and A in C: a circle; Bob in B."""
    with database.write() as conn:
        ann, bob = add_user(conn, "ann@example.com"), add_user(conn, "bob@example.com")
        in_c = add_directory_user(conn, connection.id, "ann", external_id="e1", user_id=ann)
        in_b = add_directory_user(conn, connection.id, "bob", external_id="e2", user_id=bob)
        a, b, c = (add_group(conn, connection.id, name) for name in "ABC")
        add_member(conn, c, in_c)
        add_member(conn, b, in_b)
        for outer, inner in ((b, c), (a, b), (c, a)):
            add_member(conn, outer, inner, "group")
    return {"ann": ann, "bob": bob, "in_c": in_c, "in_b": in_b, "a": a, "b": b, "c": c}


def test_people_carry_the_tags_of_the_groups_above(database, family):
    """Through every level, in a circle too, with the giving group as the source."""
    with database.read() as conn:
        shown = people.user(conn, family["ann"])
        assert shown["tags"] == ["Group:A", "Group:B", "Group:C", "scim"]
        assert [(group["name"], group["direct"]) for group in shown["groups"]] == [
            ("A", False),
            ("B", False),
            ("C", True),
        ]
        assert {"tag": "Group:A", "source": f"group:{family['a']}"} in shown["tag_sources"]
        assert [row["id"] for row in roster.users(conn, tag="Group:A")[0]] == sorted(
            [family["ann"], family["bob"]]
        )


def test_a_deleted_group_passes_nothing_on(database, family):
    """Neither its own tag nor that of the groups above it."""
    with database.write() as conn:
        gone = sa.update(schema.directory_group).where(schema.directory_group.c.id == family["b"])
        conn.execute(gone.values(deleted_at=at(1)))
    with database.read() as conn:
        assert people.user(conn, family["ann"])["tags"] == ["Group:C", "scim"]
        assert _view(conn) == _reads(conn, [family["ann"], family["bob"]])


def test_where_nothing_is_nested_nothing_is_read(sqlite_url):
    """The way up starts from an index that holds nested groups alone."""
    database = Database(sqlite_url)
    migrate.upgrade(database)
    with database.read() as conn:
        text = str(sa.select(nesting.ABOVE).compile(conn))
        steps = [row[-1] for row in conn.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
    database.close()
    assert any("ix_member_nested" in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN member") and "ix_member_nested" not in step]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    nested=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14),
    joined=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=8),
    dead=st.sets(st.integers(0, 5), max_size=2),
)
def test_reads_view_and_scim_agree_on_any_nesting(database, nested, joined, dead):
    """Circles, diamonds, groups within themselves and deleted ones: one answer from all."""
    with database.write() as conn:
        for table in ("member", "link", "directory_user", "directory_group", "users"):
            conn.execute(sa.delete(schema.metadata.tables[table]))
        conn.execute(sa.delete(schema.connection))
    connection = add_connection(database, "Acme")
    with database.write() as conn:
        accounts = [add_user(conn, f"u{n}@example.com") for n in range(3)]
        rows = [add_directory_user(conn, connection.id, f"u{n}", user_id=accounts[n]) for n in range(3)]
        groups = [
            add_group(conn, connection.id, f"G{n}", deleted_at=at(1) if n in dead else None) for n in range(6)
        ]
        for outer, inner in nested:
            add_member(conn, groups[outer], groups[inner], "group")
        for group, who in joined:
            add_member(conn, groups[group], rows[who])
    with database.read() as conn:
        reads = _reads(conn, accounts)
        assert _view(conn) == reads
        shown = scim.scim_groups_of(conn, connection.id, rows)
        for account, row in zip(accounts, rows, strict=True):
            tags = {tag for user, tag, source in reads if user == account and source.startswith("group:")}
            assert tags == {f"Group:{ref.display}" for ref in shown[row]}
            listed = {(group["id"], group["direct"]) for group in people.user(conn, account)["groups"]}
            assert listed == {(ref.value, ref.direct) for ref in shown[row]}


# Rows as the second version of the tables takes them; today's code cannot write those tables any more.
_OLDER_ROWS = """
INSERT INTO connection (id, name, type, mode, enabled, settings, sealed, created_at, updated_at)
    VALUES ('c', 'Acme', 'okta', 'both', true, '{}', '{}', :now, :now);
INSERT INTO users (id, email, email_key, active, origin, created_at, updated_at)
    VALUES ('u', 'ann@example.com', 'ann@example.com', true, 'manual', :now, :now);
INSERT INTO directory_user
    (id, connection_id, user_name, user_name_key, status, origin, created_at, updated_at)
    VALUES ('ann', 'c', 'ann', 'ann', 'active', 'pull', :now, :now);
INSERT INTO link (directory_user_id, user_id, how, rule, linked_at)
    VALUES ('ann', 'u', 'created', 'new', :now);
INSERT INTO directory_group (id, connection_id, name, name_key, tag, origin, created_at, updated_at)
    VALUES ('i', 'c', 'Inner', 'inner', 'Group:Inner', 'pull', :now, :now);
INSERT INTO directory_group (id, connection_id, name, name_key, tag, origin, created_at, updated_at)
    VALUES ('o', 'c', 'Outer', 'outer', 'Group:Outer', 'pull', :now, :now);
INSERT INTO member (group_id, value, kind, added_at) VALUES ('i', 'ann', 'user', :now);
INSERT INTO member (group_id, value, kind, added_at) VALUES ('o', 'i', 'group', :now)
"""


@pytest.fixture
def empty(new_database_url):
    database = Database(new_database_url)
    yield database
    database.close()


def test_a_database_of_an_older_version_is_brought_along(empty):
    """What was written before nested groups counted stays, and the view then knows them."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    with empty.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0002")
        for statement in _OLDER_ROWS.split(";"):
            conn.execute(sa.text(statement), {"now": at(0)})
    assert migrate.upgrade(empty)
    with empty.read() as conn:
        assert {tag for _, tag, _ in _view(conn)} == {"scim", "Group:Inner", "Group:Outer"}
