from datetime import timedelta

import pytest
from sqlalchemy import insert

from sync.model.errors import LeaseLost
from sync.model.webhook import DeliveryState, Health, Secret, Settled
from sync.store import deliveries, endpoints, outbox, schema
from sync.store.ids import new_id
from tests.store.rows import NOW, at

LATER = NOW + timedelta(minutes=10)


def tell(conn, subject, kind="user.updated", connection_id="acme"):
    row = {"id": new_id(), "type": kind, "occurred_at": at(0), "subject_id": subject, "body": "{}"}
    conn.execute(insert(schema.outbox).values(row | {"connection_id": connection_id}))


def add_endpoint(conn, url="https://a.example.com/", **given):
    plain = {"types": (), "connection_id": None, "note": "", "position": 0, "by": "test", "now": NOW}
    return endpoints.add(conn, id=new_id(), url=url, secrets=[Secret(sealed="x")], **(plain | given))


def claim(database, now=NOW, lease_s=60):
    with database.write() as conn:
        return deliveries.claim(conn, owner="here", lease_s=lease_s, now=now)


def fan_out(database, endpoint, now=NOW, **given):
    with database.write() as conn:
        return deliveries.fan_out(conn, endpoints.get(conn, endpoint.id), now=now, **given)


def due(database, endpoint, now=NOW):
    with database.read() as conn:
        return [each.sequence for each in deliveries.due(conn, endpoint.id, now=now, limit=100)]


def settle(database, endpoint, *results, now=NOW):
    with database.write() as conn:
        deliveries.settle(conn, endpoint.id, results, now=now)


def delivered(sequence, asked=0):
    return Settled(sequence=sequence, asked=asked, state=DeliveryState.DELIVERED, status=200)


@pytest.fixture
def endpoint(database):
    """An endpoint, and five events: 1 and 3 of Ann, 2 and 5 of Bob, 4 of a run."""
    with database.write() as conn:
        for subject in ("ann", "bob", "ann", None, "bob"):
            tell(conn, subject)
        return add_endpoint(conn)


def test_only_the_first_of_each_subject_is_due(database, endpoint):
    """Ann's second event waits for her first; a run's event is its connection's."""
    assert fan_out(database, endpoint) == 5
    assert due(database, endpoint) == [1, 2, 4]
    settle(database, endpoint, delivered(1))
    assert due(database, endpoint) == [2, 3, 4]
    settle(database, endpoint, Settled(sequence=2, state=DeliveryState.FAILED, next_at=LATER, error="no"))
    assert due(database, endpoint) == [3, 4]
    assert due(database, endpoint, now=LATER) == [3, 4, 2]


def test_what_is_dead_holds_up_nobody(database, endpoint):
    """Behind an event that was given up the person's next one goes."""
    fan_out(database, endpoint)
    settle(database, endpoint, Settled(sequence=2, state=DeliveryState.DEAD, error="no"))
    assert due(database, endpoint) == [1, 4, 5]


def test_every_event_gets_its_delivery_once(database, endpoint):
    """The position moves with the deliveries, in pieces of any size, and never back."""
    assert fan_out(database, endpoint, limit=2) == 2
    assert fan_out(database, endpoint, limit=2) == 2
    assert fan_out(database, endpoint) == 1
    assert fan_out(database, endpoint) == 0
    with database.latest() as conn:
        assert endpoints.get(conn, endpoint.id).position == outbox.last_sequence(conn) == 5
        assert [each.sequence for each in deliveries.listed(conn, endpoint.id)] == [5, 4, 3, 2, 1]


def test_filters_choose_by_type_and_connection(database):
    """What an endpoint does not want makes no delivery, and its position moves on all the same."""
    with database.write() as conn:
        tell(conn, "ann", "user.created")
        tell(conn, "g1", "group.renamed")
        tell(conn, "bob", "user.created", connection_id="other")
        by_type = add_endpoint(conn, types=("user.*",))
        by_both = add_endpoint(conn, types=("user.created", "group.deleted"), connection_id="acme")
    for endpoint, wanted in ((by_type, [1, 3]), (by_both, [1])):
        assert fan_out(database, endpoint) == 3
        assert due(database, endpoint) == wanted


def test_one_turn_at_a_time_per_endpoint(database, endpoint):
    """While a turn lasts nobody else gets it; the next endpoint is free; a lease that ended is taken over."""
    with database.write() as conn:
        other = add_endpoint(conn, "https://b.example.com/")
    turns = [claim(database), claim(database), claim(database)]
    assert {turn.endpoint.id for turn in turns[:2]} == {endpoint.id, other.id}
    assert turns[2] is None
    with database.write() as conn:
        deliveries.release(conn, turns[0])
    again = claim(database, lease_s=0)
    assert again.endpoint.id == turns[0].endpoint.id
    taken = claim(database, now=NOW + timedelta(seconds=1))
    assert taken.fence == again.fence + 1
    with database.write() as conn, pytest.raises(LeaseLost):
        deliveries.renew(conn, again, lease_s=60, now=NOW)
    with database.write() as conn:
        assert deliveries.renew(conn, taken, lease_s=60, now=NOW).id == taken.endpoint.id


