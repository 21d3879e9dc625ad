"""The vendor's own SDK reads the same simulated organisation and has to see the same people."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from providers.simulator.server import Simulator
from tests.coroutines import finished
from tests.providers.reading import opened, read


async def _all(call: Callable[..., Any], **arguments: Any) -> list[Any]:
    """Every row of a paged call; the SDK returns its errors, so each is raised at once."""
    from okta.pagination import PaginationHelper

    found: list[Any] = []
    after = None
    while True:
        rows, response, error = await call(after=after, **arguments)
        if error:
            raise AssertionError(str(error))
        found.extend(rows)
        after = PaginationHelper.extract_next_cursor(response.headers)
        if after is None:
            return found


async def _by_sdk(simulator: Simulator) -> tuple[list[Any], list[Any], dict[str, set[str]]]:
    from okta.client import Client

    # this SDK writes no space between the scheme and the token
    config = {"orgUrl": simulator.base_url, "token": " " + simulator.credentials["api_token"]}
    async with Client(config) as client:
        users = await _all(client.list_users, limit=200)
        groups = await _all(client.list_groups, limit=200)
        members = {
            group.id: {user.id for user in await _all(client.list_group_users, group_id=group.id, limit=1000)}
            for group in groups
        }
    return users, groups, members


def test_the_sdk_sees_the_same_people(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """People with login and status, groups by name, and members agree with what the okta SDK reads."""
    monkeypatch.setenv("OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")
    monkeypatch.chdir(tmp_path)
    users, groups, members = finished(_by_sdk(simulator))
    source = opened(simulator)
    reading = read(source.full())
    source.close()
    assert reading.error is None
    assert {user.id: (user.profile.login, user.status.value) for user in users} == {
        user.external_id: (user.user_name, user.status_text) for user in reading.users.values()
    }
    own = {group.id: group.profile.actual_instance.name for group in groups if group.type.value != "BUILT_IN"}
    assert own == {group.external_id: group.name for group in reading.groups.values()}
    assert {group_id: members[group_id] for group_id in own} == reading.members
