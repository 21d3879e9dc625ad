"""The audit: a row for every change that a person or a program makes, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from connector.acting import actor
from sync.model.access import Via
from sync.store import audit as store
from sync.store import connections
from sync.store.database import Conn

if TYPE_CHECKING:
    from connector.usecases.wires import Wires

PAGE: Final = 500
MASK: Final = "(secret)"
_SECRET_WORDS: Final = ("token", "secret", "password", "private_key", "api_key", "certificate", "credential")
_NO_SECRETS: Final = frozenset({"token_id", "last_four", "tokens", "sealed"})


def note(
    conn: Conn,
    action: str,
    *,
    now: datetime,
    kind: str,
    id: str,
    label: str,
    connection_id: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    by: str | None = None,
) -> None:
    """Say in this transaction what whoever acts did; of ``before`` and ``after`` only what differs is kept.

    ``by`` counts where no door said who acts.
    """
    who = actor()
    was, became = dict(before or {}), dict(after or {})
    alike = {name for name in was.keys() & became.keys() if was[name] == became[name]}
    store.add(
        conn,
        actor=who,
        by=(by or who.by) if who.via is Via.SYSTEM else who.by,
        action=action,
        kind=kind,
        subject_id=id,
        label=label,
        connection_id=connection_id,
        before=masked({name: value for name, value in was.items() if name not in alike}),
        after=masked({name: value for name, value in became.items() if name not in alike}),
        now=now,
    )


def masked(value: Any, name: str = "") -> Any:
    """The value without what its name says is secret; references to a secret are none."""
    if isinstance(value, Mapping):
        return {str(key): masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner, name) for inner in value]
    is_secret = name not in _NO_SECRETS and any(word in name.lower() for word in _SECRET_WORDS)
    if is_secret and isinstance(value, str) and value and not value.startswith(("${", "(")):
        return MASK
    return value


class Audit:
    """Reading the audit."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def listed(self, *, connection: str | None = None, limit: int = 100, **wanted: Any) -> dict[str, Any]:
        """``{"audit", "next"}``, newest first; ``wanted`` are the arguments of ``store.audit.listed``."""
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, connection).id if connection else None
            rows = store.listed(conn, connection_id=connection_id, limit=limit, **wanted)
        return {"audit": rows, "next": rows[-1]["seq"] if len(rows) == limit else None}

    def every(self, **wanted: Any) -> Iterator[dict[str, Any]]:
        """All rows that fit, newest first, read in pages."""
        before: int | None = None
        while True:
            page = self.listed(limit=PAGE, before=before, **wanted)
            yield from page["audit"]
            before = page["next"]
            if before is None:
                return
