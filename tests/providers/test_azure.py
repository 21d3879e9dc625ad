"""Microsoft Entra ID read through the simulator, whose own state is the truth."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from providers.answers import Answer
from providers.azure_photos import _image
from providers.azure_records import UserReader, email_of, read_groups, read_members
from providers.azure_settings import CLOUDS, azure_settings
from providers.registry import open_source
from providers.simulator.server import Simulator, start
from sync.model.errors import CursorExpired, Denied, Incomplete, Misconfigured, Transient
from sync.model.resources import Status
from sync.model.source import End, GroupReader, MemberChange, Page, RightState, Wanted
from tests.providers.reading import Reading, Time, opened, read
from tests.providers.vendors import AZURE

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "66666666-7777-4888-9999-000000000000"
GOOD: dict[str, object] = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": "s3cret"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A tenant of 300 people and 24 groups, in pages of 100."""
    with start("azure", users=300, groups=24, seed=7, faults=["top(100)"]) as running:
        yield running


def _answer(body: object) -> Answer:
    return Answer(status=200, headers={}, links=(), body=json.dumps(body).encode())


def _whole(simulator: Simulator, **settings: Any) -> Reading:
    source = opened(simulator, **settings)
    reading = read(source.full())
    source.close()
    return reading


class Followed:
    """What a reader knows who took a full read and then every delta, by the word of the feed alone."""

    def __init__(self, full: Reading) -> None:
        assert full.error is None
        self.people = dict(full.users)
        self.members = {group_id: set(ids) for group_id, ids in full.members.items()}
        self.cursor = _cursor(full.end)

    def take(self, pages: list[Page]) -> None:
        for page in pages:
            self.people |= {user.external_id: user for user in page.users}
            for change in page.members:
                assert isinstance(change, MemberChange)
                members = self.members.setdefault(change.group_id, set())
                members |= set(change.added)
                members -= set(change.removed)
            for gone in page.gone:
                if gone.kind == "group":
                    self.members.pop(gone.external_id, None)
                else:
                    self.people.pop(gone.external_id, None)
                    # a deleted person's memberships end with her, told or not
                    for members in self.members.values():
                        members.discard(gone.external_id)
        self.cursor = _cursor(pages[-1].end)

    def agrees(self, simulator: Simulator) -> bool:
        state = simulator.state()
        enabled = {user["id"] for user in state["users"] if user["status"] == "enabled"}
        mine = {key for key, user in self.people.items() if user.status is Status.ACTIVE}
        truth = {key: members for key, members in AZURE.members(state).items() if members}
        return mine == enabled and {key: ids for key, ids in self.members.items() if ids} == truth


def _cursor(end: End | None) -> str:
    assert end is not None
    assert end.cursor is not None
    return end.cursor


# ---- full reads


def test_full_equals_the_truth(simulator: Simulator) -> None:
    """People, groups and members are what the directory holds, field by field."""
    reading = _whole(simulator)
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
    _whole(simulator)
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
        reading = _whole(simulator)
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
    reading = _whole(simulator)
    assert reading.error is None
    assert set(reading.unread) == {group_id}


def test_a_list_that_trips_over_a_deleted_member_is_unread_not_gone(simulator: Simulator) -> None:
    """404 for the members of a group that exists says nothing of the group."""
    simulator.fault("members(soft_deleted)")
    reading = _whole(simulator)
    assert len(reading.unread) == 1
    assert not reading.gone


def test_hidden_members_are_unknown(simulator: Simulator) -> None:
    """A group that hides its members is no empty group, and the sentence names the permission."""
    simulator.fault("members(hidden)")
    reading = _whole(simulator)
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
    assert _whole(simulator).members == AZURE.members(state)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7])
def test_half_the_rows_are_not_believed(simulator: Simulator, share: float) -> None:
    """Fewer people than Graph itself counts is an incomplete read."""
    simulator.fault(f"half({share})")
    assert isinstance(_whole(simulator).error, Incomplete)


def test_an_outage_of_all_member_lists_ends_the_read(simulator: Simulator) -> None:
    """After a few groups in a row the whole read ends, instead of trying each for minutes."""
    simulator.fault("fail(503)@op=members,times=always")
    reading = _whole(simulator)
    assert isinstance(reading.error, Transient)
    assert len(reading.unread) < 10


