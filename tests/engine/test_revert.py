"""Taking a run back: everything as it was, but for what somebody changed since."""

from random import Random
from typing import Any

import pytest

from sync.model.connection import Limit, Policy, Safeguards
from sync.model.errors import Conflict
from sync.model.run import ItemState, PlanState, Run, RunState
from sync.revert import request_revert
from sync.store import connections
from tests.engine.house import House
from tests.engine.ledger import Ledger

NEW_EACH_TIME = frozenset(
    {"version", "updated_at", "fingerprint", "member_digest", "run_id", "absent_at", "absent_since"}
)
LARGE = Limit(floor=1000, share=1.0)
BOLD = Policy(
    safeguards=Safeguards(suspensions=LARGE, group_deletions=LARGE, tag_removals=LARGE, updates=LARGE)
)
"""Limits that hold nothing here."""

KEPT = ("users", "directory_user", "link", "directory_group", "member", "user_tag")


def state(house: House) -> dict[str, list[dict[str, Any]]]:
    """Everything a revert promises to bring back, without what every write sets anew."""
    return {
        name: sorted(
            (
                {name: said for name, said in row.items() if name not in NEW_EACH_TIME}
                for row in house.rows(name)
            ),
            key=repr,
        )
        for name in KEPT
    }


def tags(house: House) -> dict[str, frozenset[str]]:
    return {email: frozenset(row["tags"]) for email, row in house.users().items()}


def revert(house: House, run: Run, **wanted: Any) -> Run:
    """Ask for the revert of a run and carry it to its end."""
    with house.database.write() as conn:
        request_revert(conn, run.id, by="an admin", now=house.clock(), **wanted)
    with house.database.read() as conn:
        connection = connections.get(conn, run.connection_id)
    return house.execute(house.claim(connection), _never)


def _never() -> Any:
    raise AssertionError("a revert asks no directory")


def refused(house: House, run: Run) -> dict[str, str]:
    return {item.subject: item.reason for item in house.items(run) if item.state is ItemState.REFUSED}


@pytest.fixture
def crowd() -> Ledger:
    """Forty people, in two groups of twenty."""
    made = Ledger()
    for number in range(40):
        made.add(f"P{number:02}")
    made.team("G1", "Sales", *[f"P{number:02}" for number in range(20)])
    made.team("G2", "Support", *[f"P{number:02}" for number in range(20, 40)])
    return made


def test_revert_of_a_mass_suspension_brings_every_row_and_tag_back(house, crowd):
    """Thirty people suspended and a group deleted by mistake: the revert restores all of it exactly."""
    acme = house.connect()
    house.settle(acme, crowd.source)
    for name in ("P00", "P25"):
        house.tag_by_hand(house.user(crowd.people[name].email)["id"], "vip")
    before, tagged = state(house), tags(house)
    for number in range(5, 35):
        crowd.remove(f"P{number:02}")
    del crowd.groups["G2"]
    held = house.pull(acme, crowd.source)
    done = house.approve(held)
    assert sum(not row["active"] for row in house.users().values()) == 30
    for run in (done, held):
        if house.history(run):
            assert revert(house, run).state is RunState.SUCCEEDED
    assert tags(house) == tagged
    assert state(house) == before


def test_a_run_that_did_everything_is_taken_back(house, ledger):
    """Updates, renames, joins, leaves, reactivations, adoptions: what each gave or took is as before."""
    ada = house.add_user("g@example.com", first_name="Ada", active=False)
    acme = house.connect()
    ledger.suspend("F")
    house.settle(acme, ledger.source)
    ledger.remove("E")
    house.pull(acme, ledger.source)
    before, tagged = state(house), tags(house)
    ledger.change("A", first_name="Renamed", email="elsewhere@example.com")
    ledger.suspend("B")
    ledger.add("E")
    ledger.add("G", "g@example.com", first_name="Other")
    ledger.groups["G1"].name = "Sellers"
    ledger.groups["G1"].members = {"A", "C", "D", "E"}
    del ledger.groups["G2"]
    done = house.pull(acme, ledger.source)
    assert house.user(ada)["managed"]
    assert house.user(ada)["first_name"] == "Other"
    back = revert(house, done)
    assert (back.state, refused(house, back)) == (RunState.SUCCEEDED, {})
    after = state(house)
    made = {row["id"] for row in after["directory_user"]} - {row["id"] for row in before["directory_user"]}
    after["directory_user"] = [row for row in after["directory_user"] if row["id"] not in made]
    assert after == before
    assert (tags(house), house.user(ada)["managed"]) == (tagged, False)


