"""OneLogin's event log as a hint: whom to read again, never what became of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from providers.answers import Answer
from providers.failures import Absent, CredentialRefused
from providers.http import Ask, Wire
from providers.onelogin_dialect import ACCOUNT
from providers.onelogin_pages import Lists
from providers.onelogin_records import read_envelope
from providers.rows import inside, text_of
from sync.model.errors import CursorExpired, Denied, Misconfigured

_EVENTS: Final = "/api/1/events"
TYPES: Final = (4, 12, 13, 14, 15, 16, 17, 19, 21, 28, 32, 33, 48, 50, 147, 148, 149, 150)
"""Event types that say something about a person's place in the directory."""
_MOST: Final = 500
"""Reading more people one by one than this costs more than reading everybody by the hundred."""


class Events:
    """The log of one account; it needs the scope Read All."""

    def __init__(self, wire: Wire, lists: Lists) -> None:
        self._wire, self._lists = wire, lists

    def is_open(self) -> bool:
        """True when this credential may read the log."""
        try:
            self._wire.ask(Ask(f"{_EVENTS}?limit=1", "events", ACCOUNT), read_envelope)
        except CredentialRefused:
            raise
        except (Denied, Absent, Misconfigured):
            return False
        return True

    def named_since(self, moment: datetime) -> tuple[list[str], Answer | None]:
        """The ids of those whom events since then are about. Raises CursorExpired when they are too many."""
        stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        named: dict[str, None] = {}
        first: Answer | None = None
        types = ",".join(map(str, TYPES))
        path = f"{_EVENTS}?since={stamp}&event_type_id={types}&limit=50"
        for answer, rows in self._lists.enveloped(path, "events"):
            first = first or answer
            named |= {ident: None for row in rows if (ident := text_of(inside(row, "user_id")))}
            if len(named) > _MOST:
                raise CursorExpired(f"More than {_MOST} people changed: read in full.")
        return list(named), first
