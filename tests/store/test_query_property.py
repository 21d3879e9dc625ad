"""Random filters over random documents, judged by a small evaluator that knows no SQL."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.model.query import (
    Both,
    Comparison,
    Either,
    Filter,
    Never,
    Not,
    Operator,
    Path,
    Present,
    Query,
    Within,
)
from sync.model.session import Kind
from sync.store import migrate, scim
from sync.store.database import Database
from sync.store.fold import folded
from sync.store.times import to_text
from tests.store.rows import NOW, add_directory_user

WORDS = ["", "a", "A", "ab", "aB%", "a_b", "b", "ß", "SS", "é", "É", "z\\", '"q"', "10", " a"]
words = st.sampled_from(WORDS)
entries = st.lists(
    st.fixed_dictionaries({}, optional={"value": words, "type": words, "primary": st.booleans()}), max_size=3
)
documents = st.fixed_dictionaries(
    {"userName": st.sampled_from([word for word in WORDS if word.strip()])},
    optional={
        "title": words,
        "displayName": words,
        "level": st.integers(-3, 3) | st.floats(-2, 2).map(lambda number: round(number, 1)),
        "flag": st.booleans(),
        "seen": st.integers(-2, 2).map(lambda hours: to_text(NOW + timedelta(hours=hours))),
        "roles": entries,
        "names": st.lists(words, max_size=3),
        "manager": st.fixed_dictionaries({}, optional={"value": words, "type": words}),
    },
)

TEXT = [Path(name=name, case_exact=exact) for name in ("title", "displayName") for exact in (False, True)]
LIST = Path(name="roles", multi_valued=True, type="complex")
SUBS = [
    Path(name="roles", sub="value", multi_valued=True),
    Path(name="roles", sub="type", multi_valued=True, case_exact=True),
]
NAMES = Path(name="names", multi_valued=True)
MANAGER = Path(name="manager", type="complex")
LEVEL, FLAG, SEEN = (
    Path(name="level", type="decimal"),
    Path(name="flag", type="boolean"),
    Path(name="seen", type="dateTime"),
)
operators = st.sampled_from(list(Operator))
literals = words | st.none()
instants = st.integers(-2, 2).map(lambda hours: (NOW + timedelta(hours=hours)).astimezone(UTC).isoformat())


def comparisons(paths: list[Path], values: Any = literals) -> st.SearchStrategy[Filter]:
    return st.builds(
        lambda path, operator, value: Comparison(path=path, operator=operator, value=value),
        st.sampled_from(paths),
        operators,
        values,
    )


def combined(terms: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    pairs = st.lists(terms, min_size=1, max_size=3).map(tuple)
    return (
        pairs.map(lambda parts: Both(terms=parts))
        | pairs.map(lambda parts: Either(terms=parts))
        | terms.map(lambda part: Not(term=part))
    )


inner = st.recursive(
    comparisons([Path(name="value"), Path(name="type", case_exact=True)])
    | st.sampled_from([Path(name="value"), Path(name="primary", type="boolean")]).map(
        lambda path: Present(path=path)
    ),
    combined,
    max_leaves=3,
)
leaves = (
    comparisons([*TEXT, Path(name="userName"), LIST, *SUBS, NAMES, MANAGER])
    | comparisons([LEVEL], st.integers(-3, 3) | st.sampled_from([0.5, True, "1"]))
    | comparisons([FLAG], st.booleans() | st.sampled_from(["True", "false", "x", 1]))
    | comparisons([SEEN], instants | st.sampled_from(["2026-11-24", "x"]))
    | st.sampled_from([*TEXT, LIST, *SUBS, NAMES, MANAGER, FLAG, LEVEL]).map(lambda path: Present(path=path))
    | st.builds(lambda path, term: Within(path=path, term=term), st.sampled_from([LIST, MANAGER]), inner)
    | st.just(Never())
)
filters = st.recursive(leaves, combined, max_leaves=6)


def values_of(path: Path, thing: Any) -> list[Any]:
    """The assigned values of a path in a document or in an entry."""
    found = thing.get(path.name) if isinstance(thing, dict) else None
    many = found if path.multi_valued and found is not None else [found]
    sub = path.sub or ("value" if path.type == "complex" else None)
    inside = [one.get(sub) if sub and isinstance(one, dict) else one for one in many]
    return [one for one in inside if one is not None]


def is_present(path: Path, thing: Any) -> bool:
    whole = Path(name=path.name, sub=path.sub, multi_valued=path.multi_valued)
    return any(value not in ("", {}, []) for value in values_of(whole, thing))


def holds(term: Filter, thing: Any) -> bool:
    match term:
        case Both():
            return all(holds(part, thing) for part in term.terms)
        case Either():
            return any(holds(part, thing) for part in term.terms)
        case Not():
            return not holds(term.term, thing)
        case Within():
            found = thing.get(term.path.name)
            entries_of = found if isinstance(found, list) else [found]
            return any(holds(term.term, entry) for entry in entries_of if entry is not None)
        case Present():
            return is_present(term.path, thing)
        case Comparison():
            return compares(term, thing)
    return False


def compares(term: Comparison, thing: Any) -> bool:
    path, operator, wanted = term.path, term.operator, term.value
    if wanted is None:
        present = is_present(path, thing)
        return {Operator.EQ: not present, Operator.NE: present}.get(operator, False)
    values = values_of(path, thing)
    if operator is Operator.NE:
        assigned = [value for value in values if value not in ("", {}, [])]
        return not assigned or any(not one(path, Operator.EQ, value, wanted) for value in assigned)
    return any(one(path, operator, value, wanted) for value in values)


def one(path: Path, operator: Operator, value: Any, wanted: Any) -> bool:
    left, right = value, wanted
    if path.type == "boolean":
        right = (
            wanted if isinstance(wanted, bool) else {"true": True, "false": False}.get(str(wanted).lower())
        )
        return operator is Operator.EQ and left is right
    if path.type == "decimal" and (isinstance(wanted, bool) or not isinstance(wanted, int | float)):
        return False
    if path.type == "dateTime":
        try:
            left, right = datetime.fromisoformat(value), datetime.fromisoformat(str(wanted))
        except ValueError:
            return False
        right = right if right.tzinfo else right.replace(tzinfo=UTC)
    elif path.type != "decimal":
        strip = path.name == "userName" and operator is Operator.EQ
        left, right = (
            text if path.case_exact else folded(text.strip() if strip else text) for text in (left, right)
        )
        left, right = left.encode(), right.encode()
    return (
        ordered(operator, left, right)
        if path.type in ("decimal", "dateTime")
        else textual(operator, left, right)
    )


def ordered(operator: Operator, left: Any, right: Any) -> bool:
    answers = {Operator.EQ: left == right, Operator.GT: left > right, Operator.GE: left >= right}
    answers |= {Operator.LT: left < right, Operator.LE: left <= right}
    return bool(answers.get(operator, False))


def textual(operator: Operator, left: bytes, right: bytes) -> bool:
    partial = {
        Operator.CO: right in left,
        Operator.SW: left.startswith(right),
        Operator.EW: left.endswith(right),
    }
    return partial[operator] if operator in partial else ordered(operator, left, right)


@pytest.fixture(scope="module")
def postgres(postgres_server):
    libpq = postgres_server.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(libpq, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    database = Database(postgres_server.set(database=name).render_as_string(hide_password=False))
    migrate.upgrade(database)
    yield database
    database.close()
    with psycopg.connect(libpq, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory):
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('query') / 'query.db'}")
    migrate.upgrade(database)
    yield database
    database.close()


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(people=st.lists(documents, min_size=1, max_size=4), term=filters)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_filter_finds_what_the_definition_says(request, kind, people, term):
    """SQL and a plain reading of RFC 7644 §3.4.2.2 agree on every document."""
    database = request.getfixturevalue(kind)
    with database.write() as conn:
        names: dict[str, int] = {}
        outer = conn.begin_nested()
        connection_id = _connection(conn)
        for place, document in enumerate(people):
            row = add_directory_user(conn, connection_id, document["userName"], document=document)
            names[row] = place
        listing = scim.scim_find(conn, connection_id, Kind.USER, Query(filter=term))
        found = sorted(names[resource.id] for resource in listing.resources)
        outer.rollback()
    assert found == [place for place, document in enumerate(people) if holds(term, document)]
    assert listing.total == len(found)


def _connection(conn: Any) -> str:
    from sync.store import connections
    from sync.store.ids import new_id

    id = new_id()
    connections.add(
        conn,
        id=id,
        name=id,
        type="scim",
        mode="push",
        settings={},
        sealed={},
        managed_tag="scim",
        from_file=False,
        now=NOW,
    )
    return id
