"""Characters that a database cannot hold are left out where a record enters."""

from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.scim import Pusher, person
from tests.engine.words import happened


def test_a_nul_in_a_pulled_name_is_left_out(house: House, ledger: Ledger) -> None:
    """The person and the group come in without it, and the next read finds nothing to do."""
    connection = house.connect()
    ledger.change("A", first_name="Nul\0l", last_name="\0", status_text="ACT\0IVE")
    ledger.team("G3", "R\0nD", "A")
    house.settle(connection, ledger.source)
    somebody = house.managed(connection)["A"]
    assert (somebody.first_name, somebody.last_name) == ("Null", "")
    assert "Group:RnD" in somebody.tags
    assert happened(house.pull(connection, ledger.source)) == {}


def test_a_nul_in_a_pushed_name_is_left_out(house: House) -> None:
    """What a push says is cleaned like what a pull reads."""
    connection = house.connect()
    idp = Pusher(house, connection)
    made = idp.create(person("ada@example.com", "S1", name={"givenName": "A\0da", "familyName": "Byron"}))
    group = idp.create_group("R\0nD", [made.id])
    assert house.managed(connection)["S1"].first_name == "Ada"
    idp.change_group(group.id, "R\0&D")
    assert "Group:R&D" in house.managed(connection)["S1"].tags
