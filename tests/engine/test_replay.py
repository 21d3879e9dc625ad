"""A setting that nobody saved, tried on what is stored."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sync import approval, replay
from sync.model.connection import AttributeRule, Connection, Limit, Policy, Safeguards
from sync.model.errors import Conflict
from sync.model.resources import UserRecord
from sync.model.run import PlanItem, PlanState, RunState, StoredPlan, Verdict
from sync.model.session import NewMember
from sync.model.source import Members
from sync.store import plans, runs
from tests.engine.house import House
from tests.engine.ledger import Ledger

OWN_TABLES = ("run", "plan", "plan_item")
"""What a preview writes: itself."""


def _settled(house: House, ledger: Ledger, policy: Policy | None = None) -> Connection:
    """A connection whose first run is over."""
    connection = house.connect(policy=policy)
    assert house.settle(connection, ledger.source).state is RunState.SUCCEEDED
    ledger.opened = 0
    return house.reread(connection)


def _preview(house: House, connection: Connection, policy: Policy) -> tuple[StoredPlan, list[PlanItem]]:
    plan_id = replay.preview(house.database, connection, policy, clock=house.clock, by="an admin")
    with house.database.read() as conn:
        plan = plans.get(conn, plan_id)
        return plan, [item for item in plans.items(conn, plan_id) if item.action != "record" and item.count]


def test_the_saved_policy_previews_nothing(house: House, ledger: Ledger) -> None:
    """What is stored, under the settings it was made with, asks for no change."""
    connection = _settled(house, ledger)
    plan, items = _preview(house, connection, Policy())
    assert (items, plan.verdict, plan.complete) == ([], Verdict.PROCEED, True)


def test_a_new_template_shows_its_renames(house: House, ledger: Ledger) -> None:
    """An unsaved tag template is a plan of one rename per group, and nothing is asked of the directory."""
    connection = _settled(house, ledger)
    plan, items = _preview(house, connection, Policy(tag_template="Team:{name}"))
    assert {item.subject: (item.action, item.after["tag"]) for item in items} == {
        "Sales": ("group_rename", "Team:Sales"),
        "Support": ("group_rename", "Team:Support"),
    }
    assert (plan.state, ledger.opened, ledger.asked) == (PlanState.DISCARDED, 0, [])


def test_a_preview_changes_nothing_but_itself(house: House, ledger: Ledger) -> None:
    """People, groups, links, history, events, questions and the connection stay byte for byte."""
    connection = _settled(house, ledger)
    before = house.dump(*OWN_TABLES)
    _preview(house, connection, Policy(tag_template=None, email_from=("user_name",)))
    assert house.dump(*OWN_TABLES) == before


def test_another_source_of_addresses_shows_who_would_change(house: House, ledger: Ledger) -> None:
    """An unsaved e-mail order is previewed person by person, with before and after."""
    ledger.add("G", user_name="g@work.example.com", email="g@example.com")
    connection = _settled(house, ledger)
    _, items = _preview(house, connection, Policy(email_from=("user_name", "email")))
    assert [(item.action, item.before["email"], item.after["email"]) for item in items] == [
        ("update", "g@example.com", "g@work.example.com")
    ]


def test_whoever_waits_for_a_confirmation_is_adopted_in_the_preview(house: House, ledger: Ledger) -> None:
    """Loosening the adoption rule shows the accounts it would link."""
    house.add_user("a@example.com")
    policy = Policy(verified_domains=("elsewhere.example.com",))
    connection = _settled(house, ledger, policy)
    assert [question["kind"] for question in house.attention()] == ["confirm_adoption"]
    _, items = _preview(house, connection, replace(policy, verified_domains=()))
    assert [(item.action, item.subject) for item in items] == [("adopt", "a@example.com")]


def test_the_safeguards_stand_before_a_preview_too(house: House, ledger: Ledger) -> None:
    """A preview says what would hold it."""
    ledger.add("G", user_name="g@work.example.com", email="g@example.com")
    connection = _settled(house, ledger)
    tight = replace(Safeguards(), updates=Limit(floor=0, share=0))
    plan, _ = _preview(house, connection, Policy(email_from=("user_name",), safeguards=tight))
    assert plan.verdict is Verdict.HELD
    assert "1 profile would be rewritten" in " ".join(plan.reasons)


def test_a_group_that_an_unsaved_filter_leaves_out_is_shown(house: House, ledger: Ledger) -> None:
    """Excluding a group, or including others only, is previewed as its end, and keeps the rest."""
    connection = _settled(house, ledger)
    for policy in (Policy(groups_exclude=("Sales",)), Policy(groups_include=("Sup*",))):
        plan, items = _preview(house, connection, policy)
        assert [(item.action, item.subject) for item in items] == [("group_delete", "Sales")]
        assert plan.verdict is Verdict.PROCEED


def test_what_cannot_be_previewed_is_said(house: House, ledger: Ledger) -> None:
    """Attribute rules want the directory's own attributes, which are not stored: the plan says so."""
    connection = _settled(house, ledger)
    rule = AttributeRule(field="last_name", rule="lower(lastName)")
    plan, items = _preview(house, connection, Policy(mapping=(rule,)))
    assert items == []
    assert "Attribute rules are not part of a preview" in " ".join(plan.reasons)


