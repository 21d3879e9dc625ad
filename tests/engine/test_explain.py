"""Why somebody is as they are."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from sync import accounts, resolution
from sync.explain import explain
from sync.model.connection import Policy
from sync.model.errors import Conflict, NotFound, Refused
from sync.model.resources import Status
from sync.model.session import NewMember
from sync.store import schema
from tests.engine.house import House
from tests.engine.ledger import Ledger
from tests.engine.scim import Pusher
from tests.engine.scim import person as pushed_person

Row = dict[str, Any]


def _explain(house: House, ref: str) -> Row:
    with house.database.read() as conn:
        return explain(conn, ref).as_json()


def _text(house: House, ref: str) -> str:
    with house.database.read() as conn:
        return explain(conn, ref).as_text()


def _facts(entries: list[Row]) -> str:
    return " | ".join(entry["fact"] for entry in entries)


def _tag(said: Row, name: str) -> list[Row]:
    found: list[Row] = next(tag["because"] for tag in said["tags"] if tag["tag"] == name)
    return found


def _field(said: Row, name: str) -> Row:
    found: Row = next(entry for entry in said["fields"] if entry["field"] == name)
    return found


# --- state ----------------------------------------------------------------------------------------


def test_somebody_active_names_the_run_that_created_her(house: House, ledger: Ledger) -> None:
    """An active user's access is traced to the directory, the run and the moment."""
    run = house.settle(house.connect(), ledger.source)
    said = _explain(house, "a@example.com")
    assert (said["state"], said["user"]["managed"], said["user"]["connections"]) == ("active", True, ["Acme"])
    first = said["because"][0]
    assert (first["source"], first["run_id"]) == ("Acme", run.id)
    assert first["at"].startswith("2026-11-24T08:00")
    assert "nobody here has this e-mail" in first["fact"]


def test_somebody_suspended_names_why_and_by_which_run(house: House, ledger: Ledger) -> None:
    """A suspension by a run names the directory's word and the run, and the seat is free."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.suspend("A")
    run = house.pull(connection, ledger.source)
    said = _explain(house, "A")
    assert (said["state"], said["because"][0]["run_id"]) == ("suspended", run.id)
    assert "suspended at the directory (SUSPENDED)" in said["because"][0]["fact"]
    assert said["seat"]["taken"] is False


def test_somebody_absent_is_told_from_somebody_suspended(house: House, ledger: Ledger) -> None:
    """Who left the directory was looked up by id, and the explanation says that."""
    connection = house.connect()
    house.settle(connection, ledger.source)
    ledger.remove("A")
    house.pull(connection, ledger.source)
    assert "looked up by id" in _facts(_explain(house, "a@example.com")["because"])


def test_a_hand_is_named(house: House, ledger: Ledger) -> None:
    """A suspension by hand names who did it, and that no run undoes it."""
    house.settle(house.connect(), ledger.source)
    with house.database.write() as conn:
        accounts.suspend(conn, "a@example.com", by="Robin", reason="on leave", now=house.clock())
    said = _explain(house, "a@example.com")
    assert (said["state"], said["because"][0]["source"]) == ("suspended", "by hand")
    assert "on leave (by Robin)" in said["because"][0]["fact"]
    assert "no run gives the access back" in _facts(said["because"])


def test_another_directory_keeps_the_account_active(house: House, ledger: Ledger) -> None:
    """Where one directory says suspended and another active, the explanation names the keeper."""
    acme, other = house.connect("Acme"), house.connect("Globex")
    house.settle(acme, ledger.source)
    second = Ledger()
    second.add("g-1", "a@example.com")
    house.settle(other, second.source)
    with house.database.write() as conn:
        (question,) = house.attention()
        resolution.resolve(conn, other, Policy(), question["id"], how="link", by="Robin", now=house.clock())
    ledger.suspend("A")
    run = house.pull(acme, ledger.source)
    said = _explain(house, "a@example.com")
    kept = next(entry for entry in said["because"] if "kept active by Globex" in entry["fact"])
    assert (said["state"], kept["source"], kept["run_id"]) == ("active", "Acme", run.id)
    assert {link["how"] for link in said["links"]} == {"created", "adopted"}


def test_an_account_nobody_manages(house: House) -> None:
    """An account that came by SSO says so, and every field is by hand."""
    house.add_user("sso@example.com", origin="sso", first_name="Sam")
    said = _explain(house, "SSO@example.com")
    assert "No directory manages this account" in _facts(said["because"])
    assert {entry["because"][0]["source"] for entry in said["fields"]} == {"by hand"}
    assert (said["tags"], said["links"], said["seat"]["taken"]) == ([], [], False)


def test_what_is_older_than_history_is_not_guessed(house: House, ledger: Ledger) -> None:
    """Where no change is on record the explanation says that it does not know."""
    house.settle(house.connect(), ledger.source)
    with house.database.write() as conn:
        conn.execute(sa.delete(schema.history))
    said = _explain(house, "a@example.com")
    assert "known since before history was kept" in said["because"][0]["fact"]
    assert "known since before history was kept" in _facts(_field(said, "first_name")["because"])
    assert said["links"][0]["because"][0]["run_id"] is not None


def test_what_waits_for_approval_is_told(house: House, ledger: Ledger) -> None:
    """Somebody whose suspension is held is active, and the plan that waits is named."""
    connection = house.connect(policy=Policy())
    for number in range(20):
        ledger.add(f"p{number}")
    house.settle(connection, ledger.source)
    for number in range(12):
        ledger.suspend(f"p{number}")
    run = house.pull(connection, ledger.source)
    said = _explain(house, "p1@example.com")
    held = next(entry for entry in said["because"] if "waits for approval" in entry["fact"])
    assert (said["state"], held["run_id"]) == ("active", run.id)
    assert f"Plan {run.plan_id} waits for approval to suspend" in held["fact"]


# --- tags -----------------------------------------------------------------------------------------


def test_every_tag_names_its_sources(house: House, ledger: Ledger) -> None:
    """Managed, by group and by hand: each tag says through what, since when and by which run."""
    run = house.settle(house.connect(), ledger.source)
    house.tag_by_hand(house.user("a@example.com")["id"], "vip")
    said = _explain(house, "a@example.com")
    assert [tag["tag"] for tag in said["tags"]] == ["Group:Sales", "scim", "vip"]
    (group,) = _tag(said, "Group:Sales")
    assert (group["source"], group["run_id"]) == ("Acme", run.id)
    assert "Member of the directory group Sales" in group["fact"]
    assert "Managed by Acme: created" in _facts(_tag(said, "scim"))
    assert _tag(said, "vip")[0]["source"] == "by hand"
    assert "an admin" in _tag(said, "vip")[0]["fact"]


def test_a_renamed_group_tells_when_the_tag_became_this_one(house: House, ledger: Ledger) -> None:
    """The membership is older than the tag's name, and both are told."""
    connection = house.connect()
    first = house.settle(connection, ledger.source)
    ledger.groups["G1"].name = "Selling"
    second = house.pull(connection, ledger.source)
    member, renamed = _tag(_explain(house, "a@example.com"), "Group:Selling")
    assert (member["run_id"], renamed["run_id"]) == (first.id, second.id)
    assert "The group Sales became Selling" in renamed["fact"]


