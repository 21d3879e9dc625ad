"""What an application hears of memberships: who, by our ids and the directory's, whatever moved them."""

from __future__ import annotations

from typing import Any

from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.scim import Pusher, person

Row = dict[str, Any]


def _told(house: House) -> list[tuple[str, str, list[Row]]]:
    """(group, what, who) of every event about members, in order."""
    return [
        (
            event["subject"]["label"],
            event["type"].removeprefix("group.members_"),
            event["snapshot"]["members"],
        )
        for event in house.events()
        if event["type"].startswith("group.members_")
    ]


def test_members_are_named_by_our_ids_and_theirs(house: House) -> None:
    """An event names each person by the user's id, the directory user's and the IdP's."""
    ledger = Ledger()
    ledger.add("A")
    ledger.team("G1", "Blue", "A")
    house.settle(house.connect(), ledger.source)
    ((_, _, (who,)),) = _told(house)
    directory = house.user("a@example.com")["directory_users"][0]["id"]
    user_id = house.user("a@example.com")["id"]
    assert who == {"kind": "user", "user_id": user_id, "directory_id": directory, "external_id": "A"}


def test_a_pending_member_is_told_again_once_known(house: House) -> None:
    """Somebody the directory named before she was known is told as pending, and then as herself."""
    acme = house.connect()
    pusher = Pusher(house, acme)
    pusher.create_group("Blue", ["ext-1"])
    ada = pusher.create(person("ada@example.com", "ext-1"))
    before, after = _told(house)
    assert before == ("Blue", "added", [_pending("ext-1")])
    assert (after[1], after[2][0]["directory_id"], after[2][0]["kind"]) == ("added", ada.id, "user")
    assert after[2][0]["user_id"] is not None


def test_a_deleted_person_leaves_her_groups_aloud(house: House) -> None:
    """A SCIM DELETE ends her memberships, and each group tells of it."""
    acme = house.connect()
    pusher = Pusher(house, acme)
    ada = pusher.create(person("ada@example.com"))
    pusher.create_group("Blue", [ada.id])
    pusher.create_group("Red", [ada.id])
    pusher.delete(ada.id)
    removed = [(name, who[0]["directory_id"]) for name, what, who in _told(house) if what == "removed"]
    assert sorted(removed) == [("Blue", ada.id), ("Red", ada.id)]


def _pending(external_id: str) -> Row:
    return {"kind": "pending", "user_id": None, "directory_id": None, "external_id": external_id}
