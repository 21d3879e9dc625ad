"""Many clients at once: one name is given once, no member is lost, the late one is told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.scim.client import Scim, ids, op

AT_ONCE = 8


def at_once(scim: Scim, work: Callable[[Scim, int], Any], times: int) -> list[Any]:
    """What ``work`` gives for each number, several at a time, each over a connection of its own."""

    def run(number: int) -> Any:
        with httpx.Client(trust_env=False, timeout=30) as http:
            return work(Scim(http, scim.base, scim.token), number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(times)))


def test_one_name_is_given_once(scim: Scim) -> None:
    """Of many POSTs of one userName one is 201 and the rest 409."""

    def post(client: Scim, number: int) -> int:
        body = {"userName": "ana@x" if number % 2 else "ANA@X"}
        return client.send("POST", "/Users", body, (201, 409)).status_code

    statuses = at_once(scim, post, AT_ONCE)
    assert sorted(statuses) == [201] + [409] * (AT_ONCE - 1)
    assert scim.get("/Users")["totalResults"] == 1


def test_no_member_is_lost(scim: Scim) -> None:
    """Many PATCHes of one group at once all take effect."""
    people = [scim.user() for _ in range(24)]
    group = scim.group(*people[:8])

    def edit(client: Scim, number: int) -> None:
        one = people[number]["id"]
        how = (
            op("remove", f'members[value eq "{one}"]')
            if number < 8
            else op("add", "members", value=[{"value": one}])
        )
        client.send("PATCH", f"/Groups/{group['id']}", {"Operations": [how]}, (200, 204))

    at_once(scim, edit, len(people))
    assert scim.members(group) == ids(*people[8:])


def test_one_of_many_conditional_writes_wins(scim: Scim) -> None:
    """Of many PATCHes that demand one version one is 200 and the rest 412."""
    user = scim.user()

    def patch(client: Scim, number: int) -> int:
        body = {"Operations": [op("replace", "title", value=f"T{number}")]}
        tag = {"If-Match": user["meta"]["version"]}
        return client.send("PATCH", f"/Users/{user['id']}", body, (200, 412), tag).status_code

    statuses = at_once(scim, patch, AT_ONCE)
    assert sorted(statuses) == [200] + [412] * (AT_ONCE - 1)
