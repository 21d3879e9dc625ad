"""The attributes of a flat user object that a connection's mapping asks for, and no others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec


class Wanted:
    """Which keys of a user are decoded beside those that every read uses, and their values as ``raw``.

    ``own`` are the keys that every read uses, with their types; a wanted one among them is given
    as it was decoded. ``paths`` are key paths as the mapping names them; of each the first key counts.
    A key that a row does not have is None, or UNSET for those in ``unset``.
    """

    def __init__(
        self,
        own: Mapping[str, Any],
        paths: Collection[tuple[str, ...]],
        *,
        id_key: str,
        id_type: Any,
        unset: Collection[str] = (),
    ) -> None:
        self._wanted = sorted({path[0] for path in paths})
        more = [name for name in self._wanted if name not in own and name != id_key]
        self._fields = {id_key: "id"} | {name: f"own_{number}" for number, name in enumerate(own)}
        self._fields |= {name: f"more_{number}" for number, name in enumerate(more)}
        self._own = dict(own)
        self._id_type = id_type
        self._id_key = id_key
        self._unset = unset

    def __bool__(self) -> bool:
        return bool(self._wanted)

    @property
    def keys(self) -> list[str]:
        """All keys that are read."""
        return list(self._fields)

    def field(self, key: str) -> str:
        """The struct's name of a key."""
        return self._fields[key]

    def struct(self, name: str) -> Any:
        """The struct that a row is decoded into."""
        rest = [
            (field, self._own.get(key, Any), msgspec.UNSET if key in self._unset else None)
            for key, field in self._fields.items()
            if key != self._id_key
        ]
        rename = {field: key for key, field in self._fields.items()}
        return msgspec.defstruct(name, [("id", self._id_type), *rest], rename=rename, gc=bool(self))

    def raw(self, row: Any) -> dict[str, Any]:
        """The wanted attributes of a decoded row, under the names that the directory gives them."""
        given = {name: getattr(row, self._fields[name]) for name in self._wanted}
        return {name: value for name, value in given.items() if value is not msgspec.UNSET}
