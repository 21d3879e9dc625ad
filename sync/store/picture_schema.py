"""The tables of pictures that we keep and serve, and of whose photo is which."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    LargeBinary,
    Table,
)

from sync.store.columns import AT, ID, TEXT, metadata
from sync.store.columns import string as _string

picture = Table(
    "picture",
    metadata,
    Column("digest", _string(64), primary_key=True),
    Column("content_type", _string(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("kept_at", AT, nullable=False),
)

photo = Table(
    "photo",
    metadata,
    Column("connection_id", ID, ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("external_id", TEXT, primary_key=True),
    Column("version", TEXT, nullable=False),
    Column("digest", _string(64), index=True),
)
