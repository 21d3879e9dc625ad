"""Answers kept for whoever asks again under the same key, sealed because some show a secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from connector.usecases.wires import Wires
from sync.model.errors import Conflict, Misconfigured
from sync.store import answered

KEPT: Final = timedelta(days=1)
_OWNER: Final = "answered"


class Repeats:
    """Writes that named a key of their own."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def begin(self, caller: str, key: str, request: str) -> tuple[int, str] | None:
        """None when the caller may go on, else the status and answer of the first time.

        Raises Conflict while the first one is under way, Misconfigured when it was another request.
        """
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            if answered.claim(conn, caller=caller, key=key, request=request, now=now, kept_since=now - KEPT):
                return None
            row = answered.find(conn, caller, key)
        if row is None or row.status is None:
            raise Conflict("The first request with this Idempotency-Key is still under way; ask again.")
        if row.request != request:
            raise Misconfigured("This Idempotency-Key was used for another request; use a new one.")
        return row.status, self._wires.keyring.open(_OWNER, row.sealed)

    def keep(self, caller: str, key: str, status: int, content: str) -> None:
        sealed = self._wires.keyring.seal(_OWNER, content)
        with self._wires.database.write() as conn:
            answered.keep(conn, caller, key, status=status, sealed=sealed)

    def forget(self, caller: str, key: str) -> None:
        with self._wires.database.write() as conn:
            answered.forget(conn, caller, key)
