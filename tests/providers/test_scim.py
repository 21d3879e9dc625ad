"""A SCIM service read through the simulator, whose own state is the truth."""

import itertools
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import EnterpriseUser, Group, ResourceType, ScimProvider, SearchRequest, User

from providers.answers import Answer
from providers.registry import open_source
from providers.scim_records import UserReader, read_group
from providers.scim_settings import scim_settings
from providers.scim_user_groups import UserGroups
from providers.simulator.scim import USER_NAME
from providers.simulator.server import Simulator, start
from sync.model.errors import CursorExpired, Denied, Incomplete, Misconfigured
from sync.model.resources import Status
from sync.model.source import Gone, Members, MembersUnread, RightState
from tests.providers.reading import Reading, Time, opened, read
from tests.providers.vendors import SCIM

PROVIDED = [ResourceType.from_resource(User[EnterpriseUser]), ResourceType.from_resource(Group)]


@pytest.fixture
def service() -> Iterator[Simulator]:
    """A SCIM service of 250 people and 8 groups."""
    with start("scim", users=250, groups=8, seed=7) as running:
        yield running


def _full(service: Simulator, **settings: Any) -> Reading:
    source = opened(service, **settings)
    reading = read(source.full())
    source.close()
    return reading


def _page(body: bytes) -> Any:
    return UserReader().page(Answer(status=200, headers={}, links=(), body=body)).rows


def test_full_equals_the_truth(service: Simulator) -> None:
    """People, groups and members are what the directory holds, field by field."""
    reading, state = _full(service), service.state()
    assert reading.error is None
    assert set(reading.users) == SCIM.present(state)
    for user in state["users"]:
        got = reading.users[user["id"]]
        assert (got.user_name, got.email) == (user["login"], user["email"])
        assert (got.first_name, got.last_name) == (user["first_name"], user["last_name"])
        assert got.status is (Status.ACTIVE if user["active"] else Status.SUSPENDED)
        assert got.picture_url == user["picture_url"]
    assert reading.members == SCIM.members(state)


def test_another_client_sees_the_same_people(service: Simulator) -> None:
    """The people and groups that scim2-client reads, validating each, are those of the pull."""
    headers = {"Authorization": f"Bearer {service.credentials['token']}"}
    people: dict[str, Any] = {}
    with httpx2.Client(base_url=service.base_url, headers=headers, trust_env=False) as http:
        client = SyncSCIMClient(http, provider=ScimProvider([User, EnterpriseUser, Group], PROVIDED))
        while True:
            request: Any = SearchRequest(start_index=len(people) + 1, count=100)
            found: Any = client.query(client.get_resource_model("User"), query_parameters=request)
            people |= {user.id: user for user in found.resources}
            if len(people) >= found.total_results:
                break
        listed: Any = client.query(Group)
    reading = _full(service)
    assert {key: (user.user_name, bool(user.active)) for key, user in people.items()} == {
        key: (user.user_name, user.status is Status.ACTIVE) for key, user in reading.users.items()
    }
    assert {
        group.id: {member.value for member in group.members or ()} for group in listed.resources
    } == reading.members


@pytest.mark.parametrize("mode", ["cursor", "both", "cursor_only"])
def test_pages_by_cursor(service: Simulator, mode: str) -> None:
    """A service that announces cursors, or hands them out unasked, is read by them."""
    service.fault(f"mode({mode})")
    reading = _full(service)
    assert reading.error is None
    assert set(reading.users) == SCIM.present(service.state())
    assert service.requests()["by_op"]["users.list"] == 3


@pytest.mark.parametrize("fault", ["config(lying)", "config(401)", "config(404)", "past_end(error)"])
def test_what_a_service_says_of_itself_is_not_needed(service: Simulator, fault: str) -> None:
    """A ServiceProviderConfig may be missing, hidden or untrue, and an index past the end an error."""
    service.fault(fault)
    reading = _full(service)
    assert reading.error is None
    assert set(reading.users) == SCIM.present(service.state())


