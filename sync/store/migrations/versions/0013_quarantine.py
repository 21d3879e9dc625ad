"""A connection whose runs fail says since when, why, and when it is tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_AT = sa.String(27).with_variant(sa.String(27, collation="C"), "postgresql")
_KIND = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column(
        "connection", sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0"))
    )
    op.add_column("connection", sa.Column("failing_since", _AT))
    op.add_column("connection", sa.Column("failing_kind", _KIND))
    op.add_column("connection", sa.Column("failing_why", _TEXT))
    op.add_column("connection", sa.Column("retry_at", _AT))
