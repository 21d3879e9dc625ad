"""JumpCloud read through the simulator, whose own state is the truth, and its peculiarities one by one."""

from collections.abc import Iterator
from typing import Any

import pytest

from providers.answers import Answer
from providers.jumpcloud_records import UserReader, read_members, standing
from providers.jumpcloud_settings import jumpcloud_settings
from providers.simulator.server import Simulator, start
from sync.model.errors import CursorExpired, Denied, Incomplete, Misconfigured, Transient
from sync.model.resources import Status
from sync.model.source import RightState, Wanted
from tests.providers.reading import Time, opened, read
from tests.providers.vendors import JUMPCLOUD


@pytest.fixture
def jumpcloud() -> Iterator[Simulator]:
    """An organisation of 250 people and 8 groups."""
    with start("jumpcloud", users=250, groups=8, seed=7) as running:
        yield running


def _state(simulator: Simulator) -> dict[str, dict[str, Any]]:
    return {user["id"]: user for user in simulator.state()["users"]}


def _group(simulator: Simulator) -> dict[str, Any]:
    groups = simulator.state()["groups"]
    found: dict[str, Any] = next(each for each in groups if each["kind"] == "ordinary" and each["members"])
    return found


def _service(simulator: Simulator) -> dict[str, Any]:
    return {"api_key": "", **simulator.service_app()}


def test_full_equals_the_truth(jumpcloud: Simulator) -> None:
    """People, groups and members are what the directory holds, field by field."""
    source = opened(jumpcloud, picture_attribute="picture")
    reading = read(source.full())
    source.close()
    truth = _state(jumpcloud)
    assert reading.error is None
    assert set(reading.users) == set(truth)
    for user_id, got in reading.users.items():
        told = truth[user_id]
        assert (got.email, got.first_name, got.last_name) == tuple(
            told[name] for name in ("email", "first_name", "last_name")
        )
        assert got.picture_url == told["picture_url"]
        assert (got.status is Status.ACTIVE) == told["active"]
        assert got.scim_external_id == user_id
    assert reading.members == JUMPCLOUD.members(jumpcloud.state())
    assert source.effort.requests == jumpcloud.requests()["total"]


def test_everybodys_group_is_not_given(jumpcloud: Simulator) -> None:
    """A tag that everybody carries says nothing, so All Users is no group of ours."""
    source = opened(jumpcloud)
    reading = read(source.full())
    source.close()
    assert "All Users" not in {group.name for group in reading.groups.values()}


@pytest.mark.parametrize(
    ("state", "suspended", "status"),
    [
        ("ACTIVATED", False, Status.ACTIVE),
        ("ACTIVATED", True, Status.SUSPENDED),
        ("SUSPENDED", False, Status.SUSPENDED),
        ("STAGED", False, Status.PENDING),
        (None, False, Status.ACTIVE),
        (None, True, Status.SUSPENDED),
        (None, None, Status.UNKNOWN),
        ("ARCHIVED", False, Status.UNKNOWN),
    ],
)
def test_where_an_account_stands(state: str | None, suspended: bool | None, status: Status) -> None:
    """Suspended beats every state, no state falls back to it, and an unknown word changes nothing."""
    assert standing(state, suspended)[0] is status


def test_every_mixture_of_states_reads_as_the_truth(jumpcloud: Simulator) -> None:
    """A lock and a missing activation take nobody's access."""
    touched = jumpcloud.fault("status(matrix)")["touched"]
    source = opened(jumpcloud)
    reading = read(source.full())
    source.close()
    truth = _state(jumpcloud)
    assert {i: reading.users[i].status is Status.ACTIVE for i in touched} == {
        i: truth[i]["active"] for i in touched
    }