@pytest.mark.parametrize("kind", ["string", "low", "missing"])
def test_wrong_counts_that_lose_nobody(service: Simulator, kind: str) -> None:
    """A count that is a text, too low or missing does not end the walk before an empty page does."""
    service.fault(f"count({kind})")
    reading = _full(service)
    assert reading.error is None
    assert set(reading.users) == SCIM.present(service.state())


@pytest.mark.parametrize("fault", ["count(high)", "count(grows)", "cursor(repeat)@page=2", "next(loop=2)"])
def test_counts_and_cursors_that_cannot_be_believed(service: Simulator, fault: str) -> None:
    """Fewer rows than are said to exist, and cursors that come back, end the read without an End."""
    service.fault(fault, times="always")
    reading = _full(service)
    assert isinstance(reading.error, Incomplete)
    assert reading.end is None


def test_a_page_of_more_rows_than_exist_is_not_believed(service: Simulator) -> None:
    """An answer of thousands of rows where the service counts a few hundred ends the read."""
    service.fault("page_rows(2000)")
    assert isinstance(_full(service).error, Incomplete)


def test_somebody_deleted_between_two_pages_costs_a_second_walk(service: Simulator) -> None:
    """A count that falls on the way means that rows moved: the list is read again from its start."""
    service.fault("delete_between")
    reading = _full(service)
    assert reading.error is None
    assert SCIM.present(service.state()) <= set(reading.users)
    assert service.requests()["by_op"]["users.list"] > 4


def test_cursor_that_expires_by_the_clock(service: Simulator) -> None:
    """A cursor too old for the service makes the walk start over, which a full read survives."""
    service.fault("cursor(expired)@page=2")
    reading = _full(service)
    assert reading.error is None
    assert set(reading.users) == SCIM.present(service.state())


@pytest.mark.parametrize("fault", ["members(absent)", "members(mixed)", "excluded(400)", "excluded(ignored)"])
def test_members_in_every_form(service: Simulator, fault: str) -> None:
    """Unknown members are unread, odd ones skipped or found by address; they may come with the list."""
    service.fault(fault)
    reading, truth = _full(service), SCIM.members(service.state())
    assert reading.error is None
    if fault == "members(absent)":
        assert set(reading.unread) == set(truth)
    else:
        assert reading.members == truth
    reads = service.requests()["by_op"].get("members", 0)
    assert (reads == 0) == fault.startswith("excluded")


def test_groups_in_groups_come_as_groups(service: Simulator) -> None:
    """A nested group is a member of its own kind, and no person."""
    nested = service.fault("nested(depth=3)")["touched"]
    source = opened(service)
    pieces = [piece for page in source.full() for piece in page.members if isinstance(piece, Members)]
    source.close()
    told = {piece.group_id: list(piece.group_ids) for piece in pieces if piece.group_ids}
    assert told == {outer: [inner] for outer, inner in itertools.pairwise(nested)}


@pytest.mark.parametrize(
    ("active", "status"),
    [
        ("true", Status.ACTIVE),
        ('"True"', Status.ACTIVE),
        ("false", Status.SUSPENDED),
        ('"false"', Status.SUSPENDED),
        ("null", Status.UNKNOWN),
        ("7", Status.UNKNOWN),
        ('"ACTIVATING"', Status.UNKNOWN),
    ],
)
def test_active_in_every_form(active: str, status: Status) -> None:
    """A truth value may be spelled out; what is neither true nor false changes nothing."""
    body = f'{{"totalResults":1,"Resources":[{{"id":"1","userName":"a","active":{active}}}]}}'
    assert _page(body.encode()).rows[0].status is status


def test_names_of_attributes_in_any_case() -> None:
    """Attribute names are case-insensitive: a capital letter makes no inactive person active."""
    rows = _page(
        b'{"Resources":[{"ID":7,"USERNAME":"a","Active":false,"EMails":"a@x.test","Name":{"GivenName":"A"}}]}'
    )
    assert rows.rows[0].external_id == "7"
    assert rows.rows[0].status is Status.SUSPENDED
    assert (rows.rows[0].email, rows.rows[0].first_name) == ("a@x.test", "A")


