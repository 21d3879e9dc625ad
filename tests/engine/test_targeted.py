"""A run about a few: only they are read, everything else stays as it is."""

from __future__ import annotations

import pytest

from sync.model.connection import Connection
from sync.model.run import Run, RunMode, RunState, Target
from sync.store import runs, targets
from sync.store.ids import new_id
from tests.engine.house import House
from tests.engine.ledger import Ledger


def _named(
    house: House, acme: Connection, *, users: str = "", groups: str = "", dry_run: bool = False
) -> tuple[Run, bool]:
    target = Target(users=frozenset(users.split()), groups=frozenset(groups.split()))
    with house.database.write() as conn:
        return runs.request_target(
            conn,
            acme.id,
            target,
            id=new_id(),
            trigger="manual",
            by="an admin",
            now=house.clock(),
            dry_run=dry_run,
        )


def _pull_named(house: House, acme: Connection, ledger: Ledger, *, users: str = "", groups: str = "") -> Run:
    _named(house, acme, users=users, groups=groups)
    return house.execute(house.claim(acme), ledger.source)


def _steps(run: Run, kind: str, external_id: str) -> dict[str, str]:
    (subject,) = [each for each in run.trace if (each["kind"], each["external_id"]) == (kind, external_id)]
    return {step["step"]: step["said"] for step in subject["steps"]}


@pytest.fixture
def acme(house: House) -> Connection:
    return house.connect()


@pytest.fixture
def ledger(house: House, acme: Connection) -> Ledger:
    """A settled directory of four people and two groups, changed in many ways since."""
    found = Ledger(cursor="later")
    for each in "ABCD":
        found.add(each)
    found.team("G1", "Blue", "A", "B")
    found.team("G2", "Red", "C")
    assert house.settle(acme, found.source).state is RunState.SUCCEEDED
    found.change("A", first_name="Ada")
    found.change("B", first_name="Bea")
    found.suspend("C")
    found.remove("D")
    found.groups["G2"].members |= {"A"}
    return found


def test_only_the_named_person_is_changed(house: House, acme: Connection, ledger: Ledger) -> None:
    """Others differ just as much, and are neither read nor changed."""
    run = _pull_named(house, acme, ledger, users="A")
    assert (run.state, run.mode, ledger.asked) == (RunState.SUCCEEDED, RunMode.TARGETED, ["A"])
    assert {key: value for key, value in run.counts.items() if value} == {"update": 1}
    names = {email: user["first_name"] for email, user in house.users().items()}
    assert names["a@example.com"] == "Ada"
    assert names["b@example.com"] == "B"
    assert house.users()["c@example.com"]["active"]
    assert house.users()["d@example.com"]["active"]


def test_the_steps_are_told(house: House, acme: Connection, ledger: Ledger) -> None:
    """Found, in scope, matched, compared, decided: each step of a named person is kept with the run."""
    steps = _steps(_pull_named(house, acme, ledger, users="A"), "user", "A")
    assert list(steps) == ["directory", "scope", "match", "diff", "action"]
    assert steps["directory"] == "found: active (ACTIVE)"
    assert steps["match"] == "linked to a@example.com (by external id)"
    assert steps["diff"] == "first_name “A” → “Ada”"
    assert steps["action"] == "update: the directory says otherwise"


def test_the_steps_of_a_person_as_stored(house: House, acme: Connection, ledger: Ledger) -> None:
    """Somebody about whom nothing differs is traced to that answer, and nothing is written."""
    _pull_named(house, acme, ledger, users="A")
    before = house.rows("directory_user")
    steps = _steps(_pull_named(house, acme, ledger, users="A"), "user", "A")
    assert (steps["diff"], steps["action"]) == ("nothing differs", "nothing to do")
    assert house.rows("directory_user") == before


def test_named_people_who_are_gone_or_disabled(house: House, acme: Connection, ledger: Ledger) -> None:
    """What the look-up says of a named person is a statement: she is suspended without a full read."""
    run = _pull_named(house, acme, ledger, users="C D")
    assert run.counts["suspend"] == 2
    users = house.users()
    assert not users["c@example.com"]["active"]
    assert not users["d@example.com"]["active"]
    assert _steps(run, "user", "D")["directory"].startswith("gone")


def test_a_dry_run_shows_the_steps_and_changes_nothing(
    house: House, acme: Connection, ledger: Ledger
) -> None:
    """A preview about one person has the same steps, and leaves every table of people as it was."""
    _named(house, acme, users="D", dry_run=True)
    before = house.dump("run", "plan", "plan_item")
    run = house.execute(house.claim(acme), ledger.source)
    assert _steps(run, "user", "D")["action"].startswith("suspend: ")
    assert house.dump("run", "plan", "plan_item") == before


