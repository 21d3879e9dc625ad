"""OneLogin's roles and departments, and who is in them."""

import httpx
import pytest

from providers.simulator.server import Simulator
from tests.providers.onelogin_account import people_of, role_of
from tests.providers.reading import opened, read
from tests.providers.vendors import ONELOGIN


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
    role, outsider = role_of(onelogin), None
    outsider = next(i for i in people_of(onelogin) if i not in role["members"])
    onelogin.fault("lag(roles=90)")
    httpx.post(f"{onelogin.base_url}/_sim/members", json={"group": role["id"], "user": outsider})
    source = opened(onelogin)
    assert outsider not in read(source.full()).members[f"role:{role['id']}"]
    onelogin.clock(advance=91)
    assert outsider in read(source.full()).members[f"role:{role['id']}"]
    source.close()
