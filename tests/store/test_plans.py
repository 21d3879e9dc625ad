import orjson
import pytest

from sync.model.errors import Conflict, NotFound
from sync.model.run import ItemState, PlanState, RunMode, Verdict
from sync.store import plans, runs
from sync.store.ids import new_id
from tests.store.rows import NOW, add_connection


def change(action, label):
    return orjson.dumps(
        {"action": action, "reason": "because", "before": {}, "after": {"email": label}}
    ).decode()


def start(conn, connection, id=None):
    run, _ = runs.request(
        conn, connection.id, id=new_id(), mode=RunMode.FULL, trigger="cli", by="admin", now=NOW
    )
    id = id or new_id()
    plans.start(conn, id=id, run_id=run.id, connection_id=connection.id, mode=RunMode.FULL, now=NOW)
    return id


def conclude(conn, plan_id, state):
    plans.conclude(
        conn,
        plan_id,
        complete=True,
        verdict=Verdict.HELD,
        reasons=["too many"],
        hash="h",
        counts={"suspend": 2},
        state=state,
    )


@pytest.fixture
def plan(database, connection):
    """A plan of two suspensions and 1,100 creations."""
    with database.write() as conn:
        plan_id = start(conn, connection)
        rows = [(place, f"s{place}", "suspend", "pending", 1, f"Élan{place}") for place in (1, 2)]
        rows += [(place, f"c{place}", "create", "pending", 1, f"new{place}") for place in range(3, 1103)]
        plans.add_items(conn, plan_id, [(*row, change(row[2], row[5])) for row in rows])
        plans.add_items(conn, plan_id, [])
    return plan_id


def test_a_plan_is_concluded_and_read(database, connection, plan):
    """It begins as an empty preview and ends with verdict, reasons, counts and checksum."""
    with database.write() as conn:
        assert (plans.get(conn, plan).state, plans.get(conn, plan).hash) == (PlanState.PREVIEW, "")
        conclude(conn, plan, PlanState.HELD)
        found = plans.get(conn, plan)
        assert (found.connection, found.verdict, found.reasons) == ("Acme", Verdict.HELD, ("too many",))
        assert (found.counts, found.complete, found.created_at) == ({"suspend": 2}, True, NOW)


def test_items_are_read_in_pages_and_narrowed(database, plan):
    """In the order of the plan, by action, state and part of the label in any case."""
    with database.write() as conn:
        plans.set_states(conn, plan, list(range(1, 1001)), ItemState.APPLIED)
        assert [item.seq for item in plans.items(conn, plan, offset=1, limit=2)] == [2, 3]
        assert len(plans.items(conn, plan)) == 1102
        assert len(plans.items(conn, plan, state=ItemState.PENDING)) == 102
        assert [item.subject for item in plans.items(conn, plan, action="suspend")] == ["Élan1", "Élan2"]
        (item,) = plans.items(conn, plan, search="éLAN2")
        assert (item.reason, item.after, item.state) == ("because", {"email": "Élan2"}, ItemState.APPLIED)
        assert plans.items(conn, plan, search="%") == []


def test_held_items_wait_and_the_next_follow_the_last_place(database, plan):
    """Holding takes pending items of the actions; the walk by place sees each item once."""
    with database.write() as conn:
        assert plans.hold_items(conn, plan, {"suspend"}) == 2
        assert plans.hold_items(conn, plan, {"suspend"}) == 0
        assert plans.hold_items(conn, plan, ()) == 0
        assert len(plans.next_items(conn, plan, state=ItemState.HELD, after_place=0, limit=9)) == 2
        after, seen = 0, 0
        while rows := plans.next_items(conn, plan, state=ItemState.PENDING, after_place=after, limit=500):
            seen += len(rows)
            after = rows[-1][0]
        assert seen == 1100


def test_plans_are_found_by_a_prefix(database, connection):
    """Six characters are enough when only one plan begins so."""
    with database.write() as conn:
        for id in ("abcdefgh11111111", "abcdefgh22222222", "abczzzzz33333333"):
            start(conn, connection, id)
        assert plans.get(conn, "abczzz").id == "abczzzzz33333333"
        assert plans.get(conn, "abcdefgh2").id == "abcdefgh22222222"
        with pytest.raises(Conflict, match="several plans"):
            plans.get(conn, "abcdef")
        for unknown in ("abczz", "nothing", "abcdefgh22222222x"):
            with pytest.raises(NotFound, match="connector plans list"):
                plans.get(conn, unknown)


def test_a_newer_plan_supersedes_held_ones_of_its_connection(database, connection):
    """Other connections' plans and plans in other states stay as they are."""
    other = add_connection(database, "Other")
    with database.write() as conn:
        ids = [start(conn, which) for which in (connection, connection, connection, other)]
        for id, state in zip(
            ids, (PlanState.HELD, PlanState.APPLIED, PlanState.HELD, PlanState.HELD), strict=True
        ):
            conclude(conn, id, state)
        held = plans.current_held(conn, connection.id)
        assert held is not None
        assert held.id == ids[2]
        plans.supersede(conn, connection.id, ids[2], NOW)
        states = [plans.get(conn, id).state for id in ids]
        assert states == [PlanState.SUPERSEDED, PlanState.APPLIED, PlanState.HELD, PlanState.HELD]
        assert [plan.id for plan in plans.listed(conn, states=[PlanState.HELD])] == [ids[3], ids[2]]
        assert [plan.id for plan in plans.listed(conn, connection_id=connection.id, limit=1)] == [ids[2]]
        plans.decide(conn, ids[2], state=PlanState.REJECTED, by="admin", now=NOW, comment="no")
        found = plans.get(conn, ids[2])
        assert (found.state, found.decided_by, found.decided_at) == (PlanState.REJECTED, "admin", NOW)
        assert found.comment == "no"
        assert plans.current_held(conn, connection.id) is None
