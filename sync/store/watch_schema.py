"""The tables of watching: what is told to admins, and which processes are alive."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, text

from sync.store.columns import AT, ID, TEXT, metadata, string

notice = Table(
    "notice",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", string(32), nullable=False),
    Column("key", string(200), nullable=False),
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), index=True),
    Column("title", TEXT, nullable=False),
    Column("text", TEXT, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("opened_at", AT, nullable=False),
    Column("ended_at", AT),
    Index(
        "uq_notice_open",
        "key",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

notice_delivery = Table(
    "notice_delivery",
    metadata,
    Column("notice_id", ID, ForeignKey("notice.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", string(16), primary_key=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", AT, index=True),
    Column("delivered_at", AT),
    Column("error", TEXT),
)

replica = Table(
    "replica",
    metadata,
    Column("id", string(64), primary_key=True),
    Column("version", string(32), nullable=False),
    Column("role", string(16), nullable=False),
    Column("started_at", AT, nullable=False),
    Column("seen_at", AT, nullable=False),
)
