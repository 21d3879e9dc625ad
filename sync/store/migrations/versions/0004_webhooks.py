"""Webhooks: endpoints, and the way of each event to each of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def _string(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _endpoint()
    _delivery()
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["endpoint_id", "next_at", "sequence"],
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index(
        "ix_delivery_subject",
        "delivery",
        ["endpoint_id", "subject", "sequence"],
        sqlite_where=sa.text("state IN ('pending', 'failed')"),
        postgresql_where=sa.text("state IN ('pending', 'failed')"),
    )


def _endpoint() -> None:
    op.create_table(
        "endpoint",
        sa.Column("id", _string(16), nullable=False),
        sa.Column("url", _TEXT, nullable=False),
        sa.Column("secrets", _TEXT, nullable=False),
        sa.Column("types", _TEXT, nullable=False, server_default="[]"),
        sa.Column("connection_id", _string(16)),
        sa.Column("note", _TEXT, nullable=False, server_default=""),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("position", _SEQUENCE, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("failing_since", _string(27)),
        sa.Column("next_at", _string(27)),
        sa.Column("last_at", _string(27)),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_error", _TEXT),
        sa.Column("turn_at", _string(27), nullable=False),
        sa.Column("lease_owner", _string(64)),
        sa.Column("lease_until", _string(27)),
        sa.Column("fence", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", _string(27), nullable=False),
        sa.Column("created_by", _string(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_endpoint"),
    )


def _delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("endpoint_id", _string(16), nullable=False),
        sa.Column("sequence", _SEQUENCE, nullable=False),
        sa.Column("subject", _string(16), nullable=False),
        sa.Column("type", _string(64), nullable=False),
        sa.Column("state", _string(16), nullable=False),
        sa.Column("asked", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", _string(27)),
        sa.Column("first_at", _string(27)),
        sa.Column("last_at", _string(27)),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_error", _TEXT),
        sa.Column("created_at", _string(27), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id", "sequence", name="pk_delivery"),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoint.id"], name="fk_delivery_endpoint_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
