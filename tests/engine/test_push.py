import orjson
import pytest
import sqlalchemy as sa

from sync.model.connection import Connection, Policy
from sync.model.errors import Duplicate, NotFound, Refused
from sync.model.run import ItemState
from sync.model.session import Kind, Session
from sync.push import PushSession
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.scim import Pusher, document_of, person
from tests.engine.words import active, happened

ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def connection(house: House) -> Connection:
    return house.connect()


@pytest.fixture
def idp(house: House, connection: Connection) -> Pusher:
    return Pusher(house, connection)


def _tags(house: House, email: str) -> set[str]:
    return set(house.users()[email]["tags"])


# --- people ---------------------------------------------------------------------------------------


def test_a_pushed_person_is_a_user_with_the_tag_scim(house: House, idp: Pusher) -> None:
    """A POST makes an active user with the profile, its tag, and one event."""
    made = idp.create(person(ADA, "S1"))
    row = house.user(ADA)
    assert (row["active"], row["first_name"], row["tags"]) == (True, "Ada", ["scim"])
    assert made.id != row["id"]
    assert [event["type"] for event in house.changes_told()] == ["user.created"]


def test_a_put_of_another_name_is_an_update(house: House, idp: Pusher) -> None:
    """The same resource, a new version, one event; the same again writes nothing."""
    made = idp.create(person(ADA, "S1"))
    document = person(ADA, "S1", name={"givenName": "Augusta", "familyName": "Byron"})
    changed = idp.replace(made.id, document)
    assert (changed.id, changed.version > made.version) == (made.id, True)
    assert house.user(ADA)["first_name"] == "Augusta"
    assert [event["type"] for event in house.changes_told()] == ["user.created", "user.updated"]
    before = house.dump("token")
    assert idp.replace(made.id, document).version == changed.version
    assert house.dump("token") == before


def test_a_changed_user_name_and_email_is_the_same_user(house: House, idp: Pusher) -> None:
    """A marriage is no new account."""
    made = idp.create(person(ADA, "S1"))
    before = house.user(ADA)["id"]
    idp.replace(made.id, person("lovelace@example.com", "S1"))
    assert house.user("lovelace@example.com")["id"] == before
    assert set(house.users()) == {"lovelace@example.com"}


def test_active_false_suspends_and_true_reactivates(house: House, idp: Pusher) -> None:
    """Each way with its own event and reason."""
    made = idp.create(person(ADA, "S1"))
    idp.replace(made.id, person(ADA, "S1", active=False))
    assert active(house) == set()
    idp.replace(made.id, person(ADA, "S1"))
    assert active(house) == {ADA}
    assert [event["type"] for event in house.changes_told()[1:]] == ["user.suspended", "user.reactivated"]


def test_a_put_does_not_reactivate_who_was_suspended_by_hand(house: House, idp: Pusher) -> None:
    """A person's word here outlasts the directory's."""
    made = idp.create(person(ADA, "S1"))
    house.set_user(house.user(ADA)["id"], active=False, suspended_by_hand=True)
    idp.replace(made.id, person(ADA, "S1", title="Countess"))
    assert active(house) == set()


def test_what_we_do_not_use_is_kept(idp: Pusher) -> None:
    """The document comes back as it was sent."""
    made = idp.create(person(ADA, "S1", title="Countess"))
    read = idp.get(made.id)
    assert read is not None
    assert orjson.loads(read.text)["title"] == "Countess"


def test_a_post_of_an_account_adopts_it(house: House, idp: Pusher) -> None:
    """Who came by SSO is linked, not doubled."""
    before = house.add_user(ADA)
    idp.create(person(ADA, "S1"))
    assert house.user(ADA)["id"] == before
    assert [event["type"] for event in house.changes_told()] == ["user.adopted"]


