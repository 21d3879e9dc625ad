"""Okta read through the simulator, whose own state is the truth."""

import json
import socket
from datetime import UTC, datetime, timedelta

import pytest

from providers.answers import Answer
from providers.okta_records import STATUS, UserReader
from providers.registry import TYPES, open_source
from providers.simulator.server import Simulator, start
from sync.model.errors import CursorExpired, Denied, Incomplete, Misconfigured, Transient
from sync.model.resources import Status
from sync.model.source import RightState
from tests.providers.reading import Time, opened, read
from tests.providers.vendors import OKTA


def _some_group(simulator: Simulator) -> dict[str, object]:
    return next(
        group for group in simulator.state()["groups"] if group["kind"] != "built_in" and group["members"]
    )


def test_full_equals_the_truth(simulator: Simulator) -> None:
    """People, groups and members are what the directory holds, field by field."""
    source = opened(simulator)
    reading = read(source.full())
    source.close()
    state = simulator.state()
    assert reading.error is None
    assert set(reading.users) == OKTA.present(state)
    for user in state["users"]:
        if user["id"] in reading.users:
            got = reading.users[user["id"]]
            assert (got.email, got.user_name) == (user["email"], user["login"])
            assert (got.first_name, got.last_name) == (user["first_name"], user["last_name"])
            assert got.status is STATUS.get(user["status"], Status.UNKNOWN)
            assert got.status_text == user["status"]
            assert got.scim_external_id == user["id"]
    assert reading.members == OKTA.members(state)
    assert {g.external_id: g.name for g in reading.groups.values()} == {
        group["id"]: group["name"] for group in state["groups"] if group["kind"] != "built_in"
    }


def test_effort_is_counted(simulator: Simulator) -> None:
    """Every request and page is counted, and nothing is throttled while the limits are wide."""
    source = opened(simulator)
    read(source.full())
    source.close()
    assert source.effort.requests == simulator.requests()["total"]
    assert source.effort.pages == source.effort.requests
    assert source.effort.throttled_s == 0


def test_built_in_groups_are_not_given(simulator: Simulator) -> None:
    """Everyone is read for the cross-check and is no group of ours."""
    source = opened(simulator)
    reading = read(source.full())
    source.close()
    assert "Everyone" not in {group.name for group in reading.groups.values()}


def test_unknown_status_is_kept_and_unknown() -> None:
    """A status outside the table changes nothing, and keeps its own word."""
    body = b'[{"id":"00u1","status":"ACTIVATING","profile":{"login":"a@example.com"}}]'
    rows = UserReader().page(Answer(status=200, headers={}, links=(), body=body)).rows
    assert rows[0].status is Status.UNKNOWN
    assert rows[0].status_text == "ACTIVATING"


def test_one_odd_row_does_not_lose_its_page() -> None:
    """Numbers become text, rows without profile or id are set aside, and the rest is read."""
    body = (
        b'[{"id":"00u1","status":"ACTIVE","profile":{"login":"a","firstName":7,"email":null}},'
        b'{"id":"00u2","profile":"none"},{"profile":{"login":"c"}},null,'
        b'{"id":"00u3","status":"ACTIVE","profile":{"login":"half \\ud83d","picture":"http://x/y"}}]'
    )
    page = UserReader("picture").page(Answer(status=200, headers={}, links=(), body=body))
    assert [row.external_id for row in page.rows] == ["00u1", "00u3"]
    assert page.rows[0].first_name == "7"
    assert page.rows[1].user_name == "half \ufffd"
    assert page.rows[1].picture_url is None
    assert [row.external_id for row in page.set_aside] == ["00u2", None, None]


def test_picture_comes_from_the_named_attribute_only() -> None:
    """A picture is taken from the configured attribute, and only when it is an https address."""
    body = b'[{"id":"1","profile":{"login":"a","photo":"https://example.com/a.png","picture":"https://b"}}]'
    answer = Answer(status=200, headers={}, links=(), body=body)
    assert UserReader("photo").page(answer).rows[0].picture_url == "https://example.com/a.png"
    assert UserReader().page(answer).rows[0].picture_url is None


def test_lookup_tells_present_gone_and_unknown_apart(simulator: Simulator) -> None:
    """Found people are present, unknown ids gone, and an id that could not be read in neither."""
    ids = sorted(OKTA.present(simulator.state()))[:3]
    simulator.fault(f"fail(403)@op=users.get,id={ids[2]},times=always")
    source = opened(simulator)
    found = source.lookup([*ids, "00u00000000000000000"])
    source.close()
    assert set(found.present) == set(ids[:2])
    assert found.gone == {"00u00000000000000000"}


def test_lookup_of_groups(simulator: Simulator) -> None:
    """A group that exists is present, one that does not is gone."""
    group_id = str(_some_group(simulator)["id"])
    source = opened(simulator)
    found = source.lookup_groups([group_id, "00g00000000000000000"])
    source.close()
    assert found.present == {group_id}
    assert found.gone == {"00g00000000000000000"}