def test_guests_are_out_of_scope_unless_they_are_wanted(simulator: Simulator) -> None:
    """A guest is met only where the settings say so, under the address that was invited."""
    armed = simulator.fault("guests(5)")
    guests = set(armed["touched"])
    assert not guests & set(_whole(simulator).users)
    users = _whole(simulator, guests=True).users
    emails = {user["id"]: user["email"] for user in simulator.state()["users"]}
    assert {users[key].email for key in guests} == {emails[key] for key in guests}
    source = opened(simulator)
    found = source.lookup(sorted(guests))
    source.close()
    assert found.gone == guests


def test_rooms_are_disabled_accounts(simulator: Simulator) -> None:
    """A room is there and has no access."""
    rooms = simulator.fault("rooms(3)")["touched"]
    users = _whole(simulator).users
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
    reading = _whole(simulator)
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
    found = source.lookup([*ids, deleted, TENANT, "../groups"])
    source.close()
    assert set(found.present) == set(ids[:2]) - {deleted}
    assert found.gone == {deleted, TENANT, "../groups"}


def test_groups_by_id_come_with_their_members(simulator: Simulator) -> None:
    """A run about one group reads that group, and a group that is gone is told."""
    group = next(group for group in simulator.state()["groups"] if group["kind"] == "ordinary")
    source = opened(simulator)
    assert isinstance(source, GroupReader)
    reading = read(source.groups([group["id"], TENANT]))
    found = source.lookup_groups([group["id"], TENANT])
    source.close()
    assert reading.members == {group["id"]: set(group["members"])}
    assert [gone.external_id for gone in reading.gone] == [TENANT]
    assert found.present == {group["id"]}
    assert found.gone == {TENANT}


# ---- scope


@pytest.mark.parametrize("nested", ["direct", "transitive"])
def test_listed_groups_are_the_scope(simulator: Simulator, nested: str) -> None:
    """People are the members of the listed groups; nested ones only where they are wanted."""
    chain = simulator.fault("nested(depth=1)")["touched"]
    state = {group["id"]: group for group in simulator.state()["groups"]}
    outer, inner = (set(state[group_id]["members"]) for group_id in chain)
    expected = outer | inner if nested == "transitive" else outer
    reading = _whole(simulator, scope=f"groups:{chain[0]}", nested=nested)
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
    by_object = _whole(simulator, scope=f"app:{app['id']}")
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
    for scope in (f"app:{TENANT}", f"groups:{TENANT}"):
        reading = _whole(simulator, scope=scope)
        assert isinstance(reading.error, Misconfigured)
        assert "scope" in reading.error.message or "groups" in reading.error.message


# ---- change feeds


@pytest.mark.parametrize("switch", [None, "split_members(1)", "replay", "omit_member_removal"])
def test_the_feed_tells_what_changed(simulator: Simulator, switch: str | None) -> None:
    """From round to round, whatever is split, repeated or left out, the follower knows the truth."""
    source = opened(simulator)
    followed = Followed(read(source.full()))
    if switch:
        simulator.fault(switch)
    happens = ["", "hard_delete", "rename_user", "recreate_group", "rename_group"]
    # who is restored has her memberships again; a feed that hid their end cannot tell of it
    for fault in happens if switch == "omit_member_removal" else [*happens, "restore"]:
        simulator.churn(joiners=2, leavers=3, movers=4, renames=1)
        if fault:
            simulator.fault(fault)
        followed.take(list(source.changes(followed.cursor)))
        assert followed.agrees(simulator), fault
    source.close()


def test_a_quiet_feed_is_two_requests(simulator: Simulator) -> None:
    """Nothing changed costs one round over people and one over groups."""
    source = opened(simulator)
    full = read(source.full())
    before = source.effort.requests
    delta = read(source.changes(_cursor(full.end)))
    source.close()
    assert (delta.users, delta.groups, delta.gone) == ({}, {}, [])
    assert source.effort.requests - before == 2
    assert delta.end is not None


def test_a_new_account_without_a_name_is_read_by_id(simulator: Simulator) -> None:
    """A property that never held anything is absent from the feed; the answer by id says that it is null."""
    source = opened(simulator)
    full = read(source.full())
    simulator.fault("null_fields")
    people = {user["id"]: user for user in simulator.state()["users"]}
    delta = read(source.changes(_cursor(full.end)))
    source.close()
    assert delta.users
    assert not delta.set_aside or all(row.external_id for row in delta.set_aside)
    for user_id, user in delta.users.items():
        assert user.first_name == people[user_id]["first_name"]