def test_a_post_of_an_administrators_address_takes_nothing_over(house: House, idp: Pusher) -> None:
    """The resource exists and is linked to nobody until a person says so."""
    house.add_user(ADA, admin=True)
    idp.create(person(ADA, "S1"))
    assert house.user(ADA)["tags"] == []
    assert [row["kind"] for row in house.attention()] == ["confirm_adoption"]


@pytest.mark.parametrize("user_name", [ADA, "ADA@Example.com", f" {ADA} "])
def test_a_live_user_name_is_unique_in_any_case(idp: Pusher, user_name: str) -> None:
    """A second POST of a living person is refused."""
    idp.create(person(ADA, "S1"))
    with pytest.raises(Duplicate):
        idp.create(person(user_name, "S2"))


def test_a_put_cannot_take_anothers_user_name(house: House, idp: Pusher) -> None:
    """Uniqueness holds on change as well, and nothing is half written."""
    idp.create(person(ADA, "S1"))
    bob = idp.create(person(BOB, "S2"))
    before = house.dump("token")
    with pytest.raises(Duplicate):
        idp.replace(bob.id, person(ADA, "S2"))
    assert house.dump("token") == before


def test_a_put_that_keeps_its_user_name_takes_nothing_from_a_twin(house: House, idp: Pusher) -> None:
    """A pull may leave two people of one userName; each can still be suspended."""
    idp.create(person(ADA, "S1"))
    twin = idp.create(person(BOB, "S2"))
    with house.database.write() as conn:
        conn.execute(_RENAMED, {"id": twin.id, "name": ADA})
    idp.replace(twin.id, person(ADA, "S2", emails=[{"value": BOB}], active=False))
    assert active(house) == {ADA}


_RENAMED = sa.text("UPDATE directory_user SET user_name = :name, user_name_key = :name WHERE id = :id")


def test_a_row_that_moves_between_reading_and_writing_is_read_again(
    house: House, connection: Connection, idp: Pusher
) -> None:
    """Nothing that another writer said in between is overwritten: the request starts over."""
    made = idp.create(person(ADA, "S1"))
    seen: list[int] = []

    def work(session: Session) -> int:
        stored = session.get(Kind.USER, made.id)
        assert stored is not None
        assert isinstance(session, PushSession)
        seen.append(stored.version)
        if len(seen) == 1:
            session.request.conn.execute(_MOVED, {"id": made.id})
        return session.replace_user(made.id, person(ADA, "S1", active=False)).version

    assert house.push(connection, work) == made.version + 1
    assert seen == [made.version, made.version]
    assert active(house) == set()


_MOVED = sa.text("UPDATE directory_user SET version = version + 1 WHERE id = :id")


def test_a_post_with_the_external_id_of_an_inactive_person_brings_her_back(house: House, idp: Pusher) -> None:
    """Deactivate, reactivate, reassign arrives as a POST: the same resource id, active again."""
    made = idp.create(person(ADA, "S1"))
    group = idp.create_group("Sales", [made.id])
    idp.replace(made.id, person(ADA, "S1", active=False))
    back = idp.create(person(ADA, "S1"))
    assert (back.id, active(house)) == (made.id, {ADA})
    assert _tags(house, ADA) == {"scim", "Group:Sales"}
    assert idp.get(group.id, Kind.GROUP) is not None


def test_a_strict_connection_refuses_that_post(house: House) -> None:
    """Set so, a POST for an inactive row is a duplicate like any other."""
    idp = Pusher(house, house.connect("Strict", scim={"reactivate_on_post": False}))
    made = idp.create(person(ADA, "S1"))
    idp.replace(made.id, person(ADA, "S1", active=False))
    with pytest.raises(Duplicate):
        idp.create(person(ADA, "S1"))


