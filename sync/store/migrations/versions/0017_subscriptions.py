"""Subscriptions at the directory: what a connection holds there, until when, and when to look at it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def _string(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column(
            "connection_id",
            _string(16),
            sa.ForeignKey(
                "connection.id", ondelete="CASCADE", name="fk_subscription_connection_id_connection"
            ),
            nullable=False,
        ),
        sa.Column("held", _TEXT, nullable=False),
        sa.Column("made_for", _string(64), nullable=False),
        sa.Column("ends_at", _string(27)),
        sa.Column("due_at", _string(27), nullable=False),
        sa.Column("trouble", _TEXT),
        sa.PrimaryKeyConstraint("connection_id", name="pk_subscription"),
    )