@pytest.mark.parametrize(
    ("emails", "chosen"),
    [
        ('[{"value":"b@x.test"},{"value":"a@x.test","primary":true}]', "a@x.test"),
        ('[{"value":"h@x.test","type":"home"},{"value":"w@x.test","type":"work"}]', "w@x.test"),
        ('[{"value":"one@x.test"},{"value":"two@x.test"}]', "one@x.test"),
        ('["plain@x.test"]', "plain@x.test"),
        ('"plain@x.test"', "plain@x.test"),
        ("null", None),
        ("[]", None),
    ],
)
def test_email_is_primary_then_work_then_first(emails: str, chosen: str | None) -> None:
    """Of several addresses the primary one is taken, else the one at work, else the first."""
    row = f'{{"id":"1","userName":"a","active":true,"name":null,"emails":{emails}}}'
    assert _page(f'{{"totalResults":1,"Resources":[{row}]}}'.encode()).rows[0].email == chosen


def test_basic_and_a_path_before_users(service: Simulator) -> None:
    """A name and password let in as the token does, and base_url may hold a path."""
    source = open_source(
        "scim",
        {
            "base_url": f"{service.base_url}/scim/v2/",
            "username": USER_NAME,
            "password": service.credentials["token"],
        },
    )
    assert set(read(source.full()).users) == SCIM.present(service.state())
    source.close()


def test_a_service_without_groups(service: Simulator) -> None:
    """With groups_from=none no group is asked for."""
    reading = _full(service, groups_from="none")
    assert reading.error is None
    assert "groups.list" not in service.requests()["by_op"]


def test_lookup_tells_present_gone_and_unknown_apart(service: Simulator) -> None:
    """Found people are present, unknown ids gone, and an id that could not be read is in neither."""
    ids = sorted(SCIM.present(service.state()))[:3]
    service.fault(f"fail(403)@op=users.get,id={ids[2]},times=always")
    source = opened(service)
    found, groups = source.lookup([*ids, "100000000000000"]), source.lookup_groups(["100000000000001"])
    source.close()
    assert set(found.present) == set(ids[:2])
    assert found.gone == {"100000000000000"}
    assert groups.gone == {"100000000000001"}


def test_single_groups_with_their_members(service: Simulator) -> None:
    """A run about a few groups reads each with its members, and knows which are gone."""
    truth = SCIM.members(service.state())
    group_id = max(truth, key=lambda each: len(truth[each]))
    source: Any = opened(service)
    pages = list(source.groups([group_id, "100000000000001"]))
    source.close()
    assert [record.external_id for record in pages[0].groups] == [group_id]
    assert list(pages[0].gone) == [Gone(kind="group", external_id="100000000000001")]
    assert set(pages[1].members[0].user_ids) == truth[group_id]


def test_single_group_whose_members_are_not_told(service: Simulator) -> None:
    """A group without the attribute is unread, not empty."""
    service.fault("members(absent)")
    group_id = next(iter(SCIM.members(service.state())))
    source: Any = opened(service)
    pages = list(source.groups([group_id]))
    source.close()
    assert isinstance(pages[1].members[0], MembersUnread)


def test_changes_since_the_last_read(service: Simulator) -> None:
    """A delta gives who joined, who left and whose groups changed, and no more."""
    source = opened(service)
    first = read(source.full())
    assert first.end is not None
    assert first.end.cursor is not None
    service.clock(advance=3600)
    changed = service.churn(joiners=2, leavers=3, movers=1, renames=1)
    delta = read(source.changes(first.end.cursor))
    source.close()
    assert delta.error is None
    assert {*changed["joiners"], *changed["renames"]} <= set(delta.users)
    assert len(delta.users) < 20
    assert delta.end is not None
    assert delta.end.cursor != first.end.cursor
    touched = {key for key in delta.members if changed["movers"][0] in delta.members[key]}
    assert touched == {
        key for key, members in SCIM.members(service.state()).items() if changed["movers"][0] in members
    } & set(delta.members)


