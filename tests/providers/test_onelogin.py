"""OneLogin read through the simulator, whose own state is the truth, and its peculiarities one by one."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from providers.answers import Answer
from providers.onelogin_dialect import said_by
from providers.onelogin_records import PersonReader, read_role_users, read_roles, standing
from providers.onelogin_settings import onelogin_settings
from providers.onelogin_token import _life_s
from providers.simulator.server import Simulator, start
from sync.model.errors import CursorExpired, Denied, Incomplete, Misconfigured
from sync.model.resources import Status
from sync.model.source import MemberChange, RightState
from tests.providers.reading import Time, opened, read
from tests.providers.vendors import ONELOGIN


@pytest.fixture
def onelogin() -> Iterator[Simulator]:
    """An account of 250 people and 8 roles."""
    with start("onelogin", users=250, groups=8, seed=7) as running:
        yield running


def _state(simulator: Simulator) -> dict[str, dict[str, Any]]:
    return {user["id"]: user for user in simulator.state()["users"]}


def _role(simulator: Simulator) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each for each in simulator.state()["groups"] if each["kind"] == "ordinary" and each["members"]
    )
    return found


def _answer(body: str, **headers: str) -> Answer:
    return Answer(status=200, headers=headers, links=(), body=body.encode())


def test_full_equals_the_truth(onelogin: Simulator) -> None:
    """People, roles and members are what the account holds, at no call per role."""
    source = opened(onelogin, picture_attribute="photo")
    reading = read(source.full())
    source.close()
    truth = _state(onelogin)
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
    truth = _state(onelogin)
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


# -- roles and groups ------------------------------------------------------------------------


def test_users_listed_without_roles_are_not_without_roles(onelogin: Simulator) -> None:
    """Where the fields are ignored, roles are read one by one, and everybody keeps theirs."""
    onelogin.fault("fields(ignored)")
    source = opened(onelogin)
    reading = read(source.full())
    detail = next(right.detail for right in source.check() if right.name == "read users")
    source.close()
    assert reading.error is None
    assert reading.members == ONELOGIN.members(onelogin.state())
    assert onelogin.requests()["by_op"]["members"] >= 8
    assert "one by one" in detail


def test_a_role_that_cannot_be_read_keeps_its_members(onelogin: Simulator) -> None:
    """One that was deleted meanwhile is gone; the others go on."""
    onelogin.fault("fields(ignored)")
    onelogin.fault("fail(403)@op=members,nth=2")
    onelogin.fault("delete_group_between", nth=4)
    source = opened(onelogin)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert len(reading.unread) == 1
    assert len(reading.gone) == 1
    truth = ONELOGIN.members(onelogin.state())
    assert all(reading.members[i] == truth[i] for i in truth if i not in reading.unread)


@pytest.mark.parametrize("where", ["groups(v1_only)", "groups(v2)"])
@pytest.mark.parametrize("source_of_groups", ["groups", "both"])
def test_groups_are_departments_here_and_read_from_either_api(
    onelogin: Simulator, where: str, source_of_groups: str
) -> None:
    """Everybody is in one group at most; groups have ids of their own beside the roles'."""
    onelogin.fault(where)
    source = opened(onelogin, groups_from=source_of_groups)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    groups = {i: members for i, members in reading.members.items() if i.startswith("group:")}
    everybody = [user_id for members in groups.values() for user_id in members]
    assert len(groups) > 1
    assert sorted(everybody) == sorted(reading.users)
    roles = {i: members for i, members in reading.members.items() if i.startswith("role:")}
    assert roles == (ONELOGIN.members(onelogin.state()) if source_of_groups == "both" else {})


