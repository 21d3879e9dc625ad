"""What every table is made of: names of keys, and the kinds of columns both databases have alike."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Integer, MetaData, String, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def string(length: int) -> String:
    """Text of at most ``length``, ordered byte by byte on both databases."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text ordered byte by byte: cursors, ranges and prefixes mean the same on both databases."""

ID = string(16)
AT = string(27)
"""2026-11-24T10:20:30.123456Z"""


def seq(cache: int | None = None) -> Column[int]:
    number = BigInteger().with_variant(Integer, "sqlite")
    return Column("seq", number, Identity(cache=cache), primary_key=True)