def test_the_gone_stay_gone(house: House, ledger: Ledger) -> None:
    """Somebody who left the directory is in no preview: neither removed again nor brought back."""
    connection = _settled(house, ledger)
    ledger.remove("A")
    house.pull(connection, ledger.source)
    assert not house.user("a@example.com")["active"]
    assert "A" not in {record.external_id for record in _people(house, connection)}
    _, items = _preview(house, connection, Policy())
    assert items == []


def test_what_only_a_push_has_named_is_previewed_as_it_is(house: House) -> None:
    """People and groups without an IdP's id are matched to themselves, memberships included."""
    connection = house.connect()

    def push(session):
        person = session.create_user(
            {"userName": "p@work.example.com", "emails": [{"value": "p@example.com"}]}
        )
        mail = [{"value": "q@example.com"}]
        session.create_user({"userName": "q@work.example.com", "emails": mail, "externalId": "q-7"})
        session.create_group({"displayName": "Pushed"}, [NewMember(value=person.id)])
        session.create_group({"displayName": "Named", "externalId": "n-1"}, [NewMember(value=person.id)])

    house.push(connection, push)
    connection = house.reread(connection)
    assert _preview(house, connection, Policy())[1] == []
    _, items = _preview(house, connection, Policy(email_from=("user_name",), tag_template="T:{name}"))
    assert sorted((item.action, item.after.get("email") or item.after["tag"]) for item in items) == [
        ("group_rename", "T:Named"),
        ("group_rename", "T:Pushed"),
        ("update", "p@work.example.com"),
        ("update", "q@work.example.com"),
    ]


def test_one_run_at_a_time(house: House, ledger: Ledger) -> None:
    """While another run is queued the preview says so, and leaves no run behind."""
    connection = _settled(house, ledger)
    queued = house.request(connection)
    with pytest.raises(Conflict, match="queued or running"):
        _preview(house, connection, Policy())
    house.claim(connection)
    with pytest.raises(Conflict, match="queued or running"):
        _preview(house, connection, Policy())
    with house.database.read() as conn:
        assert runs.listed(conn, connection_id=connection.id)[0].id == queued.id


def test_stored_people_answer_when_asked_by_id(house: House, ledger: Ledger) -> None:
    """A look-up knows the living from the gone, and strangers are gone."""
    connection = _settled(house, ledger)
    ledger.remove("A")
    house.pull(connection, ledger.source)
    source = replay.Stored(house.database, connection)
    found = source.lookup(["A", "B", "nobody"])
    assert (set(found.present), found.gone) == ({"B"}, frozenset({"A", "nobody"}))
    groups = source.lookup_groups(["G1", "G9"])
    assert (groups.present, groups.gone) == (frozenset({"G1"}), frozenset({"G9"}))


def test_pages_hold_what_was_read(house: House, ledger: Ledger) -> None:
    """Stored records equal the directory's own, members included."""
    connection = _settled(house, ledger)
    pages = list(replay.Stored(house.database, connection).full())
    people = {record.external_id: record for page in pages for record in page.users}
    assert people == ledger.people
    parts = [part for page in pages for part in page.members if isinstance(part, Members)]
    members = {part.group_id: set(part.user_ids) for part in parts}
    assert members == {id_: team.members for id_, team in ledger.groups.items()}


def test_a_big_directory_is_previewed_in_pages(house: House) -> None:
    """Nobody is left out or shown twice where the stored rows fill several pages."""
    big = Ledger(page_size=500)
    for number in range(2_345):
        big.add(f"p{number:05}")
    connection = _settled(house, big)
    seen = Counter(record.external_id for record in _people(house, connection))
    assert len(seen) == 2_345
    assert set(seen.values()) == {1}


def _people(house: House, connection: Connection) -> Iterator[UserRecord]:
    for page in replay.Stored(house.database, connection).full():
        yield from page.users


@pytest.mark.parametrize("yes", [False, True])
def test_a_preview_is_never_applied(house: House, ledger: Ledger, yes: bool) -> None:
    """Nobody saved its settings: whoever wants its plan is told to save them first."""
    connection = _settled(house, ledger)
    plan, _ = _preview(house, connection, Policy(tag_template="Team:{name}"))
    before = house.dump()
    with house.database.write() as conn, pytest.raises(Conflict, match="settings that nobody saved"):
        approval.apply_plan(conn, plan.id, expect_hash=plan.hash, yes=yes, by="an admin", now=house.clock())
    assert house.dump() == before
