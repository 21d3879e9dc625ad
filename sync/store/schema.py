"""The tables. Times are ISO 8601 text in UTC, JSON is text, ids are 16 characters.

Three columns deserve a word. ``directory_user.seq`` is a small rising number per row, so that "who
was met in this read" is a bitmap and not a set of ids. ``member.value`` is a directory user's or
group's id, or, while ``kind`` is "pending", the id somebody named whom nobody has seen yet.
``tally.live`` summed over its shards is how many live rows of a kind a connection has; triggers keep it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    text,
)

from sync.store.access_schema import (
    answered,
    api_key,
    audit,
    console_account,
    console_link,
    console_session,
    sign_in_failure,
)
from sync.store.columns import AT, ID, TEXT, metadata
from sync.store.columns import seq as _seq
from sync.store.columns import string as _string
from sync.store.outside_schema import delivery, endpoint, hook, hook_message, subscription
from sync.store.picture_schema import photo, picture
from sync.store.plan_schema import left_out, plan, plan_item, staged
from sync.store.watch_schema import notice, notice_delivery, replica

__all__ = [
    "answered",
    "api_key",
    "audit",
    "console_account",
    "console_link",
    "console_session",
    "delivery",
    "endpoint",
    "hook",
    "hook_message",
    "left_out",
    "metadata",
    "notice",
    "notice_delivery",
    "photo",
    "picture",
    "plan",
    "plan_item",
    "replica",
    "sign_in_failure",
    "staged",
    "subscription",
]

connection = Table(
    "connection",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", _string(200), nullable=False, unique=True),
    Column("type", _string(32), nullable=False),
    Column("mode", _string(8), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("settings", TEXT, nullable=False),
    Column("sealed", TEXT, nullable=False),
    Column("from_file", Boolean, nullable=False, server_default=text("false")),
    Column("cursor", TEXT),
    Column("tenant", _string(255)),
    Column("managed_tag", _string(100), nullable=False, server_default="scim"),
    Column("first_run_approved", Boolean, nullable=False, server_default=text("false")),
    Column("last_complete_at", AT),
    Column("next_full_at", AT),
    Column("next_delta_at", AT),
    Column("created_at", AT, nullable=False),
    Column("updated_at", AT, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", AT),
    Column("failing_kind", _string(32)),
    Column("failing_why", TEXT),
    Column("retry_at", AT),
)

token = Table(
    "token",
    metadata,
    Column("id", ID, primary_key=True),
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("hash", _string(64), nullable=False, unique=True),
    Column("last_four", _string(4), nullable=False),
    Column("created_at", AT, nullable=False),
    Column("last_used_at", AT),
    Column("expires_at", AT),
    Column("revoked_at", AT),
)

users = Table(
    "users",
    metadata,
    Column("id", ID, primary_key=True),
    Column("email", TEXT),
    Column("email_key", TEXT, index=True),
    Column("first_name", TEXT),
    Column("last_name", TEXT),
    Column("picture_url", TEXT),
    Column("active", Boolean, nullable=False),
    Column("suspended_by_hand", Boolean, nullable=False, server_default=text("false")),
    Column("protected", Boolean, nullable=False, server_default=text("false")),
    Column("admin", Boolean, nullable=False, server_default=text("false")),
    Column("origin", _string(16), nullable=False),
    Column("extra", TEXT),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", AT, nullable=False),
    Column("updated_at", AT, nullable=False),
)

Index(
    "ix_users_admin",
    users.c.id,
    sqlite_where=text("admin IS 1"),
    postgresql_where=text("admin IS TRUE"),
)
Index(
    "ix_users_suspended",
    users.c.id,
    sqlite_where=text("active IS 0"),
    postgresql_where=text("active IS FALSE"),
)

user_tag = Table(
    "user_tag",
    metadata,
    Column("user_id", ID, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", _string(400), primary_key=True),
    Column("set_by", _string(200), nullable=False),
    Column("set_at", AT, nullable=False),
)

directory_user = Table(
    "directory_user",
    metadata,
    _seq(),
    Column("id", ID, nullable=False, unique=True),
    Column("connection_id", ID, ForeignKey("connection.id"), nullable=False),
    Column("external_id", TEXT),
    Column("scim_external_id", TEXT),
    Column("user_name", TEXT, nullable=False),
    Column("user_name_key", TEXT),
    Column("email", TEXT),
    Column("email_key", TEXT),
    Column("first_name", TEXT),
    Column("last_name", TEXT),
    Column("picture_url", TEXT),
    Column("status", _string(16), nullable=False),
    Column("status_text", TEXT, nullable=False, server_default=""),
    Column("reason", TEXT, nullable=False, server_default=""),
    Column("extra", TEXT),
    Column("document", TEXT),
    Column("origin", _string(8), nullable=False),
    Column("fingerprint", LargeBinary),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("deleted_at", AT),
    Column("created_at", AT, nullable=False),
    Column("updated_at", AT, nullable=False),
    Column("absent_at", AT),
    Column("absent_since", AT),
    Index(
        "uq_directory_user_external",
        "connection_id",
        "external_id",
        unique=True,
        sqlite_where=text("deleted_at IS NULL AND external_id IS NOT NULL"),
        postgresql_where=text("deleted_at IS NULL AND external_id IS NOT NULL"),
    ),
    Index(
        "ix_directory_user_any_external",
        "connection_id",
        "external_id",
        sqlite_where=text("external_id IS NOT NULL"),
        postgresql_where=text("external_id IS NOT NULL"),
    ),
    Index("ix_directory_user_scim_external", "connection_id", "scim_external_id"),
    Index("ix_directory_user_user_name", "connection_id", "user_name_key"),
    Index("ix_directory_user_email", "connection_id", "email_key"),
    Index(
        "ix_directory_user_created",
        "connection_id",
        "created_at",
        "id",
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(
        "ix_directory_user_gone",
        "id",
        sqlite_where=text("deleted_at IS NOT NULL"),
        postgresql_where=text("deleted_at IS NOT NULL"),
    ),
)

further_email = Table(
    "further_email",
    metadata,
    Column("directory_user_id", ID, ForeignKey("directory_user.id", ondelete="CASCADE"), primary_key=True),
    Column("key", TEXT, primary_key=True),
    Index("ix_further_email_key", "key"),
)

tally = Table(
    "tally",
    metadata,
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", _string(8), primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("live", BigInteger, nullable=False),
)

scim_request = Table(
    "scim_request",
    metadata,
    _seq(),
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), nullable=False),
    Column("at", AT, nullable=False),
    Column("method", _string(16), nullable=False),
    Column("path", TEXT, nullable=False),
    Column("status", Integer, nullable=False),
    Column("ms", Float, nullable=False),
    Column("detail", TEXT),
    Column("quirks", TEXT, nullable=False, server_default="[]"),
    Column("client", TEXT),
    Column("request_body", TEXT),
    Column("answer_body", TEXT),
    Index("ix_scim_request_connection", "connection_id", "seq"),
    Index("ix_scim_request_at", "at"),
)

link = Table(
    "link",
    metadata,
    Column("directory_user_id", ID, ForeignKey("directory_user.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("how", _string(16), nullable=False),
    Column("rule", _string(32), nullable=False),
    Column("run_id", ID),
    Column("linked_at", AT, nullable=False),
)

directory_group = Table(
    "directory_group",
    metadata,
    _seq(),
    Column("id", ID, nullable=False, unique=True),
    Column("connection_id", ID, ForeignKey("connection.id"), nullable=False),
    Column("external_id", TEXT),
    Column("scim_external_id", TEXT),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT),
    Column("tag", TEXT),
    Column("document", TEXT),
    Column("origin", _string(8), nullable=False),
    Column("fingerprint", LargeBinary),
    Column("member_digest", LargeBinary),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("deleted_at", AT),
    Column("created_at", AT, nullable=False),
    Column("updated_at", AT, nullable=False),
    Column("absent_at", AT),
    Column("absent_since", AT),
    Index(
        "uq_directory_group_external",
        "connection_id",
        "external_id",
        unique=True,
        sqlite_where=text("deleted_at IS NULL AND external_id IS NOT NULL"),
        postgresql_where=text("deleted_at IS NULL AND external_id IS NOT NULL"),
    ),
    Index("ix_directory_group_scim_external", "connection_id", "scim_external_id"),
    Index("ix_directory_group_name", "connection_id", "name_key"),
    Index(
        "ix_directory_group_created",
        "connection_id",
        "created_at",
        "id",
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
)

member = Table(
    "member",
    metadata,
    Column("group_id", ID, ForeignKey("directory_group.id", ondelete="CASCADE"), primary_key=True),
    Column("value", _string(255), primary_key=True),
    Column("kind", _string(8), nullable=False),
    Column("display", TEXT),
    Column("run_id", ID),
    Column("added_at", AT, nullable=False),
    Column("missed_at", AT),
    Index("ix_member_value", "value", "group_id"),
    Index(
        "ix_member_pending",
        "value",
        "group_id",
        sqlite_where=text("kind = 'pending'"),
        postgresql_where=text("kind = 'pending'"),
    ),
    Index(
        "ix_member_nested",
        "value",
        "group_id",
        sqlite_where=text("kind = 'group'"),
        postgresql_where=text("kind = 'group'"),
    ),
    sqlite_with_rowid=False,
)

run = Table(
    "run",
    metadata,
    Column("id", ID, primary_key=True),
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("trigger", _string(16), nullable=False),
    Column("mode", _string(8), nullable=False),
    Column("state", _string(16), nullable=False),
    Column("phase", _string(16)),
    Column("dry_run", Boolean, nullable=False, server_default=text("false")),
    Column("approved_beforehand", Boolean, nullable=False, server_default=text("false")),
    Column("complete", Boolean),
    Column("reasons", TEXT, nullable=False, server_default="[]"),
    Column("plan_id", ID),
    Column("approves", TEXT),
    Column("counts", TEXT, nullable=False, server_default="{}"),
    Column("cursor", TEXT),
    Column("pages", Integer, nullable=False, server_default=text("0")),
    Column("requests", Integer, nullable=False, server_default=text("0")),
    Column("throttled_s", Float, nullable=False, server_default=text("0")),
    Column("error", TEXT),
    Column("error_kind", _string(32)),
    Column("requested_at", AT, nullable=False),
    Column("requested_by", _string(200), nullable=False),
    Column("started_at", AT),
    Column("ended_at", AT),
    Column("lease_owner", _string(64)),
    Column("lease_until", AT),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("stop_requested", Boolean, nullable=False, server_default=text("false")),
    Column("stop_by", _string(200)),
    Column("people", Integer, nullable=False, server_default=text("0")),
    Column("to_apply", Integer, nullable=False, server_default=text("0")),
    Column("applied", Integer, nullable=False, server_default=text("0")),
    Column("target", TEXT),
    Column("afterwards", TEXT),
    Column("trace", TEXT),
    Column("place", TEXT),
    Column("resumed", Boolean, nullable=False, server_default=text("false")),
    Index(
        "uq_run_queued",
        "connection_id",
        unique=True,
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "uq_run_running",
        "connection_id",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
    Index("ix_run_state", "state", "requested_at"),
    Index("ix_run_connection", "connection_id", "id"),
)

history = Table(
    "history",
    metadata,
    _seq(),
    Column("at", AT, nullable=False),
    Column("connection_id", ID),
    Column("run_id", ID),
    Column("actor", _string(200), nullable=False),
    Column("action", _string(16), nullable=False),
    Column("kind", _string(8), nullable=False),
    Column("subject_id", ID, nullable=False),
    Column("user_id", ID),
    Column("label", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("rule", _string(32)),
    Column("count", Integer, nullable=False, server_default=text("1")),
    Column("before", TEXT, nullable=False),
    Column("after", TEXT, nullable=False),
    Column("undo", TEXT),
    Index("ix_history_user", "user_id", "seq"),
    Index("ix_history_subject", "subject_id", "seq"),
    Index("ix_history_run", "run_id", "seq"),
    Index(
        "ix_history_suspended",
        "connection_id",
        "at",
        sqlite_where=text("action = 'suspend'"),
        postgresql_where=text("action = 'suspend'"),
    ),
)

OUTBOX_LOCKS = 0x6463
"""The upper 16 bits of the advisory locks by which writers of the outbox say what they may still add."""

outbox = Table(
    "outbox",
    metadata,
    # Numbers given in advance would break what the feed's horizon stands on: see sync.store.outbox.
    _seq(cache=1),
    Column("id", ID, nullable=False, unique=True),
    Column("type", _string(64), nullable=False),
    Column("occurred_at", AT, nullable=False),
    Column("connection_id", ID),
    Column("run_id", ID),
    Column("subject_id", ID),
    Column("body", TEXT, nullable=False),
)

attention = Table(
    "attention",
    metadata,
    Column("id", ID, primary_key=True),
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), nullable=False),
    Column("kind", _string(32), nullable=False),
    Column("key", _string(400), nullable=False),
    Column("label", TEXT, nullable=False),
    Column("why", TEXT, nullable=False),
    Column("detail", TEXT, nullable=False, server_default="{}"),
    Column("state", _string(16), nullable=False, server_default="open"),
    Column("resolution", _string(16)),
    Column("resolved_by", _string(200)),
    Column("first_seen_at", AT, nullable=False),
    Column("last_seen_run", ID),
    Column("resolved_at", AT),
    Index("uq_attention_key", "connection_id", "kind", "key", unique=True),
)

freeze = Table(
    "freeze",
    metadata,
    Column("id", ID, primary_key=True),
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), index=True),
    Column("until", AT),
    Column("by", _string(200), nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("since", AT, nullable=False),
    Column("ended_at", AT),
    Column("ended_by", _string(200)),
)

meta = Table(
    "meta",
    metadata,
    Column("key", _string(64), primary_key=True),
    Column("value", TEXT, nullable=False),
)

VIEWS = {
    "app_users": """
        SELECT u.id, u.email, u.first_name, u.last_name, u.picture_url, u.active,
               EXISTS (SELECT 1 FROM link l JOIN directory_user d ON d.id = l.directory_user_id
                       WHERE l.user_id = u.id AND d.deleted_at IS NULL) AS managed,
               u.updated_at
        FROM users u
    """,
    "app_user_tags": """
        WITH RECURSIVE up (below, above) AS (
            SELECT m.value, m.group_id
            FROM member m JOIN directory_group g ON g.id = m.value
            WHERE m.kind = 'group' AND g.deleted_at IS NULL
            UNION
            SELECT up.below, m.group_id
            FROM up JOIN member m ON m.value = up.above JOIN directory_group g ON g.id = m.value
            WHERE m.kind = 'group' AND g.deleted_at IS NULL
        )
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
        UNION
        SELECT l.user_id, g.tag, 'group:' || g.id
        FROM up JOIN member m ON m.group_id = up.below
                JOIN link l ON l.directory_user_id = m.value
                JOIN directory_group g ON g.id = up.above
        WHERE m.kind = 'user' AND g.deleted_at IS NULL AND g.tag IS NOT NULL
    """,
}
"""Stable views for applications that share the database, by name."""
