"""Memberships can be noted as missed by a read, where a directory shows memberships late."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_AT = sa.String(27).with_variant(sa.String(27, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("member", sa.Column("missed_at", _AT))
