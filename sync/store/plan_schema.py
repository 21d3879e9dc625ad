"""The tables of plans: what runs read and staged, what they propose, and what people left out."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from sync.store.columns import AT, ID, TEXT, metadata
from sync.store.columns import string as _string

plan = Table(
    "plan",
    metadata,
    Column("id", ID, primary_key=True),
    Column("run_id", ID, ForeignKey("run.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("mode", _string(8), nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("verdict", _string(16), nullable=False),
    Column("reasons", TEXT, nullable=False),
    Column("hash", _string(64), nullable=False),
    Column("counts", TEXT, nullable=False),
    Column("state", _string(16), nullable=False, index=True),
    Column("created_at", AT, nullable=False),
    Column("decided_by", _string(200)),
    Column("decided_at", AT),
    Column("comment", TEXT),
)

plan_item = Table(
    "plan_item",
    metadata,
    Column("plan_id", ID, ForeignKey("plan.id", ondelete="CASCADE"), primary_key=True),
    Column("place", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", _string(16), nullable=False),
    Column("action", _string(16), nullable=False),
    Column("state", _string(16), nullable=False),
    Column("count", Integer, nullable=False, server_default=text("1")),
    Column("label", TEXT, nullable=False),
    Column("change", TEXT, nullable=False),
    Index("ix_plan_item_state", "plan_id", "state", "place"),
    Index("ix_plan_item_id", "plan_id", "id"),
    sqlite_with_rowid=False,
)

left_out = Table(
    "left_out",
    metadata,
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("item_id", _string(16), primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("action", _string(16), nullable=False),
    Column("label", TEXT, nullable=False),
    Column("external_id", TEXT),
    Column("reason", TEXT, nullable=False),
    Column("plan_id", ID, nullable=False),
    Column("by", _string(200), nullable=False),
    Column("at", AT, nullable=False),
)

staged = Table(
    "staged",
    metadata,
    Column("run_id", ID, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("email_key", Text),
    Column("record", Text, nullable=False),
    Column("fingerprint", LargeBinary),
    Index("ix_staged_email", "run_id", "email_key"),
    sqlite_with_rowid=False,
)