def test_a_tag_through_a_group_within_a_group_names_both(house: House, ledger: Ledger) -> None:
    """Who is in Sales, which is in Company, carries Company's tag, and is told through what."""
    ledger.team("G0", "Company").groups.add("G1")
    ledger.team("G9", "Holding").groups.add("G0")
    run = house.settle(house.connect(), ledger.source)
    said = _explain(house, "a@example.com")
    member, nested = _tag(said, "Group:Company")
    assert member["fact"] == "Member of the directory group Sales"
    assert (nested["fact"], nested["run_id"]) == ("The group Sales is in Company", run.id)
    assert "The group Sales is, by further groups, in Holding" in _facts(_tag(said, "Group:Holding"))


def test_a_pushed_membership_names_the_push(house: House) -> None:
    """A tag through a pushed group has no run, and says that it was pushed."""
    connection = house.connect()

    def push(session: Any) -> None:
        person = session.create_user({"userName": "p@example.com", "emails": [{"value": "p@example.com"}]})
        session.create_group({"displayName": "Pushed"}, [NewMember(value=person.id)])

    house.push(connection, push)
    said = _explain(house, "p@example.com")
    (member,) = _tag(said, "Group:Pushed")
    assert (member["run_id"], member["source"]) == (None, "Acme")
    assert "(pushed)" in member["fact"]
    assert "(pushed)" in said["because"][0]["fact"]


def test_tags_are_those_the_application_sees(house: House, ledger: Ledger) -> None:
    """No tag is explained that the user has not, and none is left out."""
    house.settle(house.connect(), ledger.source)
    for person in house.users().values():
        assert [tag["tag"] for tag in _explain(house, person["id"])["tags"]] == sorted(person["tags"])


# --- fields ---------------------------------------------------------------------------------------