@pytest.mark.parametrize("kind", ["400", "410", "inner"])
def test_an_expired_feed_asks_for_a_full_read(simulator: Simulator, kind: str) -> None:
    """Every way in which Graph says that a bookmark is no longer good."""
    source = opened(simulator)
    full = read(source.full())
    simulator.fault(f"delta_expired({kind})")
    delta = read(source.changes(_cursor(full.end)))
    source.close()
    assert isinstance(delta.error, CursorExpired)
    assert delta.end is None


def test_a_bookmark_older_than_a_week_asks_for_a_full_read(simulator: Simulator) -> None:
    """By the simulator's clock, and told by Graph itself."""
    source = opened(simulator)
    full = read(source.full())
    simulator.clock(advance=8 * 86_400)
    delta = read(source.changes(_cursor(full.end)))
    source.close()
    assert isinstance(delta.error, CursorExpired)


def test_bookmarks_of_other_settings_ask_for_a_full_read(simulator: Simulator) -> None:
    """A feed tells what its round was asked for; other attributes need a new round, and so does nonsense."""
    cursor = _cursor(_whole(simulator).end)
    other = opened(simulator, guests=True)
    assert isinstance(read(other.changes(cursor)).error, CursorExpired)
    assert isinstance(read(other.changes("nonsense")).error, CursorExpired)
    other.close()


def test_an_endless_round_keeps_the_old_bookmark(simulator: Simulator) -> None:
    """It ends without an End, so that nothing moves on."""
    source = opened(simulator)
    full = read(source.full())
    simulator.churn(joiners=3)
    simulator.fault("next(loop=0)@op=delta")
    delta = read(source.changes(_cursor(full.end)))
    source.close()
    assert isinstance(delta.error, Incomplete)
    assert delta.end is None


def test_changes_that_come_late_come(simulator: Simulator) -> None:
    """What the feed does not tell yet, a later round tells."""
    source = opened(simulator)
    followed = Followed(read(source.full()))
    simulator.fault("lag(delta=60)")
    simulator.churn(joiners=2, leavers=2)
    followed.take(list(source.changes(followed.cursor)))
    simulator.clock(advance=61)
    followed.take(list(source.changes(followed.cursor)))
    source.close()
    assert followed.agrees(simulator)


@pytest.mark.parametrize("status", [400, 501])
def test_a_tenant_without_feeds_is_read_in_full(simulator: Simulator, status: int) -> None:
    """It is told, once a read, and no bookmark is kept."""
    simulator.fault(f"no_delta({status})")
    source = opened(simulator)
    pages = list(source.full())
    rights = {right.name: right.state for right in source.check()}
    source.close()
    assert pages[-1].end is not None
    assert pages[-1].end.cursor is None
    assert "no change feed" in pages[-1].warnings[0]
    assert next(state for name, state in rights.items() if "changes" in name) is RightState.UNKNOWN


# ---- signing in


def test_a_token_is_fetched_once_for_all_and_kept(simulator: Simulator) -> None:
    """A pull signs in once; the next one of the same app in this process does not need to."""
    _whole(simulator)
    _whole(simulator)
    assert simulator.requests()["by_op"]["token"] == 1


def test_a_certificate_signs_in(simulator: Simulator) -> None:
    """The PEM of key and certificate does in place of a secret."""
    certified = simulator.service_app()
    settings = {"client_secret": "", **certified}
    assert _whole(simulator, **settings).error is None


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("aadsts(7000215)", Denied, "client secret is wrong"),
        ("aadsts(7000222)", Denied, "has expired"),
        ("aadsts(700016)", Misconfigured, "client_id"),
        ("aadsts(700027)", Denied, "certificate"),
        ("unknown_tenant", Misconfigured, "tenant_id"),
        ("discovery_down@times=always", Transient, "answers 503"),
        ("fail(503)@op=token,times=always", Transient, "answers 503"),
        ("throttle(wait=7200)@op=token", Transient, "slow down"),
    ],
)
def test_a_refused_sign_in_names_its_remedy(
    simulator: Simulator, fault: str, kind: type[Exception], said: str
) -> None:
    """Microsoft's own number is told, and what is momentary is told apart from what an admin must mend."""
    simulator.fault(fault)
    reading = _whole(simulator)
    assert isinstance(reading.error, kind)
    assert said in reading.error.message
    assert simulator.credentials["client_secret"] not in reading.error.message
    if kind is not Transient:
        assert simulator.requests()["by_op"].get("token", 0) <= 1


