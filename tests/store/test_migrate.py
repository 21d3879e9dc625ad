import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync.model.errors import Misconfigured
from sync.store import meta, migrate, schema
from sync.store.database import Database
from tests.store.versions import Tables, migrate_to, tables_of

UPGRADE = """
import sys
from sync.store import database, migrate
opened = database.Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(migrate.upgrade(opened))
opened.close()
"""


@pytest.fixture
def empty(new_database_url):
    database = Database(new_database_url)
    yield database
    database.close()


def test_migrations_make_the_tables_of_the_schema(empty):
    """After all migrations, autogenerate finds no difference between the database and the metadata."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    assert migrate.upgrade(empty)
    with empty.read() as conn:
        options = {"compare_type": True, "compare_server_default": not empty.is_sqlite}
        context = MigrationContext.configure(conn, opts=options)
        assert compare_metadata(context, schema.metadata) == []


def test_migrated_sqlite_defaults_are_those_of_the_schema(new_sqlite_url, tmp_path):
    """Column by column, the migrations and the metadata make the same SQLite tables."""
    migrated, made = Database(new_sqlite_url), Database(f"sqlite:///{tmp_path / 'made.db'}")
    migrate.upgrade(migrated)
    with made.write() as conn:
        schema.metadata.create_all(conn)

    def columns(database, table):
        with database.read() as conn:
            return conn.execute(sa.text(f"PRAGMA table_info({table})")).all()

    for table in schema.metadata.tables:
        assert columns(migrated, table) == columns(made, table)
    migrated.close()
    made.close()


def test_every_text_column_orders_by_bytes(new_postgres_url):
    """On PostgreSQL no table leaves the order of text to the server's locale."""
    database = Database(new_postgres_url)
    migrate.upgrade(database)
    query = """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type IN ('text', 'character varying')
          AND collation_name IS DISTINCT FROM 'C' AND table_name = ANY (:tables)
    """
    with database.read() as conn:
        tables = list(schema.metadata.tables)
        assert conn.execute(sa.text(query), {"tables": tables}).all() == []
    database.close()


def test_views_exist(empty):
    """The documented views answer on an empty database, with the documented columns."""
    migrate.upgrade(empty)
    with empty.read() as conn:
        users = conn.execute(sa.text("SELECT * FROM app_users"))
        assert list(users.keys()) == [
            "id",
            "email",
            "first_name",
            "last_name",
            "picture_url",
            "active",
            "managed",
            "updated_at",
        ]
        assert list(conn.execute(sa.text("SELECT * FROM app_user_tags")).keys()) == [
            "user_id",
            "tag",
            "source",
        ]


def test_versions_are_those_of_the_scripts():
    """The list that saves importing alembic names exactly the migrations, in their order."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(migrate.VERSIONS)


def test_upgrading_again_does_nothing(empty):
    """An up-to-date database is left alone."""
    assert migrate.current(empty) is None
    assert migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.HEAD
    assert not migrate.upgrade(empty)


def test_a_database_of_the_first_version_opens_with_its_rows(empty):
    """What an older program wrote stays as it is, and the newer tables and columns are there."""
    columns = "at, actor, action, kind, subject_id, label, reason, before, after"
    values = "'2026-11-24T10:00:00.000000Z', 'run', 'suspend', 'user', 'u1', 'x', 'gone', '{}', '{}'"
    migrate_to(empty, "0001")
    with empty.write() as conn:
        conn.execute(sa.text(f"INSERT INTO history ({columns}) VALUES ({values})"))
    assert migrate.current(empty) == "0001"
    assert migrate.upgrade(empty)
    with empty.read() as conn:
        assert conn.execute(sa.text("SELECT actor, undo FROM history")).all() == [("run", None)]
        assert conn.execute(sa.text('SELECT count(*) FROM "freeze"')).scalar() == 0


def test_three_processes_upgrade_one_empty_database(new_database_url):
    """Of three that start at the same moment one upgrades; the others wait and find it done."""
    command = [sys.executable, "-c", UPGRADE, new_database_url]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in answers] == ["", "", ""]
    assert sorted(out.strip() for out, _ in answers) == ["False", "False", "True"]


def test_threads_open_one_new_sqlite_file_at_once(new_sqlite_url):
    """The first switch to WAL makes nobody fail."""
    barrier, failures = threading.Barrier(6), []

    def start():
        database = Database(new_sqlite_url)
        barrier.wait()
        try:
            migrate.upgrade(database)
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)
        database.close()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def _upgraded_by_a_newer_program(database, serves):
    migrate.upgrade(database)
    with database.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        meta.put(conn, "serves_programs_since", serves)


def test_a_newer_database_that_serves_this_program_is_worked_on(empty):
    """A replica of the release before starts and stays ready after a newer one has upgraded the tables."""
    _upgraded_by_a_newer_program(empty, serves=migrate.HEAD)
    assert not migrate.upgrade(empty)
    assert migrate.lacking(empty) is None


def test_a_newer_database_that_does_not_is_refused(empty):
    """An older program does not touch tables that lack what it needs, and says what to do."""
    _upgraded_by_a_newer_program(empty, serves="9998")
    with pytest.raises(Misconfigured, match=r"version 9999.*a newer one upgraded it; start that one"):
        migrate.upgrade(empty)
    assert "start that one" in (migrate.lacking(empty) or "")


def test_an_up_to_date_database_does_not_load_alembic(new_sqlite_url):
    """Starting costs one query, not the import of the migration tool."""
    database = Database(new_sqlite_url)
    migrate.upgrade(database)
    database.close()
    code = UPGRADE + "assert 'alembic' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code, new_sqlite_url],
        input="go\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_programs_of_the_release_before_find_all_they_use(empty):
    """From the version that today's tables serve, migrations add only, and nothing an old row would miss.

    Where it fails: make the migration add only (a new column with a default or NULL), and take away one
    release later. CONTRIBUTING.md, "Migrations".
    """
    migrate_to(empty, migrate.SERVES)
    before = tables_of(empty)
    migrate.upgrade(empty)
    assert list(before.broken_by(tables_of(empty))) == []


def test_a_migration_that_takes_away_would_be_seen(empty):
    """A dropped column, a new duty and a new uniqueness each break programs of the release before."""
    migrate.upgrade(empty)
    now = tables_of(empty)
    columns = dict(now.columns) | {("users", "shoe_size"): ("TEXT", False)}
    del columns["users", "picture_url"]
    newer = Tables(columns, now.rules | {("users", "unique index one_name"): ("first_name",)})
    assert sorted(now.broken_by(newer)) == [
        "users has a new unique index one_name",
        "users.picture_url is gone or of another type",
        "users.shoe_size must be given now",
    ]
