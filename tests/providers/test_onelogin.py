"""OneLogin read through the simulator, whose own state is the truth, and its peculiarities one by one."""

from typing import Any

import pytest

from providers.answers import Answer
from providers.onelogin_records import PersonReader, read_role_users, read_roles, standing
from providers.onelogin_settings import onelogin_settings
from providers.simulator.server import Simulator
from sync.model.errors import CursorExpired, Incomplete, Misconfigured
from sync.model.resources import Status
from sync.model.source import MemberChange, RightState
from tests.providers.onelogin_account import people_of, role_of
from tests.providers.reading import opened, read
from tests.providers.vendors import ONELOGIN


def _answer(body: str, **headers: str) -> Answer:
    return Answer(status=200, headers=headers, links=(), body=body.encode())


def test_full_equals_the_truth(onelogin: Simulator) -> None:
    """People, roles and members are what the account holds, at no call per role."""
    source = opened(onelogin, picture_attribute="photo")
    reading = read(source.full())
    source.close()
    truth = people_of(onelogin)
    assert reading.error is None
    assert set(reading.users) == set(truth)
    for user_id, got in reading.users.items():
        told = truth[user_id]
        assert (got.email, got.user_name) == (told["email"], told["login"])
        assert (got.first_name, got.last_name) == (told["first_name"], told["last_name"])
        assert got.picture_url == told["picture_url"]
        assert (got.status is Status.ACTIVE) == told["active"]
        assert got.status_text == told["status"]
    assert reading.members == ONELOGIN.members(onelogin.state())
    assert onelogin.requests()["by_op"] == {"token": 1, "limits": 1, "users.list": 3, "groups.list": 1}
    assert source.effort.requests == onelogin.requests()["total"]


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        (1, 1, Status.ACTIVE),
        (3, 1, Status.ACTIVE),
        (4, 1, Status.ACTIVE),
        (5, 1, Status.ACTIVE),
        (8, 1, Status.ACTIVE),
        (0, 1, Status.PENDING),
        (7, 1, Status.PENDING),
        (1, 0, Status.PENDING),
        (2, 1, Status.SUSPENDED),
        (1, 2, Status.SUSPENDED),
        (1, 3, Status.SUSPENDED),
        (6, 1, Status.UNKNOWN),
        (9, 1, Status.UNKNOWN),
        (1, 4, Status.UNKNOWN),
        (None, 1, Status.UNKNOWN),
    ],
)
def test_where_an_account_stands(status: int | None, state: int | None, expected: Status) -> None:
    """Trouble with a password takes no access, and an unknown code changes nothing."""
    assert standing(status, state)[0] is expected


def test_unlicensed_people_can_count_as_active() -> None:
    """A trial account has licences for a few; the setting keeps the others."""
    assert standing(1, 3) == (Status.SUSPENDED, "Active, Unlicensed")
    assert standing(1, 3, unlicensed_is_active=True)[0] is Status.ACTIVE
    assert standing(2, 3, unlicensed_is_active=True)[0] is Status.SUSPENDED


def test_every_status_beside_every_state_reads_as_the_truth(onelogin: Simulator) -> None:
    """Thirty-six mixtures, and nobody active who is not."""
    touched = onelogin.fault("status(matrix)")["touched"]
    source = opened(onelogin)
    reading = read(source.full())
    source.close()
    truth = people_of(onelogin)
    seen = {i: reading.users[i].status is Status.ACTIVE for i in touched}
    assert seen == {i: truth[i]["active"] for i in touched}


def test_one_odd_row_does_not_lose_its_page() -> None:
    """Texts for numbers are read, other types are nothing, rows without an id are set aside."""
    page = PersonReader().page(
        _answer(
            '[{"id":"1","username":null,"status":"1","state":1,"role_ids":["5"],"manager_user_id":"x"},'
            '{"email":"nobody"},null,{"id":2,"email":"","status":{},"role_ids":null}]'
        )
    )
    assert [person.record.external_id for person in page.rows] == ["1", "2"]
    assert page.rows[0].record.status is Status.ACTIVE
    assert page.rows[0].sets.role_ids == [5]
    assert page.rows[1].record.status is Status.UNKNOWN
    assert page.rows[1].sets.role_ids is None
    assert [row.external_id for row in page.set_aside] == [None, None]


def test_no_roles_and_roles_not_told_are_two_things() -> None:
    """An empty list is a word on the person; a missing key is none."""
    people = PersonReader().page(_answer('[{"id":1,"role_ids":[]},{"id":2}]')).rows
    assert [person.sets.role_ids for person in people] == [[], None]


