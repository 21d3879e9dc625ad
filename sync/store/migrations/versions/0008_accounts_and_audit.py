"""Console accounts with their sessions and links, API keys, the audit, and answers kept for a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def _string(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _console_account()
    _console_session()
    _console_link()
    _sign_in_failure()
    _api_key()
    _audit()
    _answered()
    op.create_index("ix_console_session_account_id", "console_session", ["account_id"])
    op.create_index("ix_console_link_account_id", "console_link", ["account_id"])
    op.create_index("ix_audit_action", "audit", ["action"])
    op.create_index("ix_audit_by", "audit", ["by"])
    op.create_index("ix_audit_subject", "audit", ["subject_id", "seq"])
    op.create_index("ix_answered_created_at", "answered", ["created_at"])


def _console_account() -> None:
    op.create_table(
        "console_account",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("email", _TEXT, nullable=False),
        sa.Column("email_key", _string(400), nullable=False),
        sa.Column("name", _TEXT, nullable=False, server_default=""),
        sa.Column("role", _string(16), nullable=False),
        sa.Column("password_hash", _TEXT),
        sa.Column("subject", _string(400)),
        sa.Column("disabled_at", _string(27)),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("created_by", _string(200), nullable=False),
        sa.Column("last_sign_in_at", _string(27)),
        sa.PrimaryKeyConstraint("id", name="pk_console_account"),
        sa.UniqueConstraint("email_key", name="uq_console_account_email_key"),
        sa.UniqueConstraint("subject", name="uq_console_account_subject"),
    )


def _console_session() -> None:
    op.create_table(
        "console_session",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("hash", _string(64), nullable=False),
        sa.Column("account_id", _string(16), nullable=False),
        sa.Column("how", _string(16), nullable=False),
        sa.Column("address", _string(64), nullable=False, server_default=""),
        sa.Column("agent", _string(200), nullable=False, server_default=""),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("last_seen_at", _string(27), nullable=False),
        sa.Column("expires_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_console_session"),
        sa.UniqueConstraint("hash", name="uq_console_session_hash"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["console_account.id"], name="fk_console_session_account_id", ondelete="CASCADE"
        ),
    )


def _console_link() -> None:
    op.create_table(
        "console_link",
        sa.Column("hash", _string(64), nullable=False),
        sa.Column("account_id", _string(16)),
        sa.Column("role", _string(16), nullable=False),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("created_by", _string(200), nullable=False),
        sa.Column("expires_at", _string(27), nullable=False),
        sa.Column("used_at", _string(27)),
        sa.PrimaryKeyConstraint("hash", name="pk_console_link"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["console_account.id"], name="fk_console_link_account_id", ondelete="CASCADE"
        ),
    )


def _sign_in_failure() -> None:
    op.create_table(
        "sign_in_failure",
        sa.Column("key", _string(400), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", _string(27), nullable=False),
        sa.Column("blocked_until", _string(27)),
        sa.PrimaryKeyConstraint("key", name="pk_sign_in_failure"),
    )


def _api_key() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("name", _string(200), nullable=False),
        sa.Column("prefix", _string(16), nullable=False),
        sa.Column("last_four", _string(4), nullable=False),
        sa.Column("hash", _string(64), nullable=False),
        sa.Column("role", _string(16), nullable=False),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("created_by", _string(200), nullable=False),
        sa.Column("expires_at", _string(27)),
        sa.Column("last_used_at", _string(27)),
        sa.Column("revoked_at", _string(27)),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("hash", name="uq_api_key_hash"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _SEQUENCE, sa.Identity(), nullable=False),
        sa.Column("at", _string(27), nullable=False),
        sa.Column("action", _string(64), nullable=False),
        sa.Column("by", _string(200), nullable=False),
        sa.Column("via", _string(16), nullable=False),
        sa.Column("address", _string(64), nullable=False, server_default=""),
        sa.Column("kind", _string(32), nullable=False),
        sa.Column("subject_id", _string(64), nullable=False),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("connection_id", _string(16)),
        sa.Column("before", _TEXT, nullable=False, server_default="{}"),
        sa.Column("after", _TEXT, nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )


def _answered() -> None:
    op.create_table(
        "answered",
        sa.Column("caller", _string(200), nullable=False),
        sa.Column("key", _string(255), nullable=False),
        sa.Column("request", _string(64), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("sealed", _TEXT),
        sa.Column("created_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_answered"),
    )