def test_who_was_created_is_suspended_and_stays_linked(house, ledger):
    """A creation taken back deletes nobody; the next read finds the same account again."""
    acme = house.connect()
    house.settle(acme, ledger.source)
    ledger.add("N")
    ledger.team("G3", "Newcomers", "N")
    done = house.pull(acme, ledger.source)
    user = house.user("n@example.com")
    back = revert(house, done)
    assert {item.action for item in house.items(back)} == {"suspend", "group_delete"}
    assert house.user(user["id"])["active"] is False
    assert [row["name"] for row in house.rows("directory_group") if row["deleted_at"] is None] == [
        "Sales",
        "Support",
    ]
    again = house.pull(acme, ledger.source)
    assert again.counts["create"] == 0
    assert again.counts["reactivate"] == 1
    assert house.user("n@example.com")["id"] == user["id"]


def test_what_changed_since_is_shown_and_left_alone(house, ledger):
    """Two of the run's people were changed later: both are refused with the reason, the rest goes back."""
    acme = house.connect()
    house.settle(acme, ledger.source)
    for name in ("A", "B", "C"):
        ledger.suspend(name)
    done = house.pull(acme, ledger.source)
    ledger.restore("A")
    house.pull(acme, ledger.source)
    house.set_user(house.user("b@example.com")["id"], first_name="By hand")
    back = revert(house, done)
    said = refused(house, back)
    assert "changed since (reactivate on 2026-11-24" in said.pop("a@example.com")
    assert said == {"b@example.com": "left alone: changed by hand since"}
    assert back.counts["reactivate"] == 1
    active = {email: row["active"] for email, row in house.users().items()}
    assert (active["a@example.com"], active["b@example.com"], active["c@example.com"]) == (True, False, True)


def test_memberships_that_moved_since_are_left_alone(house, ledger):
    """Of three who joined, the one who left and joined again is not taken out."""
    acme = house.connect()
    house.settle(acme, ledger.source)
    ledger.groups["G2"].members |= {"A", "B", "E"}
    done = house.pull(acme, ledger.source)
    ledger.groups["G2"].members -= {"A"}
    house.pull(acme, ledger.source)
    ledger.groups["G2"].members |= {"A"}
    house.pull(acme, ledger.source)
    back = revert(house, done)
    assert refused(house, back) == {"Support": "left alone: these memberships changed since"}
    tagged = {email for email, row in house.users().items() if "Group:Support" in row["tags"]}
    assert tagged == {"a@example.com", "c@example.com", "d@example.com"}


def test_an_email_that_somebody_took_is_not_put_back(house, ledger):
    """The former e-mail belongs to another account by now: a conflict, and nobody shares an e-mail."""
    acme = house.connect()
    house.settle(acme, ledger.source)
    ledger.change("A", email="new@example.com")
    done = house.pull(acme, ledger.source)
    house.add_user("a@example.com")
    back = revert(house, done)
    assert refused(house, back) == {
        "new@example.com": "left alone: somebody else has the e-mail a@example.com by now"
    }


def test_a_revert_faces_the_safeguards_and_waits_for_approval(house, crowd):
    """Taking forty creations back would suspend forty people: held, and applied when approved."""
    acme = house.connect()
    first = house.settle(acme, crowd.source)
    back = revert(house, first)
    assert back.state is RunState.HELD
    assert any(row["active"] for row in house.users().values())
    assert any("people would be suspended" in reason for reason in house.plan(back).reasons)
    house.pull(acme, crowd.source)
    assert house.plan(back).state is PlanState.HELD, "another read does not retire it"
    assert house.approve(back).state is RunState.SUCCEEDED
    assert not any(row["active"] for row in house.users().values())


def test_the_plan_says_what_it_takes_back_and_what_comes_next(house, ledger):
    """The first sentence names the run, the last what to do while the directory is still wrong."""
    acme = house.connect()
    house.settle(acme, ledger.source)
    ledger.suspend("A")
    done = house.pull(acme, ledger.source)
    back = revert(house, done, dry_run=True)
    reasons = house.plan(back).reasons
    assert done.started_at is not None
    assert reasons[0].startswith(f"This takes back run {done.id} of {done.started_at:%Y-%m-%d}")
    assert "connector connections pause Acme" in reasons[-1]
    assert house.plan(back).state is PlanState.PREVIEW
    assert not house.user("a@example.com")["active"]


