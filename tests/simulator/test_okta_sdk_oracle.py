"""The vendor's own SDK reads the simulator, and must see what the truth says."""

import pytest

from tests.coroutines import finished


def test_the_okta_sdk_reads_every_page(okta, monkeypatch, tmp_path):
    """The SDK parses every user, group and member in the default state, and finds the same ids."""
    monkeypatch.setenv("OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    client_module = pytest.importorskip("okta.client")
    users, groups = finished(_read(client_module.Client, okta))
    state = okta.state()
    assert users == [(user["id"], user["status"], user["email"]) for user in state["users"]]
    assert groups == {group["id"]: (group["name"], group["members"]) for group in state["groups"]}


async def _read(client_class, okta):
    token = okta.credentials["api_token"]
    async with client_class({"orgUrl": okta.base_url, "token": token}) as client:
        users = await _pages(client.list_users, limit=200)
        groups = await _pages(client.list_groups, limit=5)
        members = {}
        for group in groups:
            found = await _pages(client.list_group_users, group.id, limit=100)
            members[group.id] = (group.profile.actual_instance.name, [user.id for user in found])
    return [(user.id, str(user.status.value), user.profile.email) for user in users], members


async def _pages(call, *args, **params):
    """All rows of a list; the SDK answers (rows, response, error) and raises nothing."""
    from okta.pagination import PaginationHelper

    rows, after = [], None
    while True:
        found, response, error = await call(*args, **params, **({"after": after} if after else {}))
        assert error is None, error
        rows += found
        after = PaginationHelper.extract_next_cursor(response.headers)
        if after is None:
            return rows