def test_a_named_group_is_read_with_all_its_members(house: House, acme: Connection, ledger: Ledger) -> None:
    """Who came into the group and who left it is known; the profiles of its members are not touched."""
    ledger.groups["G2"].members.discard("C")
    run = _pull_named(house, acme, ledger, groups="G2")
    assert (run.counts["member_add"], run.counts["member_remove"], run.counts["update"]) == (1, 1, 0)
    users = house.users()
    assert "Group:Red" in users["a@example.com"]["tags"]
    assert "Group:Red" not in users["c@example.com"]["tags"]
    assert _steps(run, "group", "G2")["match"] == "stored"


def test_a_named_group_that_is_gone(house: House, acme: Connection, ledger: Ledger) -> None:
    """It goes, with its tag; the other groups are not concluded to be gone."""
    del ledger.groups["G1"], ledger.groups["G2"]
    run = _pull_named(house, acme, ledger, groups="G1")
    assert run.counts["group_delete"] == 1
    assert "Group:Red" in house.users()["c@example.com"]["tags"]


def test_who_cannot_be_read_stays(house: House, acme: Connection, ledger: Ledger) -> None:
    """A look-up without an answer leaves the run partial and takes nothing from anybody."""
    ledger.mute = True
    run = _pull_named(house, acme, ledger, users="C D")
    assert run.state is RunState.PARTIAL
    assert not any(run.counts.values())
    assert _steps(run, "user", "C") == {"directory": "could not be read: nothing is known of it"}


def test_requests_meet_in_one_queued_run(house: House, acme: Connection, ledger: Ledger) -> None:
    """Several requests before the run begins make one run that reads them all."""
    first, is_new = _named(house, acme, users="A")
    second, is_another = _named(house, acme, users="B", groups="G2")
    assert (is_new, is_another, first.id) == (True, False, second.id)
    run = house.execute(house.claim(acme), ledger.source)
    assert run.target == Target(users=frozenset("AB"), groups=frozenset(["G2"]))
    assert (run.counts["update"], run.counts["member_add"]) == (2, 1)


def test_a_queued_full_run_covers_the_named(house: House, acme: Connection, ledger: Ledger) -> None:
    """A request joins a full run that is queued, and shows its steps there."""
    house.request(acme)
    run, is_new = _named(house, acme, users="A")
    assert (run.mode, is_new) == (RunMode.FULL, False)
    ended = house.execute(house.claim(acme), ledger.source)
    assert _steps(ended, "user", "A")["action"] == "update: the directory says otherwise"


def test_a_delta_takes_the_named_in(house: House, acme: Connection, ledger: Ledger) -> None:
    """A queued delta reads what changed and, by id, who was named since; its bookmark moves on."""
    house.request(acme, mode=RunMode.DELTA)
    _named(house, acme, users="D")
    run = house.execute(house.claim(acme), ledger.source)
    assert (run.mode, run.counts["suspend"], ledger.asked) == (RunMode.DELTA, 1, ["D"])
    assert house.reread(acme).cursor == "later"


def test_a_run_about_a_few_can_become_one_about_all(house: House, acme: Connection, ledger: Ledger) -> None:
    """Asked for everything while a few wait, the queued run reads everything."""
    run, _ = _named(house, acme, users="A")
    with house.database.write() as conn:
        assert targets.widen(conn, run.id, RunMode.FULL)
    ended = house.execute(house.claim(acme), ledger.source)
    assert (ended.mode, ended.counts["update"], ended.counts["suspend"]) == (RunMode.FULL, 2, 2)


@pytest.mark.parametrize("wanted", [{"mode": RunMode.REVERT}, {"dry_run": True}], ids=["revert", "dry run"])
def test_what_must_go_first_is_followed(
    house: House, acme: Connection, ledger: Ledger, wanted: dict[str, object]
) -> None:
    """A request behind a queued run that cannot take it in has a run of its own when that has ended."""
    house.request(acme, **wanted)
    before, is_new = _named(house, acme, users="A")
    assert not is_new
    with house.database.write() as conn:
        runs.cancel_queued(conn, before.id, now=house.clock(), error="cancelled")
    lease, run = house.claim(acme)
    assert (run.mode, run.target) == (RunMode.TARGETED, Target(users=frozenset("A")))
    assert house.execute((lease, run), ledger.source).counts["update"] == 1


def test_a_new_connection_is_not_let_loose(house: House, ledger: Ledger) -> None:
    """Before the first run is approved, a run about one person is held like any other."""
    other = house.connect("Other")
    ledger.add("E")
    run = _pull_named(house, other, ledger, users="E")
    assert run.state is RunState.HELD
    assert "e@example.com" not in house.users()


def test_ids_and_addresses_of_ours_name_people_too(house: House, acme: Connection, ledger: Ledger) -> None:
    """An e-mail or one of our ids stands for the directory's id; what nobody here has is taken as it is."""
    user_id = house.users()["b@example.com"]["id"]
    with house.database.read() as conn:
        found = targets.external_ids(conn, acme.id, ["A@Example.com ", user_id, "D", "unheard-of"])
    assert found == ["A", "B", "D", "unheard-of"]
