"""Many pushed suspensions within an hour: an alert, and a brake for those who want one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sync.model.connection import Limit, Policy, Safeguards
from sync.model.errors import Transient
from tests.engine.house import House
from tests.engine.scim import Pusher, person

FEW = Policy(safeguards=Safeguards(suspensions=Limit(floor=2, share=0.0)))


def _people(house: House, policy: Policy, count: int) -> tuple[Pusher, list[str]]:
    pusher = Pusher(house, house.connect(policy=policy))
    return pusher, [pusher.create(person(f"p{n}@example.com", f"P{n}")).id for n in range(count)]


def _suspend(pusher: Pusher, ids: list[str], first: int = 0) -> None:
    for place, id_ in enumerate(ids, start=first):
        pusher.replace(id_, person(f"p{place}@example.com", f"P{place}", active=False))


def _alerts(house: House) -> int:
    return sum(event["type"] == "push.suspension_burst" for event in house.events())


def test_a_burst_is_told_once(house: House) -> None:
    """The third suspension within the hour rings, the fourth and fifth do not ring again."""
    pusher, ids = _people(house, FEW, 5)
    _suspend(pusher, ids)
    assert _alerts(house) == 1
    assert not any(row["active"] for row in house.users().values())


def test_the_brake_holds_what_is_too_many(house: House) -> None:
    """With the brake on the third suspension is answered "later", and its person keeps access."""
    pusher, ids = _people(house, replace(FEW, push_brake=True), 4)
    _suspend(pusher, ids[:2])
    with pytest.raises(Transient, match="brake") as caught:
        _suspend(pusher, ids[2:3], first=2)
    assert caught.value.retry_after_s
    assert sum(row["active"] for row in house.users().values()) == 2
    assert _alerts(house) == 1


def test_an_hour_later_it_goes_on(house: House) -> None:
    """What the brake held goes through when the hour has passed."""
    pusher, ids = _people(house, replace(FEW, push_brake=True), 3)
    _suspend(pusher, ids[:2])
    house.now += timedelta(hours=1, seconds=1)
    _suspend(pusher, ids[2:], first=2)
    assert not any(row["active"] for row in house.users().values())