def test_the_next_full_read_brings_the_change_again(house, ledger):
    """No fingerprint is kept of what was put back, so a directory that still says so is heard."""
    acme = house.connect()
    house.settle(acme, ledger.source)
    ledger.suspend("A")
    done = house.pull(acme, ledger.source)
    revert(house, done)
    assert house.user("a@example.com")["active"]
    assert house.pull(acme, ledger.source).counts["suspend"] == 1


def test_a_revert_can_be_taken_back(house, ledger):
    """Twice back is forth: the state after the run."""
    house.add_user("g@example.com", first_name="Ada")
    acme = house.connect()
    house.settle(acme, ledger.source)
    ledger.suspend("A")
    ledger.add("G", "g@example.com")
    ledger.groups["G1"].members = {"A", "D"}
    ledger.groups["G2"].name = "Helpers"
    done = house.pull(acme, ledger.source)
    after = state(house)
    again = revert(house, revert(house, done))
    assert (again.state, refused(house, again)) == (RunState.SUCCEEDED, {})
    assert state(house) == after


def test_nothing_to_take_back_is_said(house, ledger):
    """A run that changed nothing, and one whose plan an approval carried out, are named as such."""
    acme = house.connect()
    held = house.pull(acme, ledger.source)
    approved = house.approve(held)
    with pytest.raises(Conflict, match=f"changed nothing.*carried out by run {approved.id}"):
        revert(house, held)


def test_a_suspended_person_with_protection_or_another_directory_is_no_victim(house, ledger):
    """A reactivation is not taken back from who is protected by now."""
    acme = house.connect()
    house.settle(acme, ledger.source)
    ledger.suspend("A")
    house.pull(acme, ledger.source)
    ledger.restore("A")
    done = house.pull(acme, ledger.source)
    house.policies[acme.id] = Policy(protected=frozenset({"a@example.com"}))
    back = revert(house, done)
    assert refused(house, back) == {"a@example.com": "left alone: the account is protected"}
    assert house.user("a@example.com")["active"]


@pytest.mark.parametrize("seed", range(8))
def test_taking_any_run_back_is_as_if_it_had_not_been(house, ledger, seed):
    """Whatever a run changed of the people it found, its revert is the state before, row by row."""
    chance = Random(seed)
    for name in "PQRST":
        house.add_user(f"{name.lower()}@example.com", first_name="Own", active=chance.random() < 0.7)
    acme = house.connect(policy=BOLD)
    house.settle(acme, ledger.source)
    for _ in range(3):
        before, tagged = state(house), tags(house)
        for _ in range(chance.randint(1, 8)):
            _happens(ledger, chance)
        done = house.pull(acme, ledger.source)
        if not house.history(done):
            continue
        back = revert(house, done)
        assert refused(house, back) == {}
        after = state(house)
        known = {row["id"] for row in before["directory_user"]}
        after["directory_user"] = [row for row in after["directory_user"] if row["id"] in known]
        groups = {row["id"] for row in before["directory_group"]}
        after["directory_group"] = [row for row in after["directory_group"] if row["id"] in groups]
        assert (after, tags(house)) == (before, tagged)
        house.pull(acme, ledger.source)


def _happens(ledger: Ledger, chance: Random) -> None:
    """One thing that people do to a directory; nobody new without an account joins."""
    who = chance.choice(sorted(ledger.people))
    team = chance.choice(sorted(ledger.groups)) if ledger.groups else None
    match chance.randrange(8):
        case 0:
            ledger.suspend(who)
        case 1:
            ledger.restore(who)
        case 2:
            ledger.change(who, first_name=f"Name {chance.randrange(9)}", picture_url=None)
        case 3 if who in "ABCDEF":
            ledger.change(who, email=f"{who.lower()}{chance.randrange(9)}@example.com")
        case 4:
            name = chance.choice("PQRST")
            ledger.add(name, f"{name.lower()}@example.com")
        case 5 if team:
            ledger.groups[team].members ^= {who}
        case 6 if team:
            ledger.groups[team].name = f"Team {chance.randrange(9)}"
        case 7 if team and len(ledger.groups) > 1:
            del ledger.groups[team]
        case _:
            ledger.team(f"G{chance.randrange(3, 9)}", f"New {chance.randrange(9)}", who)
