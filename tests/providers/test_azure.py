"""Microsoft Entra ID read in full through the simulator, whose own state is the truth."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from providers.answers import Answer
from providers.azure_records import UserReader, email_of, read_groups, read_members
from providers.registry import open_source
from providers.simulator.server import Simulator, start
from sync.model.errors import Incomplete, Misconfigured, Transient
from sync.model.resources import Status
from sync.model.source import GroupReader, Wanted
from tests.providers.azure_tenant import tenant, whole
from tests.providers.reading import opened, read
from tests.providers.vendors import AZURE

STRANGER = "11111111-2222-4333-8444-555555555555"
"""An id that nothing in the tenant has."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A tenant of its own."""
    with tenant() as running:
        yield running


def _answer(body: object) -> Answer:
    return Answer(status=200, headers={}, links=(), body=json.dumps(body).encode())


# ---- full reads


def test_full_equals_the_truth(simulator: Simulator) -> None:
    """People, groups and members are what the directory holds, field by field."""
    reading = whole(simulator)
    state = simulator.state()
    assert reading.error is None
    assert set(reading.users) == AZURE.present(state)
    for user in state["users"]:
        if user["id"] in reading.users:
            got = reading.users[user["id"]]
            assert (got.email, got.user_name) == (user["email"], user["login"])
            assert (got.first_name, got.last_name) == (user["first_name"], user["last_name"])
            assert (got.status is Status.ACTIVE) == user["active"]
            assert got.status_text == user["status"]
    assert reading.members == AZURE.members(state)
    named = {group["id"]: group["name"] for group in state["groups"] if group["kind"] != "built_in"}
    assert {group.external_id: group.name for group in reading.groups.values()} == named


def test_members_are_read_twenty_groups_at_a_time(simulator: Simulator) -> None:
    """No call per group: a batch holds the first pages of twenty of them."""
    simulator.clear_faults()
    whole(simulator)
    by_op = simulator.requests()["by_op"]
    assert by_op["members"] == 23
    assert by_op["batch"] == 2


@pytest.mark.parametrize(
    "fault",
    [
        None,
        "batch_item(status=503)",
        "expire_token@op=members,nth=3",
        "fail(503)@op=members,page=3",
        "cursor(expired)@op=members,page=2",
    ],
)
def test_overlapped_reads_give_the_same(fault: str | None) -> None:
    """Batches and further pages that are under way at once give the same people and members."""
    with start("azure", users=450, groups=60, seed=3, latency_s=0.03, faults=["top(25)"]) as simulator:
        if fault:
            simulator.fault(fault)
        reading = whole(simulator)
        state = simulator.state()
    assert reading.error is None
    assert set(reading.users) == AZURE.present(state)
    assert reading.members == AZURE.members(state)
    assert not reading.unread


@pytest.mark.parametrize("status", [429, 503, 424])
def test_one_item_of_a_batch_is_asked_again_alone(simulator: Simulator, status: int) -> None:
    """A batch that answers all but one costs one small batch more, and only a 429 counts as throttling."""
    simulator.clear_faults()
    simulator.fault(f"batch_item(status={status})")
    source = opened(simulator)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert not reading.unread
    assert simulator.requests()["by_op"]["batch"] == 3
    assert (source.effort.throttled_s > 0) == (status == 429)


def test_an_item_that_is_never_answered_leaves_its_group_alone(simulator: Simulator) -> None:
    """Its members stay as they are, the other groups are read."""
    group_id = next(group["id"] for group in simulator.state()["groups"] if len(group["members"]) > 3)
    simulator.fault(f"batch_item(status=503)@id={group_id},times=always")
    reading = whole(simulator)
    assert reading.error is None
    assert set(reading.unread) == {group_id}


def test_a_list_that_trips_over_a_deleted_member_is_unread_not_gone(simulator: Simulator) -> None:
    """404 for the members of a group that exists says nothing of the group."""
    simulator.fault("members(soft_deleted)")
    reading = whole(simulator)
    assert len(reading.unread) == 1
    assert not reading.gone


def test_hidden_members_are_unknown(simulator: Simulator) -> None:
    """A group that hides its members is no empty group, and the sentence names the permission."""
    simulator.fault("members(hidden)")
    reading = whole(simulator)
    assert ["Member.Read.Hidden" in why for why in reading.unread.values()] == [True]


def test_devices_and_contacts_are_no_members(simulator: Simulator) -> None:
    """Only people count; groups inside count where nested members are wanted."""
    simulator.fault("members(mixed)")
    simulator.fault("nested(depth=2)")
    state = simulator.state()
    inner = {group["id"]: set(group["groups"]) for group in state["groups"] if group.get("groups")}
    for nested, expected in (("direct", {}), ("transitive", inner)):
        source = opened(simulator, nested=nested)
        found: dict[str, set[str]] = {}
        for page in source.full():
            for piece in page.members:
                if getattr(piece, "group_ids", ()):
                    found[piece.group_id] = set(piece.group_ids)  # type: ignore[union-attr]
        source.close()
        assert found == expected
    assert whole(simulator).members == AZURE.members(state)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7])