def test_a_deleted_person_is_suspended_and_gone_from_scim(house: House, idp: Pusher) -> None:
    """DELETE keeps the account, frees the seat, and a second DELETE finds nothing."""
    made = idp.create(person(ADA, "S1"))
    idp.create_group("Sales", [made.id])
    idp.delete(made.id)
    assert (idp.get(made.id), active(house), list(house.users())) == (None, set(), [ADA])
    assert house.user(ADA)["tags"] == []
    with pytest.raises(NotFound):
        idp.delete(made.id)


@pytest.mark.parametrize("again", [person(ADA, "S1"), person(ADA)], ids=["same externalId", "no externalId"])
def test_a_post_after_a_delete_is_a_new_resource_of_the_same_person(
    house: House, idp: Pusher, again: dict[str, object]
) -> None:
    """A new SCIM id, the same account, active, with the tags of now."""
    made = idp.create(person(ADA, "S1"))
    before = house.user(ADA)["id"]
    idp.create_group("Sales", [made.id])
    idp.delete(made.id)
    back = idp.create(again)
    assert back.id != made.id
    assert (house.user(ADA)["id"], house.user(ADA)["active"]) == (before, True)
    assert _tags(house, ADA) == {"scim"}
    assert len(house.users()) == 1


@pytest.mark.parametrize("deletes", [True, False])
def test_a_protected_person_cannot_be_pushed_out(house: House, deletes: bool) -> None:
    """The IdP hears why; nothing changes."""
    connection = house.connect("Guarded", policy=Policy(protected=frozenset({ADA})))
    idp = Pusher(house, connection)
    made = idp.create(person(ADA, "S1"))
    with pytest.raises(Refused, match="protected"):
        idp.delete(made.id) if deletes else idp.replace(made.id, person(ADA, "S1", active=False))
    assert active(house) == {ADA}
    assert idp.get(made.id) is not None


def test_a_person_at_the_seat_limit_waits_where_she_can_be_seen(house: House) -> None:
    """The IdP is refused with a sentence, the row is kept as waiting, and nobody is put out."""
    connection = house.connect("Small", policy=Policy(seat_limit=1))
    idp = Pusher(house, connection)
    idp.create(person(ADA, "S1"))
    with pytest.raises(Refused, match="seat"):
        idp.create(person(BOB, "S2"))
    assert active(house) == {ADA}
    assert [row["kind"] for row in house.attention()] == ["waiting_for_seat"]


def test_another_connections_people_are_not_there(house: House, idp: Pusher) -> None:
    """A connection sees and changes its own resources only."""
    made = idp.create(person(ADA, "S1"))
    stranger = Pusher(house, house.connect("Other"))
    assert stranger.get(made.id) is None
    with pytest.raises(NotFound):
        stranger.replace(made.id, person(ADA))
    with pytest.raises(NotFound):
        stranger.delete(made.id)


# --- groups ---------------------------------------------------------------------------------------


def test_a_pushed_group_tags_its_members(house: House, idp: Pusher) -> None:
    """Group:{name} for everybody in it, from the moment of the push."""
    ada, bob = idp.create(person(ADA, "S1")), idp.create(person(BOB, "S2"))
    group = idp.create_group("Sales", [ada.id])
    assert (_tags(house, ADA), _tags(house, BOB)) == ({"scim", "Group:Sales"}, {"scim"})
    idp.add(group.id, "Sales", bob.id)
    idp.take_out(group.id, "Sales", ada.id)
    assert (_tags(house, ADA), _tags(house, BOB)) == ({"scim"}, {"scim", "Group:Sales"})
    idp.set(group.id, "Sales", ada.id)
    assert (_tags(house, ADA), _tags(house, BOB)) == ({"scim", "Group:Sales"}, {"scim"})


def test_a_pushed_rename_moves_the_tag_with_one_event(house: House, idp: Pusher) -> None:
    """Members' tags follow the name in the same transaction."""
    group = idp.create_group("Sales", [idp.create(person(ADA, "S1")).id])
    seen = len(house.changes_told())
    idp.change_group(group.id, "Revenue")
    assert _tags(house, ADA) == {"scim", "Group:Revenue"}
    assert [event["type"] for event in house.changes_told()[seen:]] == ["group.renamed"]


