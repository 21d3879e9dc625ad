"""The program's settings as people may see them: secrets masked, in sections or a row for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.settings import Settings
from connector.usecases.audit import masked
from sync.store.database import without_password


def shown(settings: Settings) -> dict[str, Any]:
    """As they came out of file and environment, secrets masked."""
    told: dict[str, Any] = masked(settings.model_dump(mode="json", exclude={"connections"}))
    return told | {"database_url": without_password(settings.database_url)}


def listed(settings: Settings) -> list[dict[str, Any]]:
    """The same, a row for each; ``is_set`` where it is not what it would be by default."""
    chosen = dict(_flat(settings.model_dump(exclude={"connections"}, exclude_defaults=True)))
    return [
        {"name": name, "value": value, "is_set": name in chosen} for name, value in _flat(shown(settings))
    ]


def _flat(section: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
