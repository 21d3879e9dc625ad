"""What simulated IdPs post to a hook, and how often."""

import json

import httpx
import pytest

from providers.simulator.server import start
from tests.flows.receivers import Receiver, receiving, refuse


def _joined(type_: str, receiver: Receiver) -> str:
    """Somebody joins a simulated directory whose hook is this receiver; their id."""
    with start(type_, users=30, groups=6, seed=7) as idp:
        hook = {"url": receiver.url, "headers": {"Authorization": "as the admin chose"}}
        httpx.post(f"{idp.base_url}/_sim/hooks", json=hook, trust_env=False).raise_for_status()
        joiners: list[str] = idp.churn(joiners=1)["joiners"]
    return joiners[0]


def test_jumpcloud_posts_one_event_at_a_time():
    """In the form of its log, with the admin's own headers."""
    with receiving() as receiver:
        joiner = _joined("jumpcloud", receiver)
    told = [json.loads(call.body) for call in receiver.calls]
    assert [event["event_type"] for event in told] == [
        "user_create",
        "association_change",
        "association_change",
    ]
    assert told[0]["resource"]["id"] == joiner
    assert {call.headers["authorization"] for call in receiver.calls} == {"as the admin chose"}


def test_onelogin_posts_arrays_of_events_of_every_type():
    """Each with an id of its own to tell a repetition by, and times in its own form."""
    with receiving() as receiver:
        joiner = _joined("onelogin", receiver)
    rows = [row for call in receiver.calls for row in json.loads(call.body)]
    assert [row["event_type_id"] for row in rows] == [13, 147, 147]
    assert {str(row["user_id"]) for row in rows} == {joiner}
    assert len({row["uuid"] for row in rows}) == 3
    assert all(row["event_timestamp"].endswith(" UTC") for row in rows)


@pytest.mark.parametrize(("status", "calls"), [(503, 9), (429, 9), (400, 3)])
def test_a_failing_receiver_is_called_thrice_and_a_refusing_one_once(status, calls):
    """Server errors and requests to slow down are tried again."""
    with receiving(refuse(status)) as receiver:
        _joined("jumpcloud", receiver)
    assert len(receiver.calls) == calls


def test_only_this_machine_is_called():
    """A simulator is no way to reach others, and an IdP without hooks says so."""
    with start("onelogin", users=3, groups=1) as idp:
        for url in ("http://example.com/hook", "ftp://127.0.0.1/", "nonsense"):
            refused = httpx.post(f"{idp.base_url}/_sim/hooks", json={"url": url}, trust_env=False)
            assert refused.status_code == 400
