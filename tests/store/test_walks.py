"""How SQLite goes about the statements of a pull: from the few that are meant, never through everything."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from sync.store import memberships, migrate, plans, tag_ways
from sync.store.database import Conn, Database


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[Database]:
    """An empty SQLite."""
    database = Database(sqlite_url)
    migrate.upgrade(database)
    yield database
    database.close()


def _begun_by(database: Database, read: Callable[[Conn], Any]) -> list[str]:
    """What SQLite begins each statement of the read with."""
    said: list[tuple[str, tuple[Any, ...]]] = []
    with database.read() as conn:

        @event.listens_for(conn.engine, "before_cursor_execute")
        def heard(_conn: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
            said.append((sql, tuple(parameters)))

        read(conn)
        event.remove(conn.engine, "before_cursor_execute", heard)
        plan = [conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", asked).first() for sql, asked in said]
    return [step[-1] for step in plan if step is not None]


def test_items_of_a_plan_are_found_by_their_ids(on_sqlite: Database) -> None:
    """A plan of any size costs what is asked for: its items are not walked through."""
    begun = _begun_by(on_sqlite, lambda conn: plans.by_item_id(conn, "plan", ["one", "two"]))
    assert begun == ["SEARCH plan_item USING PRIMARY KEY (plan_id=? AND place=?)"]


def test_pending_members_are_found_by_whom_they_name(on_sqlite: Database) -> None:
    """However many groups a connection has, new people are looked for among members by name only."""
    names = {"e1": "one"}
    begun = _begun_by(on_sqlite, lambda conn: memberships.resolve_pending(conn, "acme", names, "user"))
    assert len(begun) == 1
    assert begun[0].startswith("SEARCH member USING INDEX ix_member_")


def test_nested_groups_are_found_among_themselves(on_sqlite: Database) -> None:
    """Memberships of people are not walked through to find the few groups within groups."""
    begun = _begun_by(on_sqlite, lambda conn: tag_ways.above(conn, "acme"))
    assert begun == ["SCAN member USING INDEX ix_member_nested"]
