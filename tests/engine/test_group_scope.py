"""Which groups count, what they are called, and what becomes of the tags meanwhile."""

from collections.abc import Callable, Mapping
from datetime import datetime

import pytest

from sync.model.change import Action
from sync.model.connection import Connection, Limit, Policy, Safeguards
from sync.model.resources import Status
from sync.model.run import PlanItem, Run, RunMode, RunState
from sync.model.session import NewMember, SetMembers
from sync.resolution import resolve
from tests.engine.house import House
from tests.engine.ledger import Ledger


def _with(house: House, connection: Connection, **said: object) -> None:
    """The connection's policy from now on; as in the program, another policy has another salt."""
    salt = f"{len(house.policies)}{sorted(said.items())}"
    house.policies[connection.id] = Policy(salt=salt, **said)  # type: ignore[arg-type]


def _tags(house: House) -> dict[str, set[str]]:
    """Group tags by the e-mail's first letter."""
    return {email[0]: {tag for tag in row["tags"] if tag != "scim"} for email, row in house.users().items()}


def _settled(house: House, ledger: Ledger, **said: object) -> Connection:
    connection = house.connect()
    _with(house, connection, **said)
    house.settle(connection, ledger.source)
    return connection


def _names(house: House) -> set[str]:
    return {row["name"] for row in house.rows("directory_group") if row["deleted_at"] is None}


def _happened(counts: Mapping[str, int]) -> dict[str, int]:
    return {action: count for action, count in counts.items() if count}


def _told(house: House, run: Run) -> list[PlanItem]:
    """The items people see."""
    return [item for item in house.items(run) if item.action != Action.RECORD]


# --- include and exclude --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"groups_include": ("Sales",)},
        {"groups_include": ("G1",)},
        {"groups_include": ("sa*",)},
        {"groups_include": ("/^s.les$/",)},
        {"groups_exclude": ("Support",)},
        {"groups_include": ("S*",), "groups_exclude": ("/port/",)},
    ],
)
def test_a_group_out_of_scope_is_not_made(house: House, ledger: Ledger, said: dict[str, object]) -> None:
    """By id, name, prefix or expression: neither the group nor its tag exists."""
    _settled(house, ledger, **said)
    assert _names(house) == {"Sales"}
    assert _tags(house)["c"] == {"Group:Sales"}
    assert _tags(house)["d"] == set()


def test_a_group_that_is_excluded_later_goes_with_its_reason(house: House, ledger: Ledger) -> None:
    """A planned removal that names the pattern; the people stay."""
    connection = _settled(house, ledger)
    _with(house, connection, groups_exclude=("Sup*",))
    run = house.pull(connection, ledger.source)
    (item,) = _told(house, run)
    assert (item.action, item.reason) == ("group_delete", "out of scope: excluded by Sup*")
    assert _names(house) == {"Sales"}
    assert _tags(house)["d"] == set()
    assert len(house.users()) == 6
    assert _happened(house.pull(connection, ledger.source).counts) == {}


def test_a_group_that_is_included_again_comes_back_with_its_members(house: House, ledger: Ledger) -> None:
    """Leaving the rule away is enough."""
    connection = _settled(house, ledger, groups_exclude=("Support",))
    _with(house, connection)
    house.pull(connection, ledger.source)
    assert _tags(house)["d"] == {"Group:Support"}


def test_groups_going_out_of_scope_face_the_safeguards(house: House, ledger: Ledger) -> None:
    """An exclude that is too wide waits for a person, and everybody keeps the tags meanwhile."""
    for number in range(4):
        ledger.team(f"H{number}", f"Team {number}", "A")
    connection = _settled(house, ledger)
    _with(house, connection, groups_exclude=("*",))
    ledger.groups["H0"].members = {"B"}
    run = house.pull(connection, ledger.source)
    assert run.state is RunState.HELD
    assert any("6 groups would be deleted" in reason for reason in run.reasons)
    assert _tags(house)["a"] == {"Group:Sales", *(f"Group:Team {number}" for number in range(4))}
    assert "Group:Team 0" not in _tags(house)["b"]


def test_a_partial_read_removes_no_group(house: House, ledger: Ledger) -> None:
    """Not even one that the rules leave out."""
    connection = _settled(house, ledger)
    _with(house, connection, groups_exclude=("Support",))
    ledger.ends = False
    house.pull(connection, ledger.source)
    assert _names(house) == {"Sales", "Support"}


@pytest.mark.parametrize("before", [{}, {"groups_include": ("Sales",)}])
def test_an_include_that_fits_nothing_holds_the_run(
    house: House, ledger: Ledger, before: dict[str, object]
) -> None:
    """A typo takes nobody's tag, and the sentence names the pattern."""
    connection = _settled(house, ledger, **before)
    tags = _tags(house)
    _with(house, connection, groups_include=("Slaes", "Support"))
    ledger.add("N")
    run = house.pull(connection, ledger.source)
    assert run.state is RunState.HELD
    assert any("Slaes fits no group" in reason for reason in run.reasons)
    assert _tags(house) == tags
    _with(house, connection, groups_include=("Sales", "Support"))
    assert house.pull(connection, ledger.source).state is RunState.SUCCEEDED


