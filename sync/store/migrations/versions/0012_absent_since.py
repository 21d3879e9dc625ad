"""When the reads that miss somebody began to, for connections with a grace period."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_AT = sa.String(27).with_variant(sa.String(27, collation="C"), "postgresql")


def upgrade() -> None:
    for table in ("directory_user", "directory_group"):
        op.add_column(table, sa.Column("absent_since", _AT))
