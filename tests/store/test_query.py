import orjson
import pytest
import sqlalchemy as sa

from sync.model.query import Both, Comparison, Either, Never, Not, Operator, Path, Present, Query, Within
from sync.model.session import Kind
from sync.store import migrate, scim
from sync.store.database import Database
from tests.store.rows import add_connection, add_directory_user, add_group, add_member, at

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

USER_NAME = Path(name="userName")
EXTERNAL_ID = Path(name="externalId", case_exact=True)
ACTIVE = Path(name="active", type="boolean")
TITLE = Path(name="title")
EMAILS = Path(name="emails", multi_valued=True, type="complex")
EMAIL = Path(name="emails", sub="value", multi_valued=True)
MANAGER = Path(name="manager", urn=ENTERPRISE, type="complex")
DEPARTMENT = Path(name="department", urn=ENTERPRISE)
CREATED = Path(name="meta", sub="created", type="dateTime", case_exact=True)
MEMBERS = Path(name="members", multi_valued=True, type="complex", case_exact=True)
GROUPS = Path(name="groups", multi_valued=True, type="complex", case_exact=True)
SCHEMAS = Path(name="schemas", multi_valued=True, type="reference", case_exact=True)


def compare(path, operator, value):
    return Comparison(path=path, operator=Operator(operator), value=value)


@pytest.fixture
def people(database, connection):
    """Ann and Bob were pushed with documents, Cy was pulled, Gone is a tombstone; names → ids."""
    other = add_connection(database, "Other")
    with database.write() as conn:
        ids = {
            "ann": add_directory_user(
                conn,
                connection.id,
                "Ann_Ström",
                scim_external_id="X1",
                email="ann@example.com",
                first_name="Ann",
                created_at=at(1),
                document={
                    "userName": "Ann_Ström",
                    "active": True,
                    "title": "100% Boss",
                    "name": {"givenName": "Ann"},
                    "emails": [
                        {"value": "ann@example.com", "type": "work", "primary": True},
                        {"value": "Ann@Home.example", "type": "home"},
                    ],
                    "phoneNumbers": [],
                    ENTERPRISE: {"department": "R&D", "manager": {"value": "m1"}, "level": 7},
                },
            ),
            "bob": add_directory_user(
                conn,
                connection.id,
                "BOB",
                scim_external_id="x1",
                status="suspended",
                created_at=at(2),
                document={"userName": "BOB", "active": False, "title": "", "tags": ["a", "b"]},
            ),
            "cy": add_directory_user(
                conn,
                connection.id,
                "cy",
                email="Cy@example.com",
                last_name="Young",
                picture_url="https://example.com/cy.png",
                created_at=at(3),
            ),
            "gone": add_directory_user(conn, connection.id, "gone", deleted_at=at(4)),
        }
        add_directory_user(conn, other.id, "ann_ström")
        ids["staff"] = add_group(conn, connection.id, "Staff")
        ids["all"] = add_group(conn, connection.id, "All", document={"displayName": "All", "note": "x"})
        add_member(conn, ids["staff"], ids["ann"], added_at=at(2))
        add_member(conn, ids["staff"], "foreign", "pending", display="Somebody", added_at=at(1))
        add_member(conn, ids["all"], ids["staff"], "group")
    return ids


def find(database, connection, kind, people, **query):
    names = {id_: name for name, id_ in people.items()}
    with database.read() as conn:
        listing = scim.scim_find(conn, connection.id, kind, Query(**query))
    return [names[resource.id] for resource in listing.resources]


