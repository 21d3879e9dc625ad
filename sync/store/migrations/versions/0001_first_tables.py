"""The first tables, the views for applications, and PostgreSQL's case folding."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _string(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_VIEWS = {
    "app_users": """
        SELECT u.id, u.email, u.first_name, u.last_name, u.picture_url, u.active,
               EXISTS (SELECT 1 FROM link l JOIN directory_user d ON d.id = l.directory_user_id
                       WHERE l.user_id = u.id AND d.deleted_at IS NULL) AS managed,
               u.updated_at
        FROM users u
    """,
    "app_user_tags": """
        SELECT t.user_id AS user_id, t.tag AS tag, 'by hand' AS source FROM user_tag t
        UNION
        SELECT l.user_id, c.managed_tag, 'connection:' || c.name
        FROM link l JOIN directory_user d ON d.id = l.directory_user_id
                    JOIN connection c ON c.id = d.connection_id
        WHERE d.deleted_at IS NULL
        UNION
        SELECT l.user_id, g.tag, 'group:' || g.id
        FROM member m JOIN link l ON l.directory_user_id = m.value
                      JOIN directory_group g ON g.id = m.group_id
        WHERE m.kind = 'user' AND g.deleted_at IS NULL AND g.tag IS NOT NULL
    """,
}

_INSTANT = """
    CREATE FUNCTION connector_instant(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
    SET timezone TO 'UTC' AS $$
    BEGIN
        IF $1 !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' THEN
            RETURN NULL;
        END IF;
        RETURN to_char($1::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') COLLATE "C";
    EXCEPTION WHEN data_exception THEN
        RETURN NULL;
    END $$
"""


def upgrade() -> None:
    _create_connections()
    _create_people()
    _create_groups()
    _create_runs()
    _create_records()
    for name, query in _VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.execute(_fold_function(bind))
        op.execute(_INSTANT)


def _create_connections() -> None:
    op.create_table(
        "connection",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("name", _string(200), nullable=False),
        sa.Column("type", _string(32), nullable=False),
        sa.Column("mode", _string(8), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings", _TEXT, nullable=False),
        sa.Column("sealed", _TEXT, nullable=False),
        sa.Column("from_file", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("cursor", _TEXT),
        sa.Column("tenant", _string(255)),
        sa.Column("managed_tag", _string(100), nullable=False, server_default="scim"),
        sa.Column("first_run_approved", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("last_complete_at", _string(27)),
        sa.Column("next_full_at", _string(27)),
        sa.Column("next_delta_at", _string(27)),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("updated_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_connection"),
        sa.UniqueConstraint("name", name="uq_connection_name"),
    )
    op.create_table(
        "token",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("hash", _string(64), nullable=False),
        sa.Column("last_four", _string(4), nullable=False),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("last_used_at", _string(27)),
        sa.Column("expires_at", _string(27)),
        sa.Column("revoked_at", _string(27)),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_token_connection_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("hash", name="uq_token_hash"),
    )
    op.create_index("ix_token_connection_id", "token", ["connection_id"])


def _create_people() -> None:
    op.create_table(
        "users",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("email", _TEXT),
        sa.Column("email_key", _TEXT),
        sa.Column("first_name", _TEXT),
        sa.Column("last_name", _TEXT),
        sa.Column("picture_url", _TEXT),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("suspended_by_hand", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("protected", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("admin", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("origin", _string(16), nullable=False),
        sa.Column("extra", _TEXT),
        sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("updated_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )
    op.create_index("ix_users_email_key", "users", ["email_key"])
    op.create_table(
        "user_tag",
        sa.Column("user_id", _string(16), nullable=False),
        sa.Column("tag", _string(400), nullable=False),
        sa.Column("set_by", _string(200), nullable=False),
        sa.Column("set_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "tag", name="pk_user_tag"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_tag_user_id", ondelete="CASCADE"),
    )
    op.create_table(
        "directory_user",
        sa.Column("seq", _BIG, sa.Identity(), nullable=False),
        sa.Column("id", _string(16), nullable=False),
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("external_id", _TEXT),
        sa.Column("scim_external_id", _TEXT),
        sa.Column("user_name", _TEXT, nullable=False),
        sa.Column("user_name_key", _TEXT),
        sa.Column("email", _TEXT),
        sa.Column("email_key", _TEXT),
        sa.Column("first_name", _TEXT),
        sa.Column("last_name", _TEXT),
        sa.Column("picture_url", _TEXT),
        sa.Column("status", _string(16), nullable=False),
        sa.Column("status_text", _TEXT, nullable=False, server_default=""),
        sa.Column("reason", _TEXT, nullable=False, server_default=""),
        sa.Column("extra", _TEXT),
        sa.Column("document", _TEXT),
        sa.Column("origin", _string(8), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("absences", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("deleted_at", _string(27)),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("updated_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_directory_user"),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name="fk_directory_user_connection_id"),
        sa.UniqueConstraint("id", name="uq_directory_user_id"),
    )
    op.create_index(
        "ix_directory_user_created",
        "directory_user",
        ["connection_id", "created_at", "id"],
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index("ix_directory_user_email", "directory_user", ["connection_id", "email_key"])
    op.create_index(
        "ix_directory_user_scim_external", "directory_user", ["connection_id", "scim_external_id"]
    )
    op.create_index("ix_directory_user_user_name", "directory_user", ["connection_id", "user_name_key"])
    op.create_index(
        "uq_directory_user_external",
        "directory_user",
        ["connection_id", "external_id"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL AND external_id IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NULL AND external_id IS NOT NULL"),
    )
    op.create_table(
        "link",
        sa.Column("directory_user_id", _string(16), nullable=False),
        sa.Column("user_id", _string(16), nullable=False),
        sa.Column("how", _string(16), nullable=False),
        sa.Column("rule", _string(32), nullable=False),
        sa.Column("run_id", _string(16)),
        sa.Column("linked_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("directory_user_id", name="pk_link"),
        sa.ForeignKeyConstraint(
            ["directory_user_id"], ["directory_user.id"], name="fk_link_directory_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_link_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_link_user_id", "link", ["user_id"])


def _create_groups() -> None:
    op.create_table(
        "directory_group",
        sa.Column("seq", _BIG, sa.Identity(), nullable=False),
        sa.Column("id", _string(16), nullable=False),
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("external_id", _TEXT),
        sa.Column("scim_external_id", _TEXT),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("name_key", _TEXT),
        sa.Column("tag", _TEXT),
        sa.Column("document", _TEXT),
        sa.Column("origin", _string(8), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column("member_digest", sa.LargeBinary()),
        sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("absences", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("deleted_at", _string(27)),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("updated_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_directory_group"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_directory_group_connection_id"
        ),
        sa.UniqueConstraint("id", name="uq_directory_group_id"),
    )
    op.create_index(
        "ix_directory_group_created",
        "directory_group",
        ["connection_id", "created_at", "id"],
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index("ix_directory_group_name", "directory_group", ["connection_id", "name_key"])
    op.create_index(
        "ix_directory_group_scim_external", "directory_group", ["connection_id", "scim_external_id"]
    )
    op.create_index(
        "uq_directory_group_external",
        "directory_group",
        ["connection_id", "external_id"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL AND external_id IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NULL AND external_id IS NOT NULL"),
    )
    op.create_table(
        "member",
        sa.Column("group_id", _string(16), nullable=False),
        sa.Column("value", _string(255), nullable=False),
        sa.Column("kind", _string(8), nullable=False),
        sa.Column("display", _TEXT),
        sa.Column("run_id", _string(16)),
        sa.Column("added_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "value", name="pk_member"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["directory_group.id"], name="fk_member_group_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_member_pending",
        "member",
        ["value", "group_id"],
        sqlite_where=sa.text("kind = 'pending'"),
        postgresql_where=sa.text("kind = 'pending'"),
    )
    op.create_index("ix_member_value", "member", ["value", "group_id"])


def _create_runs() -> None:
    op.create_table(
        "run",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("trigger", _string(16), nullable=False),
        sa.Column("mode", _string(8), nullable=False),
        sa.Column("state", _string(16), nullable=False),
        sa.Column("phase", _string(16)),
        sa.Column("dry_run", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("approved_beforehand", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("complete", sa.Boolean()),
        sa.Column("reasons", _TEXT, nullable=False, server_default="[]"),
        sa.Column("plan_id", _string(16)),
        sa.Column("approves", _TEXT),
        sa.Column("counts", _TEXT, nullable=False, server_default="{}"),
        sa.Column("cursor", _TEXT),
        sa.Column("pages", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("requests", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("throttled_s", sa.Float(), nullable=False, server_default=sa.text("0")),
        sa.Column("error", _TEXT),
        sa.Column("error_kind", _string(32)),
        sa.Column("requested_at", _string(27), nullable=False),
        sa.Column("requested_by", _string(200), nullable=False),
        sa.Column("started_at", _string(27)),
        sa.Column("ended_at", _string(27)),
        sa.Column("lease_owner", _string(64)),
        sa.Column("lease_until", _string(27)),
        sa.Column("fence", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("stop_requested", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_run_connection_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_run_connection_id", "run", ["connection_id"])
    op.create_index("ix_run_state", "run", ["state", "requested_at"])
    op.create_index(
        "uq_run_queued",
        "run",
        ["connection_id"],
        unique=True,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "uq_run_running",
        "run",
        ["connection_id"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "plan",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("run_id", _string(16), nullable=False),
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("mode", _string(8), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("verdict", _string(16), nullable=False),
        sa.Column("reasons", _TEXT, nullable=False),
        sa.Column("hash", _string(64), nullable=False),
        sa.Column("counts", _TEXT, nullable=False),
        sa.Column("state", _string(16), nullable=False),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("decided_by", _string(200)),
        sa.Column("decided_at", _string(27)),
        sa.Column("comment", _TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_plan_connection_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_plan_run_id", ondelete="CASCADE"),
    )
    op.create_index("ix_plan_connection_id", "plan", ["connection_id"])
    op.create_index("ix_plan_run_id", "plan", ["run_id"])
    op.create_index("ix_plan_state", "plan", ["state"])
    op.create_table(
        "plan_item",
        sa.Column("plan_id", _string(16), nullable=False),
        sa.Column("place", _BIG, nullable=False),
        sa.Column("id", _string(16), nullable=False),
        sa.Column("action", _string(16), nullable=False),
        sa.Column("state", _string(16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("change", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "place", name="pk_plan_item"),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name="fk_plan_item_plan_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_plan_item_id", "plan_item", ["plan_id", "id"])
    op.create_index("ix_plan_item_state", "plan_item", ["plan_id", "state", "place"])
    op.create_table(
        "staged",
        sa.Column("run_id", _string(16), nullable=False),
        sa.Column("kind", _string(16), nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("email_key", _TEXT),
        sa.Column("record", _TEXT, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("run_id", "kind", "key", name="pk_staged"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_staged_run_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_staged_email", "staged", ["run_id", "email_key"])


def _create_records() -> None:
    op.create_table(
        "history",
        sa.Column("seq", _BIG, sa.Identity(), nullable=False),
        sa.Column("at", _string(27), nullable=False),
        sa.Column("connection_id", _string(16)),
        sa.Column("run_id", _string(16)),
        sa.Column("actor", _string(200), nullable=False),
        sa.Column("action", _string(16), nullable=False),
        sa.Column("kind", _string(8), nullable=False),
        sa.Column("subject_id", _string(16), nullable=False),
        sa.Column("user_id", _string(16)),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("rule", _string(32)),
        sa.Column("count", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("before", _TEXT, nullable=False),
        sa.Column("after", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_history"),
    )
    op.create_index("ix_history_run", "history", ["run_id", "seq"])
    op.create_index("ix_history_subject", "history", ["subject_id", "seq"])
    op.create_index("ix_history_user", "history", ["user_id", "seq"])
    op.create_table(
        "outbox",
        sa.Column("seq", _BIG, sa.Identity(), nullable=False),
        sa.Column("id", _string(16), nullable=False),
        sa.Column("type", _string(64), nullable=False),
        sa.Column("occurred_at", _string(27), nullable=False),
        sa.Column("connection_id", _string(16)),
        sa.Column("run_id", _string(16)),
        sa.Column("subject_id", _string(16)),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox"),
        sa.UniqueConstraint("id", name="uq_outbox_id"),
    )
    op.create_table(
        "attention",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("kind", _string(32), nullable=False),
        sa.Column("key", _string(400), nullable=False),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("why", _TEXT, nullable=False),
        sa.Column("detail", _TEXT, nullable=False, server_default="{}"),
        sa.Column("state", _string(16), nullable=False, server_default="open"),
        sa.Column("resolution", _string(16)),
        sa.Column("resolved_by", _string(200)),
        sa.Column("first_seen_at", _string(27), nullable=False),
        sa.Column("last_seen_run", _string(16)),
        sa.Column("resolved_at", _string(27)),
        sa.PrimaryKeyConstraint("id", name="pk_attention"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_attention_connection_id", ondelete="CASCADE"
        ),
    )
    op.create_index("uq_attention_key", "attention", ["connection_id", "kind", "key"], unique=True)
    op.create_table(
        "meta",
        sa.Column("key", _string(64), nullable=False),
        sa.Column("value", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )


def _fold_function(bind: sa.Connection) -> str:
    """SQL that makes ``connector_fold(text)`` out of the best case folding this server has."""
    known = set(bind.execute(sa.text("SELECT collname FROM pg_collation")).scalars())
    if "pg_unicode_fast" in known:
        folding = 'casefold(normalize($1) COLLATE "pg_unicode_fast")'
    elif "und-x-icu" in known:
        folding = 'lower(upper(normalize($1) COLLATE "und-x-icu") COLLATE "und-x-icu")'
    else:
        folding = 'lower(normalize($1) COLLATE "default")'
    return (
        "CREATE FUNCTION connector_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE "
        f"""AS 'SELECT normalize({folding}) COLLATE "C"'"""
    )