def test_an_endpoint_with_nothing_to_do_is_left_alone(database, endpoint):
    """Neither one that has everything, nor one that rests, is paused or waits is claimed."""
    turn = claim(database)
    fan_out(database, endpoint)
    for sequence in (1, 2, 3, 4, 5):
        settle(database, endpoint, delivered(sequence))
    with database.write() as conn:
        deliveries.release(conn, turn)
    assert claim(database) is None
    with database.write() as conn:
        tell(conn, "ann")
        deliveries.report(conn, endpoint.id, Health(failures=3, failing_since=NOW, next_at=LATER), now=NOW)
    assert claim(database) is None
    with database.write() as conn:
        endpoints.set_enabled(conn, endpoint.id, enabled=False)
    assert claim(database, now=LATER) is None
    with database.write() as conn:
        endpoints.set_enabled(conn, endpoint.id, enabled=True)
    assert claim(database) is not None


def test_a_recovered_endpoint_gets_what_failed_at_once(database, endpoint):
    """The first call that is accepted after failures brings forward what waited for its next try."""
    fan_out(database, endpoint)
    settle(database, endpoint, Settled(sequence=2, state=DeliveryState.FAILED, next_at=LATER))
    with database.write() as conn:
        deliveries.report(conn, endpoint.id, Health(failures=1, failing_since=NOW), now=NOW)
    assert 2 not in due(database, endpoint)
    with database.write() as conn:
        deliveries.report(conn, endpoint.id, Health(status=200), now=NOW)
    assert 2 in due(database, endpoint)


def test_replay_goes_in_order_too(database, endpoint):
    """Sent again, Ann's first event comes before her second, and before her third that still waits."""
    fan_out(database, endpoint)
    settle(database, endpoint, delivered(1))
    settle(database, endpoint, delivered(3))
    with database.write() as conn:
        tell(conn, "ann")
    fan_out(database, endpoint)
    assert 6 in due(database, endpoint)
    with database.write() as conn:
        assert deliveries.replay(conn, endpoint.id, after=0, until=3, now=NOW) == 3
    for first in (1, 3, 6):
        assert [seq for seq in due(database, endpoint) if seq in {1, 3, 6}] == [first]
        settle(database, endpoint, delivered(first, asked=0 if first == 6 else 1))


def test_replay_makes_deliveries_that_never_were(database):
    """An endpoint that began late gets earlier events on request, within its filters."""
    with database.write() as conn:
        for kind in ("user.created", "group.renamed", "user.updated"):
            tell(conn, "x", kind)
        late = add_endpoint(conn, types=("user.*",), position=3)
    assert fan_out(database, late) == 0
    with database.write() as conn:
        assert deliveries.replay(conn, late.id, after=0, until=None, now=NOW) == 2
    assert due(database, late) == [1]


def test_the_dead_are_buried_and_raised(database, endpoint):
    """What was made before a time is given up; asked for again it is pending and counted anew."""
    fan_out(database, endpoint)
    with database.write() as conn:
        assert deliveries.bury(conn, endpoint.id, made_before=NOW, error="silence", now=LATER) == 5
        assert deliveries.counts(conn) == {endpoint.id: {DeliveryState.DEAD: 5}}
    assert due(database, endpoint, now=LATER) == []
    with database.write() as conn:
        assert deliveries.redeliver(conn, endpoint.id, now=LATER) == 5
    assert due(database, endpoint, now=LATER) == [1, 2, 4]


def test_old_deliveries_are_forgotten(database, endpoint):
    """Pruning takes settled deliveries only, and says how many."""
    fan_out(database, endpoint)
    settle(database, endpoint, delivered(1))
    with database.write() as conn:
        assert deliveries.prune(conn, settled_before=LATER) == 1
        assert deliveries.prune(conn, settled_before=LATER) == 0
        assert len(deliveries.listed(conn, endpoint.id)) == 4


def test_what_is_asked_for_on_its_way_comes_once_more(database, endpoint):
    """A redelivery asked for after the call and before its note is not lost by the note."""
    fan_out(database, endpoint)
    with database.write() as conn:
        assert deliveries.redeliver(conn, endpoint.id, sequences=[1], now=NOW) == 1
    settle(database, endpoint, delivered(1), delivered(2))
    assert due(database, endpoint) == [1, 4, 5]
