"""Where a full read is, as the engine keeps it for us: behind a page of people, or behind them all."""

from __future__ import annotations

from typing import Final

from sync.model.errors import ConnectorError, CursorExpired

BEHIND_PEOPLE: Final = "groups"
"""The place behind the last page of people. Any other one holds a character that this one does not."""


def behind(following: str | None) -> str:
    """The place behind a page, by where its list goes on, if it does."""
    return following or BEHIND_PEOPLE


def lost(why: ConnectorError) -> CursorExpired:
    """What to raise when a read cannot go on from the place that it was told."""
    return CursorExpired(
        f"The directory does not go on where the read was left ({why.message.rstrip('.')}): it begins anew."
    )