def test_refused_filter_asks_for_a_full_read(service: Simulator) -> None:
    """A service that cannot filter by time says so, instead of seeming quiet."""
    service.fault("filter(refused)")
    source = opened(service)
    delta, broken = read(source.changes('{"since": "2026-01-01T00:00:00+00:00"}')), read(source.changes("x"))
    source.close()
    assert isinstance(delta.error, CursorExpired)
    assert isinstance(broken.error, CursorExpired)


def test_check_finds_every_right(service: Simulator) -> None:
    """With a good token every right is proved."""
    source = opened(service)
    rights = source.check()
    source.close()
    assert [right.name for right in rights] == [
        "credential",
        "read users",
        "read page by page",
        "read changes",
        "read groups",
        "read members",
    ]
    assert {right.state for right in rights} == {RightState.OK}


@pytest.mark.parametrize(
    ("fault", "name", "state"),
    [
        ("revoke_key", "credential", RightState.MISSING),
        ("offset(ignored)", "read page by page", RightState.MISSING),
        ("filter(refused)", "read changes", RightState.UNKNOWN),
        ("fail(403)@op=groups.list,times=always", "read groups", RightState.MISSING),
        ("members(absent)", "read members", RightState.UNKNOWN),
    ],
)
def test_check_names_what_is_missing(service: Simulator, fault: str, name: str, state: RightState) -> None:
    """Each right that is not there is named, with a sentence that says what follows."""
    service.fault(fault)
    source = opened(service)
    rights = {right.name: right for right in source.check()}
    source.close()
    assert rights[name].state is state
    assert rights[name].detail.endswith(".")


def test_check_finds_the_address(service: Simulator) -> None:
    """A base_url with a wrong path is answered with the address where the users are."""
    source = opened(service, base_url=f"{service.base_url}/api")
    right = next(right for right in source.check() if right.name == "read users")
    source.close()
    assert f"{service.base_url}/scim/v2" in right.detail


def test_wrong_token_is_denied_in_one_sentence(service: Simulator) -> None:
    """A refused token names the setting to change and does not repeat the token."""
    reading = _full(service, token="wrongWRONGwrong")
    assert isinstance(reading.error, Denied)
    assert "token" in reading.error.message
    assert "wrongWRONG" not in reading.error.message


def test_wrong_address_is_no_empty_directory(service: Simulator) -> None:
    """A path where nothing is ends the read with the setting to look at."""
    reading = _full(service, base_url=f"{service.base_url}/nothing")
    assert isinstance(reading.error, Misconfigured)
    assert "base_url" in reading.error.message


def test_overlapped_reads_give_the_same() -> None:
    """On a slow line several reads are under way at once, and give the same people and members."""
    with start("scim", users=250, groups=8, seed=3, latency_s=0.02) as service:
        reading, state = _full(service), service.state()
    assert reading.error is None
    assert set(reading.users) == SCIM.present(state)
    assert reading.members == SCIM.members(state)


def test_waits_as_told(service: Simulator) -> None:
    """A 429 with Retry-After is waited out."""
    service.fault("throttle(wait=8)")
    time = Time(service)
    source = opened(service, time)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert time.slept_s == pytest.approx(8, abs=1)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "base_url"),
        ({"base_url": "https://x.test"}, "token"),
        ({"base_url": "https://x.test", "username": "a"}, "password"),
        ({"base_url": "https://x.test", "password": "a"}, "username"),
        ({"base_url": "https://x.test", "username": "a:b", "password": "c"}, "username"),
        ({"base_url": "http://x.test", "token": "t"}, "base_url"),
        ({"base_url": "https://x.test", "token": "t", "groups_from": "roles"}, "groups_from"),
        ({"base_url": "https://x.test", "token": "t", "token_header": "a b"}, "token_header"),
        ({"base_url": "https://x.test", "token_header": "X-Key", "username": "u"}, "token"),
    ],
)
def test_wrong_settings_name_their_key(settings: dict[str, object], named: str) -> None:
    """A setting that cannot be used is refused by name before anything is sent."""
    with pytest.raises(Misconfigured, match=named):
        open_source("scim", settings)


