"""Memberships end with a deleted person, told or not, and not at a first miss where they are shown late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.simulator.server import Simulator
from sync.explain import explain
from sync.model.run import RunMode, RunState
from sync.model.source import MemberChange, Page
from tests.engine.directories import robbed, tags_due, tags_held
from tests.engine.house import House, Person
from tests.engine.ledger import Ledger, gone
from tests.engine.test_fault_oracles import settled
from tests.engine.words import control, happened

LATE_S = 90


def _digests(house: House) -> dict[str, bytes | None]:
    return {row["external_id"]: row["member_digest"] for row in house.rows("directory_group")}


def _notes(house: House) -> int:
    return sum(row["missed_at"] is not None for row in house.rows("member"))


def _said(house: House, ref: str) -> str:
    with house.database.read() as conn:
        return explain(conn, ref).as_text()


def _told(house: House, kind: str, since: int) -> list[dict[str, Any]]:
    return [event for event in house.changes_told()[since:] if event["type"] == kind]


# --- deleted at Entra (D09) -----------------------------------------------------------------------


def test_deleted_people_leave_their_groups_though_the_feed_does_not_say_so(house: House) -> None:
    """By the plan of that very delta, with history and events; the full read after it finds nothing to do."""
    with settled(house, "azure") as (directory, connection, opener):
        directory.fault("omit_member_removal")
        soft, hard = _in_groups(directory, house.managed(connection))[:2]
        directory.fault("soft_delete", id=soft)
        directory.fault("hard_delete", id=hard)
        due, before, told = tags_due(directory), house.managed(connection), len(house.changes_told())
        had = {tag for who in (soft, hard) for tag in before[who].tags - {"scim"}}
        assert had
        delta = house.pull(connection, opener, mode=RunMode.DELTA)
        after = house.managed(connection)
        assert (delta.state, delta.mode) == (RunState.SUCCEEDED, RunMode.DELTA)
        assert not robbed(house, connection, before, due)
        assert {after[who].tags for who in (soft, hard)} == {frozenset({"scim"})}
        ended = [row for row in house.history(delta) if row["action"] == "member_remove"]
        assert {f"Group:{row['label']}" for row in ended} == had
        assert sum(len(row["undo"]["members"]) for row in ended) == delta.counts["member_remove"]
        assert {event["subject"]["label"] for event in _told(house, "group.members_removed", told)} >= {
            tag.removeprefix("Group:") for tag in had
        }
        touched = {
            row["external_id"] for row in house.rows("directory_group") if f"Group:{row['name']}" in had
        }
        assert {_digests(house)[group] for group in touched} == {None}
        assert happened(house.pull(connection, opener)) == {}
        assert tags_held(house, connection) == due
        assert None not in {_digests(house)[group] for group in touched}


def test_a_person_restored_at_entra_has_the_groups_again_in_the_same_run(house: House) -> None:
    """The feed that hid their end does not tell of them: they are looked up, for whoever was gone."""
    with settled(house, "azure") as (directory, connection, opener):
        directory.fault("omit_member_removal")
        who = _in_groups(directory, house.managed(connection))[0]
        directory.fault("soft_delete", id=who)
        house.pull(connection, opener, mode=RunMode.DELTA)
        assert house.managed(connection)[who].tags == {"scim"}
        directory.fault("restore", id=who)
        delta = house.pull(connection, opener, mode=RunMode.DELTA)
        assert (delta.state, delta.mode) == (RunState.SUCCEEDED, RunMode.DELTA)
        assert tags_held(house, connection) == tags_due(directory)
        assert len(house.managed(connection)[who].tags) > 1
        assert happened(house.pull(connection, opener)) == {}


def test_removals_of_a_delta_face_the_safeguards(house: House, ledger: Ledger) -> None:
    """A group that a delta would empty is held with its size; people who were no members do not count."""
    ledger.cursor = "one"
    names = [ledger.add(f"P{number:02}").external_id for number in range(30)]
    ledger.team("G3", "Many", *names)
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.delta = [Page(members=[MemberChange(group_id="G3", removed=[*names[:20], "A", "B"])])]
    run = house.pull(connection, ledger.source, mode=RunMode.DELTA)
    assert run.state is RunState.HELD
    assert any("Many would lose 20 of 30 members" in reason for reason in run.reasons)
    ledger.delta = [Page(members=[MemberChange(group_id="G3", added=names[:3], removed=["A"])])]
    assert happened(house.pull(connection, ledger.source, mode=RunMode.DELTA)) == {}


def test_the_last_word_on_a_membership_counts(house: House, ledger: Ledger) -> None:
    """Several changes of one group in one delta are one; whoever is deleted is not put into it."""
    ledger.cursor = "one"
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.delta = [
        Page(
            members=[
                MemberChange(group_id="G2", added=["A", "E"]),
                MemberChange(group_id="G2", removed=["C"]),
            ]
        ),
        Page(members=[MemberChange(group_id="G2", added=["C", "F"], removed=["A"])]),
        gone("user", "E"),
        gone("user", "B"),
    ]
    run = house.pull(connection, ledger.source, mode=RunMode.DELTA)
    assert happened(run) == {"suspend": 2, "member_add": 1, "member_remove": 1}
    tags = {who: person.tags for who, person in house.managed(connection).items()}
    assert {who for who in tags if "Group:Support" in tags[who]} == {"C", "D", "F"}
    assert {who for who in tags if "Group:Sales" in tags[who]} == {"A", "C"}


# --- shown late at OneLogin (C08) -----------------------------------------------------------------


def test_a_role_that_onelogin_shows_late_comes_without_flapping(quick_house: House) -> None:
    """A grant is not there, then there, and stays; nobody's other roles move meanwhile."""
    with settled(quick_house, "onelogin") as (directory, connection, opener):
        directory.fault(f"lag(roles={LATE_S})")
        role = next(each for each in directory.state()["groups"] if len(each["members"]) < 60)
        held = tags_held(quick_house, connection)
        newcomer = next(user_id for user_id in held if user_id not in role["members"])
        directory.add_member(role["id"], newcomer)
        for mode in (RunMode.DELTA, RunMode.FULL):
            assert quick_house.pull(connection, opener, mode=mode).state is RunState.SUCCEEDED
            assert tags_held(quick_house, connection) == held
        directory.clock(advance=LATE_S + 1)
        for mode in (RunMode.FULL, RunMode.DELTA):
            assert quick_house.pull(connection, opener, mode=mode).state is RunState.SUCCEEDED
            assert tags_held(quick_house, connection) == tags_due(directory)


