"""While removals are frozen: plans go on being made, and nothing is taken from anybody."""

from datetime import timedelta
from typing import Any

import pytest

from sync import approval
from sync.model.errors import Misconfigured, Refused, Transient
from sync.model.run import ItemState, RunState
from sync.model.session import Kind
from sync.revert import request_revert
from sync.store import freezes
from tests.engine.house import House


def freeze(house: House, connection: Any = None, *, hours: float | None = 2, reason: str = "a move") -> Any:
    now = house.clock()
    until = None if hours is None else now + timedelta(hours=hours)
    scope = connection.id if connection else None
    with house.database.write() as conn:
        return freezes.freeze(conn, connection_id=scope, until=until, by="an admin", reason=reason, now=now)


def thaw(house: House, connection: Any = None) -> bool:
    with house.database.write() as conn:
        scope = connection.id if connection else None
        return freezes.thaw(conn, connection_id=scope, by="an admin", now=house.clock())


def document(name: str, **said: Any) -> dict[str, Any]:
    plain = {
        "userName": f"{name}@example.com",
        "externalId": name.upper(),
        "emails": [{"value": f"{name}@example.com", "primary": True}],
        "active": True,
    }
    return plain | said


@pytest.fixture
def acme(house, ledger):
    """A connection whose directory is pulled in full."""
    made = house.connect()
    house.settle(made, ledger.source)
    return made


def test_a_frozen_connection_plans_and_holds_every_removal(house, ledger, acme):
    """Suspensions, deletions and leaves are held with a sentence; what gives is applied."""
    freeze(house, acme)
    ledger.suspend("A")
    ledger.groups["G1"].members -= {"B"}
    del ledger.groups["G2"]
    ledger.add("N")
    run = house.pull(acme, ledger.source)
    states = {item.action: item.state for item in house.items(run)}
    assert states == {
        "suspend": ItemState.HELD,
        "member_remove": ItemState.HELD,
        "group_delete": ItemState.HELD,
        "create": ItemState.APPLIED,
    }
    assert run.state is RunState.HELD
    assert (
        "an admin froze removals in this connection until 2026-11-24 10:00 UTC: a move. "
        "Nothing is taken from anybody meanwhile." in house.plan(run).reasons
    )


def test_removals_cannot_be_approved_while_frozen(house, ledger, acme):
    """Approving says who froze and until when; with the removals left out it goes."""
    freeze(house)
    ledger.suspend("A")
    run = house.pull(acme, ledger.source)
    with pytest.raises(Refused, match=r"an admin froze removals in every connection until .*: a move"):
        house.approve(run)
    thaw(house)
    assert house.approve(run).state is RunState.SUCCEEDED
    assert not house.user("a@example.com")["active"]


def test_a_freeze_that_comes_while_a_plan_waits_to_be_applied_holds_it(house, ledger, acme):
    """An approval that is queued when the freeze begins takes nothing away either."""
    freeze(house)
    ledger.suspend("A")
    run = house.pull(acme, ledger.source)
    thaw(house)
    with house.database.write() as conn:
        approval.approve(conn, house.plan(run).id, expect_hash=None, by="an admin", now=house.clock())
    freeze(house, acme)
    assert house.execute(house.claim(acme), ledger.source).state is RunState.HELD
    assert house.user("a@example.com")["active"]


def test_a_freeze_ends_by_itself(house, ledger, acme):
    """After its time removals are applied as ever."""
    freeze(house, acme, hours=1)
    ledger.suspend("A")
    house.pull(acme, ledger.source)
    house.now += timedelta(hours=1)
    assert house.pull(acme, ledger.source).state is RunState.SUCCEEDED
    assert not house.user("a@example.com")["active"]


def test_a_frozen_connection_leaves_the_others_alone(house, ledger, acme):
    """A freeze of one connection is none of another's."""
    other = house.connect("Other")
    freeze(house, other)
    ledger.suspend("A")
    assert house.pull(acme, ledger.source).state is RunState.SUCCEEDED


def test_a_push_that_takes_access_away_is_put_off(house, acme):
    """The IdP hears when to send it again, nothing is written, and after the thaw it goes through."""
    made = house.push(acme, lambda session: session.create_user(document("p")))
    freeze(house)
    before = house.dump("token")
    for taking in (
        lambda session: session.delete_user(made.id),
        lambda session: session.replace_user(made.id, document("p", active=False)),
    ):
        with pytest.raises(Transient, match="an admin froze removals in every connection") as put_off:
            house.push(acme, taking)
        assert put_off.value.retry_after_s == 3600
    assert house.dump("token") == before
    thaw(house)
    house.push(acme, lambda session: session.replace_user(made.id, document("p", active=False)))
    assert not house.user("p@example.com")["active"]


def test_a_push_that_gives_goes_through_while_frozen(house, acme):
    """Creations and new values are no removals."""
    freeze(house, acme, hours=None)
    made = house.push(acme, lambda session: session.create_user(document("p")))
    house.push(acme, lambda session: session.replace_user(made.id, document("p", nickName="Pip")))
    with house.database.read() as conn:
        found = freezes.current(conn, acme.id, house.clock())
    assert found is not None
    assert found.sentence == "an admin froze removals in this connection until it is thawed: a move."
    assert house.push(acme, lambda session: session.get(Kind.USER, made.id)) is not None


def test_the_longest_freeze_counts(house, acme):
    """Of the connection's own and everybody's, the one that lasts longer; one without an end is longest."""
    freeze(house, acme, hours=2)
    freeze(house, hours=1)
    with house.database.read() as conn:
        longest = freezes.current(conn, acme.id, house.clock())
    assert longest is not None
    assert longest.connection_id == acme.id
    everywhere = freeze(house, hours=None)
    with house.database.read() as conn:
        assert freezes.current(conn, acme.id, house.clock()) == everywhere
        assert len(freezes.listed(conn, house.clock())) == 2
    assert thaw(house)
    assert not thaw(house)


def test_a_freeze_in_the_past_is_refused(house):
    """An end that is over freezes nothing, and is said to be a mistake."""
    with pytest.raises(Misconfigured, match="must end in the future"):
        freeze(house, hours=-1)


def test_a_revert_that_suspends_is_held_while_frozen(house, ledger, acme):
    """Taking a creation back is a removal like any other."""
    ledger.add("N")
    run = house.pull(acme, ledger.source)
    freeze(house)
    with house.database.write() as conn:
        request_revert(conn, run.id, by="an admin", now=house.clock())
    assert house.execute(house.claim(acme), ledger.source).state is RunState.HELD
    assert house.user("n@example.com")["active"]