def test_one_odd_row_does_not_lose_its_page() -> None:
    """Numbers become text, other types nothing, rows without an id are set aside, and the rest is read."""
    body = (
        b'{"totalCount":4,"results":[{"_id":"1","username":7,"email":{},"state":"ACTIVATED"},'
        b'{"username":"nobody"},null,{"id":"2","email":"","suspended":false,"employeeIdentifier":null}]}'
    )
    page = UserReader().page(Answer(status=200, headers={}, links=(), body=body))
    assert [row.external_id for row in page.rows.rows] == ["1", "2"]
    assert [(row.user_name, row.email) for row in page.rows.rows] == [("7", None), ("", None)]
    assert [row.external_id for row in page.rows.set_aside] == [None, None]
    assert (page.places, page.total) == (4, 4)


def test_picture_comes_from_the_named_custom_attribute_and_only_by_https() -> None:
    """Custom attributes are a list of names and values, of any type."""
    rows = [
        '{"_id":"1","suspended":false,"attributes":[{"name":"photo","value":"https://a.test/1.png"}]}',
        '{"_id":"2","suspended":false,"attributes":[{"name":"photo","value":"http://a.test/2.png"}]}',
        '{"_id":"3","suspended":false,"attributes":null}',
    ]
    body = ('{"results":[' + ",".join(rows) + "]}").encode()
    page = UserReader("photo").page(Answer(status=200, headers={}, links=(), body=body))
    assert [row.picture_url for row in page.rows.rows] == ["https://a.test/1.png", None, None]


def test_wanted_attributes_come_as_the_directory_names_them() -> None:
    """Fields of the user as they are, custom attributes as their list."""
    reader = UserReader(attributes=[("department",), ("attributes",)])
    body = b'{"_id":"1","suspended":false,"department":"Legal","attributes":[{"name":"a","value":1}]}'
    record, raw = reader.one(Answer(status=200, headers={}, links=(), body=body))
    assert record.external_id == "1"
    assert raw == {"department": "Legal", "attributes": [{"name": "a", "value": 1}]}
    assert {"department", "attributes", "state", "_id"} <= set(reader.keys)


def test_null_rows_keep_their_places() -> None:
    """Rows that are null, have nobody, or name a group are no members, and all of them take a place."""
    body = b'[null,{"to":null},{"to":{"id":"1","type":"user"}},{"to":{"id":"2","type":"user_group"}}]'
    page = read_members(Answer(status=200, headers={"x-total-count": "4"}, links=(), body=body))
    assert (list(page.rows.rows), page.places, page.total) == (["1"], 4, 4)


def test_places_of_the_deleted_do_not_end_a_list(jumpcloud: Simulator) -> None:
    """Short pages in the middle are read over, with a warning, and nobody behind them is lost."""
    jumpcloud.fault("P07")
    source = opened(jumpcloud)
    warnings: list[str] = []
    members: dict[str, set[str]] = {}
    for page in source.full():
        warnings += page.warnings
        for piece in page.members:
            members.setdefault(piece.group_id, set()).update(getattr(piece, "user_ids", ()))
    source.close()
    assert members == JUMPCLOUD.members(jumpcloud.state())
    assert any("counts 3 more members" in text for text in warnings)


def test_drift_in_the_user_list_is_noticed(jumpcloud: Simulator) -> None:
    """A row deleted between two pages makes the list be read again, and nobody is missed."""
    jumpcloud.fault("delete_between")
    source = opened(jumpcloud)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert set(_state(jumpcloud)) <= set(reading.users)
    assert jumpcloud.requests()["by_op"]["users.list"] > 4


def test_a_count_that_never_fits_ends_the_read(jumpcloud: Simulator) -> None:
    """A list that counts more rows than it gives, three times, is not believed."""
    jumpcloud.fault("count(grows)")
    source = opened(jumpcloud)
    reading = read(source.full())
    source.close()
    assert isinstance(reading.error, Incomplete)
    assert "nobody is removed" in reading.error.message


