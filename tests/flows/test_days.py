"""The changes of the last days: summed once where they are settled, and never twice."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.usecases.days import Days
from sync.store import history, migrate, schema
from sync.store.database import Database
from sync.store.times import to_text

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
FIRST = NOW - timedelta(days=3)


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    migrate.upgrade(database)
    yield database
    database.close()


def _apply(database, at, action="create", count=1):
    row = {"at": to_text(at), "actor": "x", "action": action, "kind": "user", "subject_id": "s", "label": "l"}
    row |= {"reason": "r", "before": "{}", "after": "{}", "count": count}
    with database.write() as conn:
        conn.execute(schema.history.insert().values(row))


def test_every_change_counts_once_however_often_days_are_read(database):
    """Reads before and after rows settle say what history says, without what is older than the first day."""
    days = Days()
    _apply(database, FIRST - timedelta(hours=1))
    for minute in range(8):
        now = NOW + timedelta(minutes=minute)
        _apply(database, now, "member_add", count=3)
        _apply(database, now)
        with database.read() as conn:
            said = days.read(conn, FIRST, now)
            assert said == history.per_day(conn, history.first_since(conn, FIRST))
    assert said == {("2026-11-25", "create"): 8, ("2026-11-25", "member_add"): 24}