@pytest.mark.parametrize(
    ("term", "names"),
    [
        (compare(USER_NAME, "eq", "ann_STRÖM"), ["ann"]),
        (compare(USER_NAME, "ne", "ann_STRÖM"), ["bob", "cy"]),
        (compare(USER_NAME, "sw", "ann_s"), ["ann"]),
        (compare(USER_NAME, "sw", "annxs"), []),
        (compare(USER_NAME, "co", "_STR"), ["ann"]),
        (compare(USER_NAME, "ew", "ÖM"), ["ann"]),
        (compare(USER_NAME, "gt", "b"), ["bob", "cy"]),
        (compare(USER_NAME, "le", "bob"), ["ann", "bob"]),
        (compare(EXTERNAL_ID, "eq", "x1"), ["bob"]),
        (compare(EXTERNAL_ID, "ne", "x1"), ["ann", "cy"]),
        (compare(EXTERNAL_ID, "eq", None), ["cy"]),
        (compare(EXTERNAL_ID, "ne", None), ["ann", "bob"]),
        (compare(EXTERNAL_ID, "eq", "a\x00b"), []),
        (compare(EXTERNAL_ID, "ne", "a\x00b"), ["ann", "bob", "cy"]),
        (compare(ACTIVE, "eq", True), ["ann", "cy"]),
        (compare(ACTIVE, "eq", "False"), ["bob"]),
        (compare(ACTIVE, "ne", True), ["bob"]),
        (compare(ACTIVE, "gt", False), []),
        (compare(TITLE, "co", "0%"), ["ann"]),
        (compare(TITLE, "co", "%0"), []),
        (Present(path=TITLE), ["ann"]),
        (Not(term=Present(path=TITLE)), ["bob", "cy"]),
        (Not(term=compare(TITLE, "eq", "no")), ["ann", "bob", "cy"]),
        (Not(term=Not(term=compare(TITLE, "eq", "100% BOSS"))), ["ann"]),
        (compare(EMAILS, "eq", "ann@home.example"), ["ann"]),
        (compare(EMAIL, "eq", "CY@example.com"), ["cy"]),
        (compare(EMAIL, "ne", "cy@example.com"), ["ann", "bob"]),
        (Present(path=EMAILS), ["ann", "cy"]),
        (Present(path=Path(name="phoneNumbers", multi_valued=True, type="complex")), []),
        (Present(path=Path(name="name", type="complex")), ["ann", "cy"]),
        (Present(path=Path(name="photos", multi_valued=True, type="complex")), ["cy"]),
        (
            Within(
                path=EMAILS,
                term=Both(
                    terms=(
                        compare(Path(name="type"), "eq", "work"),
                        compare(Path(name="value"), "co", "home"),
                    )
                ),
            ),
            [],
        ),
        (
            Within(
                path=EMAILS,
                term=Both(
                    terms=(
                        compare(Path(name="type"), "eq", "HOME"),
                        compare(Path(name="value"), "co", "HOME"),
                    )
                ),
            ),
            ["ann"],
        ),
        (Within(path=EMAILS, term=Not(term=compare(Path(name="type"), "eq", "work"))), ["ann"]),
        (Within(path=EMAILS, term=compare(Path(name="primary", type="boolean"), "eq", True)), ["ann", "cy"]),
        (compare(Path(name="tags", multi_valued=True), "eq", "B"), ["bob"]),
        (compare(MANAGER, "eq", "m1"), ["ann"]),
        (Within(path=MANAGER, term=compare(Path(name="value"), "eq", "m1")), ["ann"]),
        (compare(DEPARTMENT, "eq", "r&d"), ["ann"]),
        (compare(Path(name="level", urn=ENTERPRISE, type="integer"), "ge", 7), ["ann"]),
        (compare(Path(name="level", urn=ENTERPRISE, type="integer"), "eq", "7"), []),
        (compare(SCHEMAS, "eq", ENTERPRISE), ["ann"]),
        (compare(SCHEMAS, "eq", "urn:ietf:params:scim:schemas:core:2.0:User"), ["ann", "bob", "cy"]),
        (compare(CREATED, "gt", "2026-11-24T11:22:30.123456+01:00"), ["cy"]),
        (compare(CREATED, "ge", "2026-11-24T10:22:30.123456Z"), ["bob", "cy"]),
        (compare(CREATED, "lt", "2026-11-24"), []),
        (compare(CREATED, "eq", "soon"), []),
        (compare(Path(name="meta", sub="resourceType", case_exact=True), "eq", "User"), ["ann", "bob", "cy"]),
        (compare(Path(name="meta", sub="version", case_exact=True), "eq", 'W/"1"'), ["ann", "bob", "cy"]),
        (Never(), []),
        (Not(term=Never()), ["ann", "bob", "cy"]),
        (Either(terms=(compare(USER_NAME, "eq", "cy"), compare(TITLE, "sw", "100"))), ["ann", "cy"]),
        (Both(terms=(compare(ACTIVE, "eq", True), Not(term=Present(path=TITLE)))), ["cy"]),
    ],
    ids=lambda value: None if isinstance(value, list) else repr(value)[:60],
)
def test_filters_on_users(database, connection, people, term, names):
    """Each filter finds exactly these live users of the connection, oldest first, on both databases."""
    assert find(database, connection, Kind.USER, people, filter=term) == names