def test_a_wrong_secret_does_not_ride_on_the_right_ones_token(simulator: Simulator) -> None:
    """Kept tokens belong to the very credential that fetched them."""
    assert _whole(simulator).error is None
    reading = _whole(simulator, client_secret="wrong")
    assert isinstance(reading.error, Denied)
    assert "wrong" in reading.error.message
    assert _whole(simulator, client_id=CLIENT).error is not None


def test_a_recovered_sign_in_is_noticed_at_once(simulator: Simulator) -> None:
    """Msal would answer from an earlier failure for a minute; our line asks again."""
    simulator.fault("fail(503)@op=token,times=7")
    time = Time(simulator)
    source = opened(simulator, time)
    assert isinstance(read(source.full()).error, Transient)
    assert read(source.full()).error is None
    source.close()


def test_msal_gets_a_token_by_itself(simulator: Simulator) -> None:
    """The vendor's own library is let in by the simulator, and is told AADSTS7000215 for a wrong secret."""
    import httpx
    import msal

    credentials = simulator.credentials
    with httpx.Client(base_url=simulator.base_url, trust_env=False) as client:

        class Line:
            def get(self, url: str, **more: Any) -> httpx.Response:
                return client.get(url.replace("https://", "http://"), params=more.get("params"))

            def post(self, url: str, **more: Any) -> httpx.Response:
                return client.post(url.replace("https://", "http://"), data=more.get("data"))

            def close(self) -> None: ...

        def ask(secret: str) -> dict[str, Any]:
            app = msal.ConfidentialClientApplication(
                credentials["client_id"],
                authority=f"{simulator.base_url}/{credentials['tenant_id']}".replace("http:", "https:"),
                client_credential=secret,
                http_client=Line(),
                instance_discovery=False,
            )
            told: dict[str, Any] = app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
            return told

        token = ask(credentials["client_secret"])["access_token"]
        assert client.get("/v1.0/users", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert "AADSTS7000215" in ask("wrong")["error_description"]


# ---- proving rights, identity, settings


def test_check_finds_every_right(simulator: Simulator) -> None:
    """With a good registration every right is proved."""
    source = opened(simulator)
    rights = source.check()
    source.close()
    assert {right.state for right in rights} == {RightState.OK}
    assert len(rights) == 5


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        ("aadsts(7000215)", "sign in"),
        ("drop_permission(users)", "User.Read.All"),
        ("drop_permission(groups)", "GroupMember.Read.All"),
        ("fail(403)@op=members,times=always", "read members"),
        ("empty_users", "User.Read.All"),
    ],
)
def test_check_names_the_missing_right(simulator: Simulator, fault: str, missing: str) -> None:
    """The silent gaps are found too, and each says what to do."""
    simulator.fault(fault)
    source = opened(simulator)
    wanting = [right for right in source.check() if right.state is RightState.MISSING]
    source.close()
    assert any(missing in right.name for right in wanting)
    assert all(right.detail.endswith(".") for right in wanting)


def test_identity_is_the_tenant_also_without_the_right_to_ask(simulator: Simulator) -> None:
    """From /organization, else from the authority; another tenant behind the address is another one."""
    source = opened(simulator)
    assert source.identity() == simulator.credentials["tenant_id"]
    simulator.fault("drop_permission(organization)")
    assert source.identity() == simulator.credentials["tenant_id"]
    simulator.clear_faults()
    simulator.fault("other_org")
    assert source.identity() != simulator.credentials["tenant_id"]
    source.close()


def test_the_pace_keeps_to_the_share_of_a_small_tenant() -> None:
    """Units are counted by what a call costs, and a tenant with hard limits is never throttled."""
    with start("azure", users=40, groups=400, memberships=800, rate_limits="small") as simulator:
        source = opened(simulator, rate_share=0.1)
        reading = read(source.full())
        source.close()
    assert reading.error is None
    assert source.effort.throttled_s > 0
    assert source.effort.requests < 40