def test_listed_groups_are_the_scope(simulator: Simulator) -> None:
    """With scope groups, only members of the listed groups are people of this connection."""
    group = _some_group(simulator)
    source = opened(simulator, scope="groups", groups=[group["id"]])
    reading = read(source.full())
    outsider = (OKTA.present(simulator.state()) - set(reading.users)).pop()
    found = source.lookup([outsider, *sorted(reading.users)[:1]])
    source.close()
    assert reading.error is None
    assert set(reading.groups) == {group["id"]}
    assert set(reading.users) == reading.members[str(group["id"])] == set(group["members"])  # type: ignore[call-overload]
    assert found.gone == {outsider}
    assert set(found.present) == set(sorted(reading.users)[:1])


def test_listed_groups_that_do_not_exist_are_a_wrong_setting(simulator: Simulator) -> None:
    """A scope that matches nothing is refused instead of read as an empty directory."""
    source = opened(simulator, scope="groups:00gnosuchgroup")
    reading = read(source.full())
    source.close()
    assert isinstance(reading.error, Misconfigured)


def test_application_is_the_scope(simulator: Simulator) -> None:
    """With scope app, people and groups are those assigned to the application."""
    app = simulator.state()["apps"][0]
    source = opened(simulator, scope=f"app:{app['id']}")
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert set(reading.users) == set(app["users"])
    assert set(reading.groups) == set(app["groups"])


def test_changes_since_the_last_read(simulator: Simulator) -> None:
    """A delta gives who changed, leavers as suspended, and never more requests than it needs."""
    source = opened(simulator)
    first = read(source.full())
    assert first.end is not None
    assert first.end.cursor is not None
    simulator.clock(advance=3600)
    later = json.dumps({"since": (datetime.now(UTC) + timedelta(minutes=30)).isoformat()})
    changed = simulator.churn(joiners=2, leavers=2, renames=1)
    delta = read(source.changes(later))
    source.close()
    assert delta.error is None
    assert delta.end is not None
    before, after = first.users, {user["id"]: user for user in simulator.state()["users"]}
    assert set(after) - set(before) <= set(delta.users), changed
    leavers = [i for i, user in after.items() if i in before and user["status"] == "DEPROVISIONED"]
    assert all(delta.users[i].status is Status.SUSPENDED for i in leavers)
    assert len(delta.users) < 20


def test_cursor_lies_five_minutes_before_the_read(simulator: Simulator) -> None:
    """The watermark comes from the server's clock, however wrong that is, less the overlap."""
    simulator.fault("clock(skew=7200)")
    source = opened(simulator)
    end = read(source.full()).end
    source.close()
    assert end is not None
    assert end.as_of is not None
    assert end.cursor is not None
    assert datetime.fromisoformat(json.loads(end.cursor)["since"]) == end.as_of - timedelta(minutes=5)
    assert end.as_of - datetime.now(UTC) > timedelta(hours=1)


def test_refused_filter_asks_for_a_full_read(simulator: Simulator) -> None:
    """A change feed that cannot be used says so, instead of seeming quiet."""
    simulator.fault("filter(refused)")
    source = opened(simulator)
    delta = read(source.changes('{"since": "2026-01-01T00:00:00+00:00"}'))
    broken = read(source.changes("not a cursor"))
    source.close()
    assert isinstance(delta.error, CursorExpired)
    assert isinstance(broken.error, CursorExpired)


def test_identity_is_the_organisation(simulator: Simulator) -> None:
    """Another organisation behind the same address has another identity."""
    source = opened(simulator)
    mine = source.identity()
    simulator.fault("other_org")
    other = source.identity()
    source.close()
    assert mine
    assert other
    assert mine != other


def test_check_finds_every_right(simulator: Simulator) -> None:
    """With a good token every right is proved."""
    source = opened(simulator)
    rights = source.check()
    source.close()
    assert {right.state for right in rights} == {RightState.OK}
    assert "see everybody" in {right.name for right in rights}


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        ("no_admin_role", "see everybody"),
        ("empty_users", "see everybody"),
        ("scoped_role(3)", "see everybody"),
        ("fail(403)@op=members,times=always", "read members"),
        ("revoke_key", "credential"),
    ],
)
def test_check_names_the_missing_right(simulator: Simulator, fault: str, missing: str) -> None:
    """The silent refusals are found too, and each says what to do."""
    simulator.fault(fault)
    source = opened(simulator)
    rights = {right.name: right for right in source.check()}
    source.close()
    assert rights[missing].state is RightState.MISSING
    assert rights[missing].detail.endswith(".")


def test_wrong_token_is_denied_in_one_sentence(simulator: Simulator) -> None:
    """A refused token names the setting to change and does not repeat the token."""
    source = opened(simulator, api_token="00wrongWRONGwrong")
    reading = read(source.full())
    source.close()
    assert isinstance(reading.error, Denied)
    assert "api_token" in reading.error.message
    assert "00wrong" not in reading.error.message