def test_an_emptied_group_keeps_nobody_and_a_deleted_one_no_tag(house: House, idp: Pusher) -> None:
    """[] clears; DELETE takes the tag along and leaves the people."""
    ada = idp.create(person(ADA, "S1"))
    group = idp.create_group("Sales", [ada.id])
    idp.set(group.id, "Sales")
    assert _tags(house, ADA) == {"scim"}
    idp.add(group.id, "Sales", ada.id)
    idp.delete_group(group.id)
    assert (_tags(house, ADA), active(house)) == ({"scim"}, {ADA})
    assert idp.get(group.id, Kind.GROUP) is None


def test_a_group_that_comes_before_its_people_gets_them_later(house: House, idp: Pusher) -> None:
    """Pending members resolve by themselves when the person arrives under that externalId."""
    idp.create_group("Sales", ["S1"])
    idp.create(person(ADA, "S1"))
    assert _tags(house, ADA) == {"scim", "Group:Sales"}


def test_one_tag_of_two_groups_goes_with_the_last(house: House, idp: Pusher) -> None:
    """Two groups of one name are two sources of one tag."""
    ada = idp.create(person(ADA, "S1"))
    one, two = idp.create_group("Sales", [ada.id], "G1"), idp.create_group("Sales", [ada.id], "G2")
    idp.delete_group(one.id)
    assert "Group:Sales" in _tags(house, ADA)
    idp.delete_group(two.id)
    assert "Group:Sales" not in _tags(house, ADA)


# --- push and pull --------------------------------------------------------------------------------


def _push_all(house: House, connection: Connection, ledger: Ledger) -> None:
    idp = Pusher(house, connection)
    for record in ledger.people.values():
        idp.create(document_of(record))
    for id_, team in ledger.groups.items():
        idp.create_group(team.name, team.members, id_)


def test_a_pull_of_what_was_pushed_changes_nobody(
    house: House, connection: Connection, ledger: Ledger
) -> None:
    """Both ways land on one directory user: a pull after a push finds nothing to change."""
    _push_all(house, connection, ledger)
    before, told = house.managed(connection), len(house.changes_told())
    run = house.settle(connection, ledger.source)
    assert happened(run) == {}
    assert house.managed(connection) == before
    assert len(house.changes_told()) == told
    assert len(house.rows("directory_user")) == 6
    assert len(house.rows("directory_group")) == 2
    assert happened(house.pull(connection, ledger.source)) == {}


def test_a_push_of_what_was_pulled_changes_nobody(
    house: House, connection: Connection, ledger: Ledger
) -> None:
    """A POST of somebody whom a pull made is answered with that row."""
    house.settle(connection, ledger.source)
    before, told = house.managed(connection), len(house.changes_told())
    ids = {row["external_id"]: row["id"] for row in house.rows("directory_user")}
    for external_id, record in ledger.people.items():
        assert Pusher(house, connection).create(document_of(record)).id == ids[external_id]
    for id_, team in ledger.groups.items():
        Pusher(house, connection).create_group(team.name, team.members, id_)
    assert house.managed(connection) == before
    assert len(house.changes_told()) == told
    assert happened(house.pull(connection, ledger.source)) == {}


def test_either_order_ends_in_the_same_people(house: House, ledger: Ledger) -> None:
    """Push then pull, and pull then push, leave equal users and tags."""
    pushed, pulled = house.connect("Pushed"), house.connect("Pulled")
    _push_all(house, pushed, ledger)
    first = house.managed(pushed)
    for row in house.rows("directory_user"):
        Pusher(house, pushed).delete(row["id"])
    for team in house.rows("directory_group"):
        Pusher(house, pushed).delete_group(team["id"])
    house.policies[pulled.id] = Policy()
    house.settle(pulled, ledger.source)
    assert house.managed(pulled) == first