def test_half_the_rows_are_not_believed(simulator: Simulator, share: float) -> None:
    """Fewer people than Graph itself counts is an incomplete read."""
    simulator.fault(f"half({share})")
    assert isinstance(whole(simulator).error, Incomplete)


def test_an_outage_of_all_member_lists_ends_the_read(simulator: Simulator) -> None:
    """After a few groups in a row the whole read ends, instead of trying each for minutes."""
    simulator.fault("fail(503)@op=members,times=always")
    reading = whole(simulator)
    assert isinstance(reading.error, Transient)
    assert len(reading.unread) < 10


def test_guests_are_out_of_scope_unless_they_are_wanted(simulator: Simulator) -> None:
    """A guest is met only where the settings say so, under the address that was invited."""
    armed = simulator.fault("guests(5)")
    guests = set(armed["touched"])
    assert not guests & set(whole(simulator).users)
    users = whole(simulator, guests=True).users
    emails = {user["id"]: user["email"] for user in simulator.state()["users"]}
    assert {users[key].email for key in guests} == {emails[key] for key in guests}
    source = opened(simulator)
    found = source.lookup(sorted(guests))
    source.close()
    assert found.gone == guests


def test_rooms_are_disabled_accounts(simulator: Simulator) -> None:
    """A room is there and has no access."""
    rooms = simulator.fault("rooms(3)")["touched"]
    users = whole(simulator).users
    assert {users[key].status for key in rooms} == {Status.SUSPENDED}


# ---- rows


ROW: dict[str, Any] = {
    "id": "u1",
    "userPrincipalName": "a@example.com",
    "mail": None,
    "givenName": "A",
    "surname": "B",
    "accountEnabled": True,
    "userType": None,
    "otherMails": [],
}


@pytest.mark.parametrize(
    ("enabled", "status"),
    [(True, Status.ACTIVE), (False, Status.SUSPENDED), (None, Status.UNKNOWN), ("sometimes", Status.UNKNOWN)],
)
def test_status_by_account_enabled(enabled: object, status: Status) -> None:
    """Enabled and disabled are told; anything else changes nothing."""
    rows = UserReader().page(_answer({"value": [ROW | {"accountEnabled": enabled}]})).rows.rows
    assert [row.status for row in rows] == [status]


def test_an_invited_guest_is_pending() -> None:
    """Until the invitation is accepted."""
    guest = ROW | {"userType": "Guest", "externalUserState": "PendingAcceptance"}
    assert UserReader(guests=True).page(_answer({"value": [guest]})).rows.rows[0].status is Status.PENDING
    accepted = guest | {"externalUserState": "Accepted"}
    assert UserReader(guests=True).page(_answer({"value": [accepted]})).rows.rows[0].status is Status.ACTIVE


@pytest.mark.parametrize(
    ("mail", "upn", "others", "email"),
    [
        ("m@x.org", "u@x.org", None, "m@x.org"),
        (None, "u@x.org", None, "u@x.org"),
        (None, "u_x.org#EXT#@t.onmicrosoft.com", ["u@x.org"], "u@x.org"),
        (None, "u_x.org#EXT#@t.onmicrosoft.com", [], None),
        ("", "plain", None, None),
        (None, None, None, None),
    ],
)
def test_the_address_of_a_person(mail: str, upn: str, others: list[object], email: str | None) -> None:
    """Mail, for a guest the invited address, else a userPrincipalName that can be one; or none."""
    assert email_of(mail, upn, others) == email


def test_an_absent_property_is_not_a_cleared_one(simulator: Simulator) -> None:
    """A person whose row leaves out what was asked is read by id, and set aside when that does not help."""
    touched = set(simulator.fault("absent_fields")["touched"])
    reading = whole(simulator)
    assert reading.error is None
    assert touched == {row.external_id for row in reading.set_aside}
    assert not touched & set(reading.users)


def test_one_odd_row_does_not_lose_its_page() -> None:
    """Numbers become text, rows without an id are set aside, absent properties are noted."""
    body = {
        "value": [
            ROW | {"givenName": 7},
            {"id": "u2"},
            {"displayName": "nobody"},
            None,
            ROW | {"id": "u3", "surname": "half \ud83d", "userPrincipalName": ["odd"]},
        ],
        "@odata.nextLink": "https://graph.test/next",
    }
    page = UserReader().page(_answer(body))
    assert [row.external_id for row in page.rows.rows] == ["u1", "u3"]
    assert page.rows.rows[0].first_name == "7"
    assert page.rows.rows[1].last_name == "half \ufffd"
    assert list(page.unsaid) == ["u2"]
    assert [row.external_id for row in page.rows.set_aside] == [None, None]
    assert (page.next, page.read) == ("https://graph.test/next", 5)