def test_filters_on_memberships(database, connection, people):
    """Groups are found by member and users by group, by subquery and by value path."""
    ann, staff = people["ann"], people["staff"]
    by_member = compare(MEMBERS, "eq", ann)
    assert find(database, connection, Kind.GROUP, people, filter=by_member) == ["staff"]
    by_sub = compare(Path(name="members", sub="value", multi_valued=True, case_exact=True), "eq", staff)
    assert find(database, connection, Kind.GROUP, people, filter=by_sub) == ["all"]
    within = Within(path=MEMBERS, term=compare(Path(name="type"), "eq", "group"))
    assert find(database, connection, Kind.GROUP, people, filter=within) == ["all"]
    assert find(database, connection, Kind.GROUP, people, filter=Not(term=Present(path=MEMBERS))) == []
    by_group = compare(Path(name="groups", sub="value", multi_valued=True, case_exact=True), "eq", staff)
    assert find(database, connection, Kind.USER, people, filter=by_group) == ["ann"]
    assert find(database, connection, Kind.USER, people, filter=Not(term=by_group)) == ["bob", "cy"]
    by_name = compare(Path(name="groups", sub="display", multi_valued=True), "eq", "STAFF")
    assert find(database, connection, Kind.USER, people, filter=by_name) == ["ann"]
    by_display_name = compare(Path(name="displayName"), "eq", "staff")
    assert find(database, connection, Kind.GROUP, people, filter=by_display_name) == ["staff"]


