"""What a person left out of a plan stays left out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def _string(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "left_out",
        sa.Column(
            "connection_id",
            _string(16),
            sa.ForeignKey("connection.id", ondelete="CASCADE", name="fk_left_out_connection_id"),
            nullable=False,
        ),
        sa.Column("item_id", _string(16), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("action", _string(16), nullable=False),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("external_id", _TEXT),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("plan_id", _string(16), nullable=False),
        sa.Column("by", _string(200), nullable=False),
        sa.Column("at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "item_id", name="pk_left_out"),
    )
