"""Photos that a directory gives as bytes are kept once and served by us."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def _string(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "picture",
        sa.Column("digest", _string(64), nullable=False),
        sa.Column("content_type", _string(32), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_picture"),
    )
    op.create_table(
        "photo",
        sa.Column(
            "connection_id",
            _string(16),
            sa.ForeignKey("connection.id", ondelete="CASCADE", name="fk_photo_connection_id_connection"),
            nullable=False,
        ),
        sa.Column("external_id", _TEXT, nullable=False),
        sa.Column("version", _TEXT, nullable=False),
        sa.Column("digest", _string(64)),
        sa.PrimaryKeyConstraint("connection_id", "external_id", name="pk_photo"),
    )
    op.create_index("ix_photo_digest", "photo", ["digest"])
