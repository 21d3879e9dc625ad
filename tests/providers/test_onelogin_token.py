"""OneLogin's tokens, its limits, and what it says when it refuses."""

from typing import Any

import pytest

from providers.answers import Answer
from providers.onelogin_dialect import said_by
from providers.onelogin_token import _life_s
from providers.simulator.server import Simulator
from sync.model.errors import Denied
from sync.model.source import RightState
from tests.providers.reading import Time, opened, read
from tests.providers.vendors import ONELOGIN


def test_a_token_near_its_end_is_renewed_by_the_servers_own_times(onelogin: Simulator) -> None:
    """The same token is handed out until it ends, so its life began before the answer."""
    onelogin.fault("token_age(35900)")
    time = Time(onelogin)
    source = opened(onelogin, time)
    assert source.identity()
    time.skip(99)
    assert source.identity()
    assert onelogin.requests()["by_op"]["token"] == 1
    time.skip(2)
    assert read(source.full()).error is None
    source.close()
    assert onelogin.requests()["by_op"]["token"] == 2


@pytest.mark.parametrize(
    ("told", "life_s"),
    [
        ({"created_at": "1970-01-01T00:00:00.000Z", "expires_in": 36000}, 36000 - 1_000_000),
        ({"created_at": 999_000, "expires_in": 36000}, 35_000),
        ({"created_at": 1_767_225_600_000, "expires_in": 0}, 1_767_225_600 - 1_000_000),
        ({"created_at": "yesterday", "expires_in": 36000}, 300),
        ({"expires_in": 36000}, 300),
        ({"created_at": 999_000}, 300),
    ],
)
def test_the_life_of_a_token(told: dict[str, Any], life_s: float) -> None:
    """ISO, seconds or milliseconds; where the times cannot be read a short life is assumed."""
    from datetime import UTC, datetime

    assert _life_s(told, datetime.fromtimestamp(1_000_000, UTC)) == life_s


@pytest.mark.parametrize("fault", ["expire_token@page=2", "revoke_token@page=2"])
def test_a_token_that_dies_is_fetched_once_more(onelogin: Simulator, fault: str) -> None:
    """The read goes on where it was, with a header made anew."""
    onelogin.fault(fault)
    source = opened(onelogin)
    assert read(source.full()).error is None
    source.close()
    assert onelogin.requests()["by_op"]["token"] == 2


def test_a_scope_too_small_is_no_dead_token(onelogin: Simulator) -> None:
    """401 Insufficient Permission names the scope, and starts no storm on the token endpoint."""
    onelogin.fault("fields(ignored)")
    onelogin.fault("drop_permission(members)", times="always")
    source = opened(onelogin)
    reading = read(source.full())
    source.close()
    assert set(reading.unread) == set(ONELOGIN.members(onelogin.state()))
    assert all("Read All" in why for why in reading.unread.values())
    assert onelogin.requests()["by_op"]["token"] == 2


def test_the_scope_read_users_ends_the_read_by_name(onelogin: Simulator) -> None:
    """Nobody is removed, and check tells which right is missing."""
    onelogin.fault("A05")
    source = opened(onelogin)
    reading = read(source.full())
    states = {right.name: right.state for right in source.check()}
    source.close()
    assert isinstance(reading.error, Denied)
    assert "Read All" in reading.error.message
    assert states["read users"] is RightState.OK
    assert states["read roles"] is RightState.MISSING


def test_a_deleted_owner_is_told_after_a_few_tries(onelogin: Simulator) -> None:
    """500 for ever at the token endpoint is a credential to be made anew."""
    onelogin.fault("A10")
    source = opened(onelogin)
    error = read(source.full()).error
    source.close()
    assert isinstance(error, Denied)
    assert "was deleted" in error.message
    assert onelogin.requests()["by_op"]["token"] == 6


def test_a_wrong_secret_is_named_and_not_repeated(onelogin: Simulator) -> None:
    """One request, and the sentence holds no secret."""
    source = opened(onelogin, client_secret="wrongsecret")
    error = read(source.full()).error
    source.close()
    assert isinstance(error, Denied)
    assert "client_secret" in error.message
    assert "wrongsecret" not in error.message
    assert onelogin.requests()["total"] == 1


def test_the_balancers_page_is_waited_out(onelogin: Simulator) -> None:
    """At the token endpoint and at the API: no hint, no HTML fault, no storm."""
    onelogin.fault("T07")
    onelogin.fault("T08")
    source = opened(onelogin)
    assert read(source.full()).error is None
    source.close()
    assert onelogin.requests()["by_op"]["token"] == 2


def test_the_hours_quota_is_the_accounts(onelogin: Simulator) -> None:
    """What others have used up is learned before the first page, and waited for."""
    onelogin.fault("quota(remaining=0)")
    source = opened(onelogin)
    assert read(source.full()).error is None
    source.close()
    assert source.effort.throttled_s > 3000
    assert onelogin.requests()["by_op"]["users.list"] == 3


def test_a_reset_in_seconds_is_waited_for(onelogin: Simulator) -> None:
    """429 with x-ratelimit-reset tells seconds left, not a point in time."""
    onelogin.fault("throttle(wait=20,header=reset)")
    source = opened(onelogin)
    assert read(source.full()).error is None
    source.close()
    assert 20 <= source.effort.throttled_s < 25


@pytest.mark.parametrize("shape", [1, 2, 3, 4])
def test_every_shape_of_an_error_is_read(onelogin: Simulator, shape: int) -> None:
    """The vendor's own words are in the sentence, whichever layer said them."""
    onelogin.fault(f"error(shape={shape})")
    source = opened(onelogin)
    error = read(source.full()).error
    source.close()
    assert error is not None
    assert "is not valid" in error.message


def test_an_error_of_no_known_shape_says_nothing() -> None:
    """A page, a text or a list is no sentence of OneLogin's."""
    for body in (b"<html></html>", b"Bad", b"[]", b""):
        assert said_by(Answer(status=400, headers={}, links=(), body=body)) == ("", "")
