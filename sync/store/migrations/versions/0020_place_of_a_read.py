"""A run keeps where its read was, and whether it went on with one that another process left off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("run", sa.Column("place", _TEXT))
    op.add_column("run", sa.Column("resumed", sa.Boolean, nullable=False, server_default=sa.text("false")))