def test_groups_come_from_people_where_there_is_no_list_of_groups(service: Simulator) -> None:
    """With groups_from=users the memberships are those that people tell, and every read is a full one."""
    service.fault("groups(on_users)")
    reading = _full(service, groups_from="users")
    assert reading.error is None
    assert reading.end is not None
    assert reading.end.cursor is None
    assert reading.members == {key: ids for key, ids in SCIM.members(service.state()).items() if ids}
    assert "groups.list" not in service.requests()["by_op"]


def test_people_who_tell_no_groups_at_all_make_the_read_incomplete(service: Simulator) -> None:
    """Where nobody says anything of groups, nothing is concluded of them."""
    reading = _full(service, groups_from="users")
    assert isinstance(reading.error, Incomplete)
    assert "No user comes with groups" in reading.error.message
    assert set(reading.users) == SCIM.present(service.state())


def test_a_group_without_an_id_takes_no_membership_away() -> None:
    """One odd entry leaves every membership as it is, and the read is incomplete."""
    groups, user = UserGroups(), _page(ONE_USER).rows[0]
    groups.take([user, user], [{"groups": [{"value": "1", "display": "Sales"}]}, {"groups": ["odd"]}], ())
    told = groups.pages(lambda _: True)
    assert [record.name for record in next(told).groups] == ["Sales"]
    assert not next(told).members
    with pytest.raises(Incomplete, match="has no id"):
        next(told)


def test_a_person_who_cannot_be_read_loses_no_membership(service: Simulator) -> None:
    """Whoever is set aside has said nothing of groups, so nobody is taken out of any."""
    service.fault("groups(on_users)")
    service.fault("bad_row(1)")
    reading = _full(service, groups_from="users")
    assert reading.set_aside
    assert not reading.members
    assert isinstance(reading.error, Incomplete)


def test_nobody_can_be_asked_about_a_group_where_people_tell_of_them(service: Simulator) -> None:
    """So an absence is confirmed by a second complete read, as where the right to look up is missing."""
    source = opened(service, groups_from="users")
    with pytest.raises(Denied):
        source.lookup_groups(["1"])
    source.close()


def test_the_token_goes_into_the_header_that_the_service_wants(service: Simulator) -> None:
    """With token_header the token is sent as it is under that name, and nothing as a bearer token."""
    assert _full(service, token_header="X-Api-Key").error is None
    assert scim_settings(
        {"base_url": "https://x.test", "token": "t", "token_header": "X-Api-Key"}
    ).credential == {"x-api-key": "t"}


def test_the_simulated_service_describes_its_schemas(service: Simulator) -> None:
    """/Schemas names the attributes of users and groups."""
    headers = {"Authorization": f"Bearer {service.credentials['token']}"}
    told = httpx2.get(f"{service.base_url}/Schemas", headers=headers, trust_env=False).json()
    assert {row["name"] for row in told["Resources"]} == {"User", "Group", "Enterprise"}
    assert all(attribute["type"] for row in told["Resources"] for attribute in row["attributes"])


ONE_USER = (
    b'{"totalResults":1,"Resources":[{"id":"7","userName":"ada","active":true,"name":null,"emails":null}]}'
)


@pytest.mark.parametrize(
    ("entry", "is_group"),
    [
        ('{"value": "g", "type": "Group"}', True),
        ('{"value": "g", "Type": "Group"}', True),
        ('{"value": "g", "$Ref": "https://idp.example/Groups/g"}', True),
        ('{"value": "g", "$ref": "https://idp.example/Groups/g"}', True),
        ('{"value": "g"}', False),
    ],
)
def test_a_member_s_kind_is_read_in_any_spelling(entry: str, is_group: bool) -> None:
    """Names of attributes have no case: a group inside a group is never taken for a person."""
    body = f'{{"id": "1", "displayName": "Sales", "members": [{{"value": "u"}}, {entry}]}}'
    found = read_group(Answer(status=200, headers={}, links=(), body=body.encode())).members
    assert found is not None
    assert (found.user_ids, found.group_ids) == ((["u"], ["g"]) if is_group else (["u", "g"], []))
