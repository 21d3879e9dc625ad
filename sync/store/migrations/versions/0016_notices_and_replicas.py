"""What is told to admins once per episode, and which processes are alive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def _string(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("kind", _string(32), nullable=False),
        sa.Column("key", _string(200), nullable=False),
        sa.Column(
            "connection_id",
            _string(16),
            sa.ForeignKey("connection.id", ondelete="CASCADE", name="fk_notice_connection_id"),
        ),
        sa.Column("title", _TEXT, nullable=False),
        sa.Column("text", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("opened_at", _string(27), nullable=False),
        sa.Column("ended_at", _string(27)),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
    )
    op.create_index("ix_notice_connection_id", "notice", ["connection_id"])
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_notice_open", "notice", ["key"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "notice_delivery",
        sa.Column(
            "notice_id",
            _string(16),
            sa.ForeignKey("notice.id", ondelete="CASCADE", name="fk_notice_delivery_notice_id"),
            nullable=False,
        ),
        sa.Column("channel", _string(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", _string(27)),
        sa.Column("delivered_at", _string(27)),
        sa.Column("error", _TEXT),
        sa.PrimaryKeyConstraint("notice_id", "channel", name="pk_notice_delivery"),
    )
    op.create_index("ix_notice_delivery_next_at", "notice_delivery", ["next_at"])
    op.create_table(
        "replica",
        sa.Column("id", _string(64), nullable=False),
        sa.Column("version", _string(32), nullable=False),
        sa.Column("role", _string(16), nullable=False),
        sa.Column("started_at", _string(27), nullable=False),
        sa.Column("seen_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replica"),
    )