def test_the_scope_of_an_application(jumpcloud: Simulator) -> None:
    """Only people and groups assigned to it are read; anybody else is gone for us."""
    app = jumpcloud.state()["apps"][0]
    source = opened(jumpcloud, scope=f"app:{app['id']}")
    reading = read(source.full())
    outsider = next(i for i in _state(jumpcloud) if i not in app["users"])
    found = source.lookup([outsider, app["users"][0]])
    source.close()
    assert reading.error is None
    assert set(reading.users) == set(app["users"])
    assert set(reading.groups) == set(app["groups"])
    assert (set(found.present), set(found.gone)) == ({app["users"][0]}, {outsider})


@pytest.mark.parametrize("membership", ["direct", "transitive"])
def test_listed_groups_are_the_scope(jumpcloud: Simulator, membership: str) -> None:
    """Members of the listed groups are the people, and one of another group is gone for us."""
    group = _group(jumpcloud)
    source = opened(jumpcloud, scope=f"groups:{group['id']}", membership=membership)
    reading = read(source.full())
    outsider = next(i for i in _state(jumpcloud) if i not in group["members"])
    found = source.lookup([outsider, group["members"][0]])
    source.close()
    assert set(reading.users) == reading.members[group["id"]] == set(group["members"])
    assert (set(found.present), set(found.gone)) == ({group["members"][0]}, {outsider})


def test_listed_groups_that_do_not_exist_are_a_wrong_setting(jumpcloud: Simulator) -> None:
    """A scope that matches nothing is refused instead of read as an empty directory."""
    source = opened(jumpcloud, scope=f"groups:{'0' * 24}")
    assert isinstance(read(source.full()).error, Misconfigured)
    source.close()


def test_single_groups_are_read_with_their_members(jumpcloud: Simulator) -> None:
    """Each group speaks for itself, and one that does not exist is gone."""
    group = _group(jumpcloud)
    source = opened(jumpcloud)
    reading = read(source.groups([group["id"], "0" * 24]))  # type: ignore[attr-defined]
    source.close()
    assert reading.members == {group["id"]: set(group["members"])}
    assert [gone.external_id for gone in reading.gone] == ["0" * 24]


# -- changes by the log ----------------------------------------------------------------------


def test_a_delta_gives_whom_the_log_names(jumpcloud: Simulator) -> None:
    """Joiners, movers and the renamed come as they are now; the deleted are told gone by their own id."""
    source = opened(jumpcloud)
    end = read(source.full()).end
    assert end is not None
    assert end.cursor is not None
    done = jumpcloud.churn(joiners=2, leavers=2, movers=2, renames=1)
    group = _group(jumpcloud)
    delta = read(source.changes(end.cursor))
    source.close()
    truth = jumpcloud.state()
    deleted = {
        i for i in done["leavers"] if _state(jumpcloud).get(i, {}).get("status", "DELETED") == "DELETED"
    }
    assert delta.error is None
    assert {row.external_id for row in delta.gone if row.kind == "user"} == deleted
    assert {*done["joiners"], *done["renames"]} <= set(delta.users)
    assert all(delta.members[i] == JUMPCLOUD.members(truth)[i] for i in delta.members)
    assert group["id"] not in delta.members or delta.members[group["id"]] == set(group["members"])
    assert delta.end is not None
    assert delta.end.cursor is not None


def test_an_event_that_comes_late_is_met_by_the_next_delta(jumpcloud: Simulator) -> None:
    """The overlap of the windows is longer than the delay."""
    source = opened(jumpcloud)
    end = read(source.full()).end
    assert end is not None
    jumpcloud.fault("late_event(300)")
    joiner = jumpcloud.churn(joiners=1)["joiners"][0]
    first = read(source.changes(str(end.cursor)))
    assert joiner not in first.users
    jumpcloud.clock(advance=301)
    assert first.end is not None
    assert joiner in read(source.changes(str(first.end.cursor))).users
    source.close()


def test_a_log_that_does_not_reach_back_asks_for_a_full_read(jumpcloud: Simulator) -> None:
    """So does a bookmark nobody can read, and a scope the log knows nothing of."""
    source = opened(jumpcloud)
    for cursor in ('{"since": "2020-01-01T00:00:00+00:00"}', "nonsense"):
        assert isinstance(read(source.changes(cursor)).error, CursorExpired)
    source.close()
    narrow = opened(jumpcloud, scope=f"groups:{_group(jumpcloud)['id']}")
    assert isinstance(read(narrow.changes('{"since": "2026-01-01T00:00:00+00:00"}')).error, CursorExpired)
    narrow.close()


