import pytest
import sqlalchemy as sa

from sync.model.errors import Conflict, NotFound
from sync.store import groups, headcount, people, roster, schema
from tests.store.rows import add_connection, add_directory_user, add_group, add_member, add_user, at


@pytest.fixture
def known(database, connection):
    """Ann in two directories and a group, Bob unmanaged with a tag by hand, Cy whose link ended."""
    other = add_connection(database, "Other")
    with database.write() as conn:
        ann = add_user(conn, "Ann@Example.com", first_name="Ann", last_name="Ålund")
        bob = add_user(conn, "bob@example.com")
        cy = add_user(conn, "cy@example.com", active=False)
        in_acme = add_directory_user(conn, connection.id, "ann", external_id="e1", user_id=ann)
        add_directory_user(conn, other.id, "ann", external_id="o1", user_id=ann)
        add_directory_user(conn, connection.id, "cy", external_id="e3", user_id=cy, deleted_at=at(1))
        group = add_group(conn, connection.id, "Staff", external_id="g1")
        add_member(conn, group, in_acme)
        add_member(conn, group, "later", "pending")
        gone = add_group(conn, connection.id, "Gone", deleted_at=at(1))
        add_member(conn, gone, in_acme)
        add_member(conn, add_group(conn, connection.id, "Untagged", tag=None), in_acme)
        by_hand = {"user_id": bob, "tag": "beta", "set_by": "admin", "set_at": at(0)}
        conn.execute(sa.insert(schema.user_tag).values(by_hand))
    return {"ann": ann, "bob": bob, "cy": cy, "group": group, "in_acme": in_acme, "other": other}


def test_users_are_listed_with_tags_and_connections(database, known):
    """A tag of two sources stands once; tombstones and deleted groups give none."""
    with database.read() as conn:
        rows, total = roster.users(conn)
        assert total == 3
        assert [(row["email"], row["managed"], row["tags"], row["connections"]) for row in rows] == [
            ("Ann@Example.com", True, ["Group:Staff", "scim"], ["Acme", "Other"]),
            ("bob@example.com", False, ["beta"], []),
            ("cy@example.com", False, [], []),
        ]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"search": "ÅLUND"}, ["ann"]),
        ({"search": "n å"}, ["ann"]),
        ({"search": "EXAMPLE"}, ["ann", "bob", "cy"]),
        ({"search": "%"}, []),
        ({"active": False}, ["cy"]),
        ({"managed": True}, ["ann"]),
        ({"managed": False}, ["bob", "cy"]),
        ({"tag": "scim"}, ["ann"]),
        ({"tag": "Group:Staff"}, ["ann"]),
        ({"tag": "beta"}, ["bob"]),
        ({"search": "n a"}, []),
        ({"search": "_nn"}, []),
        ({"search": "ANN", "managed": True, "tag": "scim", "active": True, "protected": False}, ["ann"]),
        ({"search": "ann", "managed": False}, []),
    ],
)
def test_users_are_narrowed(database, known, wanted, names):
    """Search folds case beyond ASCII, its text is no pattern, and few are found as many are."""
    with database.read() as conn:
        for few in (roster.FEW, 0):
            rows, total = roster.users(conn, few=few, **wanted)
            assert [row["id"] for row in rows] == [known[name] for name in names]
            assert total == len(names)


def test_counting_ends_where_nobody_reads_on(database, known):
    """With a limit to counting the total is exact up to it and one more above, on every page."""
    with database.read() as conn:
        everybody = roster.users(conn, search="e")[0]
        for count_max, total in ((10, 3), (3, 3), (2, 3), (1, 2), (0, 1)):
            first, of_first = roster.users(conn, search="e", limit=2, count_max=count_max)
            last = first[-1]["id"]
            rest, of_rest = roster.users(conn, search="e", limit=2, after=last, count_max=count_max)
            assert first + rest == everybody
            assert (of_first, of_rest) == (total, total)


def test_names_beyond_ascii_are_found_as_people_write_them(database):
    """An ASCII search finds what folds to it, and a letter is not found in another one's accent."""
    with database.write() as conn:
        max_ = add_user(conn, "max@example.com", first_name="Max", last_name="Weiß")
        eva = add_user(conn, "eva@example.com", first_name="E\u0301va")
    with database.read() as conn:
        found = {
            text: [row["id"] for row in roster.users(conn, search=text)[0]]
            for text in ("WEISS", "x w", "weiß", "éva", "e\u0301VA", "va@")
        }
    assert found == {
        "WEISS": [max_], "x w": [max_], "weiß": [max_], "éva": [eva], "e\u0301VA": [eva], "va@": [eva]
    }  # fmt: skip