def test_a_role_that_onelogin_does_not_show_for_a_while_stays(house: House) -> None:
    """The first read that misses it notes who waits and says so; shown again, it is as if never missed."""
    with settled(house, "onelogin") as (directory, connection, opener):
        role, who = _some_member(directory, house, connection)
        held, mail = tags_held(house, connection), house.managed(connection)[who].email
        control(directory, "DELETE", f"members/{role['id']}/{who}")
        directory.add_member(role["id"], who)
        directory.fault(f"lag(roles={LATE_S})")
        preview = house.pull(connection, opener, dry_run=True)
        assert f"{mail} in {role['name']}" in " ".join(preview.reasons)
        assert _notes(house) == 0
        run = house.pull(connection, opener)
        assert (run.state, happened(run)) == (RunState.SUCCEEDED, {})
        assert f"1 membership is not shown any more ({mail} in {role['name']})" in run.reasons[0]
        assert _notes(house) == 1
        assert "not shown by the read of" in _said(house, str(mail))
        assert _digests(house)[f"role:{role['id']}"] is None
        directory.clock(advance=LATE_S + 1)
        again = house.pull(connection, opener)
        assert (happened(again), again.reasons, _notes(house)) == ({}, (), 0)
        assert "not shown by the read of" not in _said(house, str(mail))
        assert tags_held(house, connection) == held == tags_due(directory)
        assert _digests(house)[f"role:{role['id']}"] is not None


def test_a_role_that_was_taken_ends_with_the_second_read(house: House) -> None:
    """Whichever reads they are; the suspended lose theirs at once, and so does who is gone."""
    with settled(house, "onelogin") as (directory, connection, opener):
        role, who = _some_member(directory, house, connection)
        other, leaver = (
            each for each in role["members"] if each != who and _is_active(house, connection, each)
        )
        control(directory, "DELETE", f"members/{role['id']}/{who}")
        control(directory, "DELETE", f"members/{role['id']}/{other}")
        directory.change_user(who, title="touched, so that a delta names them")
        directory.change_user(other, active=False)
        control(directory, "DELETE", f"users/{leaver}")
        tag = f"Group:{role['name']}"
        assert house.pull(connection, opener, mode=RunMode.DELTA).state is RunState.SUCCEEDED
        tags = {each: house.managed(connection)[each].tags for each in (who, other, leaver)}
        assert [tag in tags[each] for each in (who, other, leaver)] == [True, False, False]
        run = house.pull(connection, opener)
        assert (run.state, happened(run)) == (RunState.SUCCEEDED, {"member_remove": 1})
        assert tags_held(house, connection) == tags_due(directory)
        assert happened(house.pull(connection, opener)) == {}


def test_a_miss_counts_only_next_to_the_one_before(house: House, ledger: Ledger) -> None:
    """Missed, met, missed: nobody leaves; missed once more: out. A read that broke off counts for nothing."""
    ledger.late = True
    connection = house.connect()
    house.settle(connection, ledger.source)
    team = ledger.groups["G1"].members
    for member_is_shown in (False, True, False):
        (team.add if member_is_shown else team.discard)("A")
        assert happened(house.pull(connection, ledger.source)) == {}
        assert _notes(house) == (not member_is_shown)
    ledger.breaks_after = 4
    assert house.pull(connection, ledger.source).state is RunState.PARTIAL
    ledger.breaks_after = None
    assert "Group:Sales" in house.managed(connection)["A"].tags
    assert happened(house.pull(connection, ledger.source)) == {"member_remove": 1}
    assert "Group:Sales" not in house.managed(connection)["A"].tags


def _in_groups(directory: Simulator, people: Mapping[str, Person]) -> list[str]:
    """Active people who are in an ordinary group, by id."""
    ordinary = [group for group in directory.state()["groups"] if group["kind"] != "built_in"]
    return sorted({who for group in ordinary for who in group["members"] if people[who].active})


def _some_member(directory: Any, house: House, connection: Any) -> tuple[dict[str, Any], str]:
    """A small role, and somebody active in it."""
    roles = sorted(directory.state()["groups"], key=lambda each: len(each["members"]))
    for role in roles:
        active = [each for each in role["members"] if _is_active(house, connection, each)]
        if len(active) >= 3:
            return role | {"members": active[:3]}, active[0]
    raise AssertionError("no role has three active members")


def _is_active(house: House, connection: Any, who: str) -> bool:
    person = house.managed(connection).get(who)
    return person is not None and person.active
