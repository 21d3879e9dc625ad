"""Attribute paths: where a PATCH operation points (RFC 7644 §3.5.2) and what a list is sorted by."""

from __future__ import annotations

from dataclasses import dataclass

from scim_server.attributes import Found, ResourceType
from scim_server.errors import invalid_filter, invalid_path
from scim_server.filter import Parser, is_name, is_password, path_of, shortened
from scim_server.knobs import DEFAULT, Knobs
from sync.model.query import Filter, Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a PATCH operation points: an attribute, perhaps some entries, perhaps one sub-attribute."""

    found: Found
    filter: Filter | None = None


def parse_target(text: str, resource_type: ResourceType, knobs: Knobs = DEFAULT) -> Target | None:
    """A PATCH path; None when it names nothing we know. ScimError ``invalidPath`` or ``invalidFilter``."""
    if "[" not in text:
        return _plain_target(text.strip(), resource_type)
    head, _, rest = text.strip().partition("[")
    inner, closed, tail = rest.rpartition("]")
    if not closed or not is_name(head.strip()) or (tail and not tail.startswith(".")):
        raise invalid_path(f"The path {shortened(text)} is malformed.")
    found = resource_type.find(head)
    if found is None or found.attribute is None:
        return None
    if found.attribute.type != "complex" or found.sub is not None:
        raise invalid_path(f"{head} has no entries to filter.")
    return _filtered_target(found, inner, tail[1:], resource_type, knobs)


def _plain_target(text: str, resource_type: ResourceType) -> Target | None:
    if not is_name(text):
        raise invalid_path(f"The path {shortened(text)} is malformed.")
    found = resource_type.find(text)
    return None if found is None else Target(found=found)


def _filtered_target(
    found: Found, inner: str, sub_name: str, resource_type: ResourceType, knobs: Knobs
) -> Target | None:
    parser = Parser(inner, resource_type, knobs, within=found.named)
    tree = parser.either()
    if parser.ahead is not None:
        parser.fail(f"{parser.ahead!r} is not expected here")
    if not sub_name:
        return Target(found=found, filter=tree)
    sub = found.named.by_key.get(sub_name.strip().lower())
    return None if sub is None else Target(found=Found(found.urn, found.attribute, sub), filter=tree)


def parse_sort(text: str, resource_type: ResourceType) -> Path | None:
    """The attribute to sort by; None when we do not know it."""
    name = text.partition("[")[0].strip()
    if is_password(name):
        raise invalid_filter("password cannot be sorted by.")
    found = resource_type.find(name)
    if found is None or found.attribute is None:
        return None
    return path_of(found)
