"""The newest run of each connection is found without walking all of them."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_index("ix_run_connection", "run", ["connection_id", "id"])