def test_picture_comes_from_the_named_custom_attribute_and_only_by_https() -> None:
    """The setting may be written with or without its prefix."""
    assert (
        onelogin_settings(
            {
                "subdomain": "acme",
                "client_id": "a",
                "client_secret": "b",
                "picture_attribute": "custom_attributes.photo",
            }
        ).picture_attribute
        == "photo"
    )
    rows = _answer(
        '[{"id":1,"custom_attributes":{"photo":"https://a.test/1.png"}},'
        '{"id":2,"custom_attributes":{"photo":"javascript:alert(1)"}},{"id":3,"custom_attributes":null}]'
    )
    people = PersonReader("photo").page(rows).rows
    assert [person.record.picture_url for person in people] == ["https://a.test/1.png", None, None]


def test_wanted_attributes_are_asked_for_and_given() -> None:
    """Only fields that OneLogin knows are asked for: an unknown one would be refused."""
    reader = PersonReader(attributes=[("department",), ("custom_attributes", "badge"), ("shoe size",)])
    assert {"department", "custom_attributes", "role_ids"} <= set(reader.keys)
    assert "shoe size" not in reader.keys
    person = reader.one(_answer('{"id":1,"department":"Legal","custom_attributes":{"badge":7}}'))
    assert person.raw == {"custom_attributes": {"badge": 7}, "department": "Legal", "shoe size": None}


def test_attributes_that_are_not_told_are_not_taken_for_empty(onelogin: Simulator) -> None:
    """Where the fields are ignored, a picture cannot be had from them, and the setting is named."""
    onelogin.fault("fields(ignored)")
    source = opened(onelogin, picture_attribute="photo")
    error = read(source.full()).error
    source.close()
    assert isinstance(error, Misconfigured)
    assert error.message.startswith("picture_attribute:")


def test_the_users_of_a_role_are_those_it_is_assigned_to() -> None:
    """A row that says assigned false is nobody's membership."""
    rows = read_role_users(_answer('[{"id":1,"assigned":true},{"id":2,"assigned":false},{"id":"3"}]')).rows
    assert list(rows) == [("1", True), ("2", False), ("3", True)]
    assert [role.id for role in read_roles(_answer('[{"id":9,"name":"A","users":[1,2]}]')).rows] == ["role:9"]


# -- pages -----------------------------------------------------------------------------------


def test_a_deletion_between_pages_is_noticed_by_the_count(onelogin: Simulator) -> None:
    """The list is read again, and nobody is missed."""
    onelogin.fault("delete_between")
    source = opened(onelogin)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert set(people_of(onelogin)) <= set(reading.users)
    assert onelogin.requests()["by_op"]["users.list"] > 3


def test_a_count_that_never_fits_ends_the_read(onelogin: Simulator) -> None:
    """Three times is enough."""
    onelogin.fault("count(grows)")
    source = opened(onelogin)
    reading = read(source.full())
    source.close()
    assert isinstance(reading.error, Incomplete)
    assert "nobody is removed" in reading.error.message


# -- scopes ----------------------------------------------------------------------------------


def test_the_scope_of_an_application(onelogin: Simulator) -> None:
    """Only people assigned to it are read; anybody else is gone for us."""
    app = onelogin.state()["apps"][0]
    source = opened(onelogin, scope=f"app:{app['id']}")
    reading = read(source.full())
    outsider = next(i for i in people_of(onelogin) if i not in app["users"])
    found = source.lookup([outsider, app["users"][0]])
    source.close()
    assert set(reading.users) == set(app["users"])
    assert (set(found.present), set(found.gone)) == ({app["users"][0]}, {outsider})


def test_listed_roles_are_the_scope(onelogin: Simulator) -> None:
    """Members of the listed roles are the people, and one of another role is gone for us."""
    role = role_of(onelogin)
    source = opened(onelogin, scope=f"roles:{role['id']}")
    reading = read(source.full())
    outsider = next(i for i in people_of(onelogin) if i not in role["members"])
    found = source.lookup([outsider, role["members"][0]])
    source.close()
    assert set(reading.users) == reading.members[f"role:{role['id']}"] == set(role["members"])
    assert (set(found.present), set(found.gone)) == ({role["members"][0]}, {outsider})


def test_listed_roles_that_do_not_exist_are_a_wrong_setting(onelogin: Simulator) -> None:
    """A scope that matches nothing is refused instead of read as an empty directory."""
    source = opened(onelogin, scope="roles:1")
    assert isinstance(read(source.full()).error, Misconfigured)
    source.close()


# -- changes ---------------------------------------------------------------------------------


