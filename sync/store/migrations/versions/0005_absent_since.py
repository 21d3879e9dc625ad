"""When a complete read last missed somebody takes the place of a count that nothing kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_AT = sa.String(27).with_variant(sa.String(27, collation="C"), "postgresql")


def upgrade() -> None:
    for table in ("directory_user", "directory_group"):
        op.add_column(table, sa.Column("absent_at", _AT))
        op.drop_column(table, "absences")