def test_a_single_group_is_read_by_its_users(onelogin: Simulator) -> None:
    """Roles by their users, groups by the list of users in them."""
    source = opened(onelogin, groups_from="both")
    whole = read(source.full())
    some = next(i for i in whole.members if i.startswith("group:"))
    found = source.lookup_groups([some, "group:1", "role:1", "nonsense"])
    alone = read(source.groups([some]))  # type: ignore[attr-defined]
    source.close()
    assert (set(found.present), set(found.gone)) == ({some}, {"group:1", "role:1", "nonsense"})
    assert alone.members == {some: whole.members[some]}


def test_a_grant_that_shows_late_is_met_later(onelogin: Simulator) -> None:
    """Nothing flaps: the membership comes with the first read that sees it."""
    role, outsider = _role(onelogin), None
    outsider = next(i for i in _state(onelogin) if i not in role["members"])
    onelogin.fault("lag(roles=90)")
    httpx.post(f"{onelogin.base_url}/_sim/members", json={"group": role["id"], "user": outsider})
    source = opened(onelogin)
    assert outsider not in read(source.full()).members[f"role:{role['id']}"]
    onelogin.clock(advance=91)
    assert outsider in read(source.full()).members[f"role:{role['id']}"]
    source.close()


# -- pages -----------------------------------------------------------------------------------


def test_a_deletion_between_pages_is_noticed_by_the_count(onelogin: Simulator) -> None:
    """The list is read again, and nobody is missed."""
    onelogin.fault("delete_between")
    source = opened(onelogin)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert set(_state(onelogin)) <= set(reading.users)
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
    outsider = next(i for i in _state(onelogin) if i not in app["users"])
    found = source.lookup([outsider, app["users"][0]])
    source.close()
    assert set(reading.users) == set(app["users"])
    assert (set(found.present), set(found.gone)) == ({app["users"][0]}, {outsider})


def test_listed_roles_are_the_scope(onelogin: Simulator) -> None:
    """Members of the listed roles are the people, and one of another role is gone for us."""
    role = _role(onelogin)
    source = opened(onelogin, scope=f"roles:{role['id']}")
    reading = read(source.full())
    outsider = next(i for i in _state(onelogin) if i not in role["members"])
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
    truth, left = ONELOGIN.members(onelogin.state()), _state(onelogin)
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
    narrow = opened(onelogin, scope=f"roles:{_role(onelogin)['id']}")
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


# -- the token -------------------------------------------------------------------------------


def test_a_token_near_its_end_is_renewed_by_the_servers_own_times(onelogin: Simulator) -> None:
    """The same token is handed out until it ends, so its life began before the answer."""
    onelogin.fault("token_age(35900)")
    time = Time(onelogin)
    source = opened(onelogin, time)
    assert source.identity()
    time.skip(99)
    assert source.identity()
    assert onelogin.requests()["by_op"]["token"] == 1
    time.skip(2)
    assert read(source.full()).error is None
    source.close()
    assert onelogin.requests()["by_op"]["token"] == 2


@pytest.mark.parametrize(
    ("told", "life_s"),
    [
        ({"created_at": "1970-01-01T00:00:00.000Z", "expires_in": 36000}, 36000 - 1_000_000),
        ({"created_at": 999_000, "expires_in": 36000}, 35_000),
        ({"created_at": 1_767_225_600_000, "expires_in": 0}, 1_767_225_600 - 1_000_000),
        ({"created_at": "yesterday", "expires_in": 36000}, 300),
        ({"expires_in": 36000}, 300),
        ({"created_at": 999_000}, 300),
    ],
)
def test_the_life_of_a_token(told: dict[str, Any], life_s: float) -> None:
    """ISO, seconds or milliseconds; where the times cannot be read a short life is assumed."""
    from datetime import UTC, datetime

    assert _life_s(told, datetime.fromtimestamp(1_000_000, UTC)) == life_s


@pytest.mark.parametrize("fault", ["expire_token@page=2", "revoke_token@page=2"])
def test_a_token_that_dies_is_fetched_once_more(onelogin: Simulator, fault: str) -> None:
    """The read goes on where it was, with a header made anew."""
    onelogin.fault(fault)
    source = opened(onelogin)
    assert read(source.full()).error is None
    source.close()
    assert onelogin.requests()["by_op"]["token"] == 2