def _changes(pages: Any) -> list[MemberChange]:
    return [piece for page in pages for piece in page.members if isinstance(piece, MemberChange)]


def test_a_delta_gives_changed_people_with_all_their_roles(onelogin: Simulator) -> None:
    """Joiners, movers and the renamed come; each role is told who of them is in it, and who is not."""
    source = opened(onelogin)
    end = read(source.full()).end
    assert end is not None
    done = onelogin.churn(joiners=2, leavers=2, movers=2, renames=1)
    pages = list(source.changes(str(end.cursor)))
    source.close()
    truth, left = ONELOGIN.members(onelogin.state()), people_of(onelogin)
    users = {user.external_id for page in pages for user in page.users}
    gone = {each.external_id for page in pages for each in page.gone}
    assert {*done["joiners"], *done["renames"], *done["movers"]} <= users
    assert gone == {i for i in done["leavers"] if i not in left or left[i]["status"] == "Deleted"}
    for change in _changes(pages):
        assert set(change.added) == truth[change.group_id] & users
        assert set(change.removed) == users - truth[change.group_id]
    assert pages[-1].end is not None
    assert pages[-1].end.cursor


def test_without_the_event_log_a_delta_still_sees_changed_people(onelogin: Simulator) -> None:
    """It warns that role changes and deletions wait for a full read; check says so too."""
    source = opened(onelogin)
    end = read(source.full()).end
    assert end is not None
    onelogin.fault("A21")
    joiner = onelogin.churn(joiners=1)["joiners"][0]
    pages = list(source.changes(str(end.cursor)))
    states = {right.name: right.state for right in source.check()}
    source.close()
    assert joiner in {user.external_id for page in pages for user in page.users}
    assert any("full reads alone" in text for page in pages for text in page.warnings)
    assert states.pop("read events") is RightState.UNKNOWN
    assert set(states.values()) == {RightState.OK}


def test_deltas_of_a_narrow_scope_and_unreadable_bookmarks_are_full_reads(onelogin: Simulator) -> None:
    """Both raise what makes the engine read in full."""
    source = opened(onelogin)
    assert isinstance(read(source.changes("nonsense")).error, CursorExpired)
    source.close()
    narrow = opened(onelogin, scope=f"roles:{role_of(onelogin)['id']}")
    assert isinstance(read(narrow.changes('{"since": "2026-01-01T00:00:00+00:00"}')).error, CursorExpired)
    narrow.close()


def test_a_refused_filter_is_a_full_read(onelogin: Simulator) -> None:
    """An account that does not know updated_since has no deltas; a log it does not have costs a warning."""
    cursor = '{"since": "2026-11-01T00:00:00+00:00"}'
    onelogin.fault("fail(404)@op=events,times=always")
    source = opened(onelogin)
    reading = read(source.changes(cursor))
    onelogin.fault("error(shape=1)@op=users.list,times=always")
    refused = read(source.changes(cursor))
    source.close()
    assert reading.end is not None
    assert isinstance(refused.error, CursorExpired)


def test_identity_is_the_account(onelogin: Simulator) -> None:
    """It comes with the token, and another account has another."""
    source = opened(onelogin)
    mine = source.identity()
    source.close()
    onelogin.fault("other_org")
    other = opened(onelogin)
    assert mine
    assert other.identity() not in {mine, None}
    other.close()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"subdomain": "a"}, "client_id"),
        ({"subdomain": "a", "client_id": "a"}, "client_secret"),
        ({"client_id": "a", "client_secret": "b"}, "subdomain"),
        ({"client_id": "a", "client_secret": "b", "subdomain": "acme corp"}, "subdomain"),
        ({"client_id": "a", "client_secret": "b", "subdomain": "a", "groups_from": "x"}, "groups_from"),
        ({"client_id": "a", "client_secret": "b", "subdomain": "a", "scope": "groups:1"}, "scope"),
        ({"client_id": "a", "client_secret": "b", "subdomain": "a", "scope": "roles:x"}, "roles"),
        ({"client_id": "a", "client_secret": "b", "subdomain": "a", "clientid": "x"}, "clientid"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], key: str) -> None:
    """Every refusal begins with its key."""
    with pytest.raises(Misconfigured, match=f"^{key}:"):
        onelogin_settings(settings)


@pytest.mark.parametrize("text", ["acme", "acme.onelogin.com", "https://Acme.onelogin.com/"])
def test_the_subdomain_may_be_written_as_people_do(text: str) -> None:
    """One host, whatever the region."""
    chosen = onelogin_settings({"subdomain": text, "client_id": "a", "client_secret": "b"})
    assert chosen.origin == "https://acme.onelogin.com"
