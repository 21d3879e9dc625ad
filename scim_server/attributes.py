"""The shape of SCIM schemas: attributes, schemas, resource types and their tables (RFC 7643 §2, §6, §7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sync.model.session import Kind

AttributeType = Literal[
    "string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribute:
    """One attribute definition (RFC 7643 §7); ``sub`` holds the sub-attributes of a complex one."""

    name: str
    description: str
    type: AttributeType = "string"
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    canonical_values: tuple[str, ...] = ()
    reference_types: tuple[str, ...] = ()
    sub: tuple[Attribute, ...] = ()
    by_key: Mapping[str, Attribute] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_key", _table(self.sub))

    @property
    def read_only(self) -> bool:
        return self.mutability == "readOnly"

    def definition(self) -> dict[str, Any]:
        """The attribute as ``/Schemas`` shows it."""
        shown: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "multiValued": self.multi_valued,
            "description": self.description,
            "required": self.required,
            "mutability": self.mutability,
            "returned": self.returned,
        }
        if self.type not in {"boolean", "complex"}:
            shown["caseExact"] = self.case_exact
            shown["uniqueness"] = self.uniqueness
        if self.canonical_values:
            shown["canonicalValues"] = list(self.canonical_values)
        if self.reference_types:
            shown["referenceTypes"] = list(self.reference_types)
        if self.sub:
            shown["subAttributes"] = [sub.definition() for sub in self.sub]
        return shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Schema:
    """A schema by its URN."""

    urn: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    by_key: Mapping[str, Attribute] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_key", _table(self.attributes))


class Found(NamedTuple):
    """What a name means: ``urn`` None is the core schema, ``attribute`` None the whole extension."""

    urn: str | None
    attribute: Attribute | None
    sub: Attribute | None = None

    @property
    def named(self) -> Attribute:
        """The attribute, where a whole extension has been dealt with before."""
        if self.attribute is None:
            raise TypeError(f"{self.urn} names an extension, not an attribute")
        return self.attribute


@dataclass(frozen=True, kw_only=True, eq=False)
class ResourceType:
    """A resource type with its extensions; ``legacy`` maps older URNs (lower case) to today's."""

    kind: Kind
    endpoint: str
    description: str
    schema: Schema
    common: tuple[Attribute, ...]
    extensions: tuple[Schema, ...] = ()
    legacy: Mapping[str, str] = field(default_factory=dict)
    by_key: Mapping[str, Found] = field(init=False, repr=False)
    by_urn: Mapping[str, Schema] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_urn", self._urns())
        object.__setattr__(self, "by_key", self._names())

    def _urns(self) -> dict[str, Schema]:
        known = {schema.urn.lower(): schema for schema in (self.schema, *self.extensions)}
        for old, new in self.legacy.items():
            schema = known.get(new.lower())
            if schema is not None:
                known[old] = schema
        return dict(sorted(known.items(), key=lambda item: -len(item[0])))

    def _names(self) -> dict[str, Found]:
        """Every name that needs no URN: common, core, and those only one extension has."""
        names: dict[str, Found] = {}
        shared: set[str] = set()
        for schema in self.extensions:
            for key, attribute in schema.by_key.items():
                if key in names:
                    shared.add(key)
                names[key] = Found(schema.urn, attribute)
        for key in shared:
            del names[key]
        for attribute in (*self.common, *self.schema.attributes):
            names[attribute.name.lower()] = Found(None, attribute)
        return names

    def extension(self, schema: Schema) -> str | None:
        """The URN under which a schema's values are kept: None for the core."""
        return None if schema is self.schema else schema.urn

    def find(self, name: str) -> Found | None:
        """What ``name`` means, in any case, with or without URN or sub-attribute; None if unknown."""
        return _find(self, name)


def _table(attributes: Iterable[Attribute]) -> dict[str, Attribute]:
    return {attribute.name.lower(): attribute for attribute in attributes}


@lru_cache(maxsize=4096)
def _find(resource_type: ResourceType, name: str) -> Found | None:
    # URNs hold dots and colons themselves: the longest known one is taken off first.
    lowered = name.strip().lower()
    for urn, schema in resource_type.by_urn.items():
        if lowered == urn:
            return Found(resource_type.extension(schema), None)
        if lowered.startswith(urn + ":"):
            return _find_in(resource_type, schema, lowered[len(urn) + 1 :])
    head, _, tail = lowered.partition(".")
    return _with_sub(resource_type.by_key.get(head), tail)


def _find_in(resource_type: ResourceType, schema: Schema, name: str) -> Found | None:
    head, _, tail = name.partition(".")
    attribute = schema.by_key.get(head)
    if attribute is not None:
        return _with_sub(Found(resource_type.extension(schema), attribute), tail)
    if schema is resource_type.schema:
        return _with_sub(_common(resource_type, head), tail)
    return None


def _common(resource_type: ResourceType, key: str) -> Found | None:
    found = resource_type.by_key.get(key)
    return found if found is not None and found.urn is None else None


def _with_sub(found: Found | None, tail: str) -> Found | None:
    if found is None or not tail or found.attribute is None:
        return found
    sub = found.attribute.by_key.get(tail)
    return None if sub is None else Found(found.urn, found.attribute, sub)
