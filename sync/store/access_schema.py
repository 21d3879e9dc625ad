"""The tables of who may do what: console accounts, sessions, links, API keys, the audit, kept answers.

Secrets are kept as SHA-256 (sessions, links, keys), argon2id (passwords) or sealed (answers).
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from sync.store.columns import AT, ID, TEXT, metadata, seq, string

console_account = Table(
    "console_account",
    metadata,
    Column("id", ID, primary_key=True),
    Column("email", TEXT, nullable=False),
    Column("email_key", string(400), nullable=False, unique=True),
    Column("name", TEXT, nullable=False, server_default=""),
    Column("role", string(16), nullable=False),
    Column("password_hash", TEXT),
    Column("subject", string(400), unique=True),
    Column("disabled_at", AT),
    Column("created_at", AT, nullable=False),
    Column("created_by", string(200), nullable=False),
    Column("last_sign_in_at", AT),
)

console_session = Table(
    "console_session",
    metadata,
    Column("id", ID, primary_key=True),
    Column("hash", string(64), nullable=False, unique=True),
    Column(
        "account_id", ID, ForeignKey("console_account.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("how", string(16), nullable=False),
    Column("address", string(64), nullable=False, server_default=""),
    Column("agent", string(200), nullable=False, server_default=""),
    Column("created_at", AT, nullable=False),
    Column("last_seen_at", AT, nullable=False),
    Column("expires_at", AT, nullable=False),
)

console_link = Table(
    "console_link",
    metadata,
    Column("hash", string(64), primary_key=True),
    Column("account_id", ID, ForeignKey("console_account.id", ondelete="CASCADE"), index=True),
    Column("role", string(16), nullable=False),
    Column("created_at", AT, nullable=False),
    Column("created_by", string(200), nullable=False),
    Column("expires_at", AT, nullable=False),
    Column("used_at", AT),
)

sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("key", string(400), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", AT, nullable=False),
    Column("blocked_until", AT),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", string(200), nullable=False),
    Column("prefix", string(16), nullable=False),
    Column("last_four", string(4), nullable=False),
    Column("hash", string(64), nullable=False, unique=True),
    Column("role", string(16), nullable=False),
    Column("created_at", AT, nullable=False),
    Column("created_by", string(200), nullable=False),
    Column("expires_at", AT),
    Column("last_used_at", AT),
    Column("revoked_at", AT),
)

audit = Table(
    "audit",
    metadata,
    seq(),
    Column("at", AT, nullable=False),
    Column("action", string(64), nullable=False, index=True),
    Column("by", string(200), nullable=False, index=True),
    Column("via", string(16), nullable=False),
    Column("address", string(64), nullable=False, server_default=""),
    Column("kind", string(32), nullable=False),
    Column("subject_id", string(64), nullable=False),
    Column("label", TEXT, nullable=False),
    Column("connection_id", ID),
    Column("before", TEXT, nullable=False, server_default="{}"),
    Column("after", TEXT, nullable=False, server_default="{}"),
    Index("ix_audit_subject", "subject_id", "seq"),
)

answered = Table(
    "answered",
    metadata,
    Column("caller", string(200), primary_key=True),
    Column("key", string(255), primary_key=True),
    Column("request", string(64), nullable=False),
    Column("status", Integer),
    Column("sealed", TEXT),
    Column("created_at", AT, nullable=False, index=True),
)
