from providers.simulator.server import Simulator
from sync.model.run import RunState
from tests.engine.house import House, Reader, truth
from tests.engine.ledger import Ledger
from tests.engine.words import active, control, first, happened


def test_a_renamed_group_is_one_change_one_event_and_moves_every_tag_at_once(
    house: House, simulator: Simulator, reader: Reader
) -> None:
    """A rename and its members' tags are one step: nobody is ever without the tag."""
    connection = first(house, reader)
    group = max(
        (g for g in simulator.state()["groups"] if g["kind"] != "built_in"), key=lambda g: len(g["members"])
    )
    seen = len(house.changes_told())
    control(simulator, "PATCH", f"groups/{group['id']}", {"name": "Renamed"})
    run = house.pull(connection, reader)
    assert happened(run) == {"group_rename": 1}
    (event,) = house.changes_told()[seen:]
    assert (event["type"], event["snapshot"]["tag"]) == ("group.renamed", "Group:Renamed")
    assert house.managed(connection) == truth(simulator)


def test_a_rename_and_a_membership_change_in_one_read_both_land(house: House, ledger: Ledger) -> None:
    """One rename, and exactly the right people carry the new tag."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.groups["G1"].name = "Revenue"
    ledger.groups["G1"].members = {"A", "F"}
    run = house.pull(connection, ledger.source)
    assert happened(run) == {"group_rename": 1, "member_add": 1, "member_remove": 2}
    tagged = {id_ for id_, person in house.managed(connection).items() if "Group:Revenue" in person.tags}
    assert tagged == {"A", "F"}
    assert not any("Group:Sales" in person.tags for person in house.managed(connection).values())


def test_a_group_deleted_between_list_and_members_is_no_failure(
    house: House, simulator: Simulator, reader: Reader
) -> None:
    """It is gone: its tag goes with it, everything else is applied."""
    connection = first(house, reader)
    simulator.churn(movers=30)
    simulator.fault("delete_group_between")
    run = house.pull(connection, reader)
    simulator.clear_faults()
    assert run.state in {RunState.SUCCEEDED, RunState.PARTIAL}
    house.pull(connection, reader)
    assert house.managed(connection) == truth(simulator)


def test_a_group_whose_members_cannot_be_read_keeps_them(house: House, ledger: Ledger) -> None:
    """Its members and tags stay, the others' changes land, and the run names the group."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.groups["G1"].members = {"A"}
    ledger.groups["G2"].members = {"C", "E"}
    ledger.unread.add("G1")
    run = house.pull(connection, ledger.source)
    tags = {id_: person.tags for id_, person in house.managed(connection).items()}
    assert {id_ for id_, own in tags.items() if "Group:Sales" in own} == {"A", "B", "C"}
    assert {id_ for id_, own in tags.items() if "Group:Support" in own} == {"C", "E"}
    assert "G1" in " ".join(run.reasons)
    assert run.complete


def test_a_refused_member_list_on_the_wire_keeps_the_group(
    house: House, simulator: Simulator, reader: Reader
) -> None:
    """One 403 among the member lists leaves one group as it was and suspends nobody."""
    connection = first(house, reader)
    before = house.managed(connection)
    simulator.churn(movers=12)
    simulator.fault("fail(403)@op=members,times=1")
    run = house.pull(connection, reader)
    assert active(house) == {person.email for person in before.values()}
    assert "could not be read" in " ".join(run.reasons)
    simulator.clear_faults()
    house.pull(connection, reader)
    assert house.managed(connection) == truth(simulator)


def test_a_deleted_group_takes_its_tag_along(house: House, ledger: Ledger) -> None:
    """Its members stay people."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    del ledger.groups["G1"]
    run = house.pull(connection, ledger.source)
    assert happened(run) == {"group_delete": 1}
    assert house.managed(connection)["A"].tags == {"scim"}
    assert len(active(house)) == 6


def test_a_group_made_anew_under_the_old_name_keeps_the_tag(house: House, ledger: Ledger) -> None:
    """Another id is another group, but the tag's name is the same to its members."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.groups["G9"] = ledger.groups.pop("G1")
    house.pull(connection, ledger.source)
    tagged = {id_ for id_, person in house.managed(connection).items() if "Group:Sales" in person.tags}
    assert tagged == {"A", "B", "C"}


def test_a_group_member_nobody_knows_becomes_one_when_she_appears(house: House, ledger: Ledger) -> None:
    """Members the IdP names before it shows the person are pending and resolve by themselves."""
    connection = house.connect()
    ledger.groups["G1"].members.add("Z")
    house.settle(connection, ledger.source)
    ledger.add("Z")
    house.pull(connection, ledger.source)
    assert house.managed(connection)["Z"].tags == {"scim", "Group:Sales"}
    assert happened(house.pull(connection, ledger.source)) == {}