def test_a_forbidden_log_switches_deltas_off(jumpcloud: Simulator) -> None:
    """The full read ends well without a bookmark, check says so, and a delta asks for a full read."""
    jumpcloud.fault("A21")
    source = opened(jumpcloud)
    reading = read(source.full())
    rights = {right.name: right.state for right in source.check()}
    delta = read(source.changes('{"since": "2030-01-01T00:00:00+00:00"}'))
    source.close()
    assert reading.end is not None
    assert reading.end.cursor is None
    assert rights.pop("read changes (Directory Insights)") is RightState.UNKNOWN
    assert set(rights.values()) == {RightState.OK}
    assert isinstance(delta.error, CursorExpired)


@pytest.mark.parametrize("status", [400, 402, 404])
def test_a_log_that_the_plan_does_not_have_is_no_trouble(jumpcloud: Simulator, status: int) -> None:
    """Whatever the refusal, full reads go on without a bookmark, and a delta asks for a full read."""
    jumpcloud.fault(f"fail({status})@op=events,times=always")
    source = opened(jumpcloud)
    end = read(source.full()).end
    delta = read(source.changes('{"since": "2030-01-01T00:00:00+00:00"}'))
    source.close()
    assert end is not None
    assert end.cursor is None
    assert isinstance(delta.error, CursorExpired)


# -- credentials -----------------------------------------------------------------------------


def test_a_service_account_is_let_in_by_one_token(jumpcloud: Simulator) -> None:
    """All requests of a read share one token."""
    source = opened(jumpcloud, **_service(jumpcloud))
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert jumpcloud.requests()["by_op"]["token"] == 1


@pytest.mark.parametrize("fault", ["expire_token@page=2", "revoke_token@page=2"])
def test_a_token_that_dies_is_fetched_once_more(jumpcloud: Simulator, fault: str) -> None:
    """The read goes on where it was, with a new token."""
    source = opened(jumpcloud, **_service(jumpcloud))
    jumpcloud.fault(fault)
    assert read(source.full()).error is None
    source.close()
    assert jumpcloud.requests()["by_op"]["token"] == 2


def test_a_token_is_renewed_before_its_hour_is_over(jumpcloud: Simulator) -> None:
    """Time passes, and no request is sent with a token that has ended."""
    time = Time(jumpcloud)
    source = opened(jumpcloud, time, **_service(jumpcloud))
    assert source.identity()
    time.skip(3560)
    assert source.identity()
    source.close()
    assert jumpcloud.requests()["by_op"]["token"] == 2


def test_the_second_secret_is_tried_when_the_first_is_refused(jumpcloud: Simulator) -> None:
    """A rotation at JumpCloud stops nothing; with both revoked the setting is named."""
    service = _service(jumpcloud)
    jumpcloud.fault("revoke_secret(1)")
    source = opened(jumpcloud, **service)
    assert read(source.full()).error is None
    source.close()
    jumpcloud.fault("revoke_secret(2)")
    refused = opened(jumpcloud, **service)
    error = read(refused.full()).error
    refused.close()
    assert isinstance(error, Denied)
    assert "client_secret" in error.message
    assert not any(secret in error.message for secret in service.values() if secret)