def test_refused_connection_names_the_host() -> None:
    """Nobody listening is a passing trouble whose sentence says where."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    time = Time()
    settings = {"base_url": f"http://127.0.0.1:{port}", "api_token": "00token"}
    source = open_source("okta", settings, monotonic=time.monotonic, sleep=time.skip)
    reading = read(source.full())
    source.close()
    assert isinstance(reading.error, Transient)
    assert f"127.0.0.1:{port} refuses connections" in reading.error.message


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7])
def test_half_the_rows_are_not_believed(simulator: Simulator, share: float) -> None:
    """Fewer people than Okta itself counts is an incomplete read."""
    simulator.fault(f"half({share})")
    source = opened(simulator)
    reading = read(source.full())
    source.close()
    assert isinstance(reading.error, Incomplete)


def test_half_the_members_are_not_believed(simulator: Simulator) -> None:
    """A group that lists far fewer members than it counts keeps the members it has."""
    simulator.fault("half(0.3)@op=members")
    source = opened(simulator)
    reading = read(source.full())
    source.close()
    large = {g for g, members in OKTA.members(simulator.state()).items() if len(members) >= 20}
    assert large
    assert large <= set(reading.unread)


def test_members_unread_for_ever_end_the_read(simulator: Simulator) -> None:
    """An outage of the member lists ends the read after a few groups instead of trying each for minutes."""
    simulator.fault("fail(503)@op=members,times=always")
    source = opened(simulator)
    reading = read(source.full())
    source.close()
    assert isinstance(reading.error, Transient)
    assert len(reading.unread) < 10


def test_large_group_is_read_in_pieces(simulator: Simulator) -> None:
    """A group of several pages comes in pieces and every member is met once."""
    simulator.fault("slow_if_limit_over(200)")
    source = opened(simulator)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert reading.members == OKTA.members(simulator.state())


@pytest.mark.parametrize(
    "fault", [None, "delete_group_between", "fail(403)@op=members,nth=3", "cursor(expired)@page=2"]
)
def test_overlapped_reads_give_the_same(fault: str | None) -> None:
    """On a slow line several reads are under way at once, and give the same people, groups and members."""
    with start("okta", users=450, groups=16, seed=3, latency_s=0.03) as simulator:
        if fault:
            simulator.fault(fault)
        source = opened(simulator)
        reading = read(source.full())
        source.close()
        state = simulator.state()
    assert reading.error is None
    assert set(reading.users) == OKTA.present(state)
    left = {
        group_id: members
        for group_id, members in OKTA.members(state).items()
        if group_id not in reading.unread
    }
    assert left == {group_id: members for group_id, members in reading.members.items() if group_id in left}
    assert (len(reading.unread), len(reading.gone)) == (int("403" in str(fault)), int("delete" in str(fault)))


def test_narrow_role_can_be_meant(simulator: Simulator) -> None:
    """A role that sees some groups only is accepted when the settings say so."""
    simulator.fault("scoped_role(3)")
    source = opened(simulator, role_is_narrow=True)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert reading.end is not None


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "domain"),
        ({"domain": "acme-admin.okta.com", "api_token": "x"}, "domain"),
        ({"domain": "acme.okta.com/path", "api_token": "x"}, "domain"),
        ({"base_url": "http://acme.okta.com", "api_token": "x"}, "base_url"),
        ({"base_url": "ftp://acme", "api_token": "x"}, "base_url"),
        ({"domain": "acme.okta.com"}, "api_token"),
        ({"domain": "acme.okta.com", "api_token": "with space"}, "api_token"),
        ({"domain": "acme.okta.com", "api_token": "x", "scope": "some"}, "scope"),
        ({"domain": "acme.okta.com", "api_token": "x", "scope": "app:"}, "scope"),
        ({"domain": "acme.okta.com", "api_token": "x", "scope": "groups"}, "groups"),
        ({"domain": "acme.okta.com", "api_token": "x", "rate_share": "2"}, "rate_share"),
        ({"domain": "acme.okta.com", "api_token": "x", "picture_atribute": "p"}, "picture_attribute"),
    ],
)
def test_wrong_settings_name_their_key(settings: dict[str, object], named: str) -> None:
    """A setting that cannot be used is refused by name before anything is sent."""
    with pytest.raises(Misconfigured, match=named):
        open_source("okta", settings)


def test_registry_lists_five_types_and_refuses_the_missing() -> None:
    """A type that cannot be used yet says which can."""
    assert set(TYPES) == {"okta", "azure", "onelogin", "jumpcloud", "scim"}
    for name in set(TYPES) - {name for name, each in TYPES.items() if each.is_available} | {"ldap"}:
        with pytest.raises(Misconfigured, match="okta"):
            open_source(name, {})
    assert all(each.secret_keys <= set(each.keys) for each in TYPES.values())