def test_an_include_is_no_typo_because_of_a_delta_or_a_broken_read(house: House, ledger: Ledger) -> None:
    """Only a complete full read knows what there is."""
    ledger.cursor = "one"
    connection = _settled(house, ledger, groups_include=("Sales",))
    run = house.pull(connection, ledger.source, mode=RunMode.DELTA)
    assert (run.state, run.reasons) == (RunState.SUCCEEDED, ())
    ledger.breaks_after = 1
    assert not any("fits no group" in reason for reason in house.pull(connection, ledger.source).reasons)


def test_the_directorys_own_count_includes_groups_out_of_scope(house: House, ledger: Ledger) -> None:
    """Leaving groups out is no sign of a short list."""
    connection = _settled(house, ledger, groups_exclude=("Support",))
    ledger.remove("F")
    run = house.pull(connection, ledger.source)
    assert _happened(run.counts) == {"suspend": 1}


def test_a_pushed_group_out_of_scope_is_kept_without_a_tag(house: House, ledger: Ledger) -> None:
    """The IdP may go on pushing it, and a pull that sees it lets it be."""
    connection = _settled(house, ledger, groups_exclude=("Temps",))
    member = next(row["id"] for row in house.rows("directory_user") if row["external_id"] == "A")
    document = {"displayName": "Temps", "externalId": "G9"}
    made = house.push(connection, lambda session: session.create_group(document, [NewMember(value=member)]))
    assert _tags(house)["a"] == {"Group:Sales"}
    ledger.team("G9", "Temps", "A")
    assert _happened(house.pull(connection, ledger.source).counts) == {}
    house.push(
        connection,
        lambda session: session.change_group(
            made.id, document, [SetMembers(members=[NewMember(value=member)])]
        ),
    )
    assert "Temps" in _names(house)
    assert _tags(house)["a"] == {"Group:Sales"}


def test_a_group_both_pushed_and_pulled_loses_its_tag_and_stays(house: House, ledger: Ledger) -> None:
    """Deleted by the pull, the IdP's next push of it would fail."""
    connection = _settled(house, ledger)
    _with(house, connection, groups_exclude=("Support",))
    support = next(row["id"] for row in house.rows("directory_group") if row["name"] == "Support")
    document = {"displayName": "Support", "externalId": "G2"}
    house.push(connection, lambda session: session.change_group(support, document, []))
    assert _happened(house.pull(connection, ledger.source).counts) == {}
    assert "Support" in _names(house)
    assert _tags(house)["d"] == set()


# --- tags -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "tag"), [("{name}", "Sales"), ("team/{name}!", "team/Sales!"), (None, None)]
)
def test_the_template_makes_the_tag(
    house: House, ledger: Ledger, template: str | None, tag: str | None
) -> None:
    """Changing it retags everybody at the next read."""
    connection = _settled(house, ledger)
    _with(house, connection, tag_template=template)
    run = house.pull(connection, ledger.source)
    assert {item.reason for item in _told(house, run)} == {"tagged otherwise by the connection's settings"}
    assert _tags(house)["a"] == ({tag} if tag else set())


def test_one_tag_of_two_connections_goes_with_its_last_source(house: House, ledger: Ledger) -> None:
    """The same name in two directories is one tag with two sources."""
    first = _settled(house, ledger)
    other = Ledger()
    other.add("Z", "a@example.com")
    other.team("X1", "Sales", "Z")
    second = house.connect("Other")
    house.settle(second, other.source)
    (question,) = house.attention()
    with house.database.write() as conn:
        policy = house.policy_of(second)
        resolve(conn, second, policy, question["id"], how="link", by="an admin", now=house.clock())
    house.pull(second, other.source)
    sources = [row["source"] for row in house.user("a@example.com")["tag_sources"]]
    assert len([source for source in sources if source.startswith("group:")]) == 2
    ledger.groups["G1"].members -= {"A", "B"}
    house.pull(first, ledger.source)
    assert (_tags(house)["a"], _tags(house)["b"]) == ({"Group:Sales"}, set())
    other.groups["X1"].members.clear()
    house.pull(second, other.source)
    assert _tags(house)["a"] == set()