def test_a_token_endpoint_that_asks_to_slow_down_is_waited_for(jumpcloud: Simulator) -> None:
    """429 there is no fault of the credential, and starts no storm."""
    jumpcloud.fault("T07")
    source = opened(jumpcloud, **_service(jumpcloud))
    assert read(source.full()).error is None
    source.close()
    assert source.effort.throttled_s >= 8
    assert jumpcloud.requests()["by_op"]["token"] == 2


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("missing", "Set org_id"),
        ("forbidden", "Leave org_id out"),
        ("malformed", "knows no organisation"),
        ("unknown", "knows no organisation"),
    ],
)
def test_each_trouble_with_the_organisation_has_its_own_remedy(
    jumpcloud: Simulator, mode: str, told: str
) -> None:
    """Nothing is read, and the sentence says what to set."""
    jumpcloud.fault(f"org_header({mode})")
    source = opened(jumpcloud)
    error = read(source.full()).error
    source.close()
    assert isinstance(error, Misconfigured)
    assert told in error.message


def test_another_organisation_by_header_is_not_taken_for_gone_people(jumpcloud: Simulator) -> None:
    """An unknown organisation answers 404 to everything, which says nothing of a person."""
    user_id = next(iter(_state(jumpcloud)))
    source = opened(jumpcloud, org_id="0" * 24)
    found = source.lookup([user_id])
    source.close()
    assert not found.present
    assert not found.gone


def test_a_blocked_address_is_left_alone(jumpcloud: Simulator) -> None:
    """One request, and the next in an hour."""
    jumpcloud.fault("A18")
    source = opened(jumpcloud)
    error = read(source.full()).error
    source.close()
    assert isinstance(error, Transient)
    assert error.retry_after_s == 3600
    assert jumpcloud.requests()["total"] == 1


def test_check_names_what_is_missing(jumpcloud: Simulator) -> None:
    """A right that is gone is MISSING with a remedy, the others are proved all the same."""
    jumpcloud.fault("drop_permission(groups)")
    source = opened(jumpcloud)
    list(source.check())
    rights = {right.name: right for right in source.check()}
    source.close()
    assert rights["read users"].state is RightState.OK
    assert rights["read groups"].state is RightState.MISSING
    assert "Read Only" in rights["read groups"].detail


def test_identity_is_the_organisation(jumpcloud: Simulator) -> None:
    """It changes when another organisation answers."""
    source = opened(jumpcloud)
    mine = source.identity()
    jumpcloud.fault("other_org")
    other = source.identity()
    source.close()
    assert mine
    assert other
    assert mine != other


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, "api_key"),
        ({"client_id": "a"}, "client_secret"),
        ({"api_key": "a b"}, "api_key"),
        ({"api_key": "k", "region": "mars"}, "region"),
        ({"api_key": "k", "org_id": "acme"}, "org_id"),
        ({"api_key": "k", "scope": "app:1"}, "scope"),
        ({"api_key": "k", "base_url": "http://example.com"}, "base_url"),
        ({"api_key": "k", "apikey": "k"}, "apikey"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], key: str) -> None:
    """Every refusal begins with its key."""
    with pytest.raises(Misconfigured, match=f"^{key}:"):
        jumpcloud_settings(settings)


@pytest.mark.parametrize(("region", "part"), [("us", ""), ("eu", "eu."), ("in", "in.")])
def test_a_region_has_three_hosts(region: str, part: str) -> None:
    """API, log and token endpoint of one region; a base_url stands for all three."""
    chosen = jumpcloud_settings({"region": region, "api_key": "k"})
    assert (chosen.console, chosen.insights, chosen.token) == (
        f"https://console.{part}jumpcloud.com",
        f"https://api.{part}jumpcloud.com",
        f"https://admin-oauth.id.{part}jumpcloud.com",
    )
    own = jumpcloud_settings({"base_url": "https://proxy.example.com", "api_key": "k"})
    assert {own.console, own.insights, own.token} == {"https://proxy.example.com"}


def test_members_of_groups_out_of_scope_are_not_read(jumpcloud: Simulator) -> None:
    """A group that the connection leaves out costs no reading of its members."""
    from providers.registry import open_source

    source = open_source(
        "jumpcloud",
        {"base_url": jumpcloud.base_url, **jumpcloud.credentials},
        wanted=Wanted(group=lambda group: False),  # noqa: ARG005 - none is wanted
    )
    reading = read(source.full())
    source.close()
    assert reading.groups
    assert not reading.members
