"""Event hooks of identity providers: the secret of each connection, and what was told lately."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _string(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "hook",
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("secrets", _TEXT, nullable=False),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("last_at", _string(27)),
        sa.Column("refused_at", _string(27)),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_hook_connection_id_connection", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", name="pk_hook"),
    )
    op.create_table(
        "hook_message",
        sa.Column("connection_id", _string(16), nullable=False),
        sa.Column("message", _string(200), nullable=False),
        sa.Column("at", _string(27), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
            name="fk_hook_message_connection_id_connection",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "message", name="pk_hook_message"),
    )
    op.create_index("ix_hook_message_at", "hook_message", ["at"])
