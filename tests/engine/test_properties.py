"""Random days of a directory, told to the engine by push and by pull, truly and with lies."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sync.model.connection import Connection, Limit, Policy, Safeguards
from sync.model.errors import Duplicate
from sync.model.resources import Status, UserRecord
from sync.model.run import RunState
from sync.store import migrate, schema
from tests.engine.house import House, Person
from tests.engine.ledger import Ledger
from tests.engine.scim import Pusher, document_of
from tests.engine.words import happened

NO_LIMIT = Limit(floor=10**9, share=0)
UNGUARDED = Safeguards(
    suspensions=NO_LIMIT, group_deletions=NO_LIMIT, member_removals=NO_LIMIT, tag_removals=NO_LIMIT,
    creations=NO_LIMIT, updates=NO_LIMIT, user_count_fall=1.0, empty_source=False, first_run=False,
)  # fmt: skip
"""What the limits let through is theirs to prove; here nothing hides behind them."""

PEOPLE, TEAMS = ("A", "B", "C", "D", "E"), ("G1", "G2", "G3")
Step = tuple[str, ...]

_person, _team = st.sampled_from(PEOPLE), st.sampled_from(TEAMS)
_word = st.sampled_from(["Byron", "Lovelace", "Sales", "Support"])


def _step(name: str, *arguments: st.SearchStrategy[str]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), *arguments)


LIFE = st.one_of(
    _step("add", _person), _step("suspend", _person), _step("restore", _person), _step("remove", _person),
    _step("marry", _person, _word), _step("move_mail", _person), _step("team", _team, _word),
    _step("drop_team", _team), _step("join", _team, _person), _step("leave", _team, _person),
    _step("tag", _person, _word),
)  # fmt: skip
"""What happens in the company."""

PUSHES = st.one_of(_step("push", _person), _step("push_team", _team))
LIES = st.one_of(
    _step("hide", st.sampled_from(PEOPLE + TEAMS)), _step("break", st.sampled_from("0123")), _step("mute"),
    _step("unread", _team), _step("endless"), _step("truth"),
)  # fmt: skip
PULLS = st.just(("pull",))
BEGINNING = (
    ("add", "A"),
    ("add", "B"),
    ("add", "C"),
    ("team", "G1", "Sales"),
    ("join", "G1", "A"),
    ("join", "G1", "B"),
)

EXAMPLES = settings.default.max_examples // 4 if settings.default is not None else 25
_properly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Company:
    """A directory, its connection, and what has to hold whatever happens."""

    def __init__(self, house: House, connection: Connection) -> None:
        self.house, self.connection = house, connection
        self.ledger = Ledger(page_size=2)
        self.idp = Pusher(house, connection)

    def do(self, step: Step) -> None:
        getattr(self, f"_{step[0]}")(*step[1:])

    # --- life -------------------------------------------------------------------------------

    def _add(self, id_: str) -> None:
        if id_ not in self.ledger.people:
            self.ledger.add(id_)

    def _if_there(self, id_: str, act: Callable[[str], None]) -> None:
        if id_ in self.ledger.people:
            act(id_)

    def _suspend(self, id_: str) -> None:
        self._if_there(id_, self.ledger.suspend)

    def _restore(self, id_: str) -> None:
        self._if_there(id_, self.ledger.restore)

    def _remove(self, id_: str) -> None:
        self._if_there(id_, self.ledger.remove)

    def _marry(self, id_: str, name: str) -> None:
        self._if_there(id_, lambda known: self.ledger.change(known, last_name=name))

    def _move_mail(self, id_: str) -> None:
        address = f"{id_.lower()}@moved.example.com"
        self._if_there(id_, lambda known: self.ledger.change(known, email=address, user_name=address))

    def _team(self, id_: str, name: str) -> None:
        if id_ in self.ledger.groups:
            self.ledger.groups[id_].name = name
        else:
            self.ledger.team(id_, name)

    def _drop_team(self, id_: str) -> None:
        self.ledger.groups.pop(id_, None)

    def _join(self, team: str, id_: str) -> None:
        if team in self.ledger.groups and id_ in self.ledger.people:
            self.ledger.groups[team].members.add(id_)

    def _leave(self, team: str, id_: str) -> None:
        if team in self.ledger.groups:
            self.ledger.groups[team].members.discard(id_)

    def _tag(self, id_: str, tag: str) -> None:
        """Somebody tags a person by hand."""
        known = self._row("directory_user", id_)
        links = {row["directory_user_id"]: row["user_id"] for row in self.house.rows("link")}
        user_id = links.get(known["id"]) if known else None
        tagged = {(row["user_id"], row["tag"]) for row in self.house.rows("user_tag")}
        if user_id is not None and (user_id, tag) not in tagged:
            self.house.tag_by_hand(user_id, tag)

    # --- telling it -------------------------------------------------------------------------

    def _row(self, table: str, id_: str) -> dict[str, Any] | None:
        live = [row for row in self.house.rows(table) if row["deleted_at"] is None]
        return next((row for row in live if id_ in (row["external_id"], row["scim_external_id"])), None)

    def _push(self, id_: str) -> None:
        """The IdP pushes what is true of one person now."""
        record, row = self.ledger.people.get(id_), self._row("directory_user", id_)
        if record is not None and row is not None:
            self._replace(row, record)
        elif record is not None:
            self.idp.create(document_of(record))
        elif row is not None:
            self.idp.delete(row["id"])

    def _replace(self, row: dict[str, Any], record: UserRecord) -> None:
        """The IdP is refused only where a pull met her under her new name first and could not know her.

        Its admin then takes her out and assigns her anew.
        """
        try:
            self.idp.replace(row["id"], document_of(record))
        except Duplicate:
            assert row["external_id"] is None, "somebody whom a pull knows was refused"
            assert self._renamed_since(row), "somebody was refused who has the name she had"
            self.idp.delete(row["id"])
            self.idp.create(document_of(record))

    def _push_team(self, id_: str) -> None:
        team, row = self.ledger.groups.get(id_), self._row("directory_group", id_)
        if team is not None and row is not None:
            self.idp.set(row["id"], team.name, *sorted(team.members))
        elif team is not None:
            self.idp.create_group(team.name, sorted(team.members), id_)
        elif row is not None:
            self.idp.delete_group(row["id"])

    def _pull(self) -> None:
        before = self._access()
        self.house.pull(self.connection, self.ledger.source)
        lost = {id_ for id_, active in before.items() if active and not self._access().get(id_)}
        wanted = {id_ for id_, record in self.ledger.people.items() if record.status is Status.ACTIVE}
        assert not lost & wanted, "a pull suspended somebody who is active at the directory"

    def _access(self) -> dict[str, bool]:
        return {id_: person.active for id_, person in self.house.managed(self.connection).items()}

    # --- lies -------------------------------------------------------------------------------

    def _hide(self, id_: str) -> None:
        self.ledger.hidden.add(id_)

    def _break(self, pages: str) -> None:
        self.ledger.breaks_after = int(pages)

    def _mute(self) -> None:
        self.ledger.mute = True

    def _unread(self, team: str) -> None:
        self.ledger.unread.add(team)

    def _endless(self) -> None:
        self.ledger.ends = False

    def _truth(self) -> None:
        self.ledger.tell_truth()

    # --- what holds -------------------------------------------------------------------------

    def hold_invariants(self) -> None:
        assert _shown_tags(self.house) == _tags_by_definition(self.house)
        assert _told(self.house) == _stored(self.house)

    def settle(self) -> None:
        """End in quiet: the IdP pushes what it still owes, and full pulls say the truth.

        Then people are the directory's, and nothing is left to do. Three pulls, since a group that a
        push made is first recognised, then compared.
        """
        self.ledger.tell_truth()
        self._push_what_is_owed()
        for _ in range(3):
            assert self.house.pull(self.connection, self.ledger.source).state is RunState.SUCCEEDED
            self.hold_invariants()
        managed = self.house.managed(self.connection)
        assert {id_: person for id_, person in managed.items() if person.active} == self._truth_of_now()
        again = self.house.pull(self.connection, self.ledger.source)
        assert (again.state, happened(again), self.house.items(again)) == (RunState.SUCCEEDED, {}, [])

    def _push_what_is_owed(self) -> None:
        """Whoever only a push has told us of can only be taken back by a push.

        The same goes for somebody who has another e-mail and userName since: this directory's API
        tells no externalId, so a pull cannot know that it is her.
        """
        for table, push, there in (
            ("directory_user", self._push, self.ledger.people),
            ("directory_group", self._push_team, self.ledger.groups),
        ):
            live = [row for row in self.house.rows(table) if row["deleted_at"] is None]
            for row in live:
                id_ = row["scim_external_id"]
                if row["external_id"] is None and (id_ not in there or self._renamed_since(row)):
                    push(id_)

    def _renamed_since(self, row: dict[str, Any]) -> bool:
        record = self.ledger.people.get(row["scim_external_id"])
        return record is not None and row.get("user_name_key", record.user_name) != record.user_name

    def _truth_of_now(self) -> dict[str, Person]:
        """Whom the directory has active, with the tags of her groups and those set by hand."""
        tags = _tags_by_hand(self.house)
        for team in self.ledger.groups.values():
            for id_ in team.members:
                tags.setdefault(id_, set()).add(f"Group:{team.name}")
        return {
            id_: Person(
                email=record.email,
                first_name=record.first_name,
                last_name=record.last_name,
                picture_url=None,
                active=True,
                tags=frozenset({"scim"} | tags.get(id_, set())),
            )
            for id_, record in self.ledger.people.items()
            if record.status is Status.ACTIVE
        }


def _shown_tags(house: House) -> dict[str, set[str]]:
    return {row["id"]: set(row["tags"]) for row in house.users().values()}


def _tags_by_definition(house: House) -> dict[str, set[str]]:
    """By hand, `scim` while a link lives, and the tag of every live group a linked person is in."""
    tags: dict[str, set[str]] = {row["id"]: set() for row in house.rows("users")}
    for row in house.rows("user_tag"):
        tags[row["user_id"]].add(row["tag"])
    live = {row["id"] for row in house.rows("directory_user") if row["deleted_at"] is None}
    owner = {
        row["directory_user_id"]: row["user_id"]
        for row in house.rows("link")
        if row["directory_user_id"] in live
    }
    groups = {row["id"]: row["tag"] for row in house.rows("directory_group") if row["deleted_at"] is None}
    for user_id in owner.values():
        tags[user_id].add("scim")
    for row in house.rows("member"):
        if row["kind"] == "user" and row["group_id"] in groups and row["value"] in owner:
            tags[owner[row["value"]]].add(groups[row["group_id"]])
    return tags


def _tags_by_hand(house: House) -> dict[str, set[str]]:
    users: dict[str, set[str]] = {}
    for row in house.rows("user_tag"):
        users.setdefault(row["user_id"], set()).add(row["tag"])
    links = {row["directory_user_id"]: row["user_id"] for row in house.rows("link")}
    people = [row for row in house.rows("directory_user") if row["deleted_at"] is None and row["id"] in links]
    return {row["external_id"]: users.get(links[row["id"]], set()) for row in people}


FIELDS = ("email", "first_name", "last_name", "picture_url", "active")


def _told(house: House) -> dict[str, Any]:
    """What somebody knows who only ever listened to the events."""
    known: dict[str, Any] = {}
    inside: set[tuple[str, str]] = set()
    for event in house.changes_told():
        kind, snapshot, id_ = event["type"], event["snapshot"], event["subject"]["id"]
        if kind.startswith("user."):
            known[id_] = {name: snapshot[name] for name in FIELDS}
        elif kind == "group.deleted":
            del known[id_]
            inside = {pair for pair in inside if pair[0] != id_}
        elif kind in {"group.members_added", "group.members_removed"}:
            pairs = {(id_, who["directory_id"]) for who in snapshot["members"] if who["directory_id"]}
            inside = inside | pairs if kind == "group.members_added" else inside - pairs
        elif kind in {"group.created", "group.renamed"}:
            known[id_] = {name: snapshot[name] for name in ("name", "tag")}
    return known | {"members": inside}


def _stored(house: House) -> dict[str, Any]:
    people = {row["id"]: {name: row[name] for name in FIELDS} for row in house.rows("users")}
    managed = {row["user_id"] for row in house.rows("link")}
    groups = [row for row in house.rows("directory_group") if row["deleted_at"] is None]
    found: dict[str, Any] = {id_: row for id_, row in people.items() if id_ in managed}
    found |= {row["id"]: {"name": row["name"], "tag": row["tag"]} for row in groups}
    inside = {(row["group_id"], row["value"]) for row in house.rows("member") if row["kind"] != "pending"}
    return found | {"members": inside}


def _found(house: House) -> Company:
    """A new company in an emptied house."""
    migrate.upgrade(house.database)
    with house.database.write() as conn:
        for table in reversed(schema.metadata.sorted_tables):
            conn.execute(sa.delete(table))
    # What was known of earlier companies would be printed with every example that fails.
    house.policies.clear()
    house.tokens.clear()
    company = Company(house, house.connect(policy=Policy(safeguards=UNGUARDED)))
    for step in BEGINNING:
        company.do(step)
    return company


@_properly
@example(steps=[("push", "A"), ("move_mail", "A"), ("pull",), ("push", "A")])
@given(steps=st.lists(st.one_of(LIFE, LIFE, PULLS, PUSHES, PUSHES), max_size=25))
def test_push_and_pull_in_any_interleaving_end_alike(house: House, steps: list[Step]) -> None:
    """However a history reached us, a quiet pull ends at the directory's people, and a second is empty."""
    company = _found(house)
    guest = house.add_user("guest@elsewhere.example", first_name="Guest")
    untouched = [row for row in house.rows("users") if row["id"] == guest]
    for step in steps:
        company.do(step)
        if step[0].startswith("pu"):
            company.hold_invariants()
    company.settle()
    assert [row for row in house.rows("users") if row["id"] == guest] == untouched