def test_a_push_while_a_plan_waits_is_not_overwritten(
    house: House, connection: Connection, ledger: Ledger
) -> None:
    """The older read's item is stale when it is approved; the push's newer word stays."""
    house.settle(connection, ledger.source)
    for number in range(44):
        ledger.add(f"P{number:03}")
    house.pull(connection, ledger.source)
    for number in range(7):
        ledger.suspend(f"P{number:03}")
    run = house.pull(connection, ledger.source)
    ledger.restore("P001")
    renamed = ledger.people["P001"]._replace(last_name="Renamed")
    row = next(row for row in house.rows("directory_user") if row["external_id"] == "P001")
    Pusher(house, connection).replace(row["id"], document_of(renamed))
    house.approve(run)
    states = {item.subject: item.state for item in house.items(run) if item.action == "suspend"}
    assert states.pop("p001@example.com") is ItemState.STALE
    assert set(states.values()) == {ItemState.APPLIED}
    assert house.managed(connection)["P001"].active
    assert house.managed(connection)["P001"].last_name == "Renamed"


def test_a_push_during_a_read_is_kept(house: House, connection: Connection, ledger: Ledger) -> None:
    """What the pull had read before the push came does not undo the push."""
    house.settle(connection, ledger.source)
    row = next(row for row in house.rows("directory_user") if row["external_id"] == "A")
    renamed = document_of(ledger.people["A"]._replace(last_name="Renamed"))
    ledger.change("A", last_name="Older")

    def push_now() -> None:
        Pusher(house, connection).replace(row["id"], renamed)

    ledger.at_the_end = push_now
    house.pull(connection, ledger.source)
    assert house.managed(connection)["A"].last_name == "Renamed"


def test_somebody_deleted_by_scim_and_still_in_the_directory_returns(
    house: House, connection: Connection, ledger: Ledger
) -> None:
    """The pull finds her by the IdP's id: a new row, the same account, her groups' tags."""
    house.settle(connection, ledger.source)
    before = house.user("A")["id"]
    row = next(row for row in house.rows("directory_user") if row["external_id"] == "A")
    Pusher(house, connection).delete(row["id"])
    assert "a@example.com" not in active(house)
    house.pull(connection, ledger.source)
    assert (house.user("a@example.com")["id"], "a@example.com" in active(house)) == (before, True)
    assert happened(house.pull(connection, ledger.source)) == {}
    assert house.managed(connection)["A"].tags == {"scim", "Group:Sales"}


def test_a_pull_adds_who_is_new_in_a_pushed_group(
    house: House, connection: Connection, ledger: Ledger
) -> None:
    """The first pull after a push recognises the group and gives its tag to everybody in it."""
    Pusher(house, connection).create_group("Sales", ["A"], "G1")
    house.settle(connection, ledger.source)
    tagged = {id_ for id_, her in house.managed(connection).items() if "Group:Sales" in her.tags}
    assert tagged == {"A", "B", "C"}


def test_a_pull_takes_out_who_left_a_pushed_group(
    house: House, connection: Connection, ledger: Ledger
) -> None:
    """The first pull after a push leaves the group with the directory's members."""
    _push_all(house, connection, ledger)
    ledger.groups["G1"].members.discard("A")
    house.settle(connection, ledger.source)
    assert house.managed(connection)["A"].tags == {"scim"}


def test_a_pull_suspends_a_pushed_person_who_is_gone(house: House, ledger: Ledger) -> None:
    """Where externalId is the IdP's id, who was pushed and is gone by id is suspended by a pull."""
    connection = house.connect("Okta", policy=Policy(external_id_is_the_idps=True))
    _push_all(house, connection, ledger)
    ledger.remove("F")
    house.settle(connection, ledger.source)
    house.pull(connection, ledger.source)
    assert "f@example.com" not in active(house)
