"""The scenarios in which the IdP pushes: 11, 12, 14 and 22 (test_scenarios.py lists them all)."""

import pytest

from sync.model.connection import Connection, Policy
from sync.model.errors import Duplicate, Refused
from sync.model.session import Kind
from tests.engine.house import House, Person
from tests.engine.ledger import Ledger
from tests.engine.scim import Pusher, document_of, person
from tests.engine.words import active, happened

ADA = "ada@example.com"


def _tags(house: House) -> set[str]:
    return set(house.users()[ADA]["tags"])


def test_11_inactive_then_posted_again(house: House) -> None:
    """active:false, then POST of the same externalId: the same SCIM id, active, with the tags of now."""
    idp = Pusher(house, house.connect())
    made = idp.create(person(ADA, "S1"))
    sales, support = idp.create_group("Sales", [made.id]), idp.create_group("Support")
    idp.replace(made.id, person(ADA, "S1", active=False))
    assert active(house) == set()
    idp.take_out(sales.id, "Sales", made.id)
    idp.add(support.id, "Support", made.id)
    assert idp.create(person(ADA, "S1")).id == made.id
    assert (active(house), _tags(house)) == ({ADA}, {"scim", "Group:Support"})


def test_11_a_strict_connection_answers_that_post_with_409(house: House) -> None:
    """With reactivate_on_post switched off the POST is a duplicate, and she stays suspended."""
    idp = Pusher(house, house.connect(scim={"reactivate_on_post": False}))
    made = idp.create(person(ADA, "S1"))
    idp.replace(made.id, person(ADA, "S1", active=False))
    with pytest.raises(Duplicate):
        idp.create(person(ADA, "S1"))
    assert active(house) == set()


def test_11_deleted_then_posted_again(house: House) -> None:
    """DELETE, then POST: a new SCIM id of the same person, active, with the tags of now."""
    idp = Pusher(house, house.connect())
    made = idp.create(person(ADA, "S1"))
    idp.create_group("Sales", [made.id])
    account = house.user(ADA)["id"]
    idp.delete(made.id)
    assert (active(house), idp.get(made.id)) == (set(), None)
    back = idp.create(person(ADA, "S1"))
    idp.create_group("Support", [back.id])
    assert back.id != made.id
    assert house.user(ADA)["id"] == account
    assert (active(house), _tags(house)) == ({ADA}, {"scim", "Group:Support"})


def test_12_a_group_before_its_people(house: House) -> None:
    """A SCIM group names people who come later: each gets the tag as she arrives, nobody pushes again."""
    connection = house.connect()
    idp = Pusher(house, connection)
    group = idp.create_group("Sales", ["S1", "S2"])
    assert house.users() == {}
    for number in (1, 2):
        idp.create(person(f"p{number}@example.com", f"S{number}"))
        tagged = [who for who in house.managed(connection).values() if "Group:Sales" in who.tags]
        assert len(tagged) == number
    shown = house.push(connection, lambda session: session.members_of([group.id]))
    people = {row["id"] for row in house.rows("directory_user")}
    assert {member.value for member in shown[group.id]} == people


def test_14_a_protected_user_is_not_deleted(house: House) -> None:
    """SCIM DELETE of a protected user: refused with the reason, and she keeps resource and access."""
    connection = house.connect(policy=Policy(protected=frozenset({ADA})))
    idp = Pusher(house, connection)
    made = idp.create(person(ADA, "S1"))
    with pytest.raises(Refused, match="protected"):
        idp.delete(made.id)
    assert active(house) == {ADA}
    assert house.push(connection, lambda session: session.get(Kind.USER, made.id)) is not None


def _directory() -> Ledger:
    """A and B; then B leaves, A is renamed and moves from Sales to Support."""
    ledger = Ledger()
    for name in "AB":
        ledger.add(name)
    ledger.team("G1", "Sales", "A", "B")
    ledger.team("G2", "Support")
    return ledger


def _change(ledger: Ledger) -> None:
    ledger.change("A", last_name="Renamed")
    ledger.suspend("B")
    ledger.groups["G1"].members, ledger.groups["G2"].members = set(), {"A"}


def _push(house: House, connection: Connection, ledger: Ledger) -> None:
    idp = Pusher(house, connection)
    mine = [row for row in house.rows("directory_user") if row["connection_id"] == connection.id]
    for row in mine:
        idp.replace(row["id"], document_of(ledger.people[row["external_id"]]))
    ids = {row["external_id"]: row["id"] for row in mine}
    for row in house.rows("directory_group"):
        if row["connection_id"] == connection.id:
            team = ledger.groups[row["external_id"]]
            idp.set(row["id"], team.name, *[ids[name] for name in team.members])


def test_22_push_and_pull_race_on_one_person(house: House) -> None:
    """Push first, pull first, or a push in the middle of the read: the same people and tags at the end."""
    ends: list[dict[str, Person]] = []
    for order in ("push first", "pull first", "within the read"):
        house = _raced(house, order, ends)
    assert ends[0] == ends[1] == ends[2]
    assert ends[0]["A"].last_name == "Renamed"
    assert ends[0]["A"].tags == {"scim", "Group:Support"}
    assert not ends[0]["B"].active


def _raced(house: House, order: str, ends: list[dict[str, Person]]) -> House:
    ledger = _directory()
    for name in "AB":
        ledger.change(name, email=f"{name}.{order[:4]}@example.com".lower().replace(" ", ""))
    connection = house.connect(order)
    house.settle(connection, ledger.source)
    _change(ledger)
    if order == "push first":
        _push(house, connection, ledger)
    if order == "within the read":
        ledger.at_the_end = lambda: _push(house, connection, ledger)
    house.pull(connection, ledger.source)
    ledger.at_the_end = None
    if order == "pull first":
        _push(house, connection, ledger)
    house.pull(connection, ledger.source)
    assert happened(house.pull(connection, ledger.source)) == {}
    people = house.managed(connection).items()
    ends.append({name: _nameless(who) for name, who in people})
    return house


def _nameless(who: Person) -> Person:
    """Without the address, which no two of the three directories share."""
    return Person(
        email=None,
        first_name=who.first_name,
        last_name=who.last_name,
        picture_url=who.picture_url,
        active=who.active,
        tags=who.tags,
    )