@pytest.mark.parametrize(
    "body", [{}, [], None, "text", {"value": None}, {"value": {}}, {"error": {"code": "x"}}]
)
def test_a_page_without_its_list_is_no_empty_page(body: object) -> None:
    """People, groups and members alike."""
    for reader in (UserReader().page, read_groups, read_members):
        with pytest.raises(Incomplete):
            reader(_answer(body))


def test_wanted_attributes_come_raw_and_only_they(simulator: Simulator) -> None:
    """A mapping's properties are asked for by $select and given beside the people they belong to."""
    settings = {"base_url": simulator.base_url, **simulator.credentials}
    wanted = Wanted(attributes=frozenset({("department",), ("jobTitle",), ("mail",)}))
    source = open_source("azure", settings, wanted=wanted)
    pages = [page for page in source.full() if page.users]
    person = pages[0].users[0].external_id
    looked = source.lookup([person])
    source.close()
    for page in pages:
        assert [raw["mail"] for raw in page.raw] == [user.email for user in page.users]
    assert set(pages[0].raw[0]) == {"department", "jobTitle", "mail"}
    assert looked.raw[person] == pages[0].raw[0]


# ---- look-ups and single groups


def test_lookup_tells_present_gone_and_unknown_apart(simulator: Simulator) -> None:
    """Found people are present, deleted and unknown ids gone, an id that could not be read in neither."""
    ids = sorted(AZURE.present(simulator.state()))[:3]
    deleted = simulator.fault("soft_delete")["touched"][0]
    simulator.fault(f"fail(403)@op=users.get,id={ids[2]},times=always")
    source = opened(simulator)
    found = source.lookup([*ids, deleted, STRANGER, "../groups"])
    source.close()
    assert set(found.present) == set(ids[:2]) - {deleted}
    assert found.gone == {deleted, STRANGER, "../groups"}


def test_groups_by_id_come_with_their_members(simulator: Simulator) -> None:
    """A run about one group reads that group, and a group that is gone is told."""
    group = next(group for group in simulator.state()["groups"] if group["kind"] == "ordinary")
    source = opened(simulator)
    assert isinstance(source, GroupReader)
    reading = read(source.groups([group["id"], STRANGER]))
    found = source.lookup_groups([group["id"], STRANGER])
    source.close()
    assert reading.members == {group["id"]: set(group["members"])}
    assert [gone.external_id for gone in reading.gone] == [STRANGER]
    assert found.present == {group["id"]}
    assert found.gone == {STRANGER}


# ---- scope


@pytest.mark.parametrize("nested", ["direct", "transitive"])
def test_listed_groups_are_the_scope(simulator: Simulator, nested: str) -> None:
    """People are the members of the listed groups; nested ones only where they are wanted."""
    chain = simulator.fault("nested(depth=1)")["touched"]
    state = {group["id"]: group for group in simulator.state()["groups"]}
    outer, inner = (set(state[group_id]["members"]) for group_id in chain)
    expected = outer | inner if nested == "transitive" else outer
    reading = whole(simulator, scope=f"groups:{chain[0]}", nested=nested)
    assert reading.error is None
    assert set(reading.users) == expected
    assert reading.members == {chain[0]: expected}
    assert reading.end is not None
    assert reading.end.cursor is None
    somebody = min(AZURE.present(simulator.state()) - outer - inner)
    source = opened(simulator, scope=f"groups:{chain[0]}", nested=nested)
    found = source.lookup([somebody, min(expected)])
    source.close()
    assert set(found.present) == {min(expected)}
    assert found.gone == {somebody}


def test_an_application_is_the_scope(simulator: Simulator) -> None:
    """People assigned to it, and people of the groups assigned to it; by client id or object id."""
    app = simulator.state()["apps"][0]
    by_object = whole(simulator, scope=f"app:{app['id']}")
    assert by_object.error is None
    assert set(by_object.users) == set(app["users"])
    assert set(by_object.groups) == set(app["groups"])
    outside = min(AZURE.present(simulator.state()) - set(app["users"]))
    source = opened(simulator, scope=f"app:{app['id']}")
    found = source.lookup([outside, min(app["users"])])
    groups = source.lookup_groups([*app["groups"]])
    source.close()
    assert found.gone == {outside}
    assert set(found.present) == {min(app["users"])}
    assert groups.present == set(app["groups"])


def test_an_unknown_application_or_group_is_a_wrong_setting(simulator: Simulator) -> None:
    """Nobody in scope would be everybody's end; the setting is named instead."""
    for scope in (f"app:{STRANGER}", f"groups:{STRANGER}"):
        reading = whole(simulator, scope=scope)
        assert isinstance(reading.error, Misconfigured)
        assert "scope" in reading.error.message or "groups" in reading.error.message
