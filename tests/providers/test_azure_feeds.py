"""Entra's change feeds, followed by their word alone and held against the simulator's truth."""

from collections.abc import Iterator

import pytest

from providers.simulator.server import Simulator
from sync.model.errors import CursorExpired, Incomplete
from sync.model.resources import Status
from sync.model.source import End, MemberChange, Page, RightState
from tests.providers.azure_tenant import tenant, whole
from tests.providers.reading import Reading, opened, read
from tests.providers.vendors import AZURE


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A tenant of its own."""
    with tenant() as running:
        yield running


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
    cursor = _cursor(whole(simulator).end)
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