@pytest.mark.parametrize(
    ("path", "orders"),
    [
        (USER_NAME, (["ann", "bob", "cy"], ["cy", "bob", "ann"])),
        (EXTERNAL_ID, (["ann", "bob", "cy"], ["cy", "bob", "ann"])),
        (TITLE, (["ann", "bob", "cy"], ["bob", "cy", "ann"])),
        (EMAILS, (["ann", "cy", "bob"], ["bob", "cy", "ann"])),
        (ACTIVE, (["bob", "ann", "cy"], ["ann", "cy", "bob"])),
        (CREATED, (["ann", "bob", "cy"], ["cy", "bob", "ann"])),
        (MANAGER, (["ann", "bob", "cy"], ["bob", "cy", "ann"])),
        (Path(name="name", sub="familyName"), (["cy", "ann", "bob"], ["ann", "bob", "cy"])),
        (Path(name="level", urn=ENTERPRISE, type="integer"), (["ann", "bob", "cy"], ["bob", "cy", "ann"])),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_sorting_and_cursors(database, connection, people, path, orders):
    """Missing values stand last ascending and first descending; pages by cursor join without gap."""
    for turned, names in zip((False, True), orders, strict=True):
        assert find(database, connection, Kind.USER, people, sort_by=path, descending=turned) == names
        with database.read() as conn:
            seen, after = [], None
            while True:
                query = Query(sort_by=path, descending=turned, count=1, after=after)
                listing = scim.scim_find(conn, connection.id, Kind.USER, query)
                seen += [resource.id for resource in listing.resources]
                if (after := listing.next) is None:
                    break
        assert seen == [people[name] for name in names]


def test_index_paging(database, connection, people):
    """Totals are exact on every page; past the end a page is empty; count 0 asks for the total alone."""
    with database.read() as conn:

        def page(**query):
            listing = scim.scim_find(conn, connection.id, Kind.USER, Query(**query))
            return listing.total, len(listing.resources), listing.next is not None

        assert page() == (3, 3, False)
        assert page(count=2) == (3, 2, True)
        assert page(start=3, count=2) == (3, 1, False)
        assert page(start=9, count=2) == (3, 0, False)
        assert page(count=0) == (3, 0, False)
        assert page(filter=compare(ACTIVE, "eq", True), count=1) == (2, 1, True)


def test_resources_members_groups_and_labels(database, connection, people):
    """A pulled row has a made document; members keep the order they joined; nested groups count."""
    with database.read() as conn:
        cy = scim.scim_get(conn, connection.id, Kind.USER, people["cy"])
        assert cy is not None
        assert orjson.loads(cy.text)["emails"][0]["value"] == "Cy@example.com"
        assert scim.scim_get(conn, connection.id, Kind.USER, people["gone"]) is None
        assert scim.scim_get(conn, "another", Kind.USER, people["cy"]) is None
        members = scim.scim_members(conn, connection.id, [people["staff"], people["all"]])
        shown = [(ref.value, ref.kind, ref.display) for ref in members[people["staff"]]]
        assert shown == [("foreign", None, "Somebody"), (people["ann"], Kind.USER, "Ann_Ström")]
        assert [ref.kind for ref in members[people["all"]]] == [Kind.GROUP]
        groups = scim.scim_groups_of(conn, connection.id, [people["ann"], people["bob"]])
        assert [(ref.display, ref.direct) for ref in groups[people["ann"]]] == [
            ("All", False),
            ("Staff", True),
        ]
        assert groups[people["bob"]] == []
        labels = scim.scim_labels(conn, connection.id, [people["cy"], people["all"], people["gone"], "x"])
        assert labels == {people["cy"]: (Kind.USER, "cy"), people["all"]: (Kind.GROUP, "All")}


def test_nested_groups_in_a_circle_end(database, connection, people):
    """Two groups that hold each other make no endless walk."""
    with database.write() as conn:
        add_member(conn, people["staff"], people["all"], "group")
    with database.read() as conn:
        groups = scim.scim_groups_of(conn, connection.id, [people["ann"]])
        assert [(ref.display, ref.direct) for ref in groups[people["ann"]]] == [
            ("All", False),
            ("Staff", True),
        ]


def test_a_page_behind_a_cursor_passes_over_nothing(database, connection, people):
    """However deep a cursor is, no statement of its page skips rows: deep pages cost what the first does."""
    told = []

    def hear(_conn, _cursor, sql, parameters, *_):
        told.append((sql.upper().rpartition("OFFSET")[1], tuple(parameters)))

    with database.read() as conn:
        sa.event.listen(conn.engine, "before_cursor_execute", hear)
        try:
            first = scim.scim_find(conn, connection.id, Kind.USER, Query(count=1))
            told.clear()
            second = scim.scim_find(conn, connection.id, Kind.USER, Query(count=1, after=first.next))
        finally:
            sa.event.remove(conn.engine, "before_cursor_execute", hear)
    assert first.resources[0].id != second.resources[0].id
    assert told
    # SQLAlchemy writes OFFSET 0 for SQLite beside every LIMIT; its value comes last.
    assert [passed[-1] for offset, passed in told if offset and passed[-1] != 0] == []


def test_the_groups_of_a_page_are_not_looked_for_in_every_group(sqlite_url):
    """SQLite goes from the people to their memberships; the other way costs people times groups."""
    database = Database(sqlite_url)
    migrate.upgrade(database)
    told = []
    with database.read() as conn:
        sa.event.listen(conn.engine, "before_cursor_execute", lambda *heard: told.append(heard[2:4]))
        scim.scim_groups_of(conn, "C", ["A", "B"])
        sql, parameters = told[0]
        steps = [row[-1] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", tuple(parameters))]
    database.close()
    assert [step for step in steps if "directory_group" in step] == [
        "SEARCH directory_group USING INDEX sqlite_autoindex_directory_group_1 (id=?)"
    ]
