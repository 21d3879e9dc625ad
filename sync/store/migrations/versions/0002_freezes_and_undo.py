"""Freezes, and what history keeps so that a run can be taken back exactly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _string(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("history", sa.Column("undo", _TEXT))
    op.create_index(
        "ix_history_suspended",
        "history",
        ["connection_id", "at"],
        sqlite_where=sa.text("action = 'suspend'"),
        postgresql_where=sa.text("action = 'suspend'"),
    )
    op.create_table(
        "freeze",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("connection_id", _string(16)),
        sa.Column("until", _string(27)),
        sa.Column("by", _string(200), nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("since", _string(27), nullable=False),
        sa.Column("ended_at", _string(27)),
        sa.Column("ended_by", _string(200)),
        sa.PrimaryKeyConstraint("id", name="pk_freeze"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_freeze_connection_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_freeze_connection_id", "freeze", ["connection_id"])
