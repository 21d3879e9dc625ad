"""POST and PUT bodies made canonical: names in any case, core and extensions in their places, members apart.

``password`` goes no further than this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scim_server.attributes import Found, ResourceType
from scim_server.coerce import Reading, coerce, last_segment, text_of
from scim_server.errors import invalid_syntax, invalid_value
from sync.model.session import NewMember


@dataclass(slots=True)
class Body:
    """A resource as a client sent it: its attributes, and its members if it spoke of them."""

    document: dict[str, Any] = field(default_factory=dict)
    members: list[NewMember] | None = None


def read_body(resource_type: ResourceType, given: Any, reading: Reading) -> Body:
    """A POST or PUT body made canonical; unknown, readOnly and null attributes are gone."""
    if not isinstance(given, dict):
        raise invalid_syntax("The body must be one JSON object.")
    body = Body()
    for key, value in given.items():
        _take(resource_type, body, key, value, reading)
    return body


def _take(resource_type: ResourceType, body: Body, key: str, value: Any, reading: Reading) -> None:
    lowered = key.lower()
    if lowered == "password" or value is None:
        return
    found = resource_type.by_key.get(lowered) or resource_type.find(key)
    if found is None:
        if not lowered.startswith("http://schemas.microsoft.com/"):
            reading.unknown(key)
    elif found.attribute is None:
        _take_block(resource_type, body, found.urn, value, reading)
    elif not found.attribute.read_only:
        _put(body, found, value, reading)


def _take_block(
    resource_type: ResourceType, body: Body, urn: str | None, value: Any, reading: Reading
) -> None:
    """A schema's values in an object under its URN: the core's are unwrapped, an extension's kept apart."""
    if not isinstance(value, dict):
        raise invalid_value(f"The value of {urn or resource_type.schema.urn} must be an object.")
    if urn is None:
        reading.allow("generic_core_wrapped", "Core attributes stand at the top of the body.")
        for key, inner in value.items():
            if resource_type.by_key.get(key.lower()) is not None or key.lower() == "password":
                _take(resource_type, body, key, inner, reading)
        return
    schema = resource_type.by_urn[urn.lower()]
    for key, inner in value.items():
        attribute = schema.by_key.get(key.lower())
        if attribute is None:
            if inner is not None:
                reading.unknown(f"{urn}:{key}")
        elif not attribute.read_only:
            _put(body, Found(urn, attribute), inner, reading)


def _put(body: Body, found: Found, value: Any, reading: Reading) -> None:
    attribute = found.named
    if attribute.name == "members" and found.urn is None:
        body.members = read_members(value, reading)
        return
    if found.sub is not None:
        value = {found.sub.name: value}
    coerced = coerce(attribute, value, reading)
    if coerced is None:
        return
    home = body.document if found.urn is None else body.document.setdefault(found.urn, {})
    if found.sub is not None and isinstance(home.get(attribute.name), dict):
        home[attribute.name] |= coerced
    else:
        home[attribute.name] = coerced


def read_members(value: Any, reading: Reading) -> list[NewMember] | None:
    """Members in any shape clients send: objects, bare ids, one of either, ``{"members": […]}`` around.

    The kind is not read: the engine knows it by id. An entry without an id is left out and counted;
    None means that something was sent and nothing of it could be read, which is not an empty list.
    """
    if isinstance(value, dict):
        wrapped = next((inner for key, inner in value.items() if key.lower() == "members"), None)
        value = value if wrapped is None else wrapped
    if not isinstance(value, list):
        reading.allow("generic_single_object", "members takes a list.")
        value = [value]
    members: dict[str, NewMember] = {}
    for each in value:
        member = _member(each, reading)
        if member is not None:
            members.setdefault(member.value, member)
    if value and not members:
        reading.notes.append("generic_unreadable_members")
        return None
    return list(members.values())


def _member(given: Any, reading: Reading) -> NewMember | None:
    if isinstance(given, str):
        reading.allow("generic_bare_string_member", "A member is an object with a value.")
        given = {"value": given}
    fields = {key.lower(): each for key, each in given.items()} if isinstance(given, dict) else {}
    value = fields.get("value")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not value:
        value = last_segment({"$ref": fields.get("$ref")})
    if not isinstance(value, str) or not value:
        reading.allow("generic_member_without_value", "A member needs a value.")
        return None
    display = fields.get("display")
    shown = text_of("members.display", display) if isinstance(display, str) and display else None
    return NewMember(value=text_of("members", value), display=shown)


def require(resource_type: ResourceType, document: Mapping[str, Any]) -> None:
    """Raise unless every required attribute has a value that is more than blanks."""
    for attribute in resource_type.schema.attributes:
        if attribute.required and not str(document.get(attribute.name) or "").strip():
            raise invalid_value(f"{attribute.name} is required; map it to a value that every object has.")