def test_a_rename_leaves_no_moment_without_a_tag(house: House, ledger: Ledger) -> None:
    """Everybody carries the old tag or the new one at every commit, and one event tells of it."""
    for number in range(30):
        ledger.add(f"M{number}", f"sales{number}@example.com")
    ledger.groups["G1"].members |= {f"M{number}" for number in range(30)}
    connection = _settled(house, ledger)
    seen: set[frozenset[str]] = set()
    house.clock = _watched(house, seen)  # type: ignore[method-assign]
    ledger.groups["G1"].name = "Trade"
    known = len(house.events())
    house.pull(connection, ledger.source)
    house.clock()
    assert seen == {frozenset({"Group:Sales"}), frozenset({"Group:Trade"})}
    told = [event["type"] for event in house.events()[known:] if event["type"].startswith("group")]
    assert told == ["group.renamed"]


def _watched(house: House, seen: set[frozenset[str]]) -> Callable[[], datetime]:
    """A clock that notes, whenever somebody looks at it, what tags the members of G1 have."""
    clock = house.clock

    def look() -> datetime:
        users = house.users()
        members = [row for email, row in users.items() if email.startswith(("sales", "a@", "b@"))]
        seen.update(frozenset(set(row["tags"]) - {"scim"}) for row in members)
        return clock()

    return look


def test_members_named_before_their_person_wait_for_her(house: House, ledger: Ledger) -> None:
    """The tag is there the moment she is, without another word from the directory."""
    connection = house.connect()
    document = {"displayName": "Early", "externalId": "E1"}
    house.push(connection, lambda session: session.create_group(document, [NewMember(value="A")]))
    assert [row["kind"] for row in house.rows("member")] == ["pending"]
    ledger.groups.clear()
    house.settle(connection, ledger.source)
    assert _tags(house)["a"] == {"Group:Early"}


def test_members_that_cannot_be_read_stay(house: House, ledger: Ledger) -> None:
    """One group's trouble is told, changes nothing in it, and stops no other group."""
    connection = _settled(house, ledger)
    ledger.unread = {"G1"}
    ledger.groups["G1"].members.clear()
    ledger.groups["G2"].members -= {"D"}
    run = house.pull(connection, ledger.source)
    assert (_tags(house)["a"], _tags(house)["d"]) == ({"Group:Sales"}, set())
    assert any("G1 could not be read" in reason for reason in run.reasons)


# --- groups within groups -------------------------------------------------------------------------


def test_people_of_a_nested_group_carry_the_tag_of_the_one_above(house: House, ledger: Ledger) -> None:
    """Through two levels and a circle; leaving the inner group takes all of it."""
    ledger.team("G3", "Company")
    ledger.groups["G3"].groups = {"G1"}
    ledger.groups["G1"].groups = {"G2"}
    ledger.groups["G2"].groups = {"G3"}
    connection = _settled(house, ledger)
    assert _tags(house)["d"] == {"Group:Support", "Group:Sales", "Group:Company"}
    assert _tags(house)["e"] == set()
    assert _happened(house.pull(connection, ledger.source).counts) == {}
    ledger.groups["G2"].members -= {"D"}
    house.pull(connection, ledger.source)
    assert _tags(house)["d"] == set()
    ledger.groups["G1"].groups.clear()
    house.pull(connection, ledger.source)
    assert _tags(house)["c"] == {"Group:Support", "Group:Sales", "Group:Company"}


def test_a_pushed_group_may_be_a_member(house: House, ledger: Ledger) -> None:
    """A SCIM group within a SCIM group passes the tag on, whichever comes first."""
    connection = house.connect()
    document = {"userName": "ann@example.com", "externalId": "a1", "active": True}
    document |= {"emails": [{"value": "ann@example.com", "type": "work"}]}
    ann = house.push(connection, lambda session: session.create_user(document))
    inner = house.push(
        connection, lambda session: session.create_group({"displayName": "In"}, [NewMember(value=ann.id)])
    )
    house.push(
        connection, lambda session: session.create_group({"displayName": "Out"}, [NewMember(value=inner.id)])
    )
    assert set(house.user("ann@example.com")["tags"]) == {"scim", "Group:In", "Group:Out"}


def test_an_excluded_group_passes_nothing_on(house: House, ledger: Ledger) -> None:
    """Its people are not in the group above through it."""
    ledger.groups["G1"].groups = {"G2"}
    connection = _settled(house, ledger, groups_exclude=("Support",))
    assert _tags(house)["d"] == set()
    assert _happened(house.pull(connection, ledger.source).counts) == {}


def test_a_suspended_person_keeps_her_place_in_the_groups(house: House, ledger: Ledger) -> None:
    """Back from a suspension she has the tags of the groups she is in by then."""
    connection = _settled(house, ledger, safeguards=Safeguards(suspensions=Limit(floor=9, share=1)))
    ledger.change("D", status=Status.SUSPENDED, status_text="SUSPENDED")
    house.pull(connection, ledger.source)
    ledger.restore("D")
    house.pull(connection, ledger.source)
    assert _tags(house)["d"] == {"Group:Support"}
