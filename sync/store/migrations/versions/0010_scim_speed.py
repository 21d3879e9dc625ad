"""What the SCIM endpoint needs to cost the same at any size: indexes, further e-mails, counts, its log.

The counts follow by triggers, so that nobody who writes a row can forget them. A later migration
that makes ``directory_user`` or ``directory_group`` anew has to make their triggers anew, too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.further_emails import fill

revision = "0010"
down_revision = "0009"


def _string(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_COUNTED = {"directory_user": "User", "directory_group": "Group"}
_LIVE = "deleted_at IS NULL"

_SQLITE_ADD = """
    INSERT INTO tally (connection_id, kind, shard, live) VALUES ({row}.connection_id, '{kind}', 0, {by})
    ON CONFLICT (connection_id, kind, shard) DO UPDATE SET live = live + excluded.live;
"""
_SQLITE = {
    "added": "AFTER INSERT ON {table} WHEN {lives} BEGIN {plus} END",
    "taken": "AFTER DELETE ON {table} WHEN {lived} BEGIN {minus} END",
    "ended": "AFTER UPDATE ON {table} WHEN {lived} AND NOT ({lives}) BEGIN {minus} END",
    "begun": "AFTER UPDATE ON {table} WHEN {lives} AND NOT ({lived}) BEGIN {plus} END",
}

# A shard for each server process, so that no writer waits for another one's count.
_POSTGRES_ADDED = """
CREATE FUNCTION tally_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (connection_id, kind, shard, live)
    SELECT connection_id, TG_ARGV[0], pg_backend_pid() % 64, count(*) FROM fresh
    WHERE deleted_at IS NULL GROUP BY connection_id
    ON CONFLICT (connection_id, kind, shard) DO UPDATE SET live = tally.live + excluded.live;
    RETURN NULL;
END $$
"""
_POSTGRES_MOVED = """
CREATE FUNCTION tally_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner text;
    change integer;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.deleted_at IS NULL THEN
        owner := NEW.connection_id; change := 1;
    ELSE
        owner := OLD.connection_id; change := -1;
    END IF;
    INSERT INTO tally (connection_id, kind, shard, live)
    VALUES (owner, TG_ARGV[0], pg_backend_pid() % 64, change)
    ON CONFLICT (connection_id, kind, shard) DO UPDATE SET live = tally.live + excluded.live;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    _indexes()
    _further_email()
    _tally()
    _scim_request()
    fill(op.get_bind())


def _indexes() -> None:
    op.create_index(
        "ix_directory_user_any_external",
        "directory_user",
        ["connection_id", "external_id"],
        sqlite_where=sa.text("external_id IS NOT NULL"),
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_index(
        "ix_users_admin",
        "users",
        ["id"],
        sqlite_where=sa.text("admin IS 1"),
        postgresql_where=sa.text("admin IS TRUE"),
    )


def _further_email() -> None:
    op.create_table(
        "further_email",
        sa.Column("directory_user_id", _string(16), nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("directory_user_id", "key", name="pk_further_email"),
        sa.ForeignKeyConstraint(
            ["directory_user_id"],
            ["directory_user.id"],
            name="fk_further_email_directory_user_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_further_email_key", "further_email", ["key"])


def _tally() -> None:
    op.create_table(
        "tally",
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("kind", _string(8), nullable=False),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("live", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "kind", "shard", name="pk_tally"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_tally_connection_id", ondelete="CASCADE"
        ),
    )
    for table, kind in _COUNTED.items():
        op.execute(
            f"INSERT INTO tally SELECT connection_id, '{kind}', 0, count(*) FROM {table} "
            f"WHERE {_LIVE} GROUP BY connection_id"
        )
    if op.get_bind().dialect.name == "sqlite":
        _count_on_sqlite()
    else:
        _count_on_postgres()


def _count_on_sqlite() -> None:
    for table, kind in _COUNTED.items():
        plus = _SQLITE_ADD.format(row="NEW", kind=kind, by=1)
        minus = _SQLITE_ADD.format(row="OLD", kind=kind, by=-1)
        for name, text in _SQLITE.items():
            body = text.format(
                table=table,
                plus=plus,
                minus=minus,
                lives="NEW.deleted_at IS NULL",
                lived="OLD.deleted_at IS NULL",
            )
            op.execute(f"CREATE TRIGGER tally_{table}_{name} {body}")


def _count_on_postgres() -> None:
    op.execute(_POSTGRES_ADDED)
    op.execute(_POSTGRES_MOVED)
    for table, kind in _COUNTED.items():
        op.execute(
            f"CREATE TRIGGER tally_added AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh "
            f"FOR EACH STATEMENT EXECUTE FUNCTION tally_added('{kind}')"
        )
        op.execute(
            f"CREATE TRIGGER tally_moved AFTER UPDATE ON {table} FOR EACH ROW "
            "WHEN ((OLD.deleted_at IS NULL) IS DISTINCT FROM (NEW.deleted_at IS NULL)) "
            f"EXECUTE FUNCTION tally_moved('{kind}')"
        )
        op.execute(
            f"CREATE TRIGGER tally_taken AFTER DELETE ON {table} FOR EACH ROW "
            f"WHEN (OLD.deleted_at IS NULL) EXECUTE FUNCTION tally_moved('{kind}')"
        )


def _scim_request() -> None:
    op.create_table(
        "scim_request",
        sa.Column("seq", _SEQUENCE, sa.Identity(), nullable=False),
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("at", _string(27), nullable=False),
        sa.Column("method", _string(16), nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("ms", sa.Float, nullable=False),
        sa.Column("detail", _TEXT),
        sa.Column("quirks", _TEXT, nullable=False, server_default="[]"),
        sa.Column("client", _TEXT),
        sa.Column("request_body", _TEXT),
        sa.Column("answer_body", _TEXT),
        sa.PrimaryKeyConstraint("seq", name="pk_scim_request"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_scim_request_connection_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_scim_request_connection", "scim_request", ["connection_id", "seq"])
    op.create_index("ix_scim_request_at", "scim_request", ["at"])
