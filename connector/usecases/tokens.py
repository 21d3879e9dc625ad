"""SCIM tokens of a connection: shown once, two live at a time, rotated with a grace period."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connector import keyring
from connector.usecases import shapes
from connector.usecases.audit import note
from connector.usecases.wires import Wires
from sync.model.connection import Connection
from sync.model.errors import NotFound
from sync.model.resources import TokenInfo
from sync.store import connections as store
from sync.store.database import Conn
from sync.store.ids import new_id

LIVE_AT_ONCE = 2


class Tokens:
    """What an IdP proves itself with when it pushes."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def listed(self, ref: str) -> list[dict[str, Any]]:
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            connection = store.find(conn, ref)
            return [_shape(token, now) for token in store.tokens(conn, connection.id)]

    def rotate(self, ref: str, grace: timedelta) -> dict[str, Any]:
        """A new token; the newest old one lives on for ``grace``, any older ones end now."""
        token, now = keyring.new_token(), self._wires.clock()
        with self._wires.database.write() as conn:
            connection = store.find(conn, ref)
            live = [each for each in store.tokens(conn, connection.id) if _lives(each, now)]
            for old in live[: -(LIVE_AT_ONCE - 1)]:
                store.revoke_token(conn, old.id, now)
            for old in live[-(LIVE_AT_ONCE - 1) :]:
                until = now + grace
                if old.expires_at is None or old.expires_at > until:
                    store.expire_token(conn, old.id, until)
            token_id = new_id()
            store.add_token(
                conn, connection.id, id=token_id, hash=token.hash, last_four=token.last_four, now=now
            )
            made = {"token_id": token_id, "last_four": token.last_four}
            self._note(conn, "tokens.rotate", connection, after=made)
        url = f"{self._wires.settings.url}/scim/v2/{connection.id}"
        ends = shapes.at(now + grace) if live else None
        return {
            "id": token_id,
            "connection": connection.name,
            "scim_base_url": url,
            "token": token.text,
            "old_token_ends_at": ends,
        }

    def revoke(self, ref: str, which: str | None = None) -> dict[str, Any]:
        """End the token with this id or these last four characters; without one, all of them."""
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            connection = store.find(conn, ref)
            mine = store.tokens(conn, connection.id)
            chosen = [each for each in mine if which in (None, each.id, each.last_four)]
            if which is not None and not chosen:
                raise NotFound(
                    f"{connection.name} has no token {which}; see: connector tokens list {connection.name}"
                )
            for token in chosen:
                store.revoke_token(conn, token.id, now)
            ended = {"tokens": [{"token_id": each.id, "last_four": each.last_four} for each in chosen]}
            self._note(conn, "tokens.revoke", connection, before=ended)
        return {"connection": connection.name, "revoked": [token.id for token in chosen]}

    def _note(
        self,
        conn: Conn,
        action: str,
        of: Connection,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        note(
            conn,
            action,
            now=self._wires.clock(),
            kind="connection",
            id=of.id,
            label=of.name,
            connection_id=of.id,
            before=before,
            after=after,
        )


def _lives(token: TokenInfo, now: datetime) -> bool:
    return token.expires_at is None or token.expires_at > now


def _shape(token: TokenInfo, now: datetime) -> dict[str, Any]:
    return {
        "id": token.id,
        "last_four": token.last_four,
        "live": _lives(token, now),
        "created_at": shapes.at(token.created_at),
        "last_used_at": shapes.at(token.last_used_at),
        "expires_at": shapes.at(token.expires_at),
    }
