"""API keys: a program's way in, shown once, with a role and an end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from connector.keyring import API_KEY_PREFIX, hash_of, new_token
from connector.usecases import shapes
from connector.usecases.audit import note
from connector.usecases.wires import Wires
from sync.model.access import Actor, ApiKey, Role, Via
from sync.model.errors import Misconfigured
from sync.store import api_keys as store
from sync.store.ids import new_id

TOUCH_EVERY: Final = timedelta(minutes=1)
PREFIX_SHOWN: Final = 8


class Keys:
    """The keys of programs that call the API."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def listed(self) -> list[dict[str, Any]]:
        with self._wires.database.read() as conn:
            return [self._shape(each) for each in store.listed(conn)]

    def add(self, name: str, role: Role, *, by: str, expires_in: timedelta | None = None) -> dict[str, Any]:
        """A new key; its text is in the answer and nowhere else. Raises Misconfigured, Conflict."""
        if not name.strip():
            raise Misconfigured("give the key a name that says which program has it")
        secret, now = new_token(API_KEY_PREFIX), self._wires.clock()
        key = ApiKey(
            id=new_id(),
            name=name.strip(),
            prefix=secret.text[:PREFIX_SHOWN],
            last_four=secret.last_four,
            role=role,
            created_at=now,
            created_by=by,
            expires_at=None if expires_in is None else now + expires_in,
            last_used_at=None,
        )
        with self._wires.database.write() as conn:
            store.add(conn, key, secret.hash)
            shape = self._shape(key)
            note(conn, "keys.add", now=now, kind="key", id=key.id, label=key.name, after=shape, by=by)
        return shape | {"key": secret.text}

    def revoke(self, ref: str, *, by: str) -> dict[str, Any]:
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            key = store.find(conn, ref)
            store.revoke(conn, key.id, now)
            shape = self._shape(key)
            note(conn, "keys.revoke", now=now, kind="key", id=key.id, label=key.name, before=shape, by=by)
        return shape | {"revoked": True}

    def caller(self, text: str, address: str) -> Actor | None:
        """Whoever this key is of; None for every kind of no."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            key = store.authenticate(conn, hash_of(text), now)
        if key is None:
            return None
        if key.last_used_at is None or now - key.last_used_at > TOUCH_EVERY:
            self._wires.database.submit(lambda conn: store.touch(conn, key.id, now))
        return Actor(name=key.name, via=Via.API, role=key.role, address=address)

    def _shape(self, key: ApiKey) -> dict[str, Any]:
        return {
            "id": key.id,
            "name": key.name,
            "prefix": key.prefix,
            "last_four": key.last_four,
            "role": key.role.value,
            "live": key.expires_at is None or key.expires_at > self._wires.clock(),
            "created_at": shapes.at(key.created_at),
            "created_by": key.created_by,
            "expires_at": shapes.at(key.expires_at),
            "last_used_at": shapes.at(key.last_used_at),
        }
