"""Fields that come from the directory's own attributes, by rules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from providers.registry import open_source
from providers.simulator.server import Simulator
from sync.mapping import map_of
from sync.model.connection import AttributeRule, Connection, Policy
from sync.model.run import RunMode, RunState
from sync.model.source import Found, Page, Source, Wanted
from sync.resolution import resolve
from sync.revert import request_revert
from tests.engine.house import House
from tests.engine.ledger import Ledger, LedgerSource, gone


@dataclass
class Attributed(Ledger):
    """A ledger whose people have attributes of their own, which its source gives raw."""

    raw: dict[str, dict[str, Any]] = field(default_factory=dict)

    def says(self, id: str, **attributes: Any) -> None:
        self.raw.setdefault(id, {"profile": {}})["profile"] |= attributes

    def source(self) -> LedgerSource:
        return _Raw(self)


class _Raw(LedgerSource):
    def __init__(self, ledger: Attributed) -> None:
        super().__init__(ledger)
        self._raw = ledger.raw

    def full(self, place: str | None = None, /) -> Iterator[Page]:
        for page in super().full(place):
            yield replace(page, raw=[self._raw.get(record.external_id, {}) for record in page.users])

    def lookup(self, external_ids: Sequence[str]) -> Found:
        found = super().lookup(external_ids)
        return replace(found, raw={id_: self._raw.get(id_, {}) for id_ in found.present})


@pytest.fixture
def people() -> Attributed:
    """Three people with nicknames, titles and departments."""
    made = Attributed()
    for name in "ABC":
        made.add(name)
        made.says(name, nick=f"Nick {name}", title="Dr", dept="R&D")
    return made


def _policy(**rules: str | AttributeRule) -> Policy:
    mapping = tuple(
        rule if isinstance(rule, AttributeRule) else AttributeRule(field=name, rule=rule)
        for name, rule in rules.items()
    )
    return Policy(mapping=mapping, salt=repr(mapping))


def _settled(house: House, people: Attributed, **rules: str | AttributeRule) -> Connection:
    connection = house.connect(policy=_policy(**rules))
    house.settle(connection, people.source)
    return connection


def _happened(counts: Mapping[str, int]) -> dict[str, int]:
    return {action: count for action, count in counts.items() if count}


def _ann(house: House) -> dict[str, Any]:
    return house.user("a@example.com")


def test_fields_come_from_the_directorys_own_attributes(house: House, people: Attributed) -> None:
    """Profile fields, and further ones, which stand under extra."""
    connection = _settled(
        house,
        people,
        first_name="profile.nick",
        last_name='join(profile.title, " ", profile.dept)',
        department="lower(profile.dept)",
        company="=Acme",
    )
    ann = _ann(house)
    assert (ann["first_name"], ann["last_name"]) == ("Nick A", "Dr R&D")
    assert ann["extra"] == {"company": "Acme", "department": "r&d"}
    assert _happened(house.pull(connection, people.source).counts) == {}


def test_a_changed_attribute_is_an_update_that_says_what_changed(house: House, people: Attributed) -> None:
    """Plan, history and event carry the further fields before and after."""
    connection = _settled(house, people, department="profile.dept")
    people.says("A", dept="Sales")
    run = house.pull(connection, people.source)
    (item,) = house.items(run)
    assert (item.before, item.after) == (
        {"extra": {"department": "R&D"}},
        {"extra": {"department": "Sales"}},
    )
    assert _ann(house)["extra"] == {"department": "Sales"}
    (told,) = [event for event in house.events() if event["type"] == "user.updated"]
    assert told["snapshot"]["extra"] == {"department": "Sales"}


def test_a_null_clears_the_field_or_takes_the_default(house: House, people: Attributed) -> None:
    """Gone at the directory is gone here, unless something stands in."""
    default = AttributeRule(field="title", rule="profile.title", default="none")
    connection = _settled(house, people, first_name="profile.nick", dept="profile.dept", title=default)
    people.says("A", nick=None, dept=None, title=None)
    house.pull(connection, people.source)
    ann = _ann(house)
    assert (ann["first_name"], ann["extra"]) == (None, {"title": "none"})
    assert _happened(house.pull(connection, people.source).counts) == {}


def test_a_field_given_once_is_never_overwritten(house: House, people: Attributed) -> None:
    """It comes with the account; what a person makes of it later stays."""
    once = {
        name: AttributeRule(field=name, rule=rule, on_create=True)
        for name, rule in (
            ("first_name", "profile.nick"),
            ("title", "profile.title"),
            ("email", "profile.mail"),
        )
    }
    for name in "ABC":
        people.says(name, mail=f"{name.lower()}@example.com")
    connection = _settled(house, people, dept="profile.dept", **once)
    assert (_ann(house)["first_name"], _ann(house)["extra"]) == ("Nick A", {"dept": "R&D", "title": "Dr"})
    house.set_user(_ann(house)["id"], first_name="Her own choice")
    people.says("A", nick="Other", title="Prof", mail="other@example.com", dept="Sales")
    house.pull(connection, people.source)
    ann = _ann(house)
    assert (ann["first_name"], ann["extra"]) == ("Her own choice", {"dept": "Sales", "title": "Dr"})
    assert _happened(house.pull(connection, people.source).counts) == {}


def test_a_field_given_once_comes_with_an_adoption(house: House, people: Attributed) -> None:
    """Being adopted is a beginning too; what the account had from elsewhere stays."""
    house.add_user("a@example.com", first_name="Old", extra='{"badge":"7"}')
    rule = AttributeRule(field="title", rule="profile.title", on_create=True)
    connection = _settled(house, people, title=rule, first_name="profile.nick")
    assert (_ann(house)["first_name"], _ann(house)["extra"]) == ("Nick A", {"badge": "7", "title": "Dr"})
    people.says("A", title="Prof")
    house.pull(connection, people.source)
    assert _ann(house)["extra"] == {"badge": "7", "title": "Dr"}


def test_a_rule_that_is_taken_away_takes_its_field_along(house: House, people: Attributed) -> None:
    """Nothing is left that nobody looks after."""
    connection = _settled(house, people, dept="profile.dept", title="profile.title")
    house.policies[connection.id] = _policy(title="profile.title")
    house.pull(connection, people.source)
    assert _ann(house)["extra"] == {"title": "Dr"}


def test_an_absent_person_found_disabled_keeps_her_mapped_fields(house: House, people: Attributed) -> None:
    """The look-up by id is mapped like the list."""
    connection = _settled(house, people, first_name="profile.nick", dept="profile.dept")
    people.hidden = {"A"}
    people.suspend("A")
    run = house.pull(connection, people.source)
    assert _happened(run.counts) == {"suspend": 1}
    ann = _ann(house)
    assert (ann["active"], ann["first_name"], ann["extra"]) == (False, "Nick A", {"dept": "R&D"})


def test_a_tombstone_of_a_delta_keeps_the_mapped_fields(house: House, people: Attributed) -> None:
    """Somebody gone is suspended with what is known of her."""
    people.cursor = "one"
    connection = _settled(house, people, dept="profile.dept")
    people.delta = [gone("user", "A")]
    house.pull(connection, people.source, mode=RunMode.DELTA)
    assert (_ann(house)["active"], _ann(house)["extra"]) == (False, {"dept": "R&D"})


def test_further_fields_of_two_directories_follow_the_ranks(house: House, people: Attributed) -> None:
    """The higher-ranked one's value where it has one, else the other's."""
    first = replace(_policy(dept="profile.dept"), rank=10)
    connection = house.connect(policy=first, rank=10)
    house.settle(connection, people.source)
    other = Attributed()
    other.add("X", "a@example.com")
    other.says("X", dept="Other", room="7")
    second = house.connect("Second", policy=_policy(dept="profile.dept", room="profile.room"), rank=20)
    house.settle(second, other.source)
    (question,) = house.attention()
    with house.database.write() as conn:
        policy = house.policy_of(second)
        resolve(conn, second, policy, question["id"], how="link", by="an admin", now=house.clock())
    house.pull(second, other.source)
    assert _ann(house)["extra"] == {"dept": "R&D", "room": "7"}
    people.says("A", dept=None)
    house.pull(connection, people.source)
    assert _ann(house)["extra"] == {"dept": "Other", "room": "7"}
    assert _happened(house.pull(second, other.source).counts) == {}


def test_a_revert_puts_the_further_fields_back(house: House, people: Attributed) -> None:
    """They are part of what a run changed."""
    connection = _settled(house, people, dept="profile.dept")
    people.says("A", dept="Sales")
    run = house.pull(connection, people.source)
    with house.database.write() as conn:
        request_revert(conn, run.id, by="an admin", now=house.clock())
    house.execute(house.claim(connection), people.source)
    assert _ann(house)["extra"] == {"dept": "R&D"}


def test_a_push_is_mapped_from_its_document(house: House, people: Attributed) -> None:
    """What a document can answer it answers; the rest keeps what the pull made of it."""
    connection = _settled(house, people, first_name="profile.nick", title="coalesce(profile.title, title)")
    row = next(row for row in house.rows("directory_user") if row["external_id"] == "A")
    document = {"userName": "a@example.com", "name": {"givenName": "Formal"}, "title": "Prof", "active": True}
    document |= {"emails": [{"value": "a@example.com", "type": "work"}]}
    house.push(connection, lambda session: session.replace_user(row["id"], document))
    assert (_ann(house)["first_name"], _ann(house)["extra"]) == ("Nick A", {"title": "Prof"})
    assert _happened(house.pull(connection, people.source).counts) == {"update": 1}
    assert _ann(house)["extra"] == {"title": "Dr"}


def test_push_and_pull_of_the_same_state_agree(house: House, people: Attributed) -> None:
    """A rule that both can answer makes no change back and forth."""
    connection = _settled(house, people, nick="coalesce(profile.nick, nickName)")
    row = next(row for row in house.rows("directory_user") if row["external_id"] == "A")
    document = {"userName": "a@example.com", "nickName": "Nick A", "active": True}
    document |= {"name": {"givenName": "A", "familyName": "Person"}}
    document |= {"emails": [{"value": "a@example.com", "type": "work"}]}
    house.push(connection, lambda session: session.replace_user(row["id"], document))
    assert _ann(house)["extra"] == {"nick": "Nick A"}
    assert _happened(house.pull(connection, people.source).counts) == {}


# --- from an organisation -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [RunMode.FULL, RunMode.DELTA])
def test_an_organisations_attributes_are_mapped(house: House, simulator: Simulator, mode: RunMode) -> None:
    """Okta's own profile, by full read and by delta, with nothing else read for it."""
    policy = _policy(
        first_name='join(profile.lastName, ", ", profile.firstName)', login="profile.login", since="created"
    )
    connection = house.connect(policy=policy)
    fields = map_of(policy)
    assert fields is not None

    def opened() -> Source:
        settings = {"base_url": simulator.base_url, **simulator.credentials}
        return open_source("okta", settings, wanted=Wanted(attributes=fields.wanted))

    run = house.settle(connection, opened)
    assert run.state is RunState.SUCCEEDED
    person = next(person for person in simulator.state()["users"] if person["active"])
    found = house.user(person["email"])
    assert found["first_name"] == f"{person['last_name']}, {person['first_name']}"
    assert found["extra"]["login"]
    assert found["extra"]["since"][:2] == "20"
    body = {"first_name": "Renamed"}
    httpx.patch(f"{simulator.base_url}/_sim/users/{person['id']}", json=body).raise_for_status()
    house.pull(connection, opened, mode=mode)
    assert house.user(person["email"])["first_name"] == f"{person['last_name']}, Renamed"
