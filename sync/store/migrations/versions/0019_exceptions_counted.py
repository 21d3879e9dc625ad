"""Suspended users and tombstones have indexes, so that everybody is counted by counting the exceptions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_index(
        "ix_users_suspended",
        "users",
        ["id"],
        sqlite_where=sa.text("active IS 0"),
        postgresql_where=sa.text("active IS FALSE"),
    )
    op.create_index(
        "ix_directory_user_gone",
        "directory_user",
        ["id"],
        sqlite_where=sa.text("deleted_at IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
