"""A run says how far it is, and who asked it to end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_BY = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("run", sa.Column("stop_by", _BY))
    for name in ("people", "to_apply", "applied"):
        op.add_column("run", sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0")))