@pytest.mark.parametrize("cloud", sorted(CLOUDS))
def test_national_clouds_sign_in_and_read_at_home(cloud: str) -> None:
    """Login host, Graph host and the token's resource belong together."""
    settings = azure_settings({**GOOD, "cloud": cloud})
    assert (settings.authority, settings.origin, settings.resource) == (
        CLOUDS[cloud].login,
        CLOUDS[cloud].graph,
        CLOUDS[cloud].graph,
    )
    dod = azure_settings({**GOOD, "cloud": "us", "base_url": "https://dod-graph.microsoft.us"})
    assert dod.resource == "https://dod-graph.microsoft.us"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"tenant_id": ""}, "tenant_id"),
        ({"tenant_id": "common"}, "tenant_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "my app"}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"certificate": "x"}, "client_secret and certificate"),
        ({"client_secret": "", "certificate": "no pem"}, "certificate"),
        ({"scope": "some"}, "scope"),
        ({"scope": "app:name"}, "scope"),
        ({"scope": "groups"}, "groups"),
        ({"nested": "deep"}, "nested"),
        ({"cloud": "moon"}, "cloud"),
        ({"base_url": "http://graph.microsoft.com"}, "base_url"),
        ({"authority_url": "http://login.example.com"}, "authority_url"),
        ({"rate_share": "0"}, "rate_share"),
        ({"nestd": "direct"}, "nested"),
    ],
)
def test_wrong_settings_name_their_key(settings: dict[str, object], named: str) -> None:
    """A setting that cannot be used is refused by name before anything is sent."""
    with pytest.raises(Misconfigured, match=named):
        open_source("azure", {**GOOD, **settings})


@pytest.fixture
def reader(simulator: Simulator) -> Iterator[Any]:
    """The tenant opened as a source."""
    source = opened(simulator)
    yield source
    source.close()


def _with_photo(simulator: Simulator) -> set[str]:
    return {user["id"] for user in simulator.state()["users"] if user["picture_url"]}


def test_photos_are_told_where_they_are_another_than_the_known_one(simulator: Simulator, reader: Any) -> None:
    """Everybody is told once; then only who has another version, without any bytes fetched for the rest."""
    people = [user["id"] for user in simulator.state()["users"]][:60]
    told = {photo.external_id: photo for photo in reader.photos(dict.fromkeys(people))}
    assert told.keys() == set(people)
    assert {who for who, photo in told.items() if photo.image} == _with_photo(simulator) & set(people)
    fetched = simulator.requests()["by_op"]["photo.bytes"]
    known = {who: photo.version for who, photo in told.items()}
    assert not list(reader.photos(known))
    assert simulator.requests()["by_op"]["photo.bytes"] == fetched
    simulator.fault("photo(same_bytes)")
    again = {photo.external_id: photo for photo in reader.photos(known)}
    assert again.keys() == _with_photo(simulator) & set(people)
    assert all(photo.image == told[who].image and photo.version != known[who] for who, photo in again.items())


@pytest.mark.parametrize(
    ("fault", "is_none"), [("404", True), ("1x1", True), ("no_mailbox", True), ("4MB", False)]
)
def test_a_photo_that_is_none_or_too_large_is_no_image(
    simulator: Simulator, reader: Any, fault: str, is_none: bool
) -> None:
    """No photo, a dot that stands for none, no mailbox and four megabytes end without an image or error."""
    simulator.fault(f"photo({fault})")
    people = sorted(_with_photo(simulator))[:3]
    told = list(reader.photos(dict.fromkeys(people)))
    assert [photo.external_id for photo in told] == people
    assert not any(photo.image for photo in told)
    assert all((photo.version == "") is is_none for photo in told)


def test_a_photo_that_cannot_be_read_is_not_spoken_of(simulator: Simulator, reader: Any) -> None:
    """Where Graph refuses one photo, the others are told, and nothing is concluded of that one."""
    people = sorted(_with_photo(simulator))[:4]
    simulator.fault("fail(403)@op=photo,nth=2")
    told = [photo.external_id for photo in reader.photos(dict.fromkeys(people))]
    assert len(told) == 3
    assert set(told) < set(people)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/html", b"\xff\xd8\xff"), ("image/svg+xml", b"<svg/>"), ("image/png", b"\xff\xd8\xff")],
)
def test_what_is_no_picture_is_not_kept(content_type: str, body: bytes) -> None:
    """The type must be one that browsers show as a picture, and the bytes must begin like it."""
    answer = Answer(
        status=200,
        headers={"content-type": content_type},
        links=(),
        body=json.dumps(base64.b64encode(body).decode()).encode(),
    )
    assert _image(answer) is None