def test_exceptions_are_told_from_everybody(database, known):
    """Suspended people, people nobody manages and people whose links ended are no managed active ones."""
    with database.read() as conn:
        assert headcount.headcount(conn) == headcount.Headcount(
            total=3, active=2, managed=1, active_managed=1
        )


def test_users_page_by_the_last_id(database, known):
    """Pages join without gap or overlap, and the total stays that of the whole."""
    with database.read() as conn:
        first, total = roster.users(conn, limit=2)
        rest, again = roster.users(conn, limit=2, after=first[-1]["id"])
        assert [row["id"] for row in first + rest] == [known["ann"], known["bob"], known["cy"]]
        assert (total, again) == (3, 3)
        assert roster.users(conn, connection_id=known["other"].id)[1] == 1


def test_the_views_say_the_same_as_the_reads(database, known):
    """Applications that share the database see the users and tags that the product shows."""
    with database.read() as conn:
        view = conn.execute(sa.text("SELECT user_id, tag, source FROM app_user_tags")).all()
        ours = people.tags_of(conn, [known["ann"], known["bob"], known["cy"]])
        assert {tuple(row) for row in view} == {
            (user, tag, source) for user, pairs in ours.items() for tag, source in pairs
        }
        managed = conn.execute(sa.text("SELECT email FROM app_users WHERE managed ORDER BY email")).scalars()
        assert list(managed) == ["Ann@Example.com"]


@pytest.mark.parametrize("ref", ["ann@example.com", "e1", "o1"])
def test_a_user_is_found_by_what_people_know(database, known, ref):
    """E-mail in any case and external ids lead to the user with directory users and groups."""
    with database.read() as conn:
        found = people.user(conn, ref)
        assert found["id"] == known["ann"]
        assert [row["connection"] for row in found["directory_users"]] == ["Acme", "Other"]
        assert [row["name"] for row in found["groups"]] == ["Staff", "Untagged"]
        assert {"tag": "Group:Staff", "source": f"group:{known['group']}"} in found["tag_sources"]


def test_an_unknown_user_names_the_nearest(database, known):
    """The error says whom the caller may have meant."""
    with database.read() as conn, pytest.raises(NotFound, match=r"did you mean bob@example\.com"):
        people.user(conn, "bobb@example.com")


def test_an_external_id_of_two_people_is_a_conflict(database, known):
    """Nobody is picked when the same external id stands in two directories for two people."""
    with database.write() as conn:
        add_directory_user(conn, known["other"].id, "bob", external_id="e1", user_id=known["bob"])
    with database.read() as conn, pytest.raises(Conflict, match="several users"):
        people.user(conn, "e1")


def test_seats_count_people_once_in_all(database, connection, known):
    """Two links are one seat; unmanaged people count only when asked."""
    with database.read() as conn:
        assert headcount.seats_used(conn) == 1
        assert headcount.seats_used(conn, count_unmanaged=True) == 2
        mine = headcount.seats_by_connection(conn, 1)
        assert mine == {connection.id: 1, known["other"].id: 1}


def test_groups_and_their_members(database, known):
    """A group is found by id, name in any case or external id, with its members and pending ones."""
    with database.read() as conn:
        rows, total = groups.groups(conn, search="taf")
        assert [(row["name"], row["members"], row["connection"]) for row in rows] == [("Staff", 2, "Acme")]
        assert total == 1
        for ref in (known["group"], "STAFF", "g1"):
            found = groups.group(conn, ref)
            assert found["kinds"] == {"user": 1, "group": 0, "pending": 1}
            inside = groups.members(conn, found["id"])
            assert {(row["kind"], row["label"]) for row in inside} == {("user", "ann"), ("pending", "later")}
            first = groups.members(conn, found["id"], limit=1)
            assert first + groups.members(conn, found["id"], after=first[0]["id"]) == inside
            (pending,) = groups.members(conn, found["id"], kind="pending")
            assert groups.members(conn, found["id"], search="LATE") == [pending]
        with pytest.raises(NotFound, match="did you mean Staff"):
            groups.group(conn, "Stuff")
