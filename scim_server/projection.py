"""Which attributes an answer holds: ``attributes`` and ``excludedAttributes`` (RFC 7644 §3.9)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scim_server.attributes import ResourceType
from scim_server.errors import invalid_value
from scim_server.knobs import Knobs

_ALWAYS = frozenset({"id", "schemas"})
_BRACKETS = re.compile(r"\[[^\]]*\]")

Choice = Mapping[tuple[str | None, str | None], frozenset[str] | None]
"""(URN, attribute) → the sub-attributes meant, None for all; attribute None is a whole extension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What to keep (``only``) or to leave out (``without``); neither keeps everything."""

    only: Choice | None = None
    without: Choice | None = None

    @property
    def narrows(self) -> bool:
        return self.only is not None or self.without is not None

    def is_whole_but(self, name: str) -> bool:
        """Whether nothing is left out besides, perhaps, the core attribute ``name``."""
        return self.only is None and (self.without is None or self.without == {(None, name): None})

    def wants(self, name: str, urn: str | None = None) -> bool:
        """Whether any of the attribute is shown, so that its rows need reading at all."""
        if self.only is not None:
            return (urn, name) in self.only or (urn is not None and (urn, None) in self.only)
        if self.without is not None:
            whole = self.without.get((urn, name), frozenset()) is None
            return not whole and not (urn is not None and (urn, None) in self.without)
        return True

    def apply(self, shown: dict[str, Any], urns: Iterable[str]) -> dict[str, Any]:
        """The document as asked for; ``urns`` are the keys under which extensions stand."""
        if not self.narrows:
            return shown
        kept: dict[str, Any] = {}
        extensions = set(urns)
        for name, value in shown.items():
            if name in _ALWAYS:
                kept[name] = value
            elif name in extensions:
                block = {
                    key: part
                    for key, inner in value.items()
                    if (part := self._part(name, key, inner)) is not None
                }
                if block:
                    kept[name] = block
            elif (part := self._part(None, name, value)) is not None:
                kept[name] = part
        return kept

    def _part(self, urn: str | None, name: str, value: Any) -> Any:
        if not self.wants(name, urn):
            return None
        if self.only is not None:
            subs = self.only.get((urn, name)) if (urn, None) not in self.only else None
            return value if subs is None else _reduced(value, lambda key: key in subs)
        hidden = (self.without or {}).get((urn, name), frozenset()) or frozenset()
        return _reduced(value, lambda key: key not in hidden) if hidden else value


def _reduced(value: Any, keep: Any) -> Any:
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if keep(key)} or None
    if isinstance(value, list):
        entries = [_reduced(entry, keep) for entry in value]
        return [entry for entry in entries if entry is not None]
    return value


WHOLE = Projection()


def projection_of(
    resource_type: ResourceType, attributes: Sequence[str], excluded: Sequence[str], knobs: Knobs
) -> Projection:
    """The projection two lists of names ask for; ``attributes`` wins when both are there."""
    if attributes and excluded and knobs.strict:
        raise invalid_value("attributes and excludedAttributes exclude each other; send one of them.")
    if attributes:
        return Projection(only=_choice(resource_type, attributes))
    if excluded:
        return Projection(without=_choice(resource_type, excluded))
    return WHOLE


def _choice(resource_type: ResourceType, names: Sequence[str]) -> Choice:
    chosen: dict[tuple[str | None, str | None], frozenset[str] | None] = {}
    for name in names:
        found = resource_type.find(_BRACKETS.sub("", name))
        if found is None:
            continue
        if found.attribute is None and found.urn is None:
            chosen |= {(None, attribute.name): None for attribute in resource_type.schema.attributes}
            continue
        key = (found.urn, found.attribute.name if found.attribute is not None else None)
        if found.sub is None or chosen.get(key, frozenset()) is None:
            chosen[key] = None
        else:
            chosen[key] = (chosen.get(key) or frozenset()) | {found.sub.name}
    return chosen


def names_in(values: Any) -> list[str]:
    """Attribute names from repeated parameters, comma-separated texts or a JSON list."""
    if isinstance(values, str):
        values = [values]
    if not isinstance(values, list | tuple):
        return []
    texts = (_BRACKETS.sub("", value) for value in values if isinstance(value, str))
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]
