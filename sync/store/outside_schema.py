"""The tables of how we talk with the outside: webhooks that we call, and event hooks that call us.

``delivery.next_at`` is NULL while an earlier event of the same ``subject`` is still to be delivered.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, text

from sync.store.columns import AT, ID, TEXT, metadata
from sync.store.columns import string as _string

hook = Table(
    "hook",
    metadata,
    Column(
        "connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    Column("secrets", TEXT, nullable=False),
    Column("created_at", AT, nullable=False),
    Column("last_at", AT),
    Column("refused_at", AT),
)

hook_message = Table(
    "hook_message",
    metadata,
    Column(
        "connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    Column("message", _string(200), primary_key=True, nullable=False),
    Column("at", AT, nullable=False, index=True),
)

endpoint = Table(
    "endpoint",
    metadata,
    Column("id", ID, primary_key=True),
    Column("url", TEXT, nullable=False),
    Column("secrets", TEXT, nullable=False),
    Column("types", TEXT, nullable=False, server_default="[]"),
    Column("connection_id", ID),
    Column("note", TEXT, nullable=False, server_default=""),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("position", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", AT),
    Column("next_at", AT),
    Column("last_at", AT),
    Column("last_status", Integer),
    Column("last_error", TEXT),
    Column("turn_at", AT, nullable=False),
    Column("lease_owner", _string(64)),
    Column("lease_until", AT),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("created_at", AT, nullable=False),
    Column("created_by", _string(200), nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("endpoint_id", ID, ForeignKey("endpoint.id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("subject", _string(16), nullable=False),
    Column("type", _string(64), nullable=False),
    Column("state", _string(16), nullable=False),
    Column("asked", Integer, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", AT),
    Column("first_at", AT),
    Column("last_at", AT),
    Column("last_status", Integer),
    Column("last_error", TEXT),
    Column("created_at", AT, nullable=False),
    Index(
        "ix_delivery_due",
        "endpoint_id",
        "next_at",
        "sequence",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index(
        "ix_delivery_subject",
        "endpoint_id",
        "subject",
        "sequence",
        sqlite_where=text("state IN ('pending', 'failed')"),
        postgresql_where=text("state IN ('pending', 'failed')"),
    ),
    sqlite_with_rowid=False,
)

subscription = Table(
    "subscription",
    metadata,
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("held", TEXT, nullable=False),
    Column("made_for", _string(64), nullable=False),
    Column("ends_at", AT),
    Column("due_at", AT, nullable=False),
    Column("trouble", TEXT),
)