def test_each_field_names_the_run_that_set_it(house: House, ledger: Ledger) -> None:
    """A changed name is the later run's, the e-mail still the first one's."""
    connection = house.connect()
    first = house.settle(connection, ledger.source)
    ledger.change("A", first_name="Ada")
    second = house.pull(connection, ledger.source)
    said = _explain(house, "a@example.com")
    assert _field(said, "first_name")["value"] == "Ada"
    assert _field(said, "first_name")["because"][0]["run_id"] == second.id
    assert _field(said, "email")["because"][0]["run_id"] == first.id


def test_a_further_field_names_its_rule_and_the_run_that_set_it(house: House, ledger: Ledger) -> None:
    """A mapped field besides the profile is traced to the directory, the rule, the run and the moment."""
    acme = house.connect(attributes={"department": "profile.department", "desk": {"value": "=none"}})
    ledger.change("A", extra=(("department", "Sales"), ("desk", "none")))
    house.settle(acme, ledger.source)
    ledger.change("A", extra=(("department", "Research"), ("desk", "none")))
    run = house.pull(acme, ledger.source)
    field = _field(_explain(house, "a@example.com"), "department")
    set_by, said = field["because"]
    assert (field["value"], set_by["source"], set_by["run_id"]) == ("Research", "Acme", run.id)
    assert set_by["fact"] == "Set when updated: the directory says otherwise"
    assert said["fact"] == "Acme says “Research” by the rule profile.department"
    assert "desk: none" in _text(house, "a@example.com")


def test_a_further_field_that_was_cleared_says_when(house: House, ledger: Ledger) -> None:
    """A field that no directory gives any more is gone with the change that took it."""
    acme = house.connect()
    ledger.change("A", extra=(("department", "Sales"), ("desk", "4")))
    house.settle(acme, ledger.source)
    ledger.change("A", extra=(("desk", "5"),))
    house.pull(acme, ledger.source)
    assert [each["field"] for each in _explain(house, "a@example.com")["fields"]][-1] == "desk"


def test_a_value_that_no_change_set_is_by_hand(house: House, ledger: Ledger) -> None:
    """Somebody who edits a name beside the engine is not mistaken for the directory."""
    house.settle(house.connect(), ledger.source)
    house.set_user(house.user("a@example.com")["id"], first_name="Nickname")
    field = _field(_explain(house, "a@example.com"), "first_name")
    assert field["because"][0]["source"] == "by hand"
    assert "changed by hand after" in field["because"][0]["fact"]
    assert "Acme says “A”" in _facts(field["because"])


# --- adoption and skip ----------------------------------------------------------------------------


def test_an_adoption_names_rule_run_and_reason(house: House, ledger: Ledger) -> None:
    """An account that existed tells how it came to the directory, and its e-mail stays by hand."""
    house.add_user("A@Example.com", origin="sso")
    run = house.settle(house.connect(), ledger.source)
    said = _explain(house, "a@example.com")
    (link,) = said["links"]
    assert (link["how"], link["rule"], link["run_id"], link["external_id"]) == (
        "adopted",
        "e-mail",
        run.id,
        "A",
    )
    assert "an account with the e-mail A@Example.com exists" in _facts(link["because"])
    assert _field(said, "email")["because"][0]["source"] == "by hand"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"status": Status.PENDING, "status_text": "STAGED"}, "not provisioned: STAGED at the directory"),
        ({"status": Status.SUSPENDED, "status_text": "LOCKED"}, "not provisioned: LOCKED at the directory"),
        ({"email": "", "user_name": "no-mail"}, "no usable e-mail"),
    ],
)
def test_somebody_without_an_account_says_why(
    house: House, ledger: Ledger, said: dict[str, Any], why: str
) -> None:
    """Pending, suspended or without e-mail: the directory's person is found, and the reason with it."""
    ledger.add("Z")
    ledger.change("Z", **said)
    run = house.settle(house.connect(), ledger.source)
    found = _explain(house, "Z")
    assert (found["user"], found["state"]) == (None, "not provisioned")
    assert why in _facts(found["because"])
    assert {entry["run_id"] for entry in found["because"]} == {run.id}


def test_an_adoption_that_waits_is_told_on_both_sides(house: House, ledger: Ledger) -> None:
    """The account and the directory's person both say that a person must confirm the link."""
    house.add_user("a@example.com", protected=True)
    house.settle(house.connect(), ledger.source)
    for ref in ("a@example.com", "A"):
        said = _explain(house, ref)
        assert "the account is protected; confirm to link it" in _facts(
            [entry for part in said["not_linked"] for entry in part["because"]]
        )
    assert _explain(house, "a@example.com")["user"]["managed"] is False
    assert _explain(house, "A")["user"] is None


