"""Idempotency-Key: a write that is asked for twice is done once, and answered alike for a day."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from connector.app import App
    from sync.model.access import Actor

KEPT: Final = timedelta(days=1)
KEY_CHARS: Final = 255


class Repeats:
    """Answers that were given, sealed: some hold a secret."""

    def __init__(self, app: App) -> None:
        self._kept = app.repeats

    def once(self, request: Request, actor: Actor, body: bytes, work: Callable[[], Response]) -> Response:
        """The answer of ``work``, or the one it gave before. Nothing is kept of what failed."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return work()
        if not 1 <= len(key) <= KEY_CHARS or not key.isascii():
            raise HTTPException(400, f"Idempotency-Key must be 1 to {KEY_CHARS} ASCII characters.")
        asked = f"{request.method} {request.url.path}\n".encode() + body
        before = self._kept.begin(actor.by, key, hashlib.sha256(asked).hexdigest())
        if before is not None:
            return _again(*before)
        try:
            answer = work()
        except BaseException:
            self._kept.forget(actor.by, key)
            raise
        self._kept.keep(actor.by, key, answer.status_code, bytes(answer.body).decode())
        return answer


def _again(status: int, content: str) -> Response:
    return Response(content, status, {"Idempotency-Replayed": "true"}, media_type="application/json")