def test_a_scope_too_small_is_no_dead_token(onelogin: Simulator) -> None:
    """401 Insufficient Permission names the scope, and starts no storm on the token endpoint."""
    onelogin.fault("fields(ignored)")
    onelogin.fault("drop_permission(members)", times="always")
    source = opened(onelogin)
    reading = read(source.full())
    source.close()
    assert set(reading.unread) == set(ONELOGIN.members(onelogin.state()))
    assert all("Read All" in why for why in reading.unread.values())
    assert onelogin.requests()["by_op"]["token"] == 2


def test_the_scope_read_users_ends_the_read_by_name(onelogin: Simulator) -> None:
    """Nobody is removed, and check tells which right is missing."""
    onelogin.fault("A05")
    source = opened(onelogin)
    reading = read(source.full())
    states = {right.name: right.state for right in source.check()}
    source.close()
    assert isinstance(reading.error, Denied)
    assert "Read All" in reading.error.message
    assert states["read users"] is RightState.OK
    assert states["read roles"] is RightState.MISSING


def test_a_deleted_owner_is_told_after_a_few_tries(onelogin: Simulator) -> None:
    """500 for ever at the token endpoint is a credential to be made anew."""
    onelogin.fault("A10")
    source = opened(onelogin)
    error = read(source.full()).error
    source.close()
    assert isinstance(error, Denied)
    assert "was deleted" in error.message
    assert onelogin.requests()["by_op"]["token"] == 6


def test_a_wrong_secret_is_named_and_not_repeated(onelogin: Simulator) -> None:
    """One request, and the sentence holds no secret."""
    source = opened(onelogin, client_secret="wrongsecret")
    error = read(source.full()).error
    source.close()
    assert isinstance(error, Denied)
    assert "client_secret" in error.message
    assert "wrongsecret" not in error.message
    assert onelogin.requests()["total"] == 1


def test_the_balancers_page_is_waited_out(onelogin: Simulator) -> None:
    """At the token endpoint and at the API: no hint, no HTML fault, no storm."""
    onelogin.fault("T07")
    onelogin.fault("T08")
    source = opened(onelogin)
    assert read(source.full()).error is None
    source.close()
    assert onelogin.requests()["by_op"]["token"] == 2


def test_the_hours_quota_is_the_accounts(onelogin: Simulator) -> None:
    """What others have used up is learned before the first page, and waited for."""
    onelogin.fault("quota(remaining=0)")
    source = opened(onelogin)
    assert read(source.full()).error is None
    source.close()
    assert source.effort.throttled_s > 3000
    assert onelogin.requests()["by_op"]["users.list"] == 3


def test_a_reset_in_seconds_is_waited_for(onelogin: Simulator) -> None:
    """429 with x-ratelimit-reset tells seconds left, not a point in time."""
    onelogin.fault("throttle(wait=20,header=reset)")
    source = opened(onelogin)
    assert read(source.full()).error is None
    source.close()
    assert 20 <= source.effort.throttled_s < 25


@pytest.mark.parametrize("shape", [1, 2, 3, 4])
def test_every_shape_of_an_error_is_read(onelogin: Simulator, shape: int) -> None:
    """The vendor's own words are in the sentence, whichever layer said them."""
    onelogin.fault(f"error(shape={shape})")
    source = opened(onelogin)
    error = read(source.full()).error
    source.close()
    assert error is not None
    assert "is not valid" in error.message


def test_an_error_of_no_known_shape_says_nothing() -> None:
    """A page, a text or a list is no sentence of OneLogin's."""
    for body in (b"<html></html>", b"Bad", b"[]", b""):
        assert said_by(Answer(status=400, headers={}, links=(), body=body)) == ("", "")


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