def test_a_dispute_is_told(house: House, ledger: Ledger) -> None:
    """Two people with one e-mail are both found by it, and say what they dispute."""
    ledger.add("T1", "twin@example.com")
    ledger.add("T2", "twin@example.com", user_name="twin2@example.com")
    house.settle(house.connect(), ledger.source)
    said = _explain(house, "twin@example.com")
    assert {part["external_id"] for part in said["not_linked"]} == {"T1", "T2"}
    assert "several people of this directory have the e-mail" in _facts(said["because"])
    assert "Needs attention: disputed" in _facts(said["because"])


def test_before_the_first_run_is_approved_the_plan_answers(house: House, ledger: Ledger) -> None:
    """Somebody of whom only a held plan speaks is found in it, by id and by e-mail."""
    run = house.pull(house.connect(), ledger.source)
    for ref in ("A", "a@example.com", "A@EXAMPLE.com"):
        said = _explain(house, ref)
        assert (said["user"], said["state"], said["because"][0]["run_id"]) == (
            None,
            "not provisioned",
            run.id,
        )
        assert "waits for approval to create" in said["because"][0]["fact"]


def test_a_member_whom_nobody_has_named_is_unknown_here(house: House, ledger: Ledger) -> None:
    """An id that only a group names is told to be just that."""
    ledger.groups["G1"].members.add("stranger")
    run = house.settle(house.connect(), ledger.source)
    said = _explain(house, "stranger")
    assert (said["user"], said["state"], said["because"][0]["run_id"]) == (None, "unknown here", run.id)
    assert "The group Sales names this id as a member" in said["because"][0]["fact"]


# --- who is meant ---------------------------------------------------------------------------------


def test_one_person_has_many_names(house: House, ledger: Ledger) -> None:
    """The user's id, e-mail, external id, userName and directory id lead to the same account."""
    ledger.change("A", user_name="ada")
    house.settle(house.connect(), ledger.source)
    user = house.user("a@example.com")
    for ref in (user["id"], "A@example.COM", "A", "Ada", user["directory_users"][0]["id"]):
        assert _explain(house, ref)["user"]["id"] == user["id"]


def test_nobody_is_told_with_the_nearest(house: House, ledger: Ledger) -> None:
    """A name nobody has is an error that names who may be meant, in directories too."""
    house.add_user("alice@example.com")
    ledger.add("Z", user_name="alina", email="", status=Status.PENDING)
    house.settle(house.connect(), ledger.source)
    with pytest.raises(NotFound, match=r"did you mean alice@example\.com"):
        _explain(house, "alicia@example.com")
    with pytest.raises(NotFound, match="alina"):
        _explain(house, "alin")


def test_a_name_of_two_is_refused(house: House) -> None:
    """An e-mail that two accounts have is a conflict that names them."""
    ids = sorted([house.add_user("twin@example.com"), house.add_user("Twin@example.com")])
    with pytest.raises(Conflict, match=f"{ids[0]}, {ids[1]}"):
        _explain(house, "twin@example.com")


def test_the_text_holds_every_part(house: House, ledger: Ledger) -> None:
    """State, tags, fields, links, seat and history stand on one page, each with its source and run."""
    run = house.settle(house.connect(), ledger.source)
    text = _text(house, "a@example.com")
    assert text.startswith("a@example.com is active\n")
    for part in ("Tags", "  Group:Sales", "Fields", "  first_name: A", "Linked to", "Seat", "newest first"):
        assert part in text
    assert f"[Acme, run {run.id}, 2026-11-24 08:00 UTC]" in text


def test_what_no_run_did_names_its_way(house: House, ledger: Ledger) -> None:
    """An adoption that a person confirmed names her, and somebody for whom a seat came free says so."""
    house.add_user("a@example.com", admin=True)
    connection = house.connect(policy=Policy(seat_limit=6))
    house.settle(connection, ledger.source)
    (question,) = house.attention()
    with house.database.write() as conn:
        policy, at = house.policy_of(connection), house.clock()
        resolution.resolve(conn, connection, policy, question["id"], how="link", by="cli:ada", now=at)
    assert "Adopted: linked, as a person decided (by cli:ada)" in _text(house, "a@example.com")
    with pytest.raises(Refused):
        Pusher(house, connection).create(pushed_person("new@example.com", "N"))
    house.policies[connection.id] = Policy()
    resolution.retry_waiting(house.database, house.policy_of, clock=house.clock)
    assert "(when a seat was free)" in _text(house, "new@example.com")
