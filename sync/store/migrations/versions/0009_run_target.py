"""A run can be about named people and groups, and a request for one waits behind what must go first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for name in ("target", "afterwards", "trace"):
        op.add_column("run", sa.Column(name, _TEXT))