@_properly
@given(st.lists(st.one_of(LIFE, LIFE, PULLS, LIES), max_size=25))
def test_lies_remove_nobody(house: House, steps: list[Step]) -> None:
    """Under any lies a pull suspends only whom the directory really lost; the truth afterwards heals all."""
    company = _found(house)
    for step in steps:
        company.do(step)
        if step[0] == "pull":
            company.hold_invariants()
    company.settle()


@pytest.mark.parametrize("first", ["push", "pull"])
@_properly
@given(days=st.lists(LIFE, max_size=20))
def test_push_and_pull_of_one_state_leave_the_same(
    house: House, first: Literal["push", "pull"], days: list[Step]
) -> None:
    """A state that was pushed is what a pull of it would have made: the other way then changes nobody."""
    company = _found(house)
    for step in days:
        company.do(step)
    ways = [_push_everything, _pull_everything]
    one, other = ways if first == "push" else reversed(ways)
    one(company)
    told, people = len(house.changes_told()), house.managed(company.connection)
    other(company)
    assert len(house.changes_told()) == told
    assert house.managed(company.connection) == people
    company.settle()


def _pull_everything(company: Company) -> None:
    company.do(("pull",))


def _push_everything(company: Company) -> None:
    for id_ in company.ledger.people:
        company.do(("push", id_))
    for id_ in company.ledger.groups:
        company.do(("push_team", id_))


@_properly
@given(st.lists(st.one_of(LIFE, LIFE, PULLS), max_size=25), st.integers(0, 4))
def test_seats_used_never_pass_the_limit(house: House, steps: list[Step], limit: int) -> None:
    """At the limit additions wait; when seats are free, they come in without help."""
    company = _found(house)
    house.policies[company.connection.id] = Policy(safeguards=UNGUARDED, seat_limit=limit)
    for step in [*steps, ("pull",)]:
        company.do(step)
        assert sum(1 for row in house.users().values() if row["active"]) <= limit
    house.policies[company.connection.id] = Policy(safeguards=UNGUARDED)
    company.settle()
